/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Requests that are counted in the kernel: plain HTTP/1 without a body, one at a time, packets of plain Redis commands, and
 * PostgreSQL. Each ends as a count by status and latency; the first packet that is anything else makes the connection a stream,
 * and what waits is told to user space by a stand-in.
 */
#include "http.bpf.h"
#include "redis.bpf.h"
#include "postgres.bpf.h"

/* What becomes of the packet; what user space is to read begins behind `*skipped` bytes. */
static __always_inline enum counting count(
    struct __sk_buff *skb, struct flow *flow, struct packet *packet, bool sent, __u32 *skipped, __u64 now) {
    unsigned char first = 0;

    if (flow->state == FLOW_HTTP) return count_http(skb, flow, packet, sent, *skipped, now);
    if (flow->state == FLOW_NEW) {
        /* An answer to nothing that was seen. */
        if (sent != flow->is_outbound || bpf_skb_load_bytes(skb, packet->payload, &first, 1)) return COUNTING_STREAM;
        if (config.draws) return count_http(skb, flow, packet, sent, *skipped, now);
        if (has_loop() && begins_postgres(first) && begin_postgres(skb, flow, packet, sent, *skipped, now))
            return COUNTING_DONE;
        if (first != '*' || !has_loop()) return count_http(skb, flow, packet, sent, *skipped, now);
    }
    if (!has_loop()) return COUNTING_STREAM;
    if (flow->state == FLOW_POSTGRES ? count_postgres(skb, flow, packet, sent, skipped, now)
                                     : count_redis(skb, flow, packet, sent, *skipped, now))
        return COUNTING_DONE;
    return COUNTING_STREAM;
}

/* The connection ends: what waits has been answered, as far as that can be. */
static __always_inline void settle(struct flow *flow) {
    if (flow->is_handed_over) flow->pending_ns = 0;
    if (flow->state == FLOW_POSTGRES) settle_postgres(flow);
}
