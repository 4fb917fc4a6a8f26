/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Requests that are counted in the kernel: plain HTTP/1 without a body, one at a time, and packets of plain Redis commands. Each
 * ends as a count by status and latency; the first packet that is anything else makes the connection a stream, and what waits is
 * told to user space by a stand-in.
 */
#include "flow.bpf.h"

/* Bytes of a request that are searched for its end. */
#define MAX_SIMPLE 1024
#define SCAN_BYTES 128
/* Of Redis in one packet: bytes, commands. */
#define MAX_COUNTED 4096
#define MAX_COMMANDS 64

/* Bytes of `word` that are the byte repeated in `pattern`: 0x80 in each of them. */
static __always_inline __u64 bytes_equal(__u64 word, __u64 pattern) {
    const __u64 low = 0x7f7f7f7f7f7f7f7full;
    __u64 difference = word ^ pattern;
    return ~(((difference & low) + low) | difference | low);
}

struct scan {
    __u64 carry;     /* of the last word: 0x80 if its last byte was LF */
    __u64 ends;      /* empty lines so far */
    __u64 last;      /* word, zeros behind the end */
    __u64 second_last;
};

/*
 * Looks for empty lines in the `count` bytes at `offset` of the packet; `at`: whereabouts in the payload that is. A function of
 * its own: the verifier need not know what it may find. Not 0 if it cannot be read.
 */
__noinline int scan_piece(struct __sk_buff *skb, __u32 offset, __u32 at, __u32 count, struct scan *scan) {
    __u64 words[SCAN_BYTES / 8] = {}, carry, ends, last, second_last;

    if (!scan || !is_within(count, SCAN_BYTES) || bpf_skb_load_bytes(skb, offset, words, count)) return 1;
    if (at == 0) {
        bool is_get = (words[0] & 0xffffffff) == 0x20544547;            /* "GET " */
        bool is_head = (words[0] & 0xffffffffffull) == 0x2044414548ull; /* "HEAD " */
        if (!is_get && !is_head) return 1;
    }
    carry = scan->carry;
    ends = scan->ends;
    last = scan->last;
    second_last = scan->second_last;
    for (__u32 index = 0; index < SCAN_BYTES / 8; index++) {
        __u64 feeds, returns, pairs;
        if (index * 8 >= count) break;
        second_last = last;
        last = words[index];
        /* LF before CR: only an empty line has that. */
        feeds = bytes_equal(last, 0x0a0a0a0a0a0a0a0aull);
        returns = bytes_equal(last, 0x0d0d0d0d0d0d0d0dull);
        pairs = (feeds << 8 | carry) & returns;
        carry = feeds >> 56;
        /* Their number, without a branch: the verifier follows every one. */
        ends += (pairs >> 7) * 0x0101010101010101ull >> 56;
    }
    scan->carry = carry;
    scan->ends = ends;
    scan->last = last;
    scan->second_last = second_last;
    return 0;
}

/*
 * Whether the payload is one request line and header section, whole, of a method that has no body: it begins with GET or
 * HEAD, and the only empty line in it is its end.
 */
static __always_inline bool is_simple_request(struct __sk_buff *skb, __u32 payload, __u32 length) {
    struct scan scan = {};
    __u32 bits;

    if (length < 16 || length > MAX_SIMPLE) return false;
    /* Or the compiler takes the loop's bound away. */
    asm volatile("" : "+r"(length));
    for (__u32 at = 0; at < MAX_SIMPLE; at += SCAN_BYTES) {
        __u32 count = length - at;
        if (at >= length) break;
        if (count > SCAN_BYTES) count = SCAN_BYTES;
        if (scan_piece(skb, payload + at, at, count, &scan)) return false;
    }
    if (scan.ends != 1) return false;
    /* Of the last word: 8 to 64. Its bytes are moved up, and those of the word before it below them. */
    bits = ((length - 1) & 7) * 8 + 8;
    return (scan.last << (64 - bits) | scan.second_last >> bits / 2 >> bits / 2) >> 32 == 0x0a0d0a0d;
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
