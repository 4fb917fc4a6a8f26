/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is said on connections, taken from packets at the root of the cgroup2 tree, where every socket of every network
 * namespace passes, whatever system call it uses and however old it is.
 *
 * A segment goes to user space with the first bytes of it, numbered by its place in the stream. User space finds out what is
 * spoken and says so in `verdicts`; a connection of no known protocol is not examined any more. Repeats are passed over by
 * their sequence numbers.
 *
 * Plain HTTP/1 requests without a body, one at a time, and packets of plain Redis commands are counted here and go nowhere: a
 * request costs no record. The first packet that is anything else makes the connection a stream for good.
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
/* Of Redis in one packet: bytes, commands. */
#define MAX_COUNTED 4096
#define MAX_COMMANDS 64

enum flow_state {
    FLOW_NEW = 0,
    FLOW_HTTP = 1,
    FLOW_STREAM = 2,
    FLOW_IGNORED = 3,
    FLOW_REDIS = 4,
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
    __u32 started;
    __u32 holes_begun;
};

struct http_counters {
    __u64 duration_ns;
    __u32 statuses[5];
    __u32 unanswered;
    __u32 buckets[MARTLET_LATENCY_BOUNDS + 1];
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
    __u32 _reserved;
    struct http_counters counters;
    struct http_counters reported; /* how much of them was handed over */
    __u64 id;
    __u64 cgroup;
    __u64 memory_cgroup;
    __u32 pid;
    __u32 began; /* when the first segment went to user space, in units of 2^20 ns */
    struct flow_hole holes[2][MAX_HOLES];
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
    __u32 before; /* bytes right before it that were not seen and may still come */
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
    record->flags = sent ? MARTLET_SEGMENT_SENT : 0;
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
    record->flags = MARTLET_SEGMENT_ENDS | (sent ? MARTLET_SEGMENT_SENT : 0);
    record->before = packet->before;
    if (bpf_skb_load_bytes(
            skb, packet->payload + packet->length - MARTLET_TAIL_BYTES, record->bytes, MARTLET_TAIL_BYTES) ||
        !is_within(captured, room) ||
        bpf_skb_load_bytes(skb, packet->payload + skipped, record->bytes + MARTLET_TAIL_BYTES, captured))
        record->captured = 0;
    submit_in(shard, record);
    return true;
}

static __always_inline void emit(
    struct __sk_buff *skb, struct flow *flow, struct packet *packet, bool sent, __u32 skipped, __u64 now) {
    __u32 length = packet->length - skipped, captured = config.capture_bytes;

    if (length > captured + MARTLET_TAIL_BYTES) {
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
    emit_up_to(skb, flow, packet, skipped, captured, sent, now, MAX_CAPTURE + MARTLET_TAIL_BYTES);
}

/* When the packet was sent, which TCP has noted already, or received: now. */
static __always_inline __u64 moment(struct __sk_buff *skb, bool sent) {
    __u64 noted = sent ? skb->tstamp : 0;
    return noted ? noted : bpf_ktime_get_ns();
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

/* `count` answers to what waits, `failed` of them of class `bad`, the others of class `good`. */
static __always_inline void count_answers(
    struct flow *flow, __u32 count, __u32 good, __u32 failed, __u32 bad, __u64 now) {
    __u64 duration = now > flow->pending_ns ? now - flow->pending_ns : 0;
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
    if (!flow->pending_count) flow->pending_ns = 0;
}

/* What user space is told of requests that were counted on here, so that it finds their answers; it asked for no texts. */
static const char http_stand_in[24] = "GET / HTTP/1.1\r\n\r\n";
#define HTTP_STAND_IN_BYTES 18
#define PING "*1\r\n$4\r\nPING\r\n"
#define PINGS PING PING PING PING PING PING PING PING
static const char redis_stand_in[MAX_COMMANDS * 14 + 1] = PINGS PINGS PINGS PINGS PINGS PINGS PINGS PINGS;

/* The record with room for `room` bytes, a constant. */
static __always_inline void emit_stand_in(struct flow *flow, const char *bytes, __u32 captured, const __u32 room) {
    __u32 shard = shard_of(flow->id);
    struct martlet_segment *record = reserve_in(shard, sizeof(*record) + room, MARTLET_LOSS_SEGMENTS_FULL);

    if (!record) return;
    fill_flow_header(&record->header, flow, MARTLET_SEGMENT, flow->pending_ns);
    record->id = flow->id;
    record->offset = flow->pending_offset;
    record->length = flow->pending_bytes;
    record->captured = captured;
    record->flags = MARTLET_SEGMENT_STAND_IN | (flow->is_outbound ? MARTLET_SEGMENT_SENT : 0);
    record->before = 0;
    __builtin_memcpy(record->bytes, bytes, room);
    submit_in(shard, record);
}

static __always_inline void become_stream(struct flow *flow) {
    if (flow->pending_ns) {
        if (flow->state == FLOW_HTTP)
            emit_stand_in(flow, http_stand_in, HTTP_STAND_IN_BYTES, sizeof(http_stand_in));
        else
            emit_stand_in(flow, redis_stand_in, flow->pending_count * 14, MAX_COMMANDS * 14);
    }
    flow->state = FLOW_STREAM;
    flow->pending_ns = 0;
}

static __always_inline void expect(struct flow *flow, struct packet *packet, bool sent, __u32 count, __u64 now) {
    flow->pending_ns = now;
    flow->pending_count = count;
    flow->pending_bytes = packet->length;
    flow->pending_offset = packet->sequence - flow->directions[sent].base;
}

/* Whether the packet was dealt with here; otherwise it is a segment for user space. */
static __always_inline bool count_http(
    struct __sk_buff *skb, struct flow *flow, struct packet *packet, bool sent, __u32 skipped, __u64 now) {
    bool is_request = sent == flow->is_outbound;
    __u32 first[3], class;

    if (is_request) {
        if (!flow->pending_ns && !skipped && !packet->before && is_simple_request(skb, packet->payload, packet->length)) {
            flow->state = FLOW_HTTP;
            expect(flow, packet, sent, 1, now);
            return true;
        }
        if (flow->state == FLOW_HTTP) become_stream(flow);
        return false;
    }
    if (flow->state != FLOW_HTTP) return false;
    /* The body of an answer. */
    if (!flow->pending_ns) return true;
    if (!skipped && !packet->before && packet->length >= 12 && !bpf_skb_load_bytes(skb, packet->payload, first, 12) &&
        first[0] == 0x50545448 && (first[1] & 0xffffff) == 0x2e312f /* "HTTP/1." */) {
        __u32 status = first[2]; /* " 200" */
        class = ((status >> 8) & 0xff) - '1';
        /* Interim answers are followed by the final one, except when the protocol changes. */
        if (class == 0 && (status >> 8) != 0x313031 /* "101" */) return true;
        if (class <= 4) {
            count_answers(flow, 1, class, 0, class, now);
            if (class == 0) flow->state = FLOW_IGNORED;
            return true;
        }
    }
    become_stream(flow);
    return false;
}

/*
 * Redis (redis.io, "Redis serialization protocol specification"). Counted are packets of whole commands that have an answer of
 * one element each, and packets of whole answers.
 */

/*
 * A packet's payload, and how far it was read. All of that lies in memory, not in registers: the verifier then knows nothing of
 * one step in the next, and so need not follow every way through them.
 */
struct scratch {
    __u32 busy;
    __u32 position;
    __u32 count;
    __u32 failed;
    __u32 arguments;
    __u32 is_inside; /* of a command: before its name; of an answer: in a line */
    char bytes[MAX_COUNTED + 16];
};

/* Several for each CPU: a program may be interrupted by itself. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 4);
    __type(key, __u32);
    __type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch *borrow_scratch(void) {
    for (__u32 index = 0; index < 4; index++) {
        __u32 key = index;
        struct scratch *scratch = bpf_map_lookup_elem(&scratches, &key);
        if (scratch && !__sync_lock_test_and_set(&scratch->busy, 1)) return scratch;
    }
    return NULL;
}

/*
 * The number after a type byte, of up to three digits, and its line end. `*value` is the number; returns the bytes of all of it, 0
 * if it is none.
 */
static __always_inline __u32 read_number(__u64 word, __u32 *value) {
    __u32 number = 0, size = 1;

    for (int digits = 0; digits < 3; digits++) {
        __u32 digit;
        word >>= 8;
        digit = (__u32)(word & 0xff) - '0';
        if (digit > 9) break;
        number = number * 10 + digit;
        size += 1;
    }
    if (size == 4) word >>= 8;
    *value = number;
    return size > 1 && (word & 0xffff) == 0x0a0d ? size + 2 : 0;
}

/* Of the commands with one element for an answer the ones that are asked most: none that changes how others are answered. */
static __always_inline bool is_plain_command(__u64 name, __u32 length) {
    name = (name | 0x2020202020202020ull) & (~0ull >> (64 - 8 * (length & 7)));
    switch (length) {
    case 3: return name == 0x746567 /* get */ || name == 0x746573 /* set */ || name == 0x6c6564 /* del */ ||
            name == 0x6c7474 /* ttl */;
    case 4: return name == 0x67657468 /* hget */ || name == 0x74657368 /* hset */ || name == 0x72636e69 /* incr */ ||
            name == 0x72636564 /* decr */ || name == 0x676e6970 /* ping */ || name == 0x64646173 /* sadd */ ||
            name == 0x6464617a /* zadd */ || name == 0x6d657273 /* srem */ || name == 0x6c656468 /* hdel */;
    case 5: return name == 0x6873756c70 /* lpush */ || name == 0x6873757072 /* rpush */ || name == 0x7865746573 /* setex */ ||
            name == 0x786e746573 /* setnx */;
    case 6: return name == 0x737473697865 /* exists */ || name == 0x657269707865 /* expire */ ||
            name == 0x796272636e69 /* incrby */ || name == 0x6b6e696c6e75 /* unlink */;
    default: return false;
    }
}

/* One element of a command; false if there is something else. */
static __always_inline bool read_command(struct scratch *scratch, __u32 position) {
    __u64 word = *(__u64 *)(scratch->bytes + position);
    __u32 number, size = read_number(word, &number);

    if (!size) return false;
    if (!scratch->arguments) {
        if ((word & 0xff) != '*' || !number) return false;
        scratch->arguments = number;
        scratch->count += 1;
        scratch->is_inside = 1;
        scratch->position = position + size;
        return true;
    }
    if ((word & 0xff) != '$') return false;
    if (scratch->is_inside) {
        /* A name has one digit's length: its header takes four bytes. */
        if (size != 4 || !is_plain_command(*(__u64 *)(scratch->bytes + position + 4), number)) return false;
        scratch->is_inside = 0;
    }
    scratch->arguments -= 1;
    scratch->position = position + size + number + 2;
    return true;
}

/* One answer, or a piece of it; false if it is anything else than one element. */
static __always_inline bool read_reply(struct scratch *scratch, __u32 position) {
    __u64 word = *(__u64 *)(scratch->bytes + position), ends;
    __u32 type = word & 0xff;

    if (!scratch->is_inside) {
        scratch->count += 1;
        if (type == '$') {
            __u32 number, size;
            if ((word & 0xffffffffffull) == 0x0a0d312d24ull /* $-1 */) {
                scratch->position = position + 5;
                return true;
            }
            size = read_number(word, &number);
            scratch->position = position + size + number + 2;
            return size;
        }
        if (type == '-')
            scratch->failed += 1;
        else if (type != '+' && type != ':')
            return false;
    }
    /* To the end of the line, eight bytes a step. */
    ends = bytes_equal(word, 0x0a0a0a0a0a0a0a0aull);
    if (ends) {
        /* The bytes before it, and itself: each is a lowest bit below the first mark. */
        ends = (ends & -ends) - 1;
        scratch->position = position + (__u32)((ends & 0x0101010101010101ull) * 0x0101010101010101ull >> 56);
        scratch->is_inside = 0;
    } else {
        scratch->position = position + 8;
        scratch->is_inside = 1;
    }
    return true;
}

struct walk {
    struct scratch *scratch;
    __u32 length;
    __u32 is_request;
    __u32 is_over;
};

static int read_element(__u32 step, struct walk *walk) {
    struct scratch *scratch = walk->scratch;
    __u32 position = *(volatile __u32 *)&scratch->position;

    if (position >= walk->length) return walk->is_over = 1;
    asm volatile("" : "+r"(position));
    if (position >= MAX_COUNTED) return 1;
    return walk->is_request ? !read_command(scratch, position) : !read_reply(scratch, position);
}

/* How many commands or answers the bytes are; 0 if they are anything else than whole plain ones. */
static __always_inline __u32 count_elements(struct scratch *scratch, __u32 length, bool is_request) {
    struct walk walk = {scratch, length, is_request, 0};

    scratch->position = scratch->count = scratch->failed = scratch->arguments = scratch->is_inside = 0;
    bpf_loop(MAX_COUNTED, read_element, &walk, 0);
    if (!walk.is_over || scratch->position != length || scratch->arguments || scratch->is_inside) return 0;
    return scratch->count;
}

/* Whether the packet was dealt with here; otherwise it is a segment for user space. */
static __always_inline bool count_redis(
    struct __sk_buff *skb, struct flow *flow, struct packet *packet, bool sent, __u32 skipped, __u64 now) {
    bool is_request = sent == flow->is_outbound;
    bool is_in_turn = is_request == !flow->pending_ns;
    __u32 count = 0, failed = 0, length = packet->length;
    struct scratch *scratch;

    if (is_in_turn && !skipped && !packet->before && length <= MAX_COUNTED && (scratch = borrow_scratch())) {
        if (is_within(length, MAX_COUNTED) && !bpf_skb_load_bytes(skb, packet->payload, scratch->bytes, length))
            count = count_elements(scratch, length, is_request);
        failed = scratch->failed;
        scratch->busy = 0;
    }
    if (count && is_request && count <= MAX_COMMANDS) {
        flow->state = FLOW_REDIS;
        flow->counted = MARTLET_COUNTED_REDIS;
        expect(flow, packet, sent, count, now);
        return true;
    }
    if (count && !is_request && count <= flow->pending_count) {
        count_answers(flow, count, 1, failed, 3, now);
        return true;
    }
    if (flow->state == FLOW_REDIS) become_stream(flow);
    return false;
}

/* Since Linux 5.17. */
static __always_inline bool counts_redis(void) {
    return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop);
}

/* The same, of whatever protocol. */
static __always_inline bool count(
    struct __sk_buff *skb, struct flow *flow, struct packet *packet, bool sent, __u32 skipped, __u64 now) {
    char first = 0;

    if (flow->state == FLOW_HTTP) return count_http(skb, flow, packet, sent, skipped, now);
    if (flow->state == FLOW_NEW) {
        /* An answer to nothing that was seen. */
        if (sent != flow->is_outbound || bpf_skb_load_bytes(skb, packet->payload, &first, 1)) return false;
        if (first != '*' || !counts_redis()) return count_http(skb, flow, packet, sent, skipped, now);
    }
    return counts_redis() && count_redis(skb, flow, packet, sent, skipped, now);
}

static __always_inline void open_hole(struct flow *flow, bool sent, __u32 start, __u32 end) {
    __u32 index = flow->directions[sent].holes_begun++ % MAX_HOLES;

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
    is_filling = direction->holes_begun && fill_holes(flow, sent, sequence, sequence + length, &from, &to);
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

static __always_inline struct flow *begin_flow(struct bpf_sock *socket) {
    struct tcp_sock *tcp = bpf_skc_to_tcp_sock(socket);
    __u64 key = (__u64)tcp;
    struct martlet_connection *known = tcp ? bpf_map_lookup_elem(&connections, &key) : NULL;
    struct flow *flow;

    if (!known || !known->established_ns) return NULL;
    flow = bpf_sk_storage_get(&flows, socket, 0, BPF_SK_STORAGE_GET_F_CREATE);
    if (!flow) return NULL;
    flow->id = known->id;
    flow->cgroup = known->cgroup;
    flow->memory_cgroup = known->memory_cgroup;
    flow->pid = known->pid;
    flow->is_outbound = known->role == MARTLET_OUTBOUND;
    /* The first packet that comes need not be the first one that was sent. */
    flow->directions[0].base = flow->directions[0].next = tcp->rcv_nxt;
    flow->directions[0].started = 1;
    return flow;
}

static __always_inline void apply_verdict(struct flow *flow) {
    __u64 id = flow->id;
    __u32 *verdict = bpf_map_lookup_elem(&verdicts, &id);
    if (verdict) flow->state = *verdict == MARTLET_VERDICT_STREAM ? FLOW_STREAM : FLOW_IGNORED;
}

static __always_inline void examine_stream(struct __sk_buff *skb, struct bpf_sock *socket, struct packet *packet, bool sent) {
    struct flow *flow = bpf_sk_storage_get(&flows, socket, 0, 0);
    __u64 now = 0;
    __u32 skipped;

    if (flow && flow->state == FLOW_IGNORED) return;
    if (!flow) flow = begin_flow(socket);
    if (!flow) return;
    skipped = advance(flow, packet, sent);
    if (skipped >= packet->length) return;
    if (config.count_http && flow->segments == 0 && flow->state != FLOW_STREAM) {
        /* The body of an answer: nothing to be read. */
        if (flow->state == FLOW_HTTP && !flow->pending_ns && sent != flow->is_outbound) return;
        now = moment(skb, sent);
        if (count(skb, flow, packet, sent, skipped, now)) return;
    }
    if (flow->segments == 0 && is_tls_record(first_bytes(skb, packet))) {
        /* Its text comes from the TLS library, if from anywhere. */
        flow->state = FLOW_IGNORED;
        return;
    }
    if (!now) now = moment(skb, sent);
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

static __always_inline void report_requests(struct sock *socket) {
    struct flow *flow = bpf_sk_storage_get(&flows, socket, 0, 0);
    struct martlet_http_counts *event;
    __u32 shard;

    /* A stream may have begun as one that was counted here. */
    if (!flow || (!flow->counters.duration_ns && !flow->pending_ns)) return;
    shard = shard_of(flow->id);
    event = reserve_in(shard, sizeof(*event), MARTLET_LOSS_RING_FULL);
    if (!event) return;
    if (take_counters(flow, event, flow->pending_ns ? flow->pending_count : 0))
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

    if (!context->sk || !flow) return 0;
    /* Its connection's own event may still be in the ring, and its end too: then that tells all. The id is a time. */
    if (((bpf_ktime_get_ns() << 10) - flow->id) >> 10 < 1000000000ull) return 0;
    if (take_counters(flow, &row, 0)) bpf_seq_write(context->meta->seq, &row, sizeof(row));
    return 0;
}
