# SPDX-License-Identifier: Apache-2.0
tally_fuzz(evidence SOURCES fuzz/fuzz_evidence.c DEPENDS tally_store)
tally_fuzz(control SOURCES fuzz/fuzz_control.c DEPENDS tally_ctl)
