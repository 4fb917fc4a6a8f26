/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How much is taken of a segment, from packets or from a TLS library.
 *
 * Its beginning and its end are enough where it holds one message; where many share it, all of it is needed, and nobody here
 * knows which. So long segments are taken whole as long as that is cheap: bulk transfers use up their allowance and are passed
 * over from then on, but for the ends.
 */
#ifndef MARTLET_CAPTURE_BPF_H
#define MARTLET_CAPTURE_BPF_H

#include "common.h"

#define MAX_CAPTURE 16384

/* The largest segment that a device makes (64 KiB) goes into so many records. */
#define WHOLE_PIECES 4
#define LONGEST_PIECE (MAX_CAPTURE + MARTLET_TAIL_BYTES)

/*
 * Bytes of long segments that are taken whole, per connection and per CPU: at most so many at once, and so many more in each unit
 * of 2^20 ns (16 MiB/s, 64 MiB/s). A connection of which nobody knows yet what it speaks has no more than those at once, and half
 * of the CPU's is kept for the others.
 */
#define WHOLE_BURST (1 << 20)
#define WHOLE_RATE (16 << 10)
#define WHOLE_CPU_BURST (4 << 20)
#define WHOLE_CPU_RATE (64 << 10)

/* What user space found a connection (martlet_endpoints.id) to be: enum martlet_verdict. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, __u64);
    __type(value, __u32);
} verdicts SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct martlet_allowance);
} cpu_allowance SEC(".maps");

static __always_inline bool has_allowance(
    struct martlet_allowance *allowance, __u32 length, __u32 time, __u32 rate, __u32 burst) {
    __u32 passed = time - allowance->time;

    if (passed) {
        allowance->time = time;
        allowance->used = passed >= burst / rate || allowance->used < passed * rate ? 0 : allowance->used - passed * rate;
    }
    return allowance->used + length <= burst;
}

/* Whether a long segment of connection `id` is taken whole; not while the consumer is behind. */
static __always_inline bool take_allowance(
    struct martlet_allowance *own, bool is_known, __u64 id, __u32 length, __u64 now) {
    __u32 key = 0, time = now >> 20, shard = shard_of(id);
    struct martlet_allowance *cpu = bpf_map_lookup_elem(&cpu_allowance, &key);
    void *ring;

    if (!cpu || length > WHOLE_PIECES * LONGEST_PIECE) return false;
    if (is_known ? !has_allowance(own, length, time, WHOLE_RATE, WHOLE_BURST) : own->used + length > WHOLE_BURST)
        return false;
    if (!has_allowance(cpu, length, time, WHOLE_CPU_RATE, WHOLE_CPU_BURST)) return false;
    if (!is_known && cpu->used + length > WHOLE_CPU_BURST / 2) return false;
    ring = bpf_map_lookup_elem(&rings, &shard);
    /* Half full, or more. */
    if (!ring || bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) > 2 * config.wake_bytes) return false;
    own->used += length;
    cpu->used += length;
    return true;
}

#endif
