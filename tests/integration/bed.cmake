# SPDX-License-Identifier: Apache-2.0
# Tests with two operators' real programs; tests/bed/bed.py sets the stage.
foreach(name cdb_variants kamailio load)
    add_test(NAME integration.${name} COMMAND /usr/bin/python3 -B tests/integration/${name}.py
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(integration.${name} PROPERTIES LABELS integration SKIP_RETURN_CODE 77
        TIMEOUT 300 RUN_SERIAL ON ENVIRONMENT "TALLY_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};TALLY_SANITIZE=${TALLY_SANITIZE}")
endforeach()
