# SPDX-License-Identifier: Apache-2.0
if(TALLY_FUZZ)
    tally_library(tally_planted SOURCES ${CMAKE_CURRENT_LIST_DIR}/planted.c)
    target_include_directories(tally_planted PUBLIC ${CMAKE_SOURCE_DIR}/tests)
    tally_fuzz(planted SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_planted.c DEPENDS tally_planted)
endif()
