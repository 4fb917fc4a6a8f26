/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What all protocols that are counted in the kernel have in common: requests that wait, counts by status and latency, and the
 * stand-in that tells user space of what waits when the first packet comes that cannot be counted here.
 */
#ifndef MARTLET_ANSWERS_H
#define MARTLET_ANSWERS_H

#include "flow.bpf.h"

/* What became of a packet. */
enum counting {
    COUNTING_DONE,      /* it is counted, or need not be */
    COUNTING_HAND_OVER, /* user space reads it, and only it: the next one is looked at here again */
    COUNTING_STREAM,    /* the connection is one for user space, from its first bytes on that were not counted */
};

/* Bytes of `word` that are the byte repeated in `pattern`: 0x80 in each of them. */
static __always_inline __u64 bytes_equal(__u64 word, __u64 pattern) {
    const __u64 low = 0x7f7f7f7f7f7f7f7full;
    __u64 difference = word ^ pattern;
    return ~(((difference & low) + low) | difference | low);
}

static const __u32 latency_bounds_us[MARTLET_LATENCY_BOUNDS] = {
    5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
};

/* `count` answers to what waits, begun `at`; `failed` of them are of class `bad`, the others of class `good`. */
static __always_inline void count_answers(
    struct flow *flow, __u32 count, __u32 good, __u32 failed, __u32 bad, __u64 at) {
    __u64 duration = at > flow->pending_ns ? at - flow->pending_ns : 0;
    __u32 bucket = 0;

    if (duration > latency_bounds_us[0] * 1000ull)
        for (__u32 index = 0; index < MARTLET_LATENCY_BOUNDS; index++)
            if (duration > latency_bounds_us[index] * 1000ull) bucket = index + 1;
    if (good > 4 || bad > 4 || bucket > MARTLET_LATENCY_BOUNDS) return;
    flow->counters.statuses[good] += count - failed;
    if (failed) flow->counters.statuses[bad] += failed;
    flow->counters.buckets[bucket] += count;
    flow->counters.duration_ns += duration * count;
    flow->pending_count -= count;
}

static __always_inline void expect(struct flow *flow, struct packet *packet, bool sent, __u32 count, __u64 now) {
    flow->pending_ns = now;
    flow->pending_count = count;
    flow->pending_bytes = packet->length;
    flow->pending_offset = packet->sequence - flow->directions[sent].base;
}

/*
 * A stand-in, so that user space finds the answers to requests that were counted on here: it asked for no texts. The record has
 * room for `room` bytes, a constant.
 */
static __always_inline void emit_stand_in(struct flow *flow, const char *bytes, __u32 captured, const __u32 room) {
    __u32 shard = shard_of(flow->id);
    struct martlet_segment *record = reserve_in(shard, sizeof(*record) + room, MARTLET_LOSS_SEGMENTS_FULL);

    if (!record) return;
    fill_flow_header(&record->header, flow, MARTLET_SEGMENT, flow->pending_ns);
    record->id = flow->id;
    record->offset = flow->pending_offset;
    record->length = flow->pending_bytes;
    record->captured = captured;
    record->flags = MARTLET_SEGMENT_STAND_IN | (config.draws ? MARTLET_SEGMENT_ANEW : 0) |
                    (flow->is_outbound ? MARTLET_SEGMENT_SENT : 0);
    record->counted = flow->counted;
    record->before = 0;
    __builtin_memcpy(record->bytes, bytes, room);
    submit_in(shard, record);
}

#endif
