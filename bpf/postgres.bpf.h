/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * PostgreSQL, frontend/backend protocol 3 (PostgreSQL documentation, "Frontend/Backend Protocol", "Message Formats"). Both
 * directions are followed from message to message, wherever packets are cut: of a message only the five bytes of its header are
 * read. What is a request, when it begins and when its answer does is what Sources/Protocols/Databases/PostgresParser.swift
 * says.
 *
 * One batch (a Query, or what a Sync ends) is under way at a time. A second one before the answer to the first is complete,
 * requests of one batch that begin in several packets, replication, and whatever is no message of the protocol make the
 * connection a stream, from that message on.
 *
 * Invariant: everything stands in the flow, not in registers, so that the verifier knows nothing of one message in the next.
 */
#include "answers.bpf.h"

/* Requests of one batch, and of one stand-in. */
#define MAX_EXECUTES 1024
#define STAND_IN_EXECUTES 64
/* More in one packet than any can have. */
#define MAX_MESSAGES 65536
#define MAX_MESSAGE_BYTES (1 << 26)

/* Bits of postgres.flags. The batch: */
#define BATCH_IS_QUERY 1   /* a Query or a FunctionCall */
#define BATCH_IS_ENDED 2   /* the client waits for ReadyForQuery */
#define BATCH_PARSES 4
#define BATCH_HAS_REQUEST 8
#define BATCH_BINDS 16     /* a Bind whose Execute is still to come */
#define BATCH_COPIES 32    /* to the server, which then takes no notice of Sync */
#define BATCH_IS_START_UP 64
/* Before the start-up: encryption was asked for; it was refused. */
#define ENCRYPTION_IS_ASKED 128
#define ENCRYPTION_IS_REFUSED 256

static __always_inline void begin_batch(struct flow *flow, __u32 flags, __u32 count, __u64 now) {
    flow->postgres.flags = flags;
    flow->postgres.answer_ns = 0;
    flow->pending_count = count;
    flow->pending_ns = now;
}

/* `count` requests, the oldest that wait, were answered. */
static __always_inline void finish(struct flow *flow, __u32 count, bool failed, __u64 now) {
    __u64 began = flow->postgres.answer_ns;

    if (!count) return;
    if (began && began != now) {
        count_answers(flow, 1, 1, failed, 3, began);
        count -= 1;
    }
    if (count) count_answers(flow, count, 1, failed ? count : 0, 3, now);
    flow->postgres.answer_ns = 0;
}

/* A request begins; false if others of its batch began in an earlier packet. */
static __always_inline bool begin_request(struct flow *flow, __u32 *flags, bool parse_is_begin, __u64 now) {
    bool is_first = !(*flags & BATCH_HAS_REQUEST);

    if (is_first && (!parse_is_begin || !(*flags & BATCH_PARSES))) {
        if ((*flags & BATCH_PARSES) && flow->pending_ns != now) return false;
        flow->pending_ns = now;
    }
    if (!is_first && flow->pending_ns != now) return false;
    *flags |= BATCH_HAS_REQUEST;
    return true;
}

/*
 * A message of the client; 0, and nothing is changed, if it cannot be counted. A function of its own, as some that follow, which
 * the verifier follows once.
 */
__noinline int take_request(struct flow *flow, __u32 type, __u32 size, __u64 now) {
    struct postgres *postgres;
    __u32 flags;

    if (!flow) return 0;
    postgres = &flow->postgres;
    flags = postgres->flags;
    switch (type) {
    case 'd':
    case 'c':
    case 'f': /* COPY */
    case 'H': /* Flush */
    case 'X': /* Terminate */
        return true;
    case 'p': return !!(flags & BATCH_IS_START_UP);
    case 'Q':
    case 'F':
        if (flow->pending_ns) return false;
        begin_batch(flow, BATCH_IS_QUERY | BATCH_IS_ENDED, 1, now);
        return true;
    case 'P':
    case 'B':
    case 'E':
    case 'D':
    case 'C':
    case 'S': break;
    default: return false;
    }
    if (type == 'S' && size != 4) return false;
    if (type == 'S' && flow->pending_ns && (flags & BATCH_COPIES)) return true;
    if (flow->pending_ns) {
        if (flags & BATCH_IS_ENDED) return false;
    } else {
        begin_batch(flow, 0, 0, now);
        flags = 0;
    }
    switch (type) {
    case 'P':
        if (!(flags & (BATCH_PARSES | BATCH_HAS_REQUEST))) flow->pending_ns = now;
        flags |= BATCH_PARSES;
        break;
    case 'B':
        if (!begin_request(flow, &flags, true, now)) return false;
        flags |= BATCH_BINDS;
        break;
    case 'E':
        if (flow->pending_count >= MAX_EXECUTES) return false;
        if (!(flags & BATCH_BINDS) && !begin_request(flow, &flags, false, now)) return false;
        flags &= ~BATCH_BINDS;
        flow->pending_count += 1;
        break;
    case 'S':
        /* A Parse alone is a request; a Bind without an Execute is none. */
        if ((flags & BATCH_PARSES) && !(flags & BATCH_HAS_REQUEST)) flow->pending_count = 1;
        if (!flow->pending_count) postgres->answer_ns = 0;
        flags = (flags & ~BATCH_BINDS) | BATCH_IS_ENDED;
        break;
    }
    postgres->flags = flags;
    return true;
}

/* The same of the server. */
__noinline int take_answer(struct flow *flow, __u32 type, __u32 size, __u64 now) {
    struct postgres *postgres;
    __u32 flags, count;
    bool is_awaited;

    if (!flow) return 0;
    postgres = &flow->postgres;
    flags = flow->pending_ns ? postgres->flags : 0;
    count = flow->pending_ns ? flow->pending_count : 0;
    is_awaited = count || (flags & BATCH_BINDS);
    switch (type) {
    case 'R':
    case 'K':
    case 'v':
    case 'c':
    case 'S': /* ParameterStatus, NoticeResponse and NotificationResponse may come at any time */
    case 'N':
    case 'A': return true;
    case '1':
    case '2':
    case '3':
    case 'n':
    case 't':
    case 'T':
    case 'D':
    case 'G':
    case 'H':
    case 'd':
    case 'V':
        if (type == 'G' && flow->pending_ns) postgres->flags = flags | BATCH_COPIES;
        if (is_awaited && !postgres->answer_ns) postgres->answer_ns = now;
        return true;
    case 'C':
    case 'I':
    case 's':
        if (is_awaited && !postgres->answer_ns) postgres->answer_ns = now;
        if (count && !(flags & BATCH_IS_QUERY)) finish(flow, 1, false, now);
        return true;
    case 'E':
        if (flags & BATCH_BINDS) {
            postgres->flags = flags & ~BATCH_BINDS;
            flow->pending_count = count += 1;
        }
        finish(flow, count, true, now);
        return true;
    case 'Z':
        if (size != 5) return false;
        if (!flow->pending_ns) return true;
        if (!(flags & BATCH_IS_ENDED)) return false;
        finish(flow, count, false, now);
        flow->pending_ns = 0;
        postgres->flags = 0;
        return true;
    default: return false;
    }
}

struct reading {
    struct __sk_buff *skb;
    struct flow *flow;
    __u32 payload;
    __u32 length;
    __u32 sent;
    __u32 is_over;
    __u64 now;
};

/* `header`: the first five bytes; false if the message cannot be counted. */
static __always_inline bool take_message(struct reading *reading, __u64 header, __u32 *size) {
    struct flow *flow = reading->flow;

    *size = __builtin_bswap32(header >> 8);
    if (*size < 4 || *size > MAX_MESSAGE_BYTES) return false;
    return reading->sent == flow->is_outbound ? take_request(flow, header & 0xff, *size, reading->now)
                                              : take_answer(flow, header & 0xff, *size, reading->now);
}

static int read_message(__u32 step, struct reading *reading) {
    struct postgres_side *side = &reading->flow->postgres.sides[reading->sent & 1];
    __u32 position = *(volatile __u32 *)&side->next, available, size;
    __u64 header = 0;

    if (position >= reading->length) return reading->is_over = 1;
    available = reading->length - position;
    if (available < 5) {
        if (!is_within(available, 4) ||
            bpf_skb_load_bytes(reading->skb, reading->payload + position, side->kept, available))
            return 1;
        side->kept_count = available;
        side->next = reading->length;
        return reading->is_over = 1;
    }
    if (bpf_skb_load_bytes(reading->skb, reading->payload + position, &header, 5)) return 1;
    if (!take_message(reading, header, &size)) return 1;
    side->next = position + 1 + size;
    return 0;
}

/* The message whose header began in an earlier packet; false if it cannot be counted. */
static __always_inline bool read_cut_message(struct reading *reading, struct postgres_side *side, __u32 skipped) {
    __u32 kept = side->kept_count, missing = 5 - kept, available = reading->length - skipped, size;

    if (!is_within(kept, 4)) return false;
    if (available < missing) {
        if (!is_within(available, 3) ||
            bpf_skb_load_bytes(reading->skb, reading->payload + skipped, side->kept + kept, available))
            return false;
        side->kept_count = kept + available;
        side->next = reading->length;
        return true;
    }
    if (!is_within(missing, 4)) return false;
    if (bpf_skb_load_bytes(reading->skb, reading->payload + skipped, side->kept + kept, missing)) return false;
    if (!take_message(reading, *(__u64 *)side->kept & 0xffffffffff, &size)) return false;
    side->kept_count = 0;
    side->next = skipped + missing + size - 4;
    return true;
}

/* Whether all of the packet but its first `*skipped` bytes was counted; otherwise those are now the ones that were. */
static __always_inline bool read_messages(
    struct __sk_buff *skb, struct flow *flow, struct packet *packet, bool sent, __u32 *skipped, __u64 now) {
    struct reading reading = {skb, flow, packet->payload, packet->length, sent, 0, now};
    struct postgres_side *side = &flow->postgres.sides[sent];

    if (side->kept_count) {
        if (!read_cut_message(&reading, side, *skipped)) return false;
    } else {
        side->next += *skipped;
    }
    bpf_loop(MAX_MESSAGES, read_message, &reading, 0);
    if (reading.is_over) {
        side->next -= packet->length;
        return true;
    }
    *skipped = side->next;
    side->next = 0;
    return false;
}

/* Whether a connection may begin with this byte, or one that is older than the agent go on with it. */
static __always_inline bool begins_postgres(unsigned char first) {
    return !first || first == 'Q' || first == 'P' || first == 'B' || first == 'E' || first == 'D' || first == 'C';
}

/* A packet that is a StartupMessage, or asks for encryption. */
__noinline int begin_start_up(struct __sk_buff *skb, struct flow *flow, struct packet *packet, __u64 now) {
    __u32 words[2], size, code;

    if (!flow || !packet || packet->length < 8 || bpf_skb_load_bytes(skb, packet->payload, words, sizeof(words))) return false;
    size = __builtin_bswap32(words[0]);
    code = __builtin_bswap32(words[1]);
    if (size != packet->length || size > 10000) return false;
    if (size == 8 && (code == 80877103 || code == 80877104)) {
        flow->postgres.flags = ENCRYPTION_IS_ASKED;
        flow->pending_ns = 0;
    } else if (size > 8 && (code == 0x30000 || code == 0x30002)) {
        begin_batch(flow, BATCH_IS_START_UP | BATCH_IS_ENDED, 0, now);
    } else {
        return false;
    }
    flow->state = FLOW_POSTGRES;
    flow->counted = MARTLET_COUNTED_POSTGRES;
    return true;
}

/*
 * Whether the client's first packet shows for certain that it is PostgreSQL: a start-up, or, if the connection is older, a whole
 * Query or a whole batch that a Sync ends, and nothing else.
 */
static __always_inline bool begin_postgres(
    struct __sk_buff *skb, struct flow *flow, struct packet *packet, bool sent, __u32 skipped, __u64 now) {
    struct postgres_side *side = &flow->postgres.sides[sent];
    unsigned char last = 1;

    if (skipped || packet->before) return false;
    if (begin_start_up(skb, flow, packet, now)) return true;
    if (packet->length < 6 || bpf_skb_load_bytes(skb, packet->payload + packet->length - 1, &last, 1)) return false;
    if (read_messages(skb, flow, packet, sent, &skipped, now) && !side->next && !side->kept_count &&
        (flow->postgres.flags & BATCH_IS_ENDED) && (!(flow->postgres.flags & BATCH_IS_QUERY) || !last)) {
        flow->state = FLOW_POSTGRES;
        flow->counted = MARTLET_COUNTED_POSTGRES;
        return true;
    }
    __builtin_memset(&flow->postgres, 0, sizeof(flow->postgres));
    flow->pending_ns = 0;
    flow->pending_count = 0;
    return false;
}

/* Stand-ins: messages as short as they can be, and such whose rest is still to come. */
#define EXECUTE "E\0\0\0\11\0\0\0\0\0"
#define EXECUTES EXECUTE EXECUTE EXECUTE EXECUTE EXECUTE EXECUTE EXECUTE EXECUTE
static const char execute_stand_in[STAND_IN_EXECUTES * 10 + 8] =
    EXECUTES EXECUTES EXECUTES EXECUTES EXECUTES EXECUTES EXECUTES EXECUTES;

/* What user space has to know to read on in one direction after the byte before `offset`. */
struct piece {
    __u64 time;
    __u32 offset;
    __u16 captured;
    __u8 is_sent;
    char bytes[17];
};

__noinline int emit_piece(struct flow *flow, struct piece *piece) {
    struct martlet_segment *record;
    __u32 shard;

    if (!flow || !piece) return 0;
    shard = shard_of(flow->id);
    record = reserve_in(shard, sizeof(*record) + 16, MARTLET_LOSS_SEGMENTS_FULL);
    if (!record) return 0;
    fill_flow_header(&record->header, flow, MARTLET_SEGMENT, piece->time);
    record->id = flow->id;
    record->offset = piece->offset;
    record->length = 0;
    record->captured = piece->captured;
    record->flags = MARTLET_SEGMENT_STAND_IN | (piece->is_sent ? MARTLET_SEGMENT_SENT : 0);
    record->counted = flow->counted;
    record->before = 0;
    __builtin_memcpy(record->bytes, piece->bytes, 16);
    submit_in(shard, record);
    return 0;
}

/* Of the requests that wait those from `first` on, as many as fit. */
__noinline int emit_executes(struct flow *flow, __u32 first) {
    __u32 count;

    if (!flow || flow->pending_count <= first) return 0;
    count = flow->pending_count - first;
    if (count > STAND_IN_EXECUTES) count = STAND_IN_EXECUTES;
    emit_stand_in(flow, execute_stand_in, count * 10, STAND_IN_EXECUTES * 10);
    return 0;
}

/* `bytes`: a constant of `size` bytes; nothing but zeros follows. */
static __always_inline void emit_message(struct flow *flow, struct piece *piece, const char *bytes, __u32 size) {
    __builtin_memset(piece->bytes, 0, sizeof(piece->bytes));
    __builtin_memcpy(piece->bytes, bytes, 5);
    piece->captured = size;
    emit_piece(flow, piece);
}

/* How far a direction was read; `skipped`: of this packet, if it is one of this direction. */
static __always_inline __u32 end_of(struct flow *flow, struct packet *packet, bool sent, bool direction, __u32 skipped) {
    __u32 end = direction == sent ? packet->sequence + skipped - packet->before : flow->directions[direction].next;
    return end - flow->directions[direction].base;
}

/* The message in whose middle a direction is: `type` is one of which nothing follows. */
static __always_inline void emit_rest(struct flow *flow, struct piece *piece, bool direction, char type) {
    struct postgres_side *side = &flow->postgres.sides[direction];

    if (side->kept_count) {
        __builtin_memcpy(piece->bytes, side->kept, sizeof(side->kept));
        piece->captured = side->kept_count;
        emit_piece(flow, piece);
    } else if (side->next) {
        __u32 size = __builtin_bswap32(side->next + 4);
        piece->bytes[0] = type;
        __builtin_memcpy(piece->bytes + 1, &size, sizeof(size));
        piece->captured = 5;
        emit_piece(flow, piece);
    }
}

__noinline int postgres_becomes_stream(struct flow *flow, struct packet *packet, __u32 sent, __u32 skipped) {
    struct piece piece = {};
    bool client, is_waiting, is_open;
    __u32 flags, count;
    __u64 now = bpf_ktime_get_ns();

    if (!flow || !packet) return 0;
    sent &= 1;
    client = flow->is_outbound;
    is_waiting = flow->pending_ns;
    flags = is_waiting ? flow->postgres.flags : 0;
    count = is_waiting ? flow->pending_count : 0;
    is_open = is_waiting && !(flags & BATCH_IS_ENDED);
    piece.time = is_waiting ? flow->pending_ns : now;
    piece.is_sent = client;
    piece.offset = end_of(flow, packet, sent, client, skipped);
    /* Flush: changes nothing, but then it is known what is spoken. */
    emit_message(flow, &piece, "H\0\0\0\4", 5);
    if (is_open && (flags & BATCH_PARSES) && !(flags & BATCH_HAS_REQUEST))
        emit_message(flow, &piece, "P\0\0\0\10", 9);
    if (count && (flags & BATCH_IS_QUERY)) {
        emit_message(flow, &piece, "Q\0\0\0\5", 6);
    } else if (is_waiting) {
        flow->pending_offset = piece.offset;
        flow->pending_bytes = 0;
        for (__u32 at = 0; at < MAX_EXECUTES; at += STAND_IN_EXECUTES) emit_executes(flow, at);
        if (is_open && ((flags & BATCH_BINDS) || ((flags & BATCH_HAS_REQUEST) && !count)))
            emit_message(flow, &piece, "B\0\0\0\14", 13);
        if (flags & BATCH_IS_ENDED) emit_message(flow, &piece, "S\0\0\0\4", 5);
    }
    piece.time = now;
    emit_rest(flow, &piece, client, 'd');
    piece.is_sent = !client;
    piece.offset = end_of(flow, packet, sent, !client, skipped);
    if ((count || (flags & BATCH_BINDS)) && flow->postgres.answer_ns) {
        piece.time = flow->postgres.answer_ns;
        emit_message(flow, &piece, "n\0\0\0\4", 5);
        piece.time = now;
    }
    emit_rest(flow, &piece, !client, 'N');
    flow->state = FLOW_STREAM;
    flow->pending_ns = 0;
    return 0;
}

/* One byte answers whether there is encryption; if there is not, the start-up follows. */
static __always_inline bool negotiate(
    struct __sk_buff *skb, struct flow *flow, struct packet *packet, bool sent, __u64 now) {
    char answer = 0;

    if (sent == flow->is_outbound) {
        if ((flow->postgres.flags & ENCRYPTION_IS_REFUSED) && begin_start_up(skb, flow, packet, now)) return true;
    } else if (packet->length == 1 && !bpf_skb_load_bytes(skb, packet->payload, &answer, 1)) {
        if (answer == 'N') {
            flow->postgres.flags = ENCRYPTION_IS_REFUSED;
            return true;
        }
        if (answer == 'S' || answer == 'G') {
            /* Its text comes from the TLS library, if from anywhere. */
            flow->state = FLOW_IGNORED;
            return true;
        }
    }
    flow->state = FLOW_STREAM;
    return false;
}

/* Whether the packet was dealt with here; otherwise it is a segment for user space, but for the first `*skipped` bytes. */
static __always_inline bool count_postgres(
    struct __sk_buff *skb, struct flow *flow, struct packet *packet, bool sent, __u32 *skipped, __u64 now) {
    if (!packet->before) {
        if (flow->postgres.flags & (ENCRYPTION_IS_ASKED | ENCRYPTION_IS_REFUSED))
            return negotiate(skb, flow, packet, sent, now);
        if (read_messages(skb, flow, packet, sent, skipped, now)) return true;
    }
    postgres_becomes_stream(flow, packet, sent, *skipped);
    return false;
}

/* The connection ends: an answer that has begun counts as one, a Bind without its Execute as a request. */
static __always_inline void settle_postgres(struct flow *flow) {
    if (!flow->pending_ns) return;
    if (flow->postgres.flags & BATCH_BINDS) flow->pending_count += 1;
    if (flow->pending_count && flow->postgres.answer_ns) finish(flow, 1, false, flow->postgres.answer_ns);
    if (!flow->pending_count) flow->pending_ns = 0;
}
