/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no bytes make the frame decoder read beyond them; what it accepts is what an encoder makes.
 * Method: the header of an accepted frame, encoded again, is the same bytes; its body is the rest.
 */
#include "wire/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t header[TALLY_FRAME_HEADER_BYTES];
    struct tally_frame frame;

    if (tally_frame_decode(bytes, size, &frame) != TALLY_REJECT_NONE) {
        return 0;
    }
    tally_frame_header_encode(header, frame.type, frame.receiver_index, frame.counter);
    if (memcmp(header, bytes, sizeof(header)) != 0 || frame.body != bytes + sizeof(header) ||
        frame.body_bytes != size - sizeof(header)) {
        abort();
    }
    return 0;
}
