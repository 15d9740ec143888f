# SPDX-License-Identifier: Apache-2.0
foreach(name cursor e164 e164_plan hash text verdict_names)
    tally_test(${name} LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_${name}.c DEPENDS tally_base)
endforeach()
foreach(name err wheel)
    tally_test(${name} LABEL unit
        SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_${name}.c ${CMAKE_CURRENT_LIST_DIR}/catch_bug.c
        DEPENDS tally_base)
endforeach()
foreach(name frame batch record feed)
    tally_test(${name} LABEL unit
        SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_${name}.c ${CMAKE_CURRENT_LIST_DIR}/samples.c
                ${CMAKE_CURRENT_LIST_DIR}/catch_bug.c
        DEPENDS tally_wire)
endforeach()
