/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no request harms the daemon, and none is half accepted.
 * Method: a refused request leaves no verb and says why on one line; an accepted one has a verb.
 */
#include "base/assert.h"
#include "ctl/request.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally_ctl_request request;
    struct tally_fault fault = {TALLY_ERR_OK, ""};

    if (size > TALLY_CTL_REQUEST_MAX_BYTES) {
        return 0; /* the server lets none through */
    }
    if (tally_ctl_request_read((const char *)data, size, &request, &fault) == TALLY_ERR_OK) {
        TALLY_ASSERT(request.verb != TALLY_CTL_NOTHING);
        TALLY_ASSERT(request.id == 0 || request.verb == TALLY_CTL_EXPLAIN);
    } else {
        TALLY_ASSERT(request.verb == TALLY_CTL_NOTHING && request.id == 0);
        TALLY_ASSERT(fault.text[0] != '\0' && strchr(fault.text, '\n') == NULL);
    }
    return 0;
}
