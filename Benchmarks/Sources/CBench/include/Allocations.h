#pragma once
#include <stdint.h>

// Calls of malloc, calloc, realloc, posix_memalign, aligned_alloc and memalign by the calling thread since it began.
uint64_t bench_allocations(void);
