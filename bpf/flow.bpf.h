/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The two directions of a connection at the packet level: its state in the socket, what a packet carries, which of its bytes are
 * new by their sequence numbers, and the record that takes them to user space. What is decided about them stands in
 * request.bpf.h.
 */
#include "capture.bpf.h"

enum flow_state {
    FLOW_NEW = 0,
    FLOW_HTTP = 1,
    FLOW_STREAM = 2,
    FLOW_IGNORED = 3,
    FLOW_REDIS = 4,
    FLOW_POSTGRES = 5,
};

/* Bytes that were overtaken by later ones, and may still come, by TCP sequence numbers; none if both are the same. */
struct flow_hole {
    __u32 start;
    __u32 end;
};

#define MAX_HOLES 4

/* One direction of a connection, by TCP sequence numbers. */
struct flow_direction {
    __u32 base; /* of the first byte that was seen, or that has to come */
    __u32 next; /* of the byte after the last one */
    __u16 started;
    __u16 holes_begun;
};

struct http_counters {
    __u64 duration_ns;
    __u32 statuses[5];
    __u32 unanswered;
    __u32 buckets[MARTLET_LATENCY_BOUNDS + 1];
};

/* How far one direction was read, from message to message. Only packets of that direction change it. */
struct postgres_side {
    __u32 next;       /* bytes of the next packet before the next message */
    __u32 kept_count; /* of that message's header, if the last packet ended in it */
    unsigned char kept[8];
};

/* Of a connection that speaks PostgreSQL, and is counted in the kernel. */
struct postgres {
    __u64 answer_ns; /* when the answer to the oldest request began; 0 before */
    struct postgres_side sides[2]; /* received, sent */
    __u32 flags;
    __u32 _reserved;
};

/* The first 56 bytes are what every packet needs: with the map's own 8 bytes before them, a cache line. */
struct flow {
    __u64 pending_ns; /* when the one request began that waits for its answer; 0 if none does */
    __u32 pending_bytes;
    __u32 pending_offset;
    struct flow_direction directions[2]; /* received, sent */
    __u16 state;
    __u8 is_outbound;
    __u8 counted; /* enum martlet_counted */
    __u32 segments;
    __u32 pending_count; /* of requests that wait: several if they came in one packet */
    __u32 busy; /* a CPU reads a packet that was received */
    __u32 is_handed_over; /* the one that waits: user space counts it */
    struct http_counters counters;
    struct http_counters reported; /* how much of them was handed over */
    __u64 id;
    __u64 cgroup;
    __u64 memory_cgroup;
    __u32 pid;
    __u32 began; /* when the first segment went to user space, in units of 2^20 ns */
    struct flow_hole holes[2][MAX_HOLES];
    struct postgres postgres;
    struct martlet_allowance whole;
};

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct flow);
} flows SEC(".maps");

struct packet {
    __u32 payload; /* offset from the network header */
    __u32 length;  /* of the payload */
    __u32 sequence;
    __u32 before; /* bytes right before it that were not seen and may still come */
    __u8 protocol;
    __u8 flags; /* MARTLET_SEGMENT_ALONE, _DRAWN, _ANEW */
};

/* Whether it is one that carries something. */
static __always_inline bool parse(struct __sk_buff *skb, struct packet *packet) {
    void *data = (void *)(long)skb->data;
    void *end = (void *)(long)skb->data_end;
    __u32 offset;

    if (skb->protocol == __builtin_bswap16(ETH_P_IP)) {
        struct iphdr *ip = data;
        if ((void *)(ip + 1) > end) return false;
        packet->protocol = ip->protocol;
        offset = (ip->ihl_version & 15) * 4;
        if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP) return false;
        /* More fragments, or not the first one. */
        if (ip->frag_off & __builtin_bswap16(0x3fff)) {
            count_loss(MARTLET_LOSS_FRAGMENTS);
            return false;
        }
    } else if (skb->protocol == __builtin_bswap16(ETH_P_IPV6)) {
        struct ipv6hdr *ip = data;
        if ((void *)(ip + 1) > end) return false;
        packet->protocol = ip->nexthdr;
        offset = sizeof(*ip);
        if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP) return false;
    } else {
        return false;
    }
    if (packet->protocol == IPPROTO_TCP) {
        struct tcphdr *tcp = data + offset;
        if ((void *)(tcp + 1) > end) return false;
        packet->sequence = __builtin_bswap32(tcp->seq);
        offset += (tcp->data_offset >> 4) * 4;
    } else {
        offset += sizeof(struct udphdr);
    }
    if (skb->len <= offset) return false;
    packet->payload = offset;
    packet->length = skb->len - offset;
    return true;
}

/* The payload's first bytes as a number, the first one lowest; 0 where there are fewer. */
static __always_inline __u64 first_bytes(struct __sk_buff *skb, struct packet *packet) {
    __u64 bytes = 0;
    if (packet->length < sizeof(bytes) || bpf_skb_load_bytes(skb, packet->payload, &bytes, sizeof(bytes))) return 0;
    return bytes;
}

/* RFC 8446, section 5.1: type 20 to 23, version 3.0 to 3.4, at most 2^14 + 256 bytes. */
static __always_inline bool is_tls_record(__u64 first) {
    __u32 type = first & 0xff, minor = first >> 16 & 0xff, size = (first >> 24 & 0xff) << 8 | (first >> 32 & 0xff);
    return type >= 20 && type <= 23 && (first >> 8 & 0xff) == 3 && minor <= 4 && size <= 16640;
}

static __always_inline void fill_flow_header(
    struct martlet_header *header, struct flow *flow, enum martlet_event_type type, __u64 now) {
    header->time_ns = now;
    header->type = type;
    header->cgroup = flow->cgroup;
    header->memory_cgroup = flow->memory_cgroup;
    header->pid = flow->pid;
}

/* The record with room for `room` bytes, a constant; false if more is to be captured. */
static __always_inline bool emit_up_to(
    struct __sk_buff *skb, struct flow *flow, struct packet *packet, __u32 skipped, __u32 captured, bool sent, __u64 now,
    const __u32 room) {
    struct martlet_segment *record;
    __u32 shard = shard_of(flow->id);

    if (captured > room) return false;
    record = reserve_in(shard, sizeof(*record) + room, MARTLET_LOSS_SEGMENTS_FULL);
    if (!record) return true;
    fill_flow_header(&record->header, flow, MARTLET_SEGMENT, now);
    record->id = flow->id;
    record->offset = packet->sequence + skipped - flow->directions[sent].base;
    record->length = packet->length - skipped;
    record->captured = captured;
    record->flags = packet->flags | (sent ? MARTLET_SEGMENT_SENT : 0);
    record->before = packet->before;
    if (!is_within(captured, room) || bpf_skb_load_bytes(skb, packet->payload + skipped, record->bytes, captured))
        record->captured = 0;
    submit_in(shard, record);
    return true;
}

/* The same for a segment of which only the beginning, `captured` bytes, and the end are taken. */
static __always_inline bool emit_ends_up_to(
    struct __sk_buff *skb, struct flow *flow, struct packet *packet, __u32 skipped, __u32 captured, bool sent, __u64 now,
    const __u32 room) {
    struct martlet_segment *record;
    __u32 shard = shard_of(flow->id);

    if (captured > room) return false;
    record = reserve_in(shard, sizeof(*record) + MARTLET_TAIL_BYTES + room, MARTLET_LOSS_SEGMENTS_FULL);
    if (!record) return true;
    fill_flow_header(&record->header, flow, MARTLET_SEGMENT, now);
    record->id = flow->id;
    record->offset = packet->sequence + skipped - flow->directions[sent].base;
    record->length = packet->length - skipped;
    record->captured = captured + MARTLET_TAIL_BYTES;
    record->flags = packet->flags | MARTLET_SEGMENT_ENDS | (sent ? MARTLET_SEGMENT_SENT : 0);
    record->before = packet->before;
    if (bpf_skb_load_bytes(
            skb, packet->payload + packet->length - MARTLET_TAIL_BYTES, record->bytes, MARTLET_TAIL_BYTES) ||
        !is_within(captured, room) ||
        bpf_skb_load_bytes(skb, packet->payload + skipped, record->bytes + MARTLET_TAIL_BYTES, captured))
        record->captured = 0;
    submit_in(shard, record);
    return true;
}

/* All of a segment, in as many records as it takes. A function of its own, which the verifier follows once. */
__noinline int emit_whole(struct __sk_buff *skb, struct flow *flow, struct packet *packet, __u32 sent, __u64 now) {
    struct packet piece;
    __u32 rest;

    if (!flow || !packet) return 0;
    sent &= 1;
    piece = *packet;
    rest = packet->length;
    for (int index = 0; index < WHOLE_PIECES && rest; index++) {
        piece.length = rest < LONGEST_PIECE ? rest : LONGEST_PIECE;
        if (!emit_up_to(skb, flow, &piece, 0, piece.length, sent, now, 4096 + MARTLET_TAIL_BYTES))
            emit_up_to(skb, flow, &piece, 0, piece.length, sent, now, LONGEST_PIECE);
        rest -= piece.length;
        piece.payload += piece.length;
        piece.sequence += piece.length;
        piece.before = 0;
        piece.flags = 0;
    }
    return 0;
}

static __always_inline void emit(
    struct __sk_buff *skb, struct flow *flow, struct packet *packet, bool sent, __u32 skipped, __u64 now) {
    __u32 length = packet->length - skipped, captured = config.capture_bytes;

    if (length > captured + MARTLET_TAIL_BYTES) {
        if (take_allowance(&flow->whole, flow->state == FLOW_STREAM, flow->id, length, now)) {
            packet->payload += skipped;
            packet->sequence += skipped;
            packet->length = length;
            emit_whole(skb, flow, packet, sent, now);
            return;
        }
        if (emit_ends_up_to(skb, flow, packet, skipped, captured, sent, now, 256)) return;
        if (emit_ends_up_to(skb, flow, packet, skipped, captured, sent, now, 1024)) return;
        if (emit_ends_up_to(skb, flow, packet, skipped, captured, sent, now, 4096)) return;
        emit_ends_up_to(skb, flow, packet, skipped, captured, sent, now, MAX_CAPTURE);
        return;
    }
    captured = length;
    if (emit_up_to(skb, flow, packet, skipped, captured, sent, now, 64)) return;
    if (emit_up_to(skb, flow, packet, skipped, captured, sent, now, 128)) return;
    if (emit_up_to(skb, flow, packet, skipped, captured, sent, now, 256)) return;
    if (emit_up_to(skb, flow, packet, skipped, captured, sent, now, 512)) return;
    if (emit_up_to(skb, flow, packet, skipped, captured, sent, now, 1024 + MARTLET_TAIL_BYTES)) return;
    if (emit_up_to(skb, flow, packet, skipped, captured, sent, now, 4096 + MARTLET_TAIL_BYTES)) return;
    emit_up_to(skb, flow, packet, skipped, captured, sent, now, LONGEST_PIECE);
}

/* When the packet was sent, which TCP has noted already, or received: now. */
static __always_inline __u64 moment(struct __sk_buff *skb, bool sent) {
    __u64 noted = sent ? skb->tstamp : 0;
    return noted ? noted : bpf_ktime_get_ns();
}

/* Whether there is bpf_loop: since Linux 5.17. */
static __always_inline bool has_loop(void) { return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop); }

struct attempt {
    struct flow *flow;
    __u64 is_claimed;
};

static int try_claim(__u32 step, struct attempt *attempt) {
    if (*(volatile __u32 *)&attempt->flow->busy || __sync_lock_test_and_set(&attempt->flow->busy, 1)) return 0;
    return attempt->is_claimed = 1;
}

/*
 * Attempts before a packet is given up: about a millisecond, some times what the longest packet takes to be read. Where there is
 * no bpf_loop, nothing is counted here that takes long.
 */
#define MAX_ATTEMPTS (1 << 16)
#define FEW_ATTEMPTS 512

/* A function of its own, which the verifier follows once. */
__noinline int claim_when_free(struct flow *flow) {
    struct attempt attempt = {flow, 0};

    if (!flow) return 0;
    if (has_loop())
        bpf_loop(MAX_ATTEMPTS, try_claim, &attempt, 0);
    else
        for (__u32 step = 0; step < FEW_ATTEMPTS && !try_claim(step, &attempt); step++) {
        }
    return attempt.is_claimed;
}

/*
 * A socket's lock is not held yet where a packet is received: two of them may be read at a time, if their sender moves from
 * one CPU to another. False if the other CPU does not come to an end.
 */
static __always_inline bool claim(struct flow *flow) {
    return !__sync_lock_test_and_set(&flow->busy, 1) || claim_when_free(flow);
}

/* What was written before is seen before this: on x86 a store says that by itself, and costs less than an exchange. */
static __always_inline void release(struct flow *flow) {
#ifdef __TARGET_ARCH_x86
    asm volatile("" ::: "memory");
    *(volatile __u32 *)&flow->busy = 0;
#else
    __sync_lock_test_and_set(&flow->busy, 0);
#endif
}

static __always_inline void open_hole(struct flow *flow, bool sent, __u32 start, __u32 end) {
    __u32 index = flow->directions[sent].holes_begun++ % MAX_HOLES;

    if (flow->holes[sent][index].start != flow->holes[sent][index].end) count_loss(MARTLET_LOSS_HOLES);
    flow->holes[sent][index].start = start;
    flow->holes[sent][index].end = end;
}

/*
 * Closes what of [start, end) is in holes. Returns from where to where that reaches, which may take in what was seen
 * before: a segment that is sent again often brings its neighbours along.
 */
static __always_inline bool fill_holes(struct flow *flow, bool sent, __u32 start, __u32 end, __u32 *from, __u32 *to) {
    bool found = false;

    for (int index = 0; index < MAX_HOLES; index++) {
        struct flow_hole *hole = &flow->holes[sent][index];
        __u32 low = (__s32)(start - hole->start) > 0 ? start : hole->start;
        __u32 high = (__s32)(end - hole->end) < 0 ? end : hole->end;
        __u32 hole_end = hole->end;

        if ((__s32)(high - low) <= 0) continue;
        if (!found || (__s32)(low - *from) < 0) *from = low;
        if (!found || (__s32)(high - *to) > 0) *to = high;
        found = true;
        if (low == hole->start) {
            hole->start = high;
        } else {
            hole->end = low;
            if (high != hole_end) open_hole(flow, sent, high, hole_end);
        }
    }
    return found;
}

/*
 * `advance` where something begins, is missing or is repeated. A function of its own, which the verifier follows once: not
 * with all that may come after it.
 */
__noinline __u32 advance_elsewhere(struct flow *flow, struct packet *packet, __u32 sent) {
    struct flow_direction *direction;
    __u32 sequence, length, from, to;
    __s32 ahead;
    bool is_filling;

    if (!flow || !packet) return 0;
    sent &= 1;
    direction = &flow->directions[sent];
    sequence = packet->sequence;
    length = packet->length;
    if (!direction->started) {
        direction->started = 1;
        direction->base = direction->next = sequence;
    }
    ahead = (__s32)(sequence - direction->next);
    if (ahead >= 0) {
        direction->next = sequence + length;
        if (ahead > 0) open_hole(flow, sent, sequence - ahead, sequence);
        packet->before = ahead;
        return 0;
    }
    is_filling = fill_holes(flow, sent, sequence, sequence + length, &from, &to);
    if ((__u32)-ahead >= length) {
        if (!is_filling) return length;
        packet->length = to - sequence;
        return from - sequence;
    }
    direction->next = sequence + length;
    return is_filling ? from - sequence : (__u32)-ahead;
}

/*
 * Follows the sequence numbers. Returns how many of the packet's first bytes were seen before; all of them for a repeat. What
 * only fills holes is cut down to that. `packet->before` says how many bytes were overtaken.
 */
static __always_inline __u32 advance(struct flow *flow, struct packet *packet, bool sent) {
    struct flow_direction *direction = &flow->directions[sent];

    if (!direction->started || direction->next != packet->sequence) return advance_elsewhere(flow, packet, sent);
    direction->next += packet->length;
    return 0;
}
