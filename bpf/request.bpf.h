/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is said on connections, taken from packets at the root of the cgroup2 tree, where every socket of every network
 * namespace passes, whatever system call it uses and however old it is.
 *
 * A segment goes to user space with the first bytes of it, numbered by its place in the stream. User space finds out what is
 * spoken and says so in `verdicts`; a connection of no known protocol is not examined any more. Repeats are passed over by
 * their sequence numbers.
 *
 * Plain HTTP/1 requests without a body, one at a time, are counted here and go nowhere: a request costs no record.
 * The first request that is anything else makes the connection a stream for good.
 *
 * Invariants: both programs let every packet pass; state that both directions write is written only while the other end
 * cannot speak (a request is sent before its answer comes).
 */
#include "common.h"

#define MAX_CAPTURE 16384
/* Segments of a connection about which user space has not said anything, although it had the time; and those that it may
   have to look at before it had. A fast client asks a thousand times before the ring is drained once. */
#define MAX_UNDECIDED 1024
#define MAX_UNHEARD 65536
/* That time, in units of 2^20 ns, about a millisecond. */
#define TIME_TO_DECIDE 3000
/* Segments after which a verdict is looked for, and between two looks later. */
#define FIRST_LOOK 4
#define LATER_LOOKS 64
/* Bytes of a request that are searched for its end. */
#define MAX_SIMPLE 1024
#define SCAN_BYTES 128

enum flow_state {
    FLOW_NEW = 0,
    FLOW_HTTP = 1,
    FLOW_STREAM = 2,
    FLOW_IGNORED = 3,
};

/* Bytes that were overtaken by later ones, and may still come, by TCP sequence numbers; none if both are the same. */
struct flow_hole {
    __u32 start;
    __u32 end;
};

#define MAX_HOLES 4

/* One direction of a connection, by TCP sequence numbers. */
struct flow_direction {
    __u32 base; /* of the first byte that was seen */
    __u32 next; /* of the byte after the last one */
    __u32 started;
    __u32 holes_begun;
    struct flow_hole holes[MAX_HOLES];
};

struct http_counters {
    __u64 duration_ns;
    __u32 statuses[5];
    __u32 unanswered;
    __u32 buckets[MARTLET_LATENCY_BOUNDS + 1];
};

struct flow {
    __u64 id;
    __u64 cgroup;
    __u64 memory_cgroup;
    __u64 pending_ns; /* when the one request began that waits for its answer; 0 if none does */
    __u32 pending_bytes;
    __u32 pending_offset;
    __u32 pid;
    __u16 state;
    __u16 is_outbound;
    __u32 segments;
    __u32 began; /* when the first segment went to user space, in units of 2^20 ns */
    struct flow_direction directions[2]; /* received, sent */
    struct http_counters counters;
    struct http_counters reported; /* how much of them was handed over */
};

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct flow);
} flows SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, __u64);
    __type(value, __u32);
} verdicts SEC(".maps");

struct packet {
    __u32 payload; /* offset from the network header */
    __u32 length;  /* of the payload */
    __u32 sequence;
    __u8 protocol;
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
    struct __sk_buff *skb, struct flow *flow, __u32 payload, __u32 length, __u32 captured, __u32 offset, bool sent,
    __u64 now, const __u32 room) {
    struct martlet_segment *record;
    __u32 shard = shard_of(flow->id);

    if (captured > room) return false;
    record = reserve_in(shard, sizeof(*record) + room, MARTLET_LOSS_SEGMENTS_FULL);
    if (!record) return true;
    fill_flow_header(&record->header, flow, MARTLET_SEGMENT, now);
    record->id = flow->id;
    record->offset = offset;
    record->length = length;
    record->captured = captured;
    record->flags = sent ? MARTLET_SEGMENT_SENT : 0;
    if (!is_within(captured, room) || bpf_skb_load_bytes(skb, payload, record->bytes, captured)) record->captured = 0;
    submit_in(shard, record);
    return true;
}

static __always_inline void emit(
    struct __sk_buff *skb, struct flow *flow, struct packet *packet, bool sent, __u32 skipped, __u64 now) {
    __u32 payload = packet->payload + skipped, length = packet->length - skipped;
    __u32 offset = packet->sequence + skipped - flow->directions[sent].base;
    __u32 captured = length < config.capture_bytes ? length : config.capture_bytes;

    if (emit_up_to(skb, flow, payload, length, captured, offset, sent, now, 64)) return;
    if (emit_up_to(skb, flow, payload, length, captured, offset, sent, now, 128)) return;
    if (emit_up_to(skb, flow, payload, length, captured, offset, sent, now, 256)) return;
    if (emit_up_to(skb, flow, payload, length, captured, offset, sent, now, 512)) return;
    if (emit_up_to(skb, flow, payload, length, captured, offset, sent, now, 1024)) return;
    if (emit_up_to(skb, flow, payload, length, captured, offset, sent, now, 4096)) return;
    emit_up_to(skb, flow, payload, length, captured, offset, sent, now, MAX_CAPTURE);
}

/* Bytes of `word` that are the byte repeated in `pattern`: 0x80 in each of them. */
static __always_inline __u64 bytes_equal(__u64 word, __u64 pattern) {
    const __u64 low = 0x7f7f7f7f7f7f7f7full;
    __u64 difference = word ^ pattern;
    return ~(((difference & low) + low) | difference | low);
}

struct scan {
    __u64 carry; /* of the last word: 0x80 if its last byte was LF */
    __u64 ends;  /* empty lines so far */
};

/*
 * Looks for empty lines in the `count` bytes at `offset` of the packet; `at`: whereabouts in the payload that is. A function of
 * its own: the verifier need not know what it may find. Not 0 if it cannot be read.
 */
__noinline int scan_piece(struct __sk_buff *skb, __u32 offset, __u32 at, __u32 count, struct scan *scan) {
    __u64 words[SCAN_BYTES / 8] = {};

    if (!scan || !is_within(count, SCAN_BYTES) || bpf_skb_load_bytes(skb, offset, words, count)) return 1;
    if (at == 0) {
        bool is_get = (words[0] & 0xffffffff) == 0x20544547;            /* "GET " */
        bool is_head = (words[0] & 0xffffffffffull) == 0x2044414548ull; /* "HEAD " */
        if (!is_get && !is_head) return 1;
    }
    for (__u32 index = 0; index < SCAN_BYTES / 8; index++) {
        __u64 feeds, returns, pairs;
        if (index * 8 >= count) break;
        /* LF before CR: only an empty line has that. */
        feeds = bytes_equal(words[index], 0x0a0a0a0a0a0a0a0aull);
        returns = bytes_equal(words[index], 0x0d0d0d0d0d0d0d0dull);
        pairs = (feeds << 8 | scan->carry) & returns;
        scan->carry = feeds >> 56;
        /* Their number, without a branch: the verifier follows every one. */
        scan->ends += (pairs >> 7) * 0x0101010101010101ull >> 56;
    }
    return 0;
}

/*
 * Whether the payload is one request line and header section, whole, of a method that has no body: it begins with GET or
 * HEAD, and the only empty line in it is its end.
 */
static __always_inline bool is_simple_request(struct __sk_buff *skb, __u32 payload, __u32 length) {
    struct scan scan = {};
    __u32 last = 0;

    if (length < 16 || length > MAX_SIMPLE) return false;
    /* Or the compiler takes the loop's bound away. */
    asm volatile("" : "+r"(length));
    for (__u32 at = 0; at < MAX_SIMPLE; at += SCAN_BYTES) {
        __u32 count = length - at;
        if (at >= length) break;
        if (count > SCAN_BYTES) count = SCAN_BYTES;
        if (scan_piece(skb, payload + at, at, count, &scan)) return false;
    }
    if (scan.ends != 1 || bpf_skb_load_bytes(skb, payload + length - 4, &last, sizeof(last))) return false;
    return last == 0x0a0d0a0d;
}

static const __u32 latency_bounds_us[MARTLET_LATENCY_BOUNDS] = {
    5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
};

static __always_inline void count_answer(struct flow *flow, __u32 class, __u64 now) {
    __u64 duration = now > flow->pending_ns ? now - flow->pending_ns : 0;
    __u32 bucket = 0;

    for (__u32 index = 0; index < MARTLET_LATENCY_BOUNDS; index++)
        if (duration > latency_bounds_us[index] * 1000ull) bucket = index + 1;
    if (class > 4 || bucket > MARTLET_LATENCY_BOUNDS) return;
    flow->counters.statuses[class] += 1;
    flow->counters.buckets[bucket] += 1;
    flow->counters.duration_ns += duration;
    flow->pending_ns = 0;
}

/* What user space is told of a request that was counted on here, so that it finds its answer; it asked for no texts. */
static const char stand_in[] = "GET / HTTP/1.1\r\n\r\n";

static __always_inline void become_stream(struct flow *flow) {
    struct martlet_segment *record;
    __u32 shard = shard_of(flow->id);

    flow->state = FLOW_STREAM;
    if (!flow->pending_ns) return;
    record = reserve_in(shard, sizeof(*record) + 24, MARTLET_LOSS_SEGMENTS_FULL);
    if (record) {
        fill_flow_header(&record->header, flow, MARTLET_SEGMENT, flow->pending_ns);
        record->id = flow->id;
        record->offset = flow->pending_offset;
        record->length = flow->pending_bytes;
        record->captured = sizeof(stand_in) - 1;
        record->flags = MARTLET_SEGMENT_STAND_IN | (flow->is_outbound ? MARTLET_SEGMENT_SENT : 0);
        __builtin_memcpy(record->bytes, stand_in, sizeof(stand_in));
        submit_in(shard, record);
    }
    flow->pending_ns = 0;
}

/* Whether the packet was dealt with here; otherwise it is a segment for user space. */
static __always_inline bool count_http(
    struct __sk_buff *skb, struct flow *flow, struct packet *packet, bool sent, __u32 skipped, __u64 now) {
    bool is_request = sent == flow->is_outbound;
    __u32 first[3], class;

    if (is_request) {
        if (!flow->pending_ns && !skipped && is_simple_request(skb, packet->payload, packet->length)) {
            flow->state = FLOW_HTTP;
            flow->pending_ns = now;
            flow->pending_bytes = packet->length;
            flow->pending_offset = packet->sequence - flow->directions[sent].base;
            return true;
        }
        if (flow->state == FLOW_HTTP) become_stream(flow);
        return false;
    }
    if (flow->state != FLOW_HTTP) return false;
    /* The body of an answer. */
    if (!flow->pending_ns) return true;
    if (!skipped && packet->length >= 12 && !bpf_skb_load_bytes(skb, packet->payload, first, 12) &&
        first[0] == 0x50545448 && (first[1] & 0xffffff) == 0x2e312f /* "HTTP/1." */) {
        __u32 status = first[2]; /* " 200" */
        class = ((status >> 8) & 0xff) - '1';
        /* Interim answers are followed by the final one, except when the protocol changes. */
        if (class == 0 && (status >> 8) != 0x313031 /* "101" */) return true;
        if (class <= 4) {
            count_answer(flow, class, now);
            if (class == 0) flow->state = FLOW_IGNORED;
            return true;
        }
    }
    become_stream(flow);
    return false;
}

static __always_inline void open_hole(struct flow_direction *direction, __u32 start, __u32 end) {
    __u32 index = direction->holes_begun++ % MAX_HOLES;

    direction->holes[index].start = start;
    direction->holes[index].end = end;
}

/*
 * Closes what of [start, end) is in holes. Returns from where to where that reaches, which may take in what was seen
 * before: a segment that is sent again often brings its neighbours along.
 */
static __always_inline bool fill_holes(struct flow_direction *direction, __u32 start, __u32 end, __u32 *from, __u32 *to) {
    bool found = false;

    for (int index = 0; index < MAX_HOLES; index++) {
        struct flow_hole *hole = &direction->holes[index];
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
            if (high != hole_end) open_hole(direction, high, hole_end);
        }
    }
    return found;
}

/*
 * `advance` where something begins, is missing or is repeated. A function of its own, which the verifier follows once: not
 * with all that may come after it.
 */
__noinline __u32 advance_elsewhere(struct flow_direction *direction, struct packet *packet) {
    __u32 sequence, length, from, to;
    __s32 ahead;
    bool is_filling;

    if (!direction || !packet) return 0;
    sequence = packet->sequence;
    length = packet->length;
    if (!direction->started) {
        direction->started = 1;
        direction->base = direction->next = sequence;
    }
    ahead = (__s32)(sequence - direction->next);
    if (ahead >= 0) {
        if (ahead > 0) open_hole(direction, direction->next, sequence);
        direction->next = sequence + length;
        return 0;
    }
    is_filling = direction->holes_begun && fill_holes(direction, sequence, sequence + length, &from, &to);
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
 * only fills holes is cut down to that.
 */
static __always_inline __u32 advance(struct flow_direction *direction, struct packet *packet) {
    if (!direction->started || direction->next != packet->sequence) return advance_elsewhere(direction, packet);
    direction->next += packet->length;
    return 0;
}

static __always_inline struct flow *begin_flow(struct bpf_sock *socket) {
    __u64 key = (__u64)bpf_skc_to_tcp_sock(socket);
    struct martlet_connection *known = key ? bpf_map_lookup_elem(&connections, &key) : NULL;
    struct flow *flow;

    if (!known || !known->established_ns) return NULL;
    flow = bpf_sk_storage_get(&flows, socket, 0, BPF_SK_STORAGE_GET_F_CREATE);
    if (!flow) return NULL;
    flow->id = known->id;
    flow->cgroup = known->cgroup;
    flow->memory_cgroup = known->memory_cgroup;
    flow->pid = known->pid;
    flow->is_outbound = known->role == MARTLET_OUTBOUND;
    return flow;
}

static __always_inline void apply_verdict(struct flow *flow) {
    __u64 id = flow->id;
    __u32 *verdict = bpf_map_lookup_elem(&verdicts, &id);
    if (verdict) flow->state = *verdict == MARTLET_VERDICT_STREAM ? FLOW_STREAM : FLOW_IGNORED;
}

static __always_inline void examine_stream(struct __sk_buff *skb, struct bpf_sock *socket, struct packet *packet, bool sent) {
    struct flow *flow = bpf_sk_storage_get(&flows, socket, 0, 0);
    __u64 now;
    __u32 skipped;

    if (flow && flow->state == FLOW_IGNORED) return;
    if (!flow) flow = begin_flow(socket);
    if (!flow) return;
    skipped = advance(&flow->directions[sent], packet);
    if (skipped >= packet->length) return;
    now = bpf_ktime_get_ns();
    if (config.count_http && (flow->state == FLOW_HTTP || (flow->state == FLOW_NEW && flow->segments == 0)) &&
        count_http(skb, flow, packet, sent, skipped, now))
        return;
    if (flow->segments == 0 && is_tls_record(first_bytes(skb, packet))) {
        /* Its text comes from the TLS library, if from anywhere. */
        flow->state = FLOW_IGNORED;
        return;
    }
    if (flow->segments == 0) flow->began = now >> 20;
    flow->segments += 1;
    if (flow->state == FLOW_NEW ? flow->segments >= FIRST_LOOK : flow->segments % LATER_LOOKS == 0) apply_verdict(flow);
    if (flow->state == FLOW_NEW && flow->segments > MAX_UNDECIDED &&
        (flow->segments > MAX_UNHEARD || (__u32)(now >> 20) - flow->began > TIME_TO_DECIDE)) {
        count_loss(MARTLET_LOSS_UNEXAMINED);
        flow->state = FLOW_IGNORED;
    }
    if (flow->state != FLOW_IGNORED) emit(skb, flow, packet, sent, skipped, now);
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

    if (!socket) return 1;
    socket = bpf_sk_fullsock(socket);
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
static __always_inline bool take_counters(struct flow *flow, struct martlet_http_counts *row, __u32 unanswered) {
    __u32 total = 0;

    fill_flow_header(&row->header, flow, MARTLET_HTTP_COUNTS, bpf_ktime_get_ns());
    row->id = flow->id;
    row->is_outbound = flow->is_outbound;
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
    row->_reserved = 0;
    return total || unanswered;
}

/* Attached before the program that reports the end of the connection, so that this comes first. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(request_closed, struct sock *socket, int old, int new) {
    struct martlet_http_counts *event;
    struct flow *flow;
    __u32 shard;

    if (new != TCP_CLOSE || old == TCP_LISTEN) return 0;
    flow = bpf_sk_storage_get(&flows, socket, 0, 0);
    /* A stream may have begun as one that was counted here. */
    if (!flow || (flow->state == FLOW_STREAM && !flow->counters.duration_ns)) return 0;
    shard = shard_of(flow->id);
    event = reserve_in(shard, sizeof(*event), MARTLET_LOSS_RING_FULL);
    if (!event) return 0;
    if (take_counters(flow, event, flow->pending_ns != 0))
        submit_in(shard, event);
    else
        bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
    flow->pending_ns = 0;
    return 0;
}

/* Requests counted on connections that are still open. */
SEC("iter/bpf_sk_storage_map")
int sample_requests(struct bpf_iter__bpf_sk_storage_map *context) {
    struct flow *flow = context->value;
    struct martlet_http_counts row = {};

    if (!context->sk || !flow) return 0;
    if (take_counters(flow, &row, 0)) bpf_seq_write(context->meta->seq, &row, sizeof(row));
    return 0;
}
