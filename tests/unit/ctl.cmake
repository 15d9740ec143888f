# SPDX-License-Identifier: Apache-2.0
tally_test(ctl LABEL unit
    SOURCES unit/test_ctl.c unit/ctl_samples.c unit/store_samples.c
    DEPENDS tally_ctl PkgConfig::JANSSON)
tally_test(tallyctl LABEL unit
    SOURCES unit/test_tallyctl.c unit/ctl_samples.c unit/store_samples.c
    DEPENDS tally_ctl PkgConfig::JANSSON ARGS $<TARGET_FILE:tallyctl>)
add_dependencies(test_tallyctl tallyctl)
tally_test(manual LABEL unit
    SOURCES unit/test_manual.c unit/ctl_samples.c unit/store_samples.c
    DEPENDS tally_ctl PkgConfig::JANSSON)
