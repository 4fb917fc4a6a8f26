/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is said on connections, taken from packets at the root of the cgroup2 tree, where every socket of every network
 * namespace passes, whatever system call it uses and however old it is.
 *
 * A segment goes to user space with the first bytes of it, numbered by its place in the stream. User space finds out what is
 * spoken and says so in `verdicts`; a connection of no known protocol is not examined any more. Repeats are passed over by
 * their sequence numbers.
 *
 * Plain HTTP/1 requests without a body, one at a time, packets of plain Redis commands, and PostgreSQL are counted here and go
 * nowhere: a request costs no record. The first packet that is anything else makes the connection a stream for good.
 *
 * Invariants: both programs let every packet pass; one packet of a direction is read at a time; state that both directions write
 * is written only while the other end cannot speak (a request is sent before its answer comes).
 */
#include "count.bpf.h"

/* Segments of a connection about which user space has not said anything, although it had the time; and those that it may
   have to look at before it had. A fast client asks a thousand times before the ring is drained once. */
#define MAX_UNDECIDED 1024
#define MAX_UNHEARD 65536
/* That time, in units of 2^20 ns, about a millisecond. */
#define TIME_TO_DECIDE 3000
/* Segments after which a verdict is looked for, and between two looks later. */
#define FIRST_LOOK 4
/* RFC 9113, section 3.4: "PRI * HT". No other protocol begins so, and all of this one is wanted. */
#define HTTP2_PREFACE 0x5448202a20495250ull
#define LATER_LOOKS 64

/* NULL if the connection is not known. */
static __always_inline struct flow *begin_flow(struct bpf_sock *socket) {
    struct tcp_sock *tcp = bpf_skc_to_tcp_sock(socket);
    __u64 key = (__u64)tcp;
    struct martlet_connection *known = tcp ? bpf_map_lookup_elem(&connections, &key) : NULL;
    struct flow *flow;

    if (!known || !known->established_ns) return NULL;
    flow = bpf_sk_storage_get(&flows, socket, 0, BPF_SK_STORAGE_GET_F_CREATE);
    /* Another packet may have begun it just now. */
    if (!flow || flow->id) return flow;
    flow->cgroup = known->cgroup;
    flow->memory_cgroup = known->memory_cgroup;
    flow->pid = known->pid;
    flow->is_outbound = known->role == MARTLET_OUTBOUND;
    /* The first packet that comes need not be the first one that was sent. */
    flow->directions[0].base = flow->directions[0].next = tcp->rcv_nxt;
    flow->directions[0].started = 1;
    flow->id = known->id;
    return flow;
}

static __always_inline void apply_verdict(struct flow *flow) {
    __u64 id = flow->id;
    __u32 *verdict = bpf_map_lookup_elem(&verdicts, &id);
    if (verdict) flow->state = *verdict == MARTLET_VERDICT_STREAM ? FLOW_STREAM : FLOW_IGNORED;
}

/* Whether a segment of a stream goes to user space. */
static __always_inline bool is_wanted(struct __sk_buff *skb, struct flow *flow, struct packet *packet, __u64 now) {
    if (flow->segments == 0) {
        __u64 first = first_bytes(skb, packet);
        if (is_tls_record(first)) {
            /* Its text comes from the TLS library, if from anywhere. */
            flow->state = FLOW_IGNORED;
            return false;
        }
        if (first == HTTP2_PREFACE) flow->state = FLOW_STREAM;
        flow->began = now >> 20;
    }
    flow->segments += 1;
    if (flow->state == FLOW_NEW ? flow->segments >= FIRST_LOOK : flow->segments % LATER_LOOKS == 0) apply_verdict(flow);
    if (flow->state == FLOW_NEW && flow->segments > MAX_UNDECIDED &&
        (flow->segments > MAX_UNHEARD || (__u32)(now >> 20) - flow->began > TIME_TO_DECIDE)) {
        count_loss(MARTLET_LOSS_UNEXAMINED);
        flow->state = FLOW_IGNORED;
    }
    return flow->state != FLOW_IGNORED;
}

static __always_inline void examine_segment(struct __sk_buff *skb, struct flow *flow, struct packet *packet, bool sent) {
    enum counting counting = COUNTING_STREAM;
    __u64 now = 0;
    __u32 skipped = advance(flow, packet, sent);

    if (skipped >= packet->length) return;
    if (config.count_http && flow->segments == 0 && flow->state != FLOW_STREAM) {
        /* The body of an answer: nothing to be read. */
        if (flow->state == FLOW_HTTP && !flow->pending_ns && sent != flow->is_outbound) return;
        now = moment(skb, sent);
        counting = count(skb, flow, packet, sent, &skipped, now);
        if (counting == COUNTING_DONE) return;
    }
    if (!now) now = moment(skb, sent);
    if (counting == COUNTING_HAND_OVER || is_wanted(skb, flow, packet, now)) emit(skb, flow, packet, sent, skipped, now);
}

static __always_inline void examine_stream(struct __sk_buff *skb, struct bpf_sock *socket, struct packet *packet, bool sent) {
    struct flow *flow = bpf_sk_storage_get(&flows, socket, 0, 0);

    if (flow && flow->state == FLOW_IGNORED) return;
    if (!flow) flow = begin_flow(socket);
    if (!flow) return;
    if (sent) {
        examine_segment(skb, flow, packet, true);
    } else if (claim(flow)) {
        examine_segment(skb, flow, packet, false);
        release(flow);
    } else {
        count_loss(MARTLET_LOSS_BUSY);
    }
}

/* RFC 1035, section 4.1.1: one question, an ordinary query; in a query no answers. */
static __always_inline bool looks_like_dns(const __u16 *header) {
    __u16 flags = __builtin_bswap16(header[1]);
    bool is_answer = flags & 0x8000;

    if ((flags & 0x7840) || __builtin_bswap16(header[2]) != 1) return false;
    if (__builtin_bswap16(header[5]) > 32) return false;
    if (!is_answer) return header[3] == 0 && header[4] == 0 && (flags & 15) == 0;
    return __builtin_bswap16(header[3]) <= 256 && __builtin_bswap16(header[4]) <= 64;
}

static __always_inline bool emit_datagram_up_to(
    struct __sk_buff *skb, struct bpf_sock *socket, struct packet *packet, bool sent, const __u32 room) {
    struct martlet_datagram *record;
    __u32 captured = packet->length;
    __u64 cookie = bpf_get_socket_cookie(skb);
    __u32 shard = shard_of(cookie);

    if (captured > room) return false;
    record = reserve_in(shard, sizeof(*record) + room, MARTLET_LOSS_SEGMENTS_FULL);
    if (!record) return true;
    fill_header(&record->header, MARTLET_DATAGRAM);
    record->header.cgroup = bpf_skb_cgroup_id(skb);
    record->header.memory_cgroup = 0;
    record->header.pid = 0;
    __builtin_memset(&record->ends, 0, sizeof(record->ends));
    record->ends.id = cookie;
    record->length = captured;
    record->captured = captured;
    record->flags = sent ? MARTLET_SEGMENT_SENT : 0;
    if (!is_within(captured, room) || bpf_skb_load_bytes(skb, packet->payload, record->bytes, captured))
        record->captured = 0;
    submit_in(shard, record);
    return true;
}

static __always_inline void examine_datagram(struct __sk_buff *skb, struct bpf_sock *socket, struct packet *packet, bool sent) {
    __u16 header[6];

    if (packet->length < 17 || packet->length > 4096) return;
    if (bpf_skb_load_bytes(skb, packet->payload, header, sizeof(header)) || !looks_like_dns(header)) return;
    if (emit_datagram_up_to(skb, socket, packet, sent, 64)) return;
    if (emit_datagram_up_to(skb, socket, packet, sent, 128)) return;
    if (emit_datagram_up_to(skb, socket, packet, sent, 512)) return;
    emit_datagram_up_to(skb, socket, packet, sent, 4096);
}

static __always_inline int examine(struct __sk_buff *skb, bool sent) {
    struct bpf_sock *socket = (struct bpf_sock *)(long)skb->sk;
    struct packet packet = {};

    if (!socket || !parse(skb, &packet)) return 1;
    if (packet.protocol == IPPROTO_TCP)
        examine_stream(skb, socket, &packet, sent);
    else
        examine_datagram(skb, socket, &packet, sent);
    return 1;
}

SEC("cgroup_skb/ingress")
int packet_received(struct __sk_buff *skb) { return examine(skb, false); }

SEC("cgroup_skb/egress")
int packet_sent(struct __sk_buff *skb) { return examine(skb, true); }

/* What the counters grew by since they were handed over last; false if that is nothing. */
static __always_inline bool take_counters(struct flow *flow, struct martlet_http_counts *row, __u32 unanswered, __u64 now) {
    __u32 total = 0;

    fill_flow_header(&row->header, flow, MARTLET_HTTP_COUNTS, now);
    row->id = flow->id;
    row->is_outbound = flow->is_outbound;
    row->counted = flow->counted;
    row->duration_ns = flow->counters.duration_ns - flow->reported.duration_ns;
    flow->reported.duration_ns += row->duration_ns;
    row->unanswered = unanswered;
    for (int index = 0; index < 5; index++) {
        row->statuses[index] = flow->counters.statuses[index] - flow->reported.statuses[index];
        flow->reported.statuses[index] += row->statuses[index];
        total += row->statuses[index];
    }
    for (int index = 0; index <= MARTLET_LATENCY_BOUNDS; index++) {
        row->buckets[index] = flow->counters.buckets[index] - flow->reported.buckets[index];
        flow->reported.buckets[index] += row->buckets[index];
    }
    return total || unanswered;
}

static __always_inline void report_requests(struct sock *socket, __u64 now) {
    struct flow *flow = bpf_sk_storage_get(&flows, socket, 0, 0);
    struct martlet_http_counts *event;
    __u32 shard;

    /* A stream may have begun as one that was counted here. */
    if (!flow || (!flow->counters.duration_ns && !flow->pending_ns)) return;
    settle(flow);
    shard = shard_of(flow->id);
    event = reserve_in(shard, sizeof(*event), MARTLET_LOSS_RING_FULL);
    if (!event) return;
    if (take_counters(flow, event, flow->pending_ns ? flow->pending_count : 0, now))
        submit_in(shard, event);
    else
        bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
    flow->pending_ns = 0;
}

/* Requests counted on connections that are still open. */
SEC("iter/bpf_sk_storage_map")
int sample_requests(struct bpf_iter__bpf_sk_storage_map *context) {
    struct flow *flow = context->value;
    struct martlet_http_counts row = {};
    __u64 now = bpf_ktime_get_ns();

    if (!context->sk || !flow) return 0;
    /* Its connection's own event may still be in the ring, and its end too: then that tells all. The id is a time. */
    if (((now << 10) - flow->id) >> 10 < 1000000000ull) return 0;
    if (take_counters(flow, &row, 0, now)) bpf_seq_write(context->meta->seq, &row, sizeof(row));
    return 0;
}
