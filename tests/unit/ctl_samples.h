/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl_samples.h - a control socket under build/ with made-up callbacks behind it.
 */
#pragma once

#include "ctl/server.h"

struct sample_daemon {
    struct tally_ctl_server *server;
    struct tally_mono now;
    char directory[64];
    char path[96];
    uint32_t slot_count; /* of peers; every third slot is empty */
    bool is_ready;
    bool is_durable;
    struct tally_daemon_feed feeds[TALLY_REGISTRY_FEEDS_MAX];
};

enum { SAMPLE_VERDICT_ID = 77 }; /* the one that explain knows */

void sample_daemon_open(struct sample_daemon *daemon);
void sample_daemon_close(struct sample_daemon *daemon);
struct tally_ctl_callbacks sample_callbacks(struct sample_daemon *daemon);

struct tally_outcome_notice sample_outcome(void);
