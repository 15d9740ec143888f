# SPDX-License-Identifier: Apache-2.0
tally_test(noise_vectors LABEL unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_noise_vectors.c ${CMAKE_CURRENT_LIST_DIR}/noise_patterns.c
    DEPENDS tally_crypto PkgConfig::SODIUM PkgConfig::JANSSON)
