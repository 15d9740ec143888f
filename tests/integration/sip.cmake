# SPDX-License-Identifier: Apache-2.0
add_executable(feed_standin integration/feed_standin.c)
target_link_libraries(feed_standin PRIVATE tally_wire tally_base PkgConfig::ZMQ)
set_target_properties(feed_standin PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME integration.sip_alone COMMAND /usr/bin/python3 -B tests/integration/sip_alone.py
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(integration.sip_alone PROPERTIES LABELS integration SKIP_RETURN_CODE 77
    TIMEOUT 120 RUN_SERIAL ON
    ENVIRONMENT "TALLY_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};TALLY_STANDIN=${CMAKE_BINARY_DIR}/tests/feed_standin")
