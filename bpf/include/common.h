/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Maps and helpers that every signal uses. */
#ifndef MARTLET_COMMON_H
#define MARTLET_COMMON_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "events.h"

/* Linux's PF_KTHREAD, include/linux/sched.h. */
#define TASK_IS_KERNEL_THREAD 0x00200000

#define MAX_SHARDS 16

/* volatile: the loader changes it after compilation. */
SEC(".rodata.config") const volatile struct martlet_config config = {.shards = 1};

struct ring {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 262144); /* the loader sets the real size */
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, MAX_SHARDS);
    __type(key, __u32);
    __array(values, struct ring);
} rings SEC(".maps");

/* Index: shard * MARTLET_LOSS_REASONS + reason. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, MAX_SHARDS * MARTLET_LOSS_REASONS);
    __type(key, __u32);
    __type(value, __u64);
} losses SEC(".maps");

static __always_inline __u32 current_shard(void) {
    return bpf_get_smp_processor_id() & (config.shards - 1) & (MAX_SHARDS - 1);
}

static __always_inline void count_loss(enum martlet_loss reason) {
    __u32 key = current_shard() * MARTLET_LOSS_REASONS + reason;
    __u64 *count = bpf_map_lookup_elem(&losses, &key);
    if (count) *count += 1; /* per CPU, and these programs do not nest on one CPU for one reason */
}

/*
 * Whether 1 <= count <= limit, said so that every verifier follows: of two comparisons the compiler makes one, of a number
 * derived from `count`, and older verifiers (6.1) do not carry over what that says, nor learn anything from `count != 0`.
 * `count` is a variable of 32 bits.
 */
#define is_within(count, limit)                             \
    ({                                                      \
        __u32 least = 1;                                    \
        bool result = false;                                \
        asm volatile("" : "+r"(count), "+r"(least));        \
        if ((count) <= (limit)) {                           \
            asm volatile("" : "+r"(count));                 \
            result = (count) >= least;                      \
        }                                                   \
        result;                                             \
    })

/* Room for one record, or NULL with the loss counted. */
static __always_inline void *reserve_in(__u32 shard, __u64 size, enum martlet_loss reason) {
    void *ring = bpf_map_lookup_elem(&rings, &shard);
    void *record = ring ? bpf_ringbuf_reserve(ring, size, 0) : NULL;
    if (!record) count_loss(reason);
    return record;
}

static __always_inline void *reserve(__u64 size) {
    return reserve_in(current_shard(), size, MARTLET_LOSS_RING_FULL);
}

/* By shard: where the consumer was when it was woken last, and 1: no position is odd. */
static __u64 woken[MAX_SHARDS];

/*
 * A wake-up costs the traced CPU microseconds, so the consumer polls; only a ring that fills up wakes it, once until it has
 * moved on: it may take a while until it gets a CPU, and records go on coming. Two CPUs may both wake it.
 */
static __always_inline __u64 wake_flag(void *ring, __u32 shard) {
    __u64 mark;

    if (bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) < config.wake_bytes) return BPF_RB_NO_WAKEUP;
    mark = bpf_ringbuf_query(ring, BPF_RB_CONS_POS) + 1;
    shard &= MAX_SHARDS - 1;
    if (woken[shard] == mark) return BPF_RB_NO_WAKEUP;
    woken[shard] = mark;
    return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void submit_in(__u32 shard, void *record) {
    void *ring = bpf_map_lookup_elem(&rings, &shard);
    bpf_ringbuf_submit(record, ring ? wake_flag(ring, shard) : BPF_RB_FORCE_WAKEUP);
}

static __always_inline void submit(void *record) { submit_in(current_shard(), record); }

/*
 * The shard of everything that concerns one connection (martlet_endpoints.id), so that its beginning, what is said on it and
 * its end are read in the order in which they happened, whatever CPUs they happened on.
 */
static __always_inline __u32 shard_of(__u64 id) {
    return (id * 0x9E3779B97F4A7C15ull >> 48) & (config.shards - 1) & (MAX_SHARDS - 1);
}

/* A record of variable length, copied. */
static __always_inline void output(void *record, __u64 size) {
    __u32 shard = current_shard();
    void *ring = bpf_map_lookup_elem(&rings, &shard);
    if (!ring || bpf_ringbuf_output(ring, record, size, wake_flag(ring, shard))) count_loss(MARTLET_LOSS_RING_FULL);
}

/*
 * Since Linux 5.12 a program that is running on a CPU does not run there a second time (__bpf_trace_run() in
 * kernel/trace/bpf_trace.c). An interrupt, or, since tracepoints can be preempted, another task on that CPU is then passed
 * over. So a second program, "..._again", is attached after each one that this can happen to, and makes up for what the first
 * missed; both are seldom busy at once. martlet_program_misses_total counts for each how often it was.
 *
 * How the second one knows: the first leaves a mark for the task in which the event happens, the second takes it away.
 */
struct occurrence {
    __u64 task;
    __u64 type;
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 4096);
    __type(key, struct occurrence);
    __type(value, __u8);
} handled SEC(".maps");

static __always_inline bool handled_before(enum martlet_event_type type, bool again) {
    struct occurrence key = {bpf_get_current_pid_tgid(), type};
    __u8 mark = 1;

    if (again) return bpf_map_delete_elem(&handled, &key) == 0;
    bpf_map_update_elem(&handled, &key, &mark, BPF_ANY);
    return false;
}

static __always_inline __u64 cgroup_of_task(struct task_struct *task) {
    return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

static __always_inline __u64 memory_cgroup_of_task(struct task_struct *task) {
    struct css_set *set;
    struct cgroup_subsys_state *state = NULL;

    if (!config.memory_hierarchy || !bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id)) return 0;
    set = BPF_CORE_READ(task, cgroups);
    bpf_core_read(&state, sizeof(state), &set->subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)]);
    return state ? BPF_CORE_READ(state, cgroup, kn, id) : 0;
}

static __always_inline void fill_header(struct martlet_header *header, enum martlet_event_type type) {
    header->time_ns = bpf_ktime_get_ns();
    header->type = type;
}

static __always_inline void fill_task_header(
    struct martlet_header *header, enum martlet_event_type type, struct task_struct *task) {
    fill_header(header, type);
    header->pid = BPF_CORE_READ(task, tgid);
    header->cgroup = cgroup_of_task(task);
    header->memory_cgroup = memory_cgroup_of_task(task);
}

#endif
