# SPDX-License-Identifier: Apache-2.0
tally_fuzz(sip SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_sip.c DEPENDS tally_sip)
tally_fuzz(number SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_number.c DEPENDS tally_adapter_common)
