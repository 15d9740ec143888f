/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.h - the registry's structs as lines of JSON. Private to registry/ctl; the members are listed
 * in docs/man/tallyctl.1.
 *
 * Telephone numbers are masked unless the request says otherwise.
 *
 * Pure, as json.h. Threads: safe. Memory: the caller's writer.
 */
#pragma once

#include "ctl/json.h"
#include "ctl/server.h"

enum tally_ctl_numbers { TALLY_CTL_NUMBERS_MASKED, TALLY_CTL_NUMBERS_SHOWN };

/* Each writes one whole object. */
void tally_ctl_view_error(struct tally_json *json, enum tally_err err, const char *text);
void tally_ctl_view_status(struct tally_json *json, const struct tally_ctl_status *status);
void tally_ctl_view_peer(struct tally_json *json, const struct tally_ctl_peer *peer);
void tally_ctl_view_peers_end(struct tally_json *json, uint32_t count);
void tally_ctl_view_following(struct tally_json *json);
void tally_ctl_view_verdict(struct tally_json *json, const struct tally_decision *decision,
                            const char *peer_id, const char *feed_name,
                            enum tally_ctl_numbers numbers);
void tally_ctl_view_outcome(struct tally_json *json, const struct tally_outcome_notice *outcome,
                            const char *peer_id, const char *feed_name,
                            enum tally_ctl_numbers numbers);
void tally_ctl_view_explanation(struct tally_json *json,
                                const struct tally_ctl_explanation *explanation,
                                enum tally_ctl_numbers numbers);
