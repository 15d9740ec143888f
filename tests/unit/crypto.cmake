# SPDX-License-Identifier: Apache-2.0
tally_test(noise_vectors LABEL unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_noise_vectors.c ${CMAKE_CURRENT_LIST_DIR}/noise_patterns.c
    DEPENDS tally_crypto PkgConfig::SODIUM PkgConfig::JANSSON)
tally_test(session LABEL unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_session.c ${CMAKE_CURRENT_LIST_DIR}/session_bench.c
    DEPENDS tally_crypto)
tally_test(session_hostile LABEL unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_session_hostile.c ${CMAKE_CURRENT_LIST_DIR}/session_bench.c
    DEPENDS tally_crypto)
tally_test(session_random LABEL unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_session_random.c ${CMAKE_CURRENT_LIST_DIR}/session_bench.c
    DEPENDS tally_crypto)
tally_test(session_parts LABEL unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_session_parts.c ${CMAKE_CURRENT_LIST_DIR}/session_bench.c
    DEPENDS tally_crypto)
tally_test(noise LABEL unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_noise.c ${CMAKE_CURRENT_LIST_DIR}/noise_patterns.c
        ${CMAKE_CURRENT_LIST_DIR}/session_bench.c
    DEPENDS tally_crypto)
tally_test(sign LABEL unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_sign.c ${CMAKE_CURRENT_LIST_DIR}/session_bench.c
    DEPENDS tally_crypto)
tally_test(keyfile LABEL unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_keyfile.c
    DEPENDS tally_crypto)
