/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/zap.h"

#include "transport/socket.h"

#include <stdlib.h>
#include <string.h>
#include <zmq.h>

/* Parts of a request, RFC 27: version, request id, domain, address, identity, mechanism. */
enum { PART_REQUEST_ID = 1, PART_ADDRESS = 3, PART_BYTES_MAX = 256 };

struct request {
    char id[PART_BYTES_MAX];
    size_t id_bytes;
    char address[TALLY_ADDRESS_TEXT_BYTES];
};

enum tally_err tally_zap_open(struct tally_zap *zap, void *context,
                              const struct tally_hash_key *hash_key, struct tally_fault *fault)
{
    static const struct tally_socket_option options[] = {
        {ZMQ_LINGER, 0}, {ZMQ_RCVHWM, 0}, {ZMQ_SNDHWM, 0}};
    enum tally_err err;

    memset(zap, 0, sizeof(*zap));
    zap->hash_key = *hash_key;
    zap->is_ready = true;
    err = tally_socket_open(context, ZMQ_REP, options, sizeof(options) / sizeof(options[0]),
                            &zap->socket, fault);
    if (err != TALLY_ERR_OK) {
        return err;
    }
    if (zmq_bind(zap->socket, "inproc://zeromq.zap.01") != 0) {
        err = tally_fault_set(fault, TALLY_ERR_TRANSPORT,
                              "cannot bind the address check of the peer port: %s",
                              zmq_strerror(zmq_errno()));
        tally_socket_close(&zap->socket);
    }
    return err;
}

void tally_zap_close(struct tally_zap *zap)
{
    tally_socket_close(&zap->socket);
    free(zap->entries);
    zap->entries = NULL;
    zap->entry_count = 0;
}

static int compare_entries(const void *left, const void *right)
{
    const struct tally_zap_entry *left_entry = left, *right_entry = right;

    return tally_address_compare(&left_entry->address, &right_entry->address);
}

enum tally_err tally_zap_allow(struct tally_zap *zap, const struct tally_address *addresses,
                               size_t address_count, struct tally_fault *fault)
{
    struct tally_zap_entry *entries = calloc(address_count + 1, sizeof(*entries));
    size_t kept = 0;

    if (entries == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for %zu peer addresses",
                               address_count);
    }
    for (size_t i = 0; i < address_count; i++) {
        const struct tally_zap_entry *old = tally_zap_find(zap, &addresses[i]);

        entries[i].address = addresses[i];
        entries[i].source = tally_address_source(&zap->hash_key, &addresses[i]);
        entries[i].dropped_count = old == NULL ? 0 : old->dropped_count;
    }
    qsort(entries, address_count, sizeof(*entries), compare_entries);
    for (size_t i = 0; i < address_count; i++) {
        if (kept == 0 || compare_entries(&entries[kept - 1], &entries[i]) != 0) {
            entries[kept++] = entries[i];
        }
    }
    free(zap->entries);
    zap->entries = entries;
    zap->entry_count = kept;
    return TALLY_ERR_OK;
}

struct tally_zap_entry *tally_zap_find(const struct tally_zap *zap,
                                       const struct tally_address *address)
{
    struct tally_zap_entry wanted = {.address = *address};

    if (zap->entry_count == 0) {
        return NULL;
    }
    return bsearch(&wanted, zap->entries, zap->entry_count, sizeof(wanted), compare_entries);
}

/* Keeps what is needed of one part. */
static void take_request_part(struct request *request, int index, zmq_msg_t *part)
{
    const char *bytes = zmq_msg_data(part);
    size_t size = zmq_msg_size(part);

    if (index == PART_REQUEST_ID && size <= sizeof(request->id)) {
        memcpy(request->id, bytes, size);
        request->id_bytes = size;
    }
    if (index == PART_ADDRESS && size < sizeof(request->address)) {
        memcpy(request->address, bytes, size);
        request->address[size] = '\0';
    }
}

static bool receive_request(struct tally_zap *zap, struct request *request)
{
    int has_more = 1;

    memset(request, 0, sizeof(*request));
    for (int index = 0; has_more; index++) {
        zmq_msg_t part;

        (void)zmq_msg_init(&part);
        if (zmq_msg_recv(&part, zap->socket, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&part);
            return false;
        }
        has_more = zmq_msg_more(&part);
        take_request_part(request, index, &part);
        (void)zmq_msg_close(&part);
    }
    return true;
}

static void send_reply(struct tally_zap *zap, const struct request *request, const char *code,
                       const char *words)
{
    (void)zmq_send(zap->socket, "1.0", 3, ZMQ_DONTWAIT | ZMQ_SNDMORE);
    (void)zmq_send(zap->socket, request->id, request->id_bytes, ZMQ_DONTWAIT | ZMQ_SNDMORE);
    (void)zmq_send(zap->socket, code, strlen(code), ZMQ_DONTWAIT | ZMQ_SNDMORE);
    (void)zmq_send(zap->socket, words, strlen(words), ZMQ_DONTWAIT | ZMQ_SNDMORE);
    (void)zmq_send(zap->socket, "", 0, ZMQ_DONTWAIT | ZMQ_SNDMORE);
    (void)zmq_send(zap->socket, "", 0, ZMQ_DONTWAIT);
}

enum tally_zap_result tally_zap_next(struct tally_zap *zap, char address[TALLY_ADDRESS_TEXT_BYTES])
{
    struct request request;
    struct tally_address from;

    if (!receive_request(zap, &request)) {
        zap->is_ready = false;
        return TALLY_ZAP_NOTHING;
    }
    memcpy(address, request.address, TALLY_ADDRESS_TEXT_BYTES);
    if (tally_address_parse(request.address, &from) && tally_zap_find(zap, &from) != NULL) {
        zap->accepted_count++;
        send_reply(zap, &request, "200", "OK");
        return TALLY_ZAP_ACCEPTED;
    }
    zap->refused_count++;
    send_reply(zap, &request, "400", "address not in the participant database");
    return TALLY_ZAP_REFUSED;
}
