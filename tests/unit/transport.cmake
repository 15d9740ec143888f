# SPDX-License-Identifier: Apache-2.0
tally_test(address LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_address.c
    DEPENDS tally_transport)
tally_test(feeds LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_feeds.c
    DEPENDS tally_transport)
tally_test(links LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_links.c
    DEPENDS tally_transport)
