# SPDX-License-Identifier: Apache-2.0
tally_fuzz(session SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_session.c DEPENDS tally_crypto)
