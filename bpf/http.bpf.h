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

static const char http_stand_in[24] = "GET / HTTP/1.1\r\n\r\n";
#define HTTP_STAND_IN_BYTES 18

static __always_inline void http_becomes_stream(struct flow *flow) {
    if (flow->pending_ns) emit_stand_in(flow, http_stand_in, HTTP_STAND_IN_BYTES, sizeof(http_stand_in));
    flow->state = FLOW_STREAM;
    flow->pending_ns = 0;
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
        if (flow->state == FLOW_HTTP) http_becomes_stream(flow);
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
            flow->pending_ns = 0;
            if (class == 0) flow->state = FLOW_IGNORED;
            return true;
        }
    }
    http_becomes_stream(flow);
    return false;
}
