/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sip/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool read_ip(const char *text, size_t size, struct tally_sip_address *address)
{
    char copy[TALLY_SIP_IP_TEXT_BYTES];

    *address = (struct tally_sip_address){0};
    if (size >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    if (inet_pton(AF_INET, copy, address->ip) == 1) {
        address->ip_bytes = 4;
    } else if (inet_pton(AF_INET6, copy, address->ip) == 1) {
        address->ip_bytes = 16;
    }
    return address->ip_bytes != 0;
}

/* Digits only, no more than five of them, up to the end of the text. */
static bool read_decimal(const char *text, unsigned min, unsigned max, unsigned *value)
{
    unsigned sum = 0;
    size_t count = 0;

    for (; text[count] >= '0' && text[count] <= '9' && count < 5; count++) {
        sum = sum * 10 + (unsigned)(text[count] - '0');
    }
    *value = sum;
    return count > 0 && text[count] == '\0' && sum >= min && sum <= max;
}

bool tally_sip_address_parse(const char *text, struct tally_sip_address *address)
{
    const char *colon = strrchr(text, ':');
    const char *end = colon;
    bool has_brackets = text[0] == '[';
    unsigned port;

    *address = (struct tally_sip_address){0};
    if (colon == NULL || !read_decimal(colon + 1, 1, UINT16_MAX, &port)) {
        return false;
    }
    if (has_brackets) {
        text++;
        end--;
        if (end < text || *end != ']') {
            return false;
        }
    }
    if (!read_ip(text, (size_t)(end - text), address) ||
        has_brackets != (address->ip_bytes == 16)) {
        return false;
    }
    address->port = (uint16_t)port;
    return true;
}

bool tally_sip_network_parse(const char *text, struct tally_sip_network *network)
{
    const char *slash = strchr(text, '/');
    unsigned bits;

    *network = (struct tally_sip_network){0};
    if (!read_ip(text, slash == NULL ? strlen(text) : (size_t)(slash - text), &network->base)) {
        return false;
    }
    bits = network->base.ip_bytes * 8u;
    if (slash != NULL && !read_decimal(slash + 1, 0, bits, &bits)) {
        return false;
    }
    network->prefix_bits = (uint8_t)bits;
    for (; bits < network->base.ip_bytes * 8u; bits++) {
        if ((network->base.ip[bits / 8] >> (7 - bits % 8) & 1) != 0) {
            return false;
        }
    }
    return true;
}

bool tally_sip_network_has(const struct tally_sip_network *network,
                           const struct tally_sip_address *address)
{
    size_t bytes = network->prefix_bits / 8;
    unsigned bits = network->prefix_bits % 8;

    if (network->base.ip_bytes != address->ip_bytes || address->ip_bytes == 0 ||
        memcmp(network->base.ip, address->ip, bytes) != 0) {
        return false;
    }
    return bits == 0 || (network->base.ip[bytes] ^ address->ip[bytes]) >> (8 - bits) == 0;
}

void tally_sip_ip_format(const struct tally_sip_address *address,
                         char text[TALLY_SIP_IP_TEXT_BYTES])
{
    if (address->ip_bytes == 0 || inet_ntop(address->ip_bytes == 4 ? AF_INET : AF_INET6,
                                            address->ip, text, TALLY_SIP_IP_TEXT_BYTES) == NULL) {
        text[0] = '-';
        text[1] = '\0';
    }
}

void tally_sip_address_format(const struct tally_sip_address *address,
                              char text[TALLY_SIP_ADDRESS_TEXT_BYTES])
{
    char ip[TALLY_SIP_IP_TEXT_BYTES];

    tally_sip_ip_format(address, ip);
    (void)snprintf(text, TALLY_SIP_ADDRESS_TEXT_BYTES,
                   address->ip_bytes == 16 ? "[%s]:%u" : "%s:%u", ip, address->port);
}
