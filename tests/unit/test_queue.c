/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the queue between the two threads holds as many as it says, in order, and loses none.
 * Method: fills and empties it around its size, over the wrap of its counters; then one thread puts
 * a hundred thousand numbers and another takes them (ThreadSanitizer watches in its preset).
 */
#include "daemon/queue.h"
#include "testing.h"

#include <pthread.h>

enum { PLACES = 8, HANDED_COUNT = 100000 };

static void test_bounds_and_order(void **state)
{
    struct tally_queue queue;
    int items[PLACES + 1];

    (void)state;
    assert_int_equal(tally_queue_open(&queue, PLACES, NULL), TALLY_ERR_OK);
    assert_null(tally_queue_take(&queue));
    /* The counters begin shortly before their wrap. */
    atomic_store(&queue.put_count, UINT32_MAX - 3);
    atomic_store(&queue.take_count, UINT32_MAX - 3);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < PLACES; i++) {
            assert_true(tally_queue_put(&queue, &items[i]));
        }
        assert_false(tally_queue_put(&queue, &items[PLACES]));
        for (int i = 0; i < PLACES; i++) {
            assert_ptr_equal(tally_queue_take(&queue), &items[i]);
        }
        assert_null(tally_queue_take(&queue));
    }
    tally_queue_close(&queue);
}

static uint32_t handed[HANDED_COUNT];

static void *put_all(void *context)
{
    struct tally_queue *queue = context;

    for (uint32_t i = 0; i < HANDED_COUNT; i++) {
        handed[i] = i * 2654435761u; /* written before it is put, read after it was taken */
        while (!tally_queue_put(queue, &handed[i])) {
        }
    }
    return NULL;
}

static void test_from_thread_to_thread(void **state)
{
    struct tally_queue queue;
    pthread_t thread;

    (void)state;
    assert_int_equal(tally_queue_open(&queue, PLACES, NULL), TALLY_ERR_OK);
    assert_int_equal(pthread_create(&thread, NULL, put_all, &queue), 0);
    for (uint32_t i = 0; i < HANDED_COUNT; i++) {
        const uint32_t *item;

        do {
            item = tally_queue_take(&queue);
        } while (item == NULL);
        assert_ptr_equal(item, &handed[i]);
        assert_int_equal(*item, i * 2654435761u);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_null(tally_queue_take(&queue));
    tally_queue_close(&queue);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_and_order),
        cmocka_unit_test(test_from_thread_to_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
