#pragma once
// The C side of the benchmarks: the counted allocator, the producer of ring records, and the consumers that Swift is
// compared with.
#include "Allocations.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// MARK: Machine

// Pins the calling thread to one CPU; -1 unpins. False if the kernel refuses.
bool bench_pin(int cpu);

// Sleeps about `ns` nanoseconds.
void bench_sleep(uint64_t ns);

// MARK: Producer

struct bench_producer;

// What to write, see Benchmarks/bpf/bench.bpf.c.
struct bench_pattern {
    uint64_t sockets;
    uint64_t containers;
    uint64_t first_cgroup;
    bool wakes; // adaptive wake-ups instead of none
};

// Loads the producer. `ring` is the descriptor of a ring of `capacity` bytes to write into, or -1 for one of its own.
// Returns NULL with errno set.
struct bench_producer *bench_producer_load(const void *object, size_t size, int ring, uint32_t capacity);
void bench_producer_unload(struct bench_producer *producer);

// The ring's descriptor, valid as long as the producer.
int bench_producer_ring(const struct bench_producer *producer);

// Writes records number `first` and following until `count` are written or the ring is full. Returns how many, or -errno.
int64_t bench_produce(
    struct bench_producer *producer, const struct bench_pattern *pattern, uint64_t first, uint32_t count);

// Writes `total` records from a thread of its own on CPU `cpu`, `batch` a run, waiting for room where there is none.
bool bench_producer_start(
    struct bench_producer *producer, const struct bench_pattern *pattern, uint64_t total, uint32_t batch, int cpu);
// Waits for the thread's end; returns 0 or -errno.
int bench_producer_join(struct bench_producer *producer);

// MARK: A hand-written C consumer

struct bench_c_ring;

// Maps the ring of `descriptor`. Returns NULL with errno set.
struct bench_c_ring *bench_c_open(int descriptor, size_t capacity);
void bench_c_close(struct bench_c_ring *ring);

// Consumes everything there is, decoding each record and giving back the space every 512 records. Adds to `digest`, which
// proves that all consumers read the same. Returns the records.
uint64_t bench_c_consume(struct bench_c_ring *ring, uint64_t *digest);

// Lets the next consumer begin at `position` again; only while nobody produces.
uint64_t bench_c_position(const struct bench_c_ring *ring);
void bench_c_rewind(struct bench_c_ring *ring, uint64_t position);

// MARK: libbpf's consumer, with an empty callback

struct bench_libbpf;

struct bench_libbpf *bench_libbpf_open(int descriptor);
void bench_libbpf_close(struct bench_libbpf *ring);

// ring_buffer__consume once; returns the records.
int64_t bench_libbpf_consume(struct bench_libbpf *ring);

// ring_buffer__consume, then a pause, until `total` records came.
void bench_libbpf_consume_timed(struct bench_libbpf *ring, uint64_t total, uint64_t pause_ns);

// ring_buffer__poll until `total` records came.
void bench_libbpf_poll(struct bench_libbpf *ring, uint64_t total);

// MARK: A hand-written C encoder of remote write 1.0

// The prepared labels of a series: the bytes of `labels` fields. `__name__` goes behind the first `split` of them.
struct bench_labels {
    uint32_t split;
    uint32_t count;
    uint8_t bytes[];
};

struct bench_series {
    const struct bench_labels *labels;
    double value;
};

struct bench_family {
    const uint8_t *name; // the `labels` field of `__name__`
    size_t name_count;
    const uint8_t *metadata; // the `metadata` field
    size_t metadata_count;
    const struct bench_series *series;
    size_t count;
};

// Writes all series into `buffer`, request after request, and hands each to `request`. A request ends at `sample_limit` samples
// or `byte_limit` bytes. Returns the samples, or 0 if `capacity` is too small for a request.
size_t bench_encode(
    const struct bench_family *families, size_t family_count, int64_t timestamp, uint8_t *buffer, size_t capacity,
    size_t sample_limit, size_t byte_limit, void (*request)(void *context, const uint8_t *bytes, size_t count),
    void *context);

// MARK: Lines

// Counts the line feeds in the bytes of `file` between two offsets, by reads into `buffer`. Returns -errno if one fails.
int64_t bench_count_lines(int file, int64_t from, int64_t to, uint8_t *buffer, size_t size);

// CPU time of all threads of a process in nanoseconds, -1 if there is none.
int64_t bench_cpu_time(int process);

// MARK: Reads of many files

struct bench_reads;

// Buffers of `size` bytes and an io_uring with `files` registered. Returns NULL with errno set.
struct bench_reads *bench_reads_open(const int *files, unsigned count, size_t size);
void bench_reads_close(struct bench_reads *reads);

// Reads the bytes at `offset` of each file by pread(2), or in batches of 64 through io_uring. Returns the bytes, or -errno.
int64_t bench_reads_pread(struct bench_reads *reads, const int *files, unsigned count, int64_t offset);
int64_t bench_reads_ring(struct bench_reads *reads, unsigned count, int64_t offset);
