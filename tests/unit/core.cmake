# SPDX-License-Identifier: Apache-2.0
foreach(name verdict calls coverage peers registry_random)
    tally_test(${name} LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_${name}.c DEPENDS tally_core)
endforeach()
