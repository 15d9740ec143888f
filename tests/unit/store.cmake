# SPDX-License-Identifier: Apache-2.0
tally_test(store LABEL unit
    SOURCES unit/test_store.c unit/store_samples.c DEPENDS tally_store)
tally_test(store_faults LABEL unit
    SOURCES unit/test_store_faults.c unit/store_samples.c DEPENDS tally_store)
