# SPDX-License-Identifier: Apache-2.0
pkg_check_modules(OSIP2 IMPORTED_TARGET libosip2)

tally_test(feed_client LABEL unit SOURCES unit/test_feed_client.c DEPENDS tally_adapter)
tally_test(feed_state LABEL unit SOURCES unit/test_feed_state.c DEPENDS tally_adapter)
tally_test(number LABEL unit SOURCES unit/test_number.c DEPENDS tally_adapter_common)
tally_test(sip_conf LABEL unit SOURCES unit/test_sip_conf.c DEPENDS tally_sip tally_conf)
tally_test(sip_parse LABEL unit SOURCES unit/test_sip_parse.c DEPENDS tally_sip)
tally_test(sip_call LABEL unit SOURCES unit/test_sip_call.c DEPENDS tally_sip)
tally_test(sip_server LABEL unit SOURCES unit/test_sip_server.c DEPENDS tally_sip)
tally_test(sip_torture LABEL unit SOURCES unit/test_sip_torture.c DEPENDS tally_sip)
if(OSIP2_FOUND)
    tally_test(sip_osip LABEL unit SOURCES unit/test_sip_osip.c DEPENDS tally_sip PkgConfig::OSIP2)
endif()
