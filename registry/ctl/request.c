/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/request.h"

#include <jansson.h>
#include <string.h>

static const struct {
    const char *name;
    enum tally_ctl_verb verb;
} verbs[] = {
    {"status", TALLY_CTL_STATUS},
    {"peers", TALLY_CTL_PEERS},
    {"explain", TALLY_CTL_EXPLAIN},
    {"tail", TALLY_CTL_TAIL},
};

static enum tally_err read_verb(const json_t *root, enum tally_ctl_verb *verb,
                                struct tally_fault *fault)
{
    const char *name = json_string_value(json_object_get(root, "verb"));

    if (name == NULL) {
        return tally_fault_set(fault, TALLY_ERR_FORMAT,
                               "the request has no text \"verb\", expected status, peers, explain "
                               "or tail");
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            *verb = verbs[i].verb;
            return TALLY_ERR_OK;
        }
    }
    return tally_fault_set(fault, TALLY_ERR_USAGE,
                           "no such verb; expected status, peers, explain or tail");
}

static enum tally_err read_schema(const json_t *value, struct tally_fault *fault)
{
    if (!json_is_integer(value)) {
        return tally_fault_set(fault, TALLY_ERR_FORMAT, "\"schema\" is no integer, expected %d",
                               TALLY_CTL_SCHEMA);
    }
    if (json_integer_value(value) != TALLY_CTL_SCHEMA) {
        return tally_fault_set(fault, TALLY_ERR_VERSION,
                               "the request has schema %lld, this tallyd has %d; use a tallyctl "
                               "of the same version",
                               (long long)json_integer_value(value), TALLY_CTL_SCHEMA);
    }
    return TALLY_ERR_OK;
}

static enum tally_err read_id(const json_t *value, uint64_t *id, struct tally_fault *fault)
{
    const char *text = json_string_value(value);

    if (text == NULL) {
        return tally_fault_set(fault, TALLY_ERR_FORMAT, "\"id\" is no text");
    }
    if (strlen(text) != TALLY_VERDICT_ID_TEXT_BYTES - 1 || tally_verdict_id_parse(text, id) == 0) {
        return tally_fault_set(fault, TALLY_ERR_USAGE,
                               "the id is not a verdict's; expected 13 characters, a-z and 2-7");
    }
    return TALLY_ERR_OK;
}

static enum tally_err read_numbers(const json_t *value, enum tally_ctl_numbers *numbers,
                                   struct tally_fault *fault)
{
    if (!json_is_boolean(value)) {
        return tally_fault_set(fault, TALLY_ERR_FORMAT,
                               "\"show_numbers\" is neither true nor false");
    }
    *numbers = json_is_true(value) ? TALLY_CTL_NUMBERS_SHOWN : TALLY_CTL_NUMBERS_MASKED;
    return TALLY_ERR_OK;
}

static enum tally_err read_member(const char *key, const json_t *value,
                                  struct tally_ctl_request *request, bool *has_id,
                                  struct tally_fault *fault)
{
    if (strcmp(key, "verb") == 0) {
        return TALLY_ERR_OK;
    }
    if (strcmp(key, "schema") == 0) {
        return read_schema(value, fault);
    }
    if (strcmp(key, "show_numbers") == 0) {
        return read_numbers(value, &request->numbers, fault);
    }
    if (strcmp(key, "id") == 0 && request->verb == TALLY_CTL_EXPLAIN) {
        *has_id = true;
        return read_id(value, &request->id, fault);
    }
    return tally_fault_set(fault, TALLY_ERR_USAGE, "the verb has no such member");
}

static enum tally_err read_object(json_t *root, struct tally_ctl_request *request,
                                  struct tally_fault *fault)
{
    bool has_id = false;
    enum tally_err err = read_verb(root, &request->verb, fault);

    for (void *at = json_object_iter(root); err == TALLY_ERR_OK && at != NULL;
         at = json_object_iter_next(root, at)) {
        err = read_member(json_object_iter_key(at), json_object_iter_value(at), request, &has_id,
                          fault);
    }
    if (err == TALLY_ERR_OK && request->verb == TALLY_CTL_EXPLAIN && !has_id) {
        err = tally_fault_set(fault, TALLY_ERR_USAGE, "explain needs an \"id\"");
    }
    return err;
}

enum tally_err tally_ctl_request_read(const char *line, size_t size,
                                      struct tally_ctl_request *request, struct tally_fault *fault)
{
    json_error_t error;
    json_t *root = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
    enum tally_err err;

    memset(request, 0, sizeof(*request));
    if (!json_is_object(root)) {
        err = tally_fault_set(fault, TALLY_ERR_FORMAT,
                              "the request is not one JSON object on one line");
    } else {
        err = read_object(root, request, fault);
    }
    json_decref(root);
    if (err != TALLY_ERR_OK) {
        memset(request, 0, sizeof(*request));
    }
    return err;
}
