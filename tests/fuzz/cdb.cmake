# SPDX-License-Identifier: Apache-2.0
tally_fuzz(note SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_note.c DEPENDS tally_cdb)
tally_fuzz(statement SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_statement.c DEPENDS tally_cdb)
