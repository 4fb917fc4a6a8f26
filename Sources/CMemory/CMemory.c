#define _GNU_SOURCE
#include "CMemory.h"
#include <string.h>

const void *martlet_find(const void *bytes, size_t count, const void *wanted, size_t length) {
    return memmem(bytes, count, wanted, length);
}
