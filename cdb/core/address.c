/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.c - network addresses as texts.
 */
#include "cdb/core/address.h"

#include <stdint.h>
#include <string.h>

enum { GROUP_COUNT = 8, HOST_MAX = 253, LABEL_MAX = 63 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A decimal without leading zeros, at most limit. */
static bool is_decimal(const char *text, size_t count, uint32_t limit)
{
    uint32_t value = 0;

    if (count == 0 || count > 5 || (count > 1 && text[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(text[i])) {
            return false;
        }
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    return value <= limit;
}

static bool is_ipv4(const char *text, size_t count)
{
    for (unsigned part = 0; part < 4; part++) {
        const char *dot = part < 3 ? memchr(text, '.', count) : text + count;

        if (dot == NULL || !is_decimal(text, (size_t)(dot - text), 255)) {
            return false;
        }
        count -= (size_t)(dot - text) + (part < 3 ? 1 : 0);
        text = dot + (part < 3 ? 1 : 0);
    }
    return count == 0;
}

/* One group of 1 to 4 hexadecimal digits without leading zeros; -1 if it is none. */
static int32_t read_group(const char *text, size_t count)
{
    int32_t value = 0;

    if (count == 0 || count > 4 || (count > 1 && text[0] == '0')) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (is_digit(text[i])) {
            value = value * 16 + (text[i] - '0');
        } else if (text[i] >= 'a' && text[i] <= 'f') {
            value = value * 16 + (text[i] - 'a' + 10);
        } else {
            return -1;
        }
    }
    return value;
}

/* Groups separated by single colons. Returns how many; -1 if they are not well formed. */
static int read_groups(const char *text, size_t count, int32_t groups[GROUP_COUNT])
{
    int group_count = 0;

    while (count > 0) {
        const char *colon = memchr(text, ':', count);
        size_t length = colon != NULL ? (size_t)(colon - text) : count;

        if (group_count == GROUP_COUNT) {
            return -1;
        }
        groups[group_count] = read_group(text, length);
        if (groups[group_count++] < 0 || (colon != NULL && length + 1 == count)) {
            return -1;
        }
        text += colon != NULL ? length + 1 : length;
        count -= colon != NULL ? length + 1 : length;
    }
    return group_count;
}

static const char *find_gap(const char *text, size_t count)
{
    for (size_t i = 0; i + 1 < count; i++) {
        if (text[i] == ':' && text[i + 1] == ':') {
            return text + i;
        }
    }
    return NULL;
}

/* RFC 5952, section 4.2: where the gap has to be. Its length is 0 if there may be none. */
static void find_longest_zeros(const int32_t groups[GROUP_COUNT], int *start, int *length)
{
    *start = 0;
    *length = 0;
    for (int i = 0; i < GROUP_COUNT; i++) {
        int end = i;

        while (end < GROUP_COUNT && groups[end] == 0) {
            end++;
        }
        if (end - i >= 2 && end - i > *length) {
            *start = i;
            *length = end - i;
        }
    }
}

static bool is_ipv6(const char *text, size_t count)
{
    int32_t groups[GROUP_COUNT] = {0};
    int32_t tail[GROUP_COUNT];
    const char *gap = find_gap(text, count);
    size_t head_count = gap != NULL ? (size_t)(gap - text) : count;
    int head = read_groups(text, head_count, groups);
    int behind = gap != NULL ? read_groups(gap + 2, count - head_count - 2, tail) : 0;
    int start, length;

    if (head < 0 || behind < 0 || head + behind > GROUP_COUNT ||
        (gap == NULL && head != GROUP_COUNT)) {
        return false;
    }
    for (int i = 0; i < behind; i++) {
        groups[GROUP_COUNT - behind + i] = tail[i];
    }
    find_longest_zeros(groups, &start, &length);
    if (gap == NULL) {
        return length == 0;
    }
    return start == head && length == GROUP_COUNT - head - behind;
}

bool tally_address_is_valid(const char *text, size_t count)
{
    return is_ipv4(text, count) || is_ipv6(text, count);
}

static bool is_host_name(const char *text, size_t count)
{
    size_t label = 0; /* characters of the label so far */
    bool has_letter = false;
    char before = '.';

    for (size_t i = 0; i < count && count <= HOST_MAX; i++) {
        char c = text[i];

        if (c == '.' ? before == '-' || before == '.' : c == '-' && before == '.') {
            return false;
        }
        if (c != '.' && c != '-' && !is_digit(c) && (c < 'a' || c > 'z')) {
            return false;
        }
        has_letter = has_letter || (c >= 'a' && c <= 'z');
        label = c == '.' ? 0 : label + 1;
        if (label > LABEL_MAX) {
            return false;
        }
        before = c;
    }
    return has_letter && count <= HOST_MAX && before != '.' && before != '-';
}

bool tally_endpoint_is_valid(const char *text, size_t count)
{
    static const char scheme[] = "tcp://";
    size_t port_at;

    if (count <= sizeof(scheme) - 1 || memcmp(text, scheme, sizeof(scheme) - 1) != 0) {
        return false;
    }
    text += sizeof(scheme) - 1;
    count -= sizeof(scheme) - 1;
    port_at = count;
    while (port_at > 0 && text[port_at - 1] != ':') {
        port_at--;
    }
    if (port_at < 2 || !is_decimal(text + port_at, count - port_at, 65535) ||
        text[port_at] == '0') {
        return false;
    }
    count = port_at - 1; /* the host */
    if (text[0] == '[') {
        return count > 2 && text[count - 1] == ']' && is_ipv6(text + 1, count - 2);
    }
    return is_ipv4(text, count) || is_host_name(text, count);
}
