#pragma once
// What Swift's Glibc module leaves out, because it needs _GNU_SOURCE or a header that the module lacks.
#include <linux/filter.h>
#include <stdint.h>

// setns(2). Returns 0, or -1 with errno set.
int martlet_setns(int descriptor, int kind);

// Names the calling thread (at most 15 bytes).
void martlet_name_thread(const char *name);

// A non-blocking eventfd(2), or -1 with errno set.
int martlet_eventfd(void);

// epoll(7): the instance, one readable and edge-triggered descriptor, and a wait that stores the tokens of at most `limit`
// ready descriptors (64 at most a call). All return -1 with errno set.
int martlet_epoll_create(void);
int martlet_epoll_add(int epoll, int descriptor, uint32_t token);
int martlet_epoll_wait(int epoll, int timeout_ms, uint32_t *tokens, int limit);

// Has SIGTERM and SIGINT written, a byte each, to a pipe instead of ending the process. Returns the end to read from, or -1
// with errno set. A handler is needed: the main thread of a Swift program waits with every signal unblocked.
int martlet_termination_pipe(void);
