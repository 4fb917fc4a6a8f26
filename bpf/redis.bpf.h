/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Redis (redis.io, "Redis serialization protocol specification"). Counted are packets of whole commands that have one
 * answer each, and packets of whole answers, however many elements they have.
 */
#include "answers.bpf.h"

/* Of Redis in one packet: bytes, commands. */
#define MAX_COUNTED 4096
#define MAX_COMMANDS 64
#define BEFORE_SUBCOMMAND 2

/*
 * A packet's payload, and how far it was read. All of that lies in memory, not in registers: the verifier then knows nothing of
 * one step in the next, and so need not follow every way through them.
 */
struct scratch {
    __u32 busy;
    __u32 position;
    __u32 count;
    __u32 failed;
    __u32 arguments; /* of a command or an answer: elements that are still to come */
    __u32 is_inside; /* of a command: before its name, or BEFORE_SUBCOMMAND; of an answer: in a line */
    char bytes[MAX_COUNTED + 32];
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
 * The number after a type byte, of up to five digits, and its line end. `*value` is the number; returns the bytes of all of it, 0
 * if it is none.
 */
static __always_inline __u32 read_number(__u64 word, __u32 *value) {
    __u32 number = 0, size = 1, first = (__u32)(word >> 8 & 0xff) - '0', second = (__u32)(word >> 16 & 0xff) - '0';

    /* One digit or two, as most have. */
    if ((word >> 16 & 0xffff) == 0x0a0d) {
        *value = first;
        return first <= 9 ? 4 : 0;
    }
    if ((word >> 24 & 0xffff) == 0x0a0d) {
        *value = first * 10 + second;
        return first <= 9 && second <= 9 ? 5 : 0;
    }
    for (int digits = 0; digits < 5; digits++) {
        __u32 digit;
        word >>= 8;
        digit = (__u32)(word & 0xff) - '0';
        if (digit > 9) break;
        number = number * 10 + digit;
        size += 1;
    }
    if (size == 6) word >>= 8;
    *value = number;
    return size > 1 && (word & 0xffff) == 0x0a0d ? size + 2 : 0;
}

/* The letters of a constant, the first one lowest. */
static __always_inline __u64 letters(const char *text, __u32 length) {
    __u64 word = 0;
    for (__u32 index = 0; index < length; index++) word |= (__u64)text[index] << 8 * index;
    return word;
}
#define IS(text) (name == letters(text, sizeof(text) - 1))

/* The first `length` bytes in small letters; all of them if that is more than there are. */
static __always_inline __u64 name_of(__u64 word, __u32 length) {
    return (word | 0x2020202020202020ull) & (~0ull >> (64 - 8 * (length < 8 ? length | !length : 8)));
}

/* Commands with one answer: none that changes how others are answered, but for HELLO, whose protocol is read too. */
static __always_inline bool is_plain_command(__u64 name, __u32 length) {
    switch (length) {
    case 3: return IS("get") || IS("set") || IS("del") || IS("ttl");
    case 4:
        return IS("hget") || IS("hset") || IS("incr") || IS("decr") || IS("ping") || IS("mget") || IS("mset") || IS("sadd") ||
            IS("zadd") || IS("srem") || IS("zrem") || IS("hdel") || IS("hlen") || IS("llen") || IS("lpop") || IS("rpop") ||
            IS("xadd") || IS("xack") || IS("pttl") || IS("type") || IS("scan") || IS("exec") || IS("auth") || IS("info") ||
            IS("eval") || IS("echo") || IS("time");
    case 5:
        return IS("lpush") || IS("rpush") || IS("setex") || IS("setnx") || IS("hmget") || IS("hmset") || IS("lrem") ||
            IS("ltrim") || IS("zrank") || IS("zcard") || IS("scard") || IS("blpop") || IS("brpop") || IS("xread") ||
            IS("hkeys") || IS("hvals") || IS("hscan") || IS("sscan") || IS("zscan") || IS("multi") || IS("watch") ||
            IS("hello");
    case 6:
        return IS("exists") || IS("expire") || IS("incrby") || IS("decrby") || IS("unlink") || IS("lrange") || IS("zrange") ||
            IS("zscore") || IS("strlen") || IS("getset") || IS("psetex") || IS("lindex") || IS("hsetnx") || IS("select") ||
            IS("config") || IS("dbsize");
    case 7: return IS("hgetall") || IS("hexists") || IS("hincrby") || IS("zincrby") || IS("pexpire") || IS("evalsha") ||
            IS("publish") || IS("discard") || IS("unwatch");
    case 8: return IS("smembers");
    default: return false;
    }
}

/*
 * The beginning of a command up to its second argument, if it is as most are: less than ten elements, a plain name, a first argument
 * shorter than 100 bytes. Returns the bytes of it; 0 if it is not, and then nothing has changed.
 */
static __always_inline __u32 read_beginning(struct scratch *scratch, __u32 position) {
    __u64 word = *(__u64 *)(scratch->bytes + position);
    __u32 elements = (__u32)(word >> 8 & 0xff) - '0', length = (__u32)(word >> 40 & 0xff) - '0', number, size;

    /* "*n\r\n$n\r\n" */
    if ((word & 0xffff00ffffff00ffull) != 0x0a0d00240a0d002aull || elements - 1 > 8 || length - 1 > 8) return 0;
    if (!is_plain_command(name_of(*(__u64 *)(scratch->bytes + position + 8), length), length)) return 0;
    length += 10;
    scratch->count += 1;
    scratch->arguments = elements - 1;
    if (elements == 1) return length;
    asm volatile("" : "+r"(length));
    if (length > 20) return 0;
    word = *(__u64 *)(scratch->bytes + position + length);
    size = read_number(word, &number);
    if ((word & 0xff) != '$' || !size) return length;
    scratch->arguments -= 1;
    return length + size + number + 2;
}

/* One element of a command, or several; false if there is something else. */
static __always_inline bool read_command(struct scratch *scratch, __u32 position) {
    __u64 word = *(__u64 *)(scratch->bytes + position), name;
    __u32 number, size;

    if (!scratch->arguments && (size = read_beginning(scratch, position))) {
        scratch->position = position + size;
        return true;
    }
    size = read_number(word, &number);
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
        if (size != 4) return false;
        name = name_of(*(__u64 *)(scratch->bytes + position + 4), number);
        if (scratch->is_inside == BEFORE_SUBCOMMAND) {
            /* What libraries say of themselves. Others, as CLIENT REPLY, change how commands are answered. */
            if (number != 7 || !(IS("setinfo") || IS("setname"))) return false;
            scratch->is_inside = 0;
        } else if (number == 6 && IS("client")) {
            scratch->is_inside = BEFORE_SUBCOMMAND;
        } else {
            if (!is_plain_command(name, number)) return false;
            scratch->is_inside = 0;
        }
    }
    scratch->arguments -= 1;
    scratch->position = position + size + number + 2;
    return true;
}

/* One element of an answer, or a piece of it; false if it is anything else. */
static __always_inline bool read_reply(struct scratch *scratch, __u32 position) {
    __u64 word = *(__u64 *)(scratch->bytes + position), ends;
    __u32 type = word & 0xff, number, size;

    if (!scratch->is_inside) {
        if (scratch->arguments) {
            scratch->arguments -= 1;
        } else {
            scratch->count += 1;
            if (type == '-' || type == '!') scratch->failed += 1;
        }
        switch (type) {
        case '$':
        case '*':
        case '%':
        case '~':
        case '=':
        case '!':
            /* Null: $-1 */
            if ((word & 0xffffffff00ull) == 0x0a0d312d00ull && (type == '$' || type == '*')) {
                scratch->position = position + 5;
                return true;
            }
            size = read_number(word, &number);
            if (type == '*' || type == '%' || type == '~') {
                scratch->arguments += type == '%' ? 2 * number : number;
                scratch->position = position + size;
            } else {
                scratch->position = position + size + number + 2;
            }
            return size;
        case '+':
        case '-':
        case ':':
        case '_':
        case '#':
        case ',':
        case '(': break;
        default: return false;
        }
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

#define PING "*1\r\n$4\r\nPING\r\n"
#define PINGS PING PING PING PING PING PING PING PING
static const char redis_stand_in[MAX_COMMANDS * 14 + 1] = PINGS PINGS PINGS PINGS PINGS PINGS PINGS PINGS;

static __always_inline void redis_becomes_stream(struct flow *flow) {
    if (flow->pending_ns) emit_stand_in(flow, redis_stand_in, flow->pending_count * 14, MAX_COMMANDS * 14);
    flow->state = FLOW_STREAM;
    flow->pending_ns = 0;
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
        if (!flow->pending_count) flow->pending_ns = 0;
        return true;
    }
    if (flow->state == FLOW_REDIS) redis_becomes_stream(flow);
    return false;
}
