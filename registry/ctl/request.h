/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h - a line from a client as a checked struct. Private to registry/ctl.
 *
 * Touches: jansson. Threads: safe. Memory: none is kept.
 */
#pragma once

#include "ctl/view.h"
#include "tally/err.h"

enum tally_ctl_verb {
    TALLY_CTL_NOTHING,
    TALLY_CTL_STATUS,  /* {"verb":"status"} */
    TALLY_CTL_PEERS,   /* {"verb":"peers"} */
    TALLY_CTL_EXPLAIN, /* {"verb":"explain","id":"..."} */
    TALLY_CTL_TAIL,    /* {"verb":"tail"} */
};

struct tally_ctl_request {
    enum tally_ctl_verb verb;
    uint64_t id; /* EXPLAIN */
    enum tally_ctl_numbers numbers;
};

/*
 * Reads a line without its '\n'. "schema" may be left out, "show_numbers" too; anything else that
 * the verb does not have is refused.
 *
 * request    written in every case; zeroed when refused.
 * TALLY_ERR_FORMAT    no JSON object, or a member of the wrong type.
 * TALLY_ERR_USAGE     no such verb, a member it does not have, or a bad id.
 * TALLY_ERR_VERSION   another schema.
 */
TALLY_NODISCARD enum tally_err tally_ctl_request_read(const char *line, size_t size,
                                                      struct tally_ctl_request *request,
                                                      struct tally_fault *fault);
