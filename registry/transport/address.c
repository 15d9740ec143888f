/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/address.h"

#include <arpa/inet.h>
#include <string.h>

enum { MAPPED_PREFIX_BYTES = 12, SUBNET_BYTES = 8 };

static const uint8_t mapped_prefix[MAPPED_PREFIX_BYTES] = {0, 0, 0, 0, 0,    0,
                                                           0, 0, 0, 0, 0xff, 0xff};

/* Copies text[0..count) with its NUL; false when it does not fit. */
static bool copy_host(const char *text, size_t count, char host[TALLY_ADDRESS_TEXT_BYTES])
{
    if (count == 0 || count >= TALLY_ADDRESS_TEXT_BYTES) {
        return false;
    }
    memcpy(host, text, count);
    host[count] = '\0';
    return true;
}

bool tally_address_parse(const char *text, struct tally_address *address)
{
    char host[TALLY_ADDRESS_TEXT_BYTES];

    memset(address, 0, sizeof(*address));
    if (!copy_host(text, strcspn(text, "%"), host)) {
        return false;
    }
    if (strchr(host, ':') != NULL) {
        return inet_pton(AF_INET6, host, address->bytes) == 1;
    }
    if (inet_pton(AF_INET, host, address->bytes + MAPPED_PREFIX_BYTES) != 1) {
        return false;
    }
    memcpy(address->bytes, mapped_prefix, sizeof(mapped_prefix));
    return true;
}

bool tally_address_of_endpoint(const char *endpoint, struct tally_address *address)
{
    static const char scheme[] = "tcp://";
    char host[TALLY_ADDRESS_TEXT_BYTES];
    const char *start, *end;

    memset(address, 0, sizeof(*address));
    if (strncmp(endpoint, scheme, sizeof(scheme) - 1) != 0) {
        return false;
    }
    start = endpoint + sizeof(scheme) - 1;
    if (*start == '[') {
        start++;
        end = strchr(start, ']');
        if (end == NULL || end[1] != ':') {
            return false;
        }
    } else {
        end = strchr(start, ':');
        if (end == NULL) {
            return false;
        }
    }
    return copy_host(start, (size_t)(end - start), host) && tally_address_parse(host, address);
}

int tally_address_compare(const struct tally_address *left, const struct tally_address *right)
{
    return memcmp(left->bytes, right->bytes, sizeof(left->bytes));
}

uint64_t tally_address_source(const struct tally_hash_key *key, const struct tally_address *address)
{
    bool is_mapped = memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
    size_t count = is_mapped ? sizeof(address->bytes) : SUBNET_BYTES;
    uint64_t hash = tally_hash(key, address->bytes, count);

    return hash == 0 ? 1 : hash;
}
