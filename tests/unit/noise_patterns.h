/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noise_patterns.h - every handshake pattern of the Noise specification (revision 34): one-way,
 * fundamental and deferred, each with any psk modifiers. For tests; only IK ships.
 */
#pragma once

#include "crypto/noise.h"

#include <stdbool.h>

/* Writes the pattern called name ("XX", "IK1", "XXpsk0+psk3") to pattern. False: none is. */
bool noise_pattern_find(const char *name, struct tally_noise_pattern *pattern);
