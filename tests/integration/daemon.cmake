# SPDX-License-Identifier: Apache-2.0
# tallyd by itself, and two of them with adapters that have no switch.
if(TARGET tally_adapter)
    add_executable(feed_driver ${CMAKE_CURRENT_LIST_DIR}/feed_driver.c)
    target_include_directories(feed_driver PRIVATE ${CMAKE_SOURCE_DIR}/include)
    target_link_libraries(feed_driver PRIVATE tally_adapter)
    set_target_properties(feed_driver PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endif()
foreach(name tallyd_start tallyd_feeds tallyd_cdb)
    add_test(NAME integration.${name} COMMAND /usr/bin/python3 -B tests/integration/${name}.py
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(integration.${name} PROPERTIES LABELS integration SKIP_RETURN_CODE 77
        TIMEOUT 120 RUN_SERIAL ON
        ENVIRONMENT
        "TALLY_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};TALLY_TESTS=${CMAKE_BINARY_DIR}/tests")
endforeach()
