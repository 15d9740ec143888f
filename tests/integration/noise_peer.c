/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noise_peer - one side of a Noise IK handshake and what follows it, over standard input and
 * output, with the handshake code that ships. For interoperation tests with other implementations.
 *
 *   noise_peer initiator SECRET REMOTE-PUBLIC PROLOGUE
 *   noise_peer responder SECRET PROLOGUE                  (all in hex)
 *
 * Frames: length of what follows (4 bytes, little-endian), a letter, a body.
 *
 *   H  handshake message                         both ways
 *   D  handshake is done: its hash (64 bytes),   from here
 *      then the payload that was received
 *   T  transport message; each is answered by    both ways
 *      one whose plaintext bytes are each one
 *      greater
 *   R  the last message was refused: the reject  from here
 *      reason. In the handshake it is the end.
 */
#include "base/cursor.h"
#include "base/text.h"
#include "crypto/noise.h"
#include "crypto/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_MAX = 70000, STATUS_USAGE = 2 };

struct message {
    uint8_t letter;
    uint8_t body[BODY_MAX];
    size_t count;
};

static const char payload[] = "payload of ours";

static void write_message(uint8_t letter, const void *body, size_t count)
{
    uint8_t head[5];
    struct tally_writer writer = tally_writer_of(head, sizeof(head));

    tally_write_u32(&writer, (uint32_t)count + 1);
    tally_write_u8(&writer, letter);
    if (fwrite(head, 1, sizeof(head), stdout) != sizeof(head) ||
        fwrite(body, 1, count, stdout) != count || fflush(stdout) != 0) {
        exit(EXIT_FAILURE);
    }
}

/* False at the end of the input; what is cut off or too long ends the program. */
static bool read_message(struct message *message)
{
    uint8_t head[5] = {0};
    struct tally_reader reader = tally_reader_of(head, sizeof(head));
    uint32_t length;

    if (fread(head, 1, sizeof(head), stdin) != sizeof(head)) {
        return false;
    }
    length = tally_read_u32(&reader);
    message->letter = tally_read_u8(&reader);
    if (length == 0 || length - 1 > BODY_MAX ||
        fread(message->body, 1, length - 1, stdin) != length - 1) {
        exit(EXIT_FAILURE);
    }
    message->count = length - 1;
    return true;
}

static void write_reject(enum tally_reject reject)
{
    const char *name = tally_reject_name(reject);

    write_message('R', name, strlen(name));
}

/* False: refused. */
static bool shake_hands(struct tally_noise *noise)
{
    static struct message message;
    static uint8_t received[BODY_MAX + TALLY_NOISE_HASH_BYTES];
    uint8_t ours[256];
    size_t received_count = 0;

    while (!tally_noise_is_done(noise)) {
        if (tally_noise_is_writing(noise)) {
            size_t count;

            if (tally_noise_write(noise, payload, sizeof(payload) - 1, ours, sizeof(ours),
                                  &count) != TALLY_ERR_OK) {
                exit(EXIT_FAILURE);
            }
            write_message('H', ours, count);
        } else {
            enum tally_reject reject;

            if (!read_message(&message) || message.letter != 'H') {
                exit(EXIT_FAILURE);
            }
            reject = tally_noise_read(noise, message.body, message.count,
                                      received + TALLY_NOISE_HASH_BYTES, &received_count);
            if (reject != TALLY_REJECT_NONE) {
                write_reject(reject);
                return false;
            }
        }
    }
    memcpy(received, noise->hash, TALLY_NOISE_HASH_BYTES);
    write_message('D', received, TALLY_NOISE_HASH_BYTES + received_count);
    return true;
}

static void talk(const struct tally_noise *noise)
{
    static struct message message;
    static uint8_t plaintext[BODY_MAX];
    static uint8_t sealed[BODY_MAX + TALLY_NOISE_TAG_BYTES];
    uint8_t send_key[TALLY_NOISE_KEY_BYTES];
    uint8_t receive_key[TALLY_NOISE_KEY_BYTES];
    uint64_t counter = 0; /* of both directions, as each message is answered */

    tally_noise_split(noise, send_key, receive_key);
    while (read_message(&message)) {
        size_t count;

        if (message.letter != 'T') {
            exit(EXIT_FAILURE);
        }
        if (!tally_noise_open(receive_key, counter, NULL, 0, message.body, message.count,
                              plaintext)) {
            write_reject(TALLY_REJECT_TAG);
            continue;
        }
        count = message.count - TALLY_NOISE_TAG_BYTES;
        for (size_t i = 0; i < count; i++) {
            plaintext[i]++;
        }
        tally_noise_seal(send_key, counter, NULL, 0, plaintext, count, sealed);
        write_message('T', sealed, count + TALLY_NOISE_TAG_BYTES);
        counter++;
    }
}

static size_t from_hex(const char *hex, uint8_t *bytes, size_t size)
{
    size_t count;

    if (!tally_hex_decode(hex, strlen(hex), bytes, size, &count)) {
        (void)fprintf(stderr, "noise_peer: not hex, or too long\n");
        exit(STATUS_USAGE);
    }
    return count;
}

int main(int argc, char **argv)
{
    const bool is_initiator = argc == 5 && strcmp(argv[1], "initiator") == 0;
    const struct tally_entropy entropy = tally_entropy_os();
    uint8_t secret[TALLY_NOISE_KEY_BYTES];
    uint8_t remote[TALLY_NOISE_KEY_BYTES];
    uint8_t ephemeral[TALLY_NOISE_KEY_BYTES];
    uint8_t prologue[256];
    size_t prologue_bytes;
    struct tally_noise noise;

    if (!is_initiator && !(argc == 4 && strcmp(argv[1], "responder") == 0)) {
        (void)fprintf(stderr, "usage: noise_peer initiator SECRET REMOTE-PUBLIC PROLOGUE\n"
                              "       noise_peer responder SECRET PROLOGUE\n");
        return STATUS_USAGE;
    }
    if (tally_crypto_init(NULL) != TALLY_ERR_OK) {
        return EXIT_FAILURE;
    }
    if (from_hex(argv[2], secret, sizeof(secret)) != sizeof(secret) ||
        (is_initiator && from_hex(argv[3], remote, sizeof(remote)) != sizeof(remote))) {
        return STATUS_USAGE;
    }
    prologue_bytes = from_hex(argv[argc - 1], prologue, sizeof(prologue));
    tally_entropy_fill(&entropy, ephemeral, sizeof(ephemeral));
    tally_noise_init(&noise, &tally_noise_ik,
                     is_initiator ? TALLY_NOISE_INITIATOR : TALLY_NOISE_RESPONDER, prologue,
                     prologue_bytes,
                     &(struct tally_noise_keys){.static_secret = secret,
                                                .ephemeral_secret = ephemeral,
                                                .remote_static = is_initiator ? remote : NULL});
    if (shake_hands(&noise)) {
        talk(&noise);
    }
    tally_noise_wipe(&noise);
    return EXIT_SUCCESS;
}
