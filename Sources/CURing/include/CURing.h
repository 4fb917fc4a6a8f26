#pragma once
// What the lane needs of liburing, behind an opaque type: <liburing.h> defines _GNU_SOURCE, and with it glibc's structures
// differ from those of Swift's Glibc module.
#include <stdint.h>

struct martlet_uring;

// A ring for the calling thread. Returns 0 and the ring, or a negated error number.
int martlet_uring_create(struct martlet_uring **ring);

void martlet_uring_destroy(struct martlet_uring *ring);

// Queues a multishot poll for readability of `descriptor`; completions carry `token` (below 2^31).
// Returns 0 or a negated error number.
int martlet_uring_poll(struct martlet_uring *ring, int descriptor, uint32_t token);

// Bit of a token from martlet_uring_wait: the poll has ended and must be queued again.
#define MARTLET_URING_ENDED 0x80000000u

// Submits what is queued and sleeps until a completion or `timeout_ns`. Stores the tokens of at most `limit` completions.
// Returns their number or a negated error number; a time-out is 0.
int martlet_uring_wait(struct martlet_uring *ring, uint64_t timeout_ns, uint32_t *tokens, unsigned limit);
