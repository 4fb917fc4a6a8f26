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

/* Room for one record, or NULL with the loss counted. The ring is returned for submit(). */
static __always_inline void *reserve(__u64 size) {
    __u32 shard = current_shard();
    void *ring = bpf_map_lookup_elem(&rings, &shard);
    void *record = ring ? bpf_ringbuf_reserve(ring, size, 0) : NULL;
    if (!record) count_loss(MARTLET_LOSS_RING_FULL);
    return record;
}

/* A wake-up costs the traced CPU microseconds, so the consumer polls; only a ring that fills up wakes it. */
static __always_inline __u64 wake_flag(void *ring) {
    return bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) >= config.wake_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline void submit(void *record) {
    __u32 shard = current_shard();
    void *ring = bpf_map_lookup_elem(&rings, &shard);
    bpf_ringbuf_submit(record, ring ? wake_flag(ring) : BPF_RB_FORCE_WAKEUP);
}

/* A record of variable length, copied. */
static __always_inline void output(void *record, __u64 size) {
    __u32 shard = current_shard();
    void *ring = bpf_map_lookup_elem(&rings, &shard);
    if (!ring || bpf_ringbuf_output(ring, record, size, wake_flag(ring))) count_loss(MARTLET_LOSS_RING_FULL);
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
