# SPDX-License-Identifier: Apache-2.0
add_executable(noise_peer ${CMAKE_CURRENT_LIST_DIR}/noise_peer.c)
target_link_libraries(noise_peer PRIVATE tally_crypto)
set_target_properties(noise_peer PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
foreach(other npm dissononce)
    add_test(NAME integration.noise_interop_${other}
        COMMAND ${CMAKE_CURRENT_LIST_DIR}/noise_interop.sh ${other} $<TARGET_FILE:noise_peer>
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(integration.noise_interop_${other} PROPERTIES
        LABELS integration SKIP_RETURN_CODE 77 TIMEOUT 120)
endforeach()
