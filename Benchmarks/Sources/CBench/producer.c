#define _GNU_SOURCE
#include "CBench.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct bench_producer {
    struct bpf_object *object;
    int program;
    int ring;
    // The producing thread.
    pthread_t thread;
    struct bench_pattern pattern;
    uint64_t total;
    uint32_t batch;
    int cpu;
    int result;
};

bool bench_pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int each = 0; each < CPU_SETSIZE; each++) {
        if (cpu < 0 || each == cpu) CPU_SET(each, &set);
    }
    return sched_setaffinity(0, sizeof(set), &set) == 0;
}

void bench_sleep(uint64_t ns) {
    struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    nanosleep(&time, NULL);
}

struct bench_producer *bench_producer_load(const void *object, size_t size, int ring, uint32_t capacity) {
    LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "bench");
    struct bench_producer *producer = calloc(1, sizeof(*producer));
    if (!producer) return NULL;
    producer->object = bpf_object__open_mem(object, size, &options);
    if (!producer->object) goto failed;
    struct bpf_map *map = bpf_object__find_map_by_name(producer->object, "ring");
    int result = ring >= 0 ? bpf_map__reuse_fd(map, ring) : bpf_map__set_max_entries(map, capacity);
    if (!result) result = bpf_object__load(producer->object);
    if (result) {
        bpf_object__close(producer->object);
        errno = -result;
        goto failed;
    }
    producer->program = bpf_program__fd(bpf_object__find_program_by_name(producer->object, "fill"));
    producer->ring = bpf_map__fd(map);
    return producer;
failed:
    free(producer);
    return NULL;
}

void bench_producer_unload(struct bench_producer *producer) {
    bpf_object__close(producer->object);
    free(producer);
}

int bench_producer_ring(const struct bench_producer *producer) { return producer->ring; }

int64_t bench_produce(
    struct bench_producer *producer, const struct bench_pattern *pattern, uint64_t first, uint32_t count) {
    uint64_t arguments[] = {count, first, pattern->sockets, pattern->containers, pattern->first_cgroup,
                            pattern->wakes ? 0 : BPF_RB_NO_WAKEUP};
    LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = arguments, .ctx_size_in = sizeof(arguments));
    int result = bpf_prog_test_run_opts(producer->program, &options);
    return result < 0 ? result : (int64_t)options.retval;
}

static void *run(void *argument) {
    struct bench_producer *producer = argument;
    uint64_t done = 0;
    bench_pin(producer->cpu);
    while (done < producer->total) {
        uint64_t left = producer->total - done;
        uint32_t count = left < producer->batch ? (uint32_t)left : producer->batch;
        int64_t written = bench_produce(producer, &producer->pattern, done, count);
        if (written < 0) {
            producer->result = (int)written;
            break;
        }
        if (!written) sched_yield();
        done += (uint64_t)written;
    }
    return NULL;
}

bool bench_producer_start(
    struct bench_producer *producer, const struct bench_pattern *pattern, uint64_t total, uint32_t batch, int cpu) {
    producer->pattern = *pattern;
    producer->total = total;
    producer->batch = batch;
    producer->cpu = cpu;
    producer->result = 0;
    return pthread_create(&producer->thread, NULL, run, producer) == 0;
}

int bench_producer_join(struct bench_producer *producer) {
    pthread_join(producer->thread, NULL);
    return producer->result;
}
