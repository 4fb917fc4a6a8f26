// Reads of many files: one call each, or batches through io_uring.
#include "CBench.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCH = 64 };

struct bench_reads {
    struct io_uring ring;
    size_t size;
    uint8_t *buffers[BATCH];
};

struct bench_reads *bench_reads_open(const int *files, unsigned count, size_t size) {
    struct bench_reads *reads = calloc(1, sizeof *reads);
    if (!reads) return NULL;
    int error = io_uring_queue_init(2 * BATCH, &reads->ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    if (!error) {
        error = io_uring_register_files(&reads->ring, files, count);
        if (error) io_uring_queue_exit(&reads->ring);
    }
    if (error) {
        free(reads);
        errno = -error;
        return NULL;
    }
    reads->size = size;
    for (int index = 0; index < BATCH; index++) {
        reads->buffers[index] = malloc(size);
        if (!reads->buffers[index]) {
            bench_reads_close(reads);
            errno = ENOMEM;
            return NULL;
        }
    }
    return reads;
}

void bench_reads_close(struct bench_reads *reads) {
    io_uring_queue_exit(&reads->ring);
    for (int index = 0; index < BATCH; index++) free(reads->buffers[index]);
    free(reads);
}

int64_t bench_reads_pread(struct bench_reads *reads, const int *files, unsigned count, int64_t offset) {
    int64_t bytes = 0;
    for (unsigned index = 0; index < count; index++) {
        ssize_t got = pread(files[index], reads->buffers[0], reads->size, offset);
        if (got < 0) return -errno;
        bytes += got;
    }
    return bytes;
}

int64_t bench_reads_ring(struct bench_reads *reads, unsigned count, int64_t offset) {
    int64_t bytes = 0;
    for (unsigned first = 0; first < count; first += BATCH) {
        unsigned wanted = count - first < BATCH ? count - first : BATCH;
        for (unsigned index = 0; index < wanted; index++) {
            struct io_uring_sqe *entry = io_uring_get_sqe(&reads->ring);
            if (!entry) return -ENOSPC;
            io_uring_prep_read(
                entry, (int)(first + index), reads->buffers[index], (unsigned)reads->size, (uint64_t)offset);
            entry->flags |= IOSQE_FIXED_FILE;
        }
        int submitted = io_uring_submit_and_wait(&reads->ring, wanted);
        if (submitted < 0) return submitted;
        for (unsigned index = 0; index < wanted; index++) {
            struct io_uring_cqe *done;
            int error = io_uring_wait_cqe(&reads->ring, &done);
            if (error) return error;
            if (done->res < 0) return done->res;
            bytes += done->res;
            io_uring_cqe_seen(&reads->ring, done);
        }
    }
    return bytes;
}
