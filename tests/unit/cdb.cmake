# SPDX-License-Identifier: Apache-2.0
foreach(name cdb_index note statement)
    tally_test(${name} LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_${name}.c DEPENDS tally_cdb)
endforeach()
tally_test(cdb_evaluate LABEL unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_cdb_evaluate.c ${CMAKE_CURRENT_LIST_DIR}/cdb_world.c
    DEPENDS tally_cdb)
tally_test(cdb_source LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_cdb_source.c
    DEPENDS tally_cdblog)
