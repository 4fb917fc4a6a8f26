#pragma once
// What Swift has no words for.

// Asks for the cache line at `address`, which may be any address; waits for nothing.
static inline void martlet_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }
