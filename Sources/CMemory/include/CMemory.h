#pragma once
#include <stddef.h>
// What Swift has no words for.

// Asks for the cache line at `address`, which may be any address; waits for nothing.
static inline void martlet_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }

// memmem(3), which needs _GNU_SOURCE.
const void *martlet_find(const void *bytes, size_t count, const void *wanted, size_t length);
