/* SPDX-License-Identifier: Apache-2.0 */
/*
 * headers.h - one header into the request. Private to adapters/sip; the face is parse.h.
 *
 * Pure. Threads: safe. Memory: borrows the caller's bytes.
 */
#pragma once

#include "adapters/sip/parse.h"

/* In diversion_count and history_count while headers are read: one of them cannot be. */
#define TALLY_SIP_COUNT_UNREADABLE UINT16_MAX

/*
 * Reads one header whose name may be any; unknown ones change nothing.
 *
 * value           without the white space around it, folded or not.
 * history_last    the newest History-Info value; zeroed before the first header.
 */
enum tally_sip_reject tally_sip_take_header(struct tally_sip_request *request,
                                            struct tally_sip_text name, struct tally_sip_text value,
                                            struct tally_sip_uri *history_last);
