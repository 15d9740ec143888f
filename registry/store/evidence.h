/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evidence.h - judged calls that somebody may have to answer for.
 *
 * One entry is a whole decision: both halves, who said what, the policy line. It is keyed by the
 * verdict's id, never overwritten, and erased when it is older than the operator keeps evidence.
 * Slots and feed numbers mean nothing after a restart, so the names are stored beside them.
 *
 * Touches: LMDB, except encode and decode, which are pure. Threads and errors: store.h. Memory: the
 * caller's.
 */
#pragma once

#include "core/registry.h"
#include "store/store.h"

enum {
    TALLY_EVIDENCE_VERSION = 1,
    TALLY_EVIDENCE_BATCH_MAX = 1024, /* entries in one commit */
    TALLY_EVIDENCE_FEED_BYTES = 24,  /* a feed's name and NUL */
    TALLY_EVIDENCE_POLICY_BYTES = 128,
    TALLY_EVIDENCE_VALUE_MAX_BYTES = 640, /* of one encoded value */
};

struct tally_evidence_entry {
    struct tally_decision decision;        /* read back: peer is TALLY_PEER_NOBODY */
    char peer_id[TALLY_OPERATOR_ID_BYTES]; /* of decision.peer; "": nobody */
    char feed_name[TALLY_EVIDENCE_FEED_BYTES];
    char policy_text[TALLY_EVIDENCE_POLICY_BYTES]; /* the policy line's sentence as it was then */
};

/*
 * An entry of this decision: fills in the policy line's sentence. Texts too long for their place
 * are cut. peer_id and feed_name may be "".
 */
void tally_evidence_entry_of(const struct tally_decision *decision, const char *peer_id,
                             const char *feed_name, struct tally_evidence_entry *entry);

/* The value as stored, without the store's checksum. Returns its size in bytes. Pure. */
size_t tally_evidence_encode(const struct tally_evidence_entry *entry,
                             uint8_t bytes[TALLY_EVIDENCE_VALUE_MAX_BYTES]);

/*
 * Reads one back. Pure.
 *
 * entry    written in every case; zeroed when refused.
 * TALLY_ERR_VERSION   another version of the layout.
 * TALLY_ERR_CORRUPT   not what encode writes: size, an enum outside its range, a text without end.
 */
TALLY_NODISCARD enum tally_err tally_evidence_decode(const void *bytes, size_t size,
                                                     struct tally_evidence_entry *entry);

/*
 * Keeps entries, all in one commit.
 *
 * count     0 .. TALLY_EVIDENCE_BATCH_MAX.
 * results   one per entry, NULL allowed: TALLY_ERR_OK, the entry is durable (also when the very
 * same entry was there already); TALLY_ERR_EXISTS, its id is taken by another entry, which stands.
 * Written only when TALLY_ERR_OK is returned. Anything but TALLY_ERR_OK: none of them is kept.
 */
TALLY_NODISCARD enum tally_err tally_evidence_put(struct tally_store *store,
                                                  const struct tally_evidence_entry *entries,
                                                  size_t count, enum tally_err *results,
                                                  struct tally_fault *fault);

/* TALLY_ERR_NOT_FOUND: no such verdict, or it was erased. */
TALLY_NODISCARD enum tally_err tally_evidence_get(struct tally_store *store, uint64_t id,
                                                  struct tally_evidence_entry *entry,
                                                  struct tally_fault *fault);

/* A place in the list from the newest to the oldest. Zeroed: before the newest. */
struct tally_evidence_mark {
    struct tally_wall at;
    uint64_t id;
    uint8_t is_set;
};

/*
 * The next entries, newest first by decided_at.
 *
 * mark     moved past what was read.
 * count    written in every case; 0 with TALLY_ERR_OK: there are no more.
 * TALLY_ERR_CORRUPT   the entry after the count delivered is damaged; mark is past it, so the
 * caller may go on.
 */
TALLY_NODISCARD enum tally_err tally_evidence_newest(struct tally_store *store,
                                                     struct tally_evidence_mark *mark,
                                                     struct tally_evidence_entry *list,
                                                     size_t list_max, size_t *count,
                                                     struct tally_fault *fault);

/*
 * Erases entries decided before an instant (one decided at it stays), the oldest first, in one
 * commit. Call again while erased_count comes back as erase_max.
 *
 * erase_max       1 .. TALLY_EVIDENCE_BATCH_MAX.
 * erased_count    written in every case.
 */
TALLY_NODISCARD enum tally_err tally_evidence_erase(struct tally_store *store,
                                                    struct tally_wall before, uint32_t erase_max,
                                                    uint32_t *erased_count,
                                                    struct tally_fault *fault);
