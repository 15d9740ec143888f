# SPDX-License-Identifier: Apache-2.0
tally_test(conf LABEL unit SOURCES unit/test_conf.c DEPENDS tally_conf)
