# SPDX-License-Identifier: Apache-2.0
tally_test(queue LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_queue.c DEPENDS tally_daemon)
tally_test(worker LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_worker.c DEPENDS tally_daemon)
tally_test(keeper LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_keeper.c DEPENDS tally_daemon)
tally_test(report LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_report.c DEPENDS tally_daemon)
tally_test(outbox LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_outbox.c DEPENDS tally_daemon)
tally_test(feedport LABEL unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_feedport.c
    DEPENDS tally_daemon)
tally_test(participants LABEL unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_participants.c ${CMAKE_CURRENT_LIST_DIR}/cdb_files.c
    DEPENDS tally_daemon)
