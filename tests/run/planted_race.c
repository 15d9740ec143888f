/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two threads that talk through libzmq and, beside it, write one variable without a lock.
 * ThreadSanitizer must report the variable, with the suppressions for libzmq in force
 * (tests/run/sanitize.py).
 */
#include <pthread.h>
#include <zmq.h>

static int shared_count;

static void *other_thread(void *context)
{
    void *socket = zmq_socket(context, ZMQ_PAIR);
    char byte = 0;

    if (socket == NULL || zmq_connect(socket, "inproc://planted") != 0) {
        return NULL;
    }
    shared_count++;
    (void)zmq_send(socket, &byte, 1, 0);
    shared_count++;
    (void)zmq_close(socket);
    return NULL;
}

int main(void)
{
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_PAIR);
    pthread_t thread;
    char byte = 0;

    if (socket == NULL || zmq_bind(socket, "inproc://planted") != 0 ||
        pthread_create(&thread, NULL, other_thread, context) != 0) {
        return 0;
    }
    shared_count++;
    (void)zmq_recv(socket, &byte, 1, 0);
    shared_count++;
    (void)pthread_join(thread, NULL);
    (void)zmq_close(socket);
    (void)zmq_ctx_term(context);
    return 0;
}
