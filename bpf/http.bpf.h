/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Plain HTTP/1 without a body, one request at a time. */
#include "answers.bpf.h"

/* Bytes of a request that are searched for its end. */
#define MAX_SIMPLE 1024
#define SCAN_BYTES 128
struct scan {
    __u64 carry;     /* of the last word: 0x80 if its last byte was LF */
    __u64 ends;      /* empty lines so far */
    __u64 last;      /* word, zeros behind the end */
    __u64 second_last;
    __u64 contexts;  /* not 0: a field may name a trace */
};

/* Where `word`, after `before`, ends the beginning of a field whose name begins with "tr", "b3" or "x-b", in any case. */
static __always_inline __u64 names_trace(__u64 word, __u64 before) {
    const __u64 each = 0x0101010101010101ull, lower = 0x20 * each;
    __u64 one = word << 8 | before >> 56, two = word << 16 | before >> 48, three = word << 24 | before >> 40;
    __u64 begins = bytes_equal(two, '\n' * each), last = word | lower;

    return (begins & bytes_equal(one | lower, 't' * each) & bytes_equal(last, 'r' * each)) |
           (begins & bytes_equal(one | lower, 'b' * each) & bytes_equal(last, '3' * each)) |
           (bytes_equal(three, '\n' * each) & bytes_equal(two | lower, 'x' * each) & bytes_equal(one, '-' * each) &
            bytes_equal(last, 'b' * each));
}

/*
 * Looks for empty lines in the `count` bytes at `offset` of the packet; `at`: whereabouts in the payload that is. A function of
 * its own: the verifier need not know what it may find. Not 0 if it cannot be read.
 */
__noinline int scan_piece(struct __sk_buff *skb, __u32 offset, __u32 at, __u32 count, struct scan *scan) {
    __u64 words[SCAN_BYTES / 8] = {}, carry, ends, last, second_last, contexts = 0;

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
        if (config.draws) contexts |= names_trace(last, second_last);
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
    scan->contexts |= contexts;
    return 0;
}

/*
 * Whether the payload is one request line and header section, whole, of a method that has no body: it begins with GET or
 * HEAD, and the only empty line in it is its end.
 */
static __always_inline bool is_simple_request(
    struct __sk_buff *skb, __u32 payload, __u32 length, bool *may_name_trace) {
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
    *may_name_trace = scan.contexts;
    /* Of the last word: 8 to 64. Its bytes are moved up, and those of the word before it below them. */
    bits = ((length - 1) & 7) * 8 + 8;
    return (scan.last << (64 - bits) | scan.second_last >> bits / 2 >> bits / 2) >> 32 == 0x0a0d0a0d;
}

static const char http_stand_in[24] = "GET / HTTP/1.1\r\n\r\n";
#define HTTP_STAND_IN_BYTES 18

static __always_inline void http_becomes_stream(struct flow *flow, struct packet *packet) {
    if (!flow->pending_ns) {
        if (config.draws) packet->flags |= MARTLET_SEGMENT_ANEW;
    } else if (!flow->is_handed_over) {
        emit_stand_in(flow, http_stand_in, HTTP_STAND_IN_BYTES, sizeof(http_stand_in));
    }
    flow->state = FLOW_STREAM;
    flow->pending_ns = 0;
    flow->is_handed_over = 0;
}

/* Whether the sampling of traces wants a request: by its TCP sequence number, which both its ends see, mixed (MurmurHash3). */
static __always_inline bool is_drawn(struct packet *packet) {
    __u32 hash = packet->sequence;

    hash = (hash ^ hash >> 16) * 0x85ebca6b;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35;
    return (hash ^ hash >> 16) < config.drawn_below;
}

static __always_inline enum counting count_http(
    struct __sk_buff *skb, struct flow *flow, struct packet *packet, bool sent, __u32 skipped, __u64 now) {
    bool is_request = sent == flow->is_outbound, may_name_trace = false;
    __u32 first[3], class;

    if (is_request) {
        if (!flow->pending_ns && !skipped && !packet->before &&
            is_simple_request(skb, packet->payload, packet->length, &may_name_trace)) {
            flow->state = FLOW_HTTP;
            expect(flow, packet, sent, 1, now);
            if (!config.draws) return COUNTING_DONE;
            if (is_drawn(packet))
                packet->flags = MARTLET_SEGMENT_ALONE | MARTLET_SEGMENT_DRAWN;
            else if (may_name_trace)
                packet->flags = MARTLET_SEGMENT_ALONE;
            flow->is_handed_over = packet->flags != 0;
            return flow->is_handed_over ? COUNTING_HAND_OVER : COUNTING_DONE;
        }
        if (flow->state == FLOW_HTTP) http_becomes_stream(flow, packet);
        return COUNTING_STREAM;
    }
    if (flow->state != FLOW_HTTP) return COUNTING_STREAM;
    /* The body of an answer. */
    if (!flow->pending_ns) return COUNTING_DONE;
    if (!skipped && !packet->before && packet->length >= 12 && !bpf_skb_load_bytes(skb, packet->payload, first, 12) &&
        first[0] == 0x50545448 && (first[1] & 0xffffff) == 0x2e312f /* "HTTP/1." */) {
        __u32 status = first[2]; /* " 200" */
        class = ((status >> 8) & 0xff) - '1';
        /* Interim answers are followed by the final one, except when the protocol changes. */
        if (class == 0 && (status >> 8) != 0x313031 /* "101" */)
            return flow->is_handed_over ? COUNTING_HAND_OVER : COUNTING_DONE;
        if (class <= 4) {
            if (class == 0) flow->state = FLOW_IGNORED;
            if (!flow->is_handed_over) count_answers(flow, 1, class, 0, class, now);
            flow->pending_ns = 0;
            if (!flow->is_handed_over) return COUNTING_DONE;
            flow->is_handed_over = 0;
            return COUNTING_HAND_OVER;
        }
    }
    http_becomes_stream(flow, packet);
    return COUNTING_STREAM;
}
