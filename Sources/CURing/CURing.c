#include "CURing.h"
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>

struct martlet_uring {
    struct io_uring ring;
};

int martlet_uring_create(struct martlet_uring **out) {
    // Completions are reaped on this thread, when it asks (Linux 6.1); older kernels refuse the flags.
    static const unsigned wanted[] = {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0};
    struct martlet_uring *made = calloc(1, sizeof(*made));
    int result = -ENOMEM;

    if (!made) return result;
    for (unsigned i = 0; i < 2; i++) {
        result = io_uring_queue_init(64, &made->ring, wanted[i]);
        if (result != -EINVAL) break;
    }
    if (result) {
        free(made);
        return result;
    }
    *out = made;
    return 0;
}

void martlet_uring_destroy(struct martlet_uring *ring) {
    io_uring_queue_exit(&ring->ring);
    free(ring);
}

int martlet_uring_poll(struct martlet_uring *ring, int descriptor, uint32_t token) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->ring);

    if (!sqe) {
        int result = io_uring_submit(&ring->ring);
        if (result < 0) return result;
        sqe = io_uring_get_sqe(&ring->ring);
        if (!sqe) return -EBUSY;
    }
    io_uring_prep_poll_multishot(sqe, descriptor, POLLIN);
    io_uring_sqe_set_data64(sqe, token);
    return 0;
}

int martlet_uring_wait(struct martlet_uring *ring, uint64_t timeout_ns, uint32_t *tokens, unsigned limit) {
    struct __kernel_timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    struct io_uring_cqe *cqe;
    unsigned head, count = 0;
    int result = io_uring_submit_and_wait_timeout(&ring->ring, &cqe, 1, &timeout, NULL);

    if (result < 0 && result != -ETIME && result != -EINTR && result != -EAGAIN) return result;
    io_uring_for_each_cqe(&ring->ring, head, cqe) {
        if (count == limit) break;
        // A poll that failed and ended must be queued again like one that only ended.
        tokens[count++] = (uint32_t)cqe->user_data | (cqe->flags & IORING_CQE_F_MORE ? 0 : MARTLET_URING_ENDED);
    }
    io_uring_cq_advance(&ring->ring, count);
    return (int)count;
}
