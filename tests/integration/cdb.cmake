# SPDX-License-Identifier: Apache-2.0
add_test(NAME integration.tally_cdb
    COMMAND ${CMAKE_CURRENT_LIST_DIR}/tally_cdb.sh $<TARGET_FILE:tally-cdb>
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(integration.tally_cdb PROPERTIES LABELS integration SKIP_RETURN_CODE 77)
