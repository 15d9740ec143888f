/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no bytes upset the splitting of signed notes, and what is taken apart can be put together
 * again as the same bytes.
 * Method: split; rebuild from text and signatures; compare.
 */
#include "cdb/core/note.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void rebuild(const struct tally_note *note, const uint8_t *bytes, size_t size)
{
    static char again[TALLY_NOTE_BYTES_MAX];
    size_t at = note->text_count + 1;

    memcpy(again, note->text, note->text_count);
    again[note->text_count] = '\n';
    for (uint32_t i = 0; i < note->signature_count; i++) {
        const struct tally_note_signature *signature = &note->signatures[i];

        if (signature->blob_bytes != TALLY_NOTE_BLOB_BYTES) {
            return; /* of another kind: not kept whole */
        }
        if (tally_note_append_signature(again, sizeof(again), &at, signature->name,
                                        signature->name_count, signature->blob) != TALLY_ERR_OK) {
            abort();
        }
    }
    if (at != size || memcmp(again, bytes, size) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct tally_note note;
    uint32_t line = 0;
    enum tally_refusal refusal = tally_note_split(bytes, size, &note, &line);

    if (refusal == TALLY_REFUSAL_NONE) {
        rebuild(&note, bytes, size);
    } else if (note.text != NULL || tally_refusal_is_notice(refusal)) {
        abort();
    }
    return 0;
}
