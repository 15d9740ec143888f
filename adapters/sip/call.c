/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sip/call.h"

#include "adapters/sip/lex.h"

/* What one identity in the request came to. */
enum identity {
    IDENTITY_ABSENT, /* none, or one that says that it is withheld */
    IDENTITY_NUMBER,
    IDENTITY_MALFORMED,
};

static enum tally_number_reject normalise(const struct tally_number_plan *plan,
                                          const struct tally_sip_uri *uri, uint64_t *number)
{
    struct tally_sip_text context;
    bool has_context = tally_sip_find_param(uri->user_params, "phone-context", &context);
    struct tally_number_text text = {
        .digits = uri->user.at,
        .digits_size = uri->user.size,
        .context = has_context ? context.at : NULL,
        .context_size = has_context ? context.size : 0,
    };

    *number = 0;
    if (uri->scheme != TALLY_SIP_SCHEME_SIP && uri->scheme != TALLY_SIP_SCHEME_TEL) {
        return TALLY_NUMBER_REJECT_CHARACTER;
    }
    return tally_number_normalise(plan, &text, number);
}

/* RFC 3323 section 4.1.1.3, and what switches write in its place. */
static bool is_withheld(const struct tally_sip_uri *uri)
{
    static const char *const names[] = {"anonymous", "restricted", "unavailable", "unknown",
                                        "private"};
    static const char host[] = "anonymous.invalid";

    if (uri->scheme == TALLY_SIP_SCHEME_NONE ||
        (uri->scheme == TALLY_SIP_SCHEME_SIP && uri->user.size == 0)) {
        return true;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (tally_sip_is_word(uri->user, names[i], strlen(names[i]))) {
            return true;
        }
    }
    return tally_sip_is_word(uri->host, host, sizeof(host) - 1);
}

static enum identity identity_of(const struct tally_number_plan *plan,
                                 const struct tally_sip_uri *uri, uint64_t *number)
{
    *number = 0;
    if (is_withheld(uri)) {
        return IDENTITY_ABSENT;
    }
    return normalise(plan, uri, number) == TALLY_NUMBER_REJECT_NONE ? IDENTITY_NUMBER
                                                                    : IDENTITY_MALFORMED;
}

/* The one number that the asserted identities make; two different ones make none. */
static enum identity asserted_of(const struct tally_number_plan *plan,
                                 const struct tally_sip_request *request, uint64_t *number)
{
    enum identity best = request->has_bad_asserted ? IDENTITY_MALFORMED : IDENTITY_ABSENT;

    *number = 0;
    for (uint8_t i = 0; i < request->asserted_count; i++) {
        uint64_t candidate;
        enum identity identity = identity_of(plan, &request->asserted[i], &candidate);

        if (identity == IDENTITY_NUMBER && *number != 0 && candidate != *number) {
            *number = 0;
            return IDENTITY_MALFORMED;
        }
        if (identity == IDENTITY_NUMBER) {
            *number = candidate;
            best = IDENTITY_NUMBER;
        } else if (identity == IDENTITY_MALFORMED && best == IDENTITY_ABSENT) {
            best = IDENTITY_MALFORMED;
        }
    }
    return best;
}

static void set_caller(const struct tally_sip_trunk *trunk, const struct tally_sip_request *request,
                       struct tally_event *event)
{
    uint64_t asserted, from;
    enum identity asserted_is = asserted_of(&trunk->plan, request, &asserted);
    enum identity from_is = identity_of(&trunk->plan, &request->from, &from);

    event->a_network = asserted != 0 ? asserted : from;
    if (asserted != 0) {
        event->flags |= TALLY_EVENT_SCREENED;
        event->a_presented = from != asserted ? from : 0;
    }
    if (request->is_private || from_is == IDENTITY_ABSENT) {
        event->flags |= TALLY_EVENT_RESTRICTED;
    }
    if (event->a_network == 0 &&
        (asserted_is == IDENTITY_MALFORMED || from_is == IDENTITY_MALFORMED)) {
        event->flags |= TALLY_EVENT_CLI_MALFORMED;
    }
}

/* Where the call was before. A retargeting that kept the number diverted nothing. */
static void set_diversion(const struct tally_number_plan *plan,
                          const struct tally_sip_request *request, struct tally_event *event)
{
    const struct tally_sip_uri *original = NULL, *redirecting = NULL;

    if (request->diversion_count > 0) {
        original = &request->diversion_oldest;
        redirecting = &request->diversion_newest;
    } else if (request->history_count > 1) {
        original = &request->history_first;
        redirecting = &request->history_before_last;
    } else {
        return;
    }
    (void)normalise(plan, original, &event->original_called);
    (void)normalise(plan, redirecting, &event->redirecting);
    if (event->original_called == event->b_number) {
        event->original_called = 0;
    }
    if (event->redirecting == event->b_number) {
        event->redirecting = 0;
    }
}

/* RFC 5031: urn:service:sos and what is below it. */
static bool is_sos(struct tally_sip_text rest)
{
    static const char sos[] = "service:sos";
    struct tally_sip_text head = rest;

    if (rest.size < sizeof(sos) - 1) {
        return false;
    }
    head.size = sizeof(sos) - 1;
    for (size_t i = 0; i < head.size; i++) {
        char c = head.at[i];

        if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != sos[i]) {
            return false;
        }
    }
    return rest.size == head.size || rest.at[head.size] == '.';
}

static bool is_emergency_number(const struct tally_sip_trunk *trunk, struct tally_sip_text user)
{
    for (uint32_t i = 0; i < trunk->emergency_count; i++) {
        size_t size = strlen(trunk->emergency[i]);

        if (user.size == size && memcmp(user.at, trunk->emergency[i], size) == 0) {
            return true;
        }
    }
    return false;
}

static void set_urgency(const struct tally_sip_trunk *trunk,
                        const struct tally_sip_request *request, struct tally_event *event)
{
    if (request->has_emergency_mark ||
        (request->uri.scheme == TALLY_SIP_SCHEME_URN && is_sos(request->uri.rest)) ||
        is_emergency_number(trunk, request->uri.user)) {
        event->flags |= TALLY_EVENT_EMERGENCY;
    }
    if (request->has_priority) {
        event->flags |= TALLY_EVENT_PRIORITY;
    }
}

static uint64_t not_zero(uint64_t value)
{
    return value != 0 ? value : 1;
}

/* Short codes are nobody's telephone number; a longer one that the plan refuses may be somebody's.
 */
static enum tally_sip_called refused(const struct tally_sip_uri *uri, struct tally_event *event)
{
    size_t digits = 0;

    for (size_t i = 0; i < uri->user.size && digits <= TALLY_SIP_SHORT_DIGITS_MAX; i++) {
        if (uri->user.at[i] >= '0' && uri->user.at[i] <= '9') {
            event->b_number = event->b_number * 10 + (uint64_t)(uri->user.at[i] - '0');
            digits++;
        }
    }
    if (digits > TALLY_SIP_SHORT_DIGITS_MAX) {
        event->b_number = 0;
        return TALLY_SIP_CALLED_UNCERTAIN;
    }
    if (event->b_number == 0 && (event->flags & TALLY_EVENT_EMERGENCY) != 0) {
        event->b_number = TALLY_SIP_SOS;
    }
    return event->b_number != 0 ? TALLY_SIP_CALLED_SHORT : TALLY_SIP_CALLED_OTHER;
}

enum tally_sip_called tally_sip_call_of(const struct tally_sip_trunk *trunk,
                                        const struct tally_sip_request *request,
                                        struct tally_wall at, const struct tally_hash_key *key,
                                        struct tally_event *event)
{
    uint64_t call_hash = tally_hash(key, request->call_id.at, request->call_id.size);
    uint64_t tag_hash = tally_hash(key, request->from_tag.at, request->from_tag.size);
    enum tally_sip_called called = TALLY_SIP_CALLED_NUMBER;

    *event = (struct tally_event){
        .kind = TALLY_EVENT_SETUP,
        .side = trunk->side,
        .ingress_class = trunk->trunk_class,
        .ingress_trunk = trunk->number,
        .at = at,
        .leg_key = not_zero(tally_hash_u64_pair(key, call_hash, tag_hash)),
        .call_ref = not_zero(call_hash),
    };
    set_urgency(trunk, request, event);
    if (normalise(&trunk->plan, &request->uri, &event->b_number) != TALLY_NUMBER_REJECT_NONE) {
        called = refused(&request->uri, event);
    }
    set_caller(trunk, request, event);
    set_diversion(&trunk->plan, request, event);
    return called;
}
