/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The plain text of TLS connections, by uprobes on the functions that applications hand it to. Nothing is written to the
 * process, and there are no uretprobes: what a return needs hangs on ordinary uprobes on the return instructions, which
 * Sources/Symbols finds.
 *
 * The socket of a call, in this order:
 *   1. by the library's own structures: SSL -> BIO -> descriptor; gnutls_session_t -> transport; *tls.Conn -> net.Conn ->
 *      netFD. Every step is a guess that ends in a test: the descriptor must be an open TCP connection that tcp.bpf.h knows.
 *   2. where the library never sees a descriptor (Node.js, asyncio, curl's own BIO), by what its thread does: a
 *      socket that is used inside a call, or that was received from right before one, is the session's (`tls_pairs`).
 *      sock_send_length and sock_recv_length tell, attached only while processes need them.
 *
 * A write is reported when it begins, so that it stands in the ring before its answer. A write that is repeated because the
 * socket was full has been reported already: `tls_high` of the connection is how far.
 *
 * State of a call lives in its thread, and so ends with it; that of a Go call in a map by goroutine, since a goroutine moves
 * between threads. User space removes what processes leave behind that were killed in such a call.
 */
#include "capture.bpf.h"

#if defined(__TARGET_ARCH_x86)
/* arch/x86/include/asm/ptrace.h, which is fixed as signal frames and ptrace(2) carry it. */
struct pt_regs {
    unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
#define ARGUMENT_1(registers) ((registers)->di)
#define ARGUMENT_2(registers) ((registers)->si)
#define ARGUMENT_3(registers) ((registers)->dx)
#define ARGUMENT_4(registers) ((registers)->cx)
#define RESULT(registers) ((registers)->ax)
#define STACK_POINTER(registers) ((registers)->sp)
/* Go's internal ABI: src/cmd/compile/abi-internal.md. */
#define GO_ARGUMENT_1(registers) ((registers)->ax)
#define GO_ARGUMENT_2(registers) ((registers)->bx)
#define GO_ARGUMENT_3(registers) ((registers)->cx)
#define GOROUTINE(registers) ((registers)->r14)
#elif defined(__TARGET_ARCH_arm64)
/* struct user_pt_regs, arch/arm64/include/uapi/asm/ptrace.h. */
struct pt_regs {
    unsigned long regs[31], sp, pc, pstate;
};
#define ARGUMENT_1(registers) ((registers)->regs[0])
#define ARGUMENT_2(registers) ((registers)->regs[1])
#define ARGUMENT_3(registers) ((registers)->regs[2])
#define ARGUMENT_4(registers) ((registers)->regs[3])
#define RESULT(registers) ((registers)->regs[0])
#define STACK_POINTER(registers) ((registers)->sp)
#define GO_ARGUMENT_1(registers) ((registers)->regs[0])
#define GO_ARGUMENT_2(registers) ((registers)->regs[1])
#define GO_ARGUMENT_3(registers) ((registers)->regs[2])
#define GOROUTINE(registers) ((registers)->regs[28])
#endif

/* A call that has not returned. */
struct tls_call {
    __u64 session;   /* 0: none */
    __u64 buffer;
    __u64 stack;     /* pointer at its first instruction, and again at the one that returns */
    __u64 length_at; /* where the number of bytes is stored; 0 where it is returned */
    __u64 socket;    /* 0 while it is not known */
    __u64 id;        /* of the connection */
    __u32 start;     /* of a write: its position in the stream */
    __u32 size;
};

/* Text that a session of rustls took (rustls.bpf.h). */
struct tls_sealing {
    __u64 session; /* 0: none, or its socket is known */
    __u64 text;
    __u64 last; /* its last part, or all of it: where that begins, and where it ends */
    __u64 end;
    __u32 size; /* bytes, or parts */
    bool has_parts;
    bool is_reported;
};

struct tls_thread {
    struct tls_call reading;
    struct tls_call writing;
    struct tls_sealing sealing;
    __u64 last_received; /* from this socket */
    bool follows_process; /* of a process's first thread: what any of them receives from is wanted */
    __u64 received; /* from this socket, and no session has asked for it since */
    /* The last handshake, whose return is not seen: it is under way while its stack frame stands. */
    __u64 handshake;
    __u64 frame;
    __u64 return_address;
};

struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct tls_thread);
} tls_threads SEC(".maps");

struct tls_routine_key {
    __u64 routine;
    __u64 process;
};

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 65536);
    __type(key, struct tls_routine_key);
    __type(value, struct tls_call);
} tls_routines SEC(".maps");

struct tls_session_key {
    __u64 session;
    __u64 process;
};

struct tls_pair {
    __u64 socket;
    __u64 id;
    __u64 is_fixed; /* application data went through: only the end of the connection changes it */
    /* Of rustls: where the last part of what was written begins and ends. */
    __u64 last;
    __u64 end;
};

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 4096);
    __type(key, struct tls_session_key);
    __type(value, struct tls_pair);
} tls_pairs SEC(".maps");

/* Processes whose sessions lead to no descriptor. User space reads this and attaches the two tracepoints. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1024);
    __type(key, __u32);
    __type(value, __u32);
} tls_unpaired SEC(".maps");

static __always_inline __u64 current_process(void) { return bpf_get_current_pid_tgid() >> 32; }

static __always_inline struct tls_thread *tls_thread(bool make) {
    return bpf_task_storage_get(
        &tls_threads, bpf_get_current_task_btf(), NULL, make ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
}

static __always_inline __u64 user_word(__u64 address) {
    __u64 value = 0;
    bpf_probe_read_user(&value, sizeof(value), (void *)address);
    return value;
}

static __always_inline __u32 user_number(__u64 address) {
    __u32 value = 0;
    bpf_probe_read_user(&value, sizeof(value), (void *)address);
    return value;
}

/* ---- Places ---- */

/*
 * A probe is not always on the first or the returning instruction of a function, but on one that comes to the same and that the
 * kernel need not step over (Sources/Symbols/FunctionCode.swift). Then the cookie tells, as Sources/Probes/ProbePlan.swift
 * writes it, how far the stack pointer is from where it would be, under which condition of x86 jumps it comes to the same, and
 * which register the result is in: by the processor's number, or 16 if it is zero or less.
 */
#define PLACE_MEMBER 0xffff
#define PLACE_DEPTH(cookie) (((cookie) >> 16) & 0xffff)
#define PLACE_IS_INVERTED (1ULL << 32)
#define PLACE_CONDITION(cookie) (((cookie) >> 33) & 7)
#define PLACE_IS_CONDITIONAL (1ULL << 36)
#define PLACE_RESULT(cookie) (((cookie) >> 40) & 31)

static __always_inline __u64 depth_of(struct pt_regs *registers) {
    return PLACE_DEPTH(bpf_get_attach_cookie((void *)registers));
}

/* Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, appendix B. */
static __always_inline bool is_reached(struct pt_regs *registers) {
#if defined(__TARGET_ARCH_x86)
    __u64 cookie = bpf_get_attach_cookie((void *)registers);
    __u64 flags = registers->flags;
    bool carry = flags & 1, parity = flags & 4, zero = flags & 0x40, sign = flags & 0x80, overflow = flags & 0x800;
    bool holds;

    if (!(cookie & PLACE_IS_CONDITIONAL)) return true;
    switch (PLACE_CONDITION(cookie)) {
    case 0: holds = overflow; break;
    case 1: holds = carry; break;
    case 2: holds = zero; break;
    case 3: holds = carry || zero; break;
    case 4: holds = sign; break;
    case 5: holds = parity; break;
    case 6: holds = sign != overflow; break;
    default: holds = zero || sign != overflow; break;
    }
    return holds == !(cookie & PLACE_IS_INVERTED);
#else
    return true;
#endif
}

static __always_inline __s64 result_of(struct pt_regs *registers) {
#if defined(__TARGET_ARCH_x86)
    __u64 number = PLACE_RESULT(bpf_get_attach_cookie((void *)registers));
    __u64 result = RESULT(registers);
    __u64 words[16] = {};

    /* Or the compiler makes one load of this and the one below, which the verifier does not take. */
    asm volatile("" : "+r"(result));
    if (number == 0) return (__s64)result;
    if (number > 15) return 0;
    /* Where registers 0 to 15 are in struct pt_regs, in words, four bits each. A context is read at constant places only. */
    bpf_probe_read_kernel(words, sizeof(words), registers);
    return (__s64)words[(0x01236789ed405cbaULL >> (number * 4)) & 15];
#else
    return (__s64)RESULT(registers);
#endif
}

/* ---- Reporting ---- */

/*
 * The record with room for `room` bytes, a constant; false if more is to be captured. `has_end`, a constant: of the piece only
 * the beginning, `captured` bytes, and behind a gap the end are taken.
 */
static __always_inline bool report_up_to(
    struct martlet_connection *connection, __u8 flags, __u32 offset, __u64 buffer, __u32 length, __u32 captured,
    const bool has_end, const __u32 room) {
    struct martlet_segment *record;
    __u32 shard = shard_of(connection->id);
    const __u32 tail = has_end ? MARTLET_TAIL_BYTES : 0;

    if (captured > room) return false;
    record = reserve_in(shard, sizeof(*record) + tail + room, MARTLET_LOSS_SEGMENTS_FULL);
    if (!record) return true;
    fill_header(&record->header, MARTLET_SEGMENT);
    record->header.cgroup = connection->cgroup;
    record->header.memory_cgroup = connection->memory_cgroup;
    record->header.pid = current_process();
    record->id = connection->id;
    record->offset = offset;
    record->length = length;
    record->captured = tail + captured;
    record->flags = flags | MARTLET_SEGMENT_TLS | (has_end ? MARTLET_SEGMENT_ENDS : 0);
    record->before = 0;
    if (!is_within(captured, room) || bpf_probe_read_user(record->bytes + tail, captured, (void *)buffer) ||
        (has_end && bpf_probe_read_user(record->bytes, tail, (void *)(buffer + length - tail)))) {
        record->captured = 0;
        record->flags &= ~MARTLET_SEGMENT_ENDS;
    }
    submit_in(shard, record);
    return true;
}

/* Whether user space found the connection to be of no known protocol. */
static __always_inline bool is_ignored(struct martlet_connection *connection) {
    __u64 id = connection->id;
    __u32 *verdict;

    if (connection->tls_ignored) return true;
    verdict = bpf_map_lookup_elem(&verdicts, &id);
    if (!verdict || *verdict != MARTLET_VERDICT_NOBODYS) return false;
    connection->tls_ignored = 1;
    return true;
}

/* What was said at once, in the connection's ring. */
static __noinline void report_segment(
    struct martlet_connection *connection, __u8 flags, __u32 offset, __u64 buffer, __u32 length) {
    __u32 captured = config.capture_bytes;

    if (is_ignored(connection)) return;
    if (length > captured + MARTLET_TAIL_BYTES) {
        if (take_allowance(&connection->tls_whole, true, connection->id, length, bpf_ktime_get_ns())) {
            for (int index = 0; index < WHOLE_PIECES && length; index++) {
                __u32 piece = length < LONGEST_PIECE ? length : LONGEST_PIECE;
                if (!report_up_to(connection, flags, offset, buffer, piece, piece, false, 4096 + MARTLET_TAIL_BYTES))
                    report_up_to(connection, flags, offset, buffer, piece, piece, false, LONGEST_PIECE);
                length -= piece;
                offset += piece;
                buffer += piece;
            }
            return;
        }
        if (report_up_to(connection, flags, offset, buffer, length, captured, true, 1024)) return;
        if (report_up_to(connection, flags, offset, buffer, length, captured, true, 4096)) return;
        report_up_to(connection, flags, offset, buffer, length, captured, true, MAX_CAPTURE);
        return;
    }
    captured = length;
    if (report_up_to(connection, flags, offset, buffer, length, captured, false, 128)) return;
    if (report_up_to(connection, flags, offset, buffer, length, captured, false, 256)) return;
    if (report_up_to(connection, flags, offset, buffer, length, captured, false, 512)) return;
    if (report_up_to(connection, flags, offset, buffer, length, captured, false, 1024 + MARTLET_TAIL_BYTES)) return;
    if (report_up_to(connection, flags, offset, buffer, length, captured, false, 4096 + MARTLET_TAIL_BYTES)) return;
    report_up_to(connection, flags, offset, buffer, length, captured, false, LONGEST_PIECE);
}

static __always_inline void report_received(__u64 socket, __u64 id, __u64 buffer, __u32 length) {
    struct martlet_connection *connection = bpf_map_lookup_elem(&connections, &socket);

    /* The socket's memory may be another connection's by now. */
    if (!connection || connection->id != id) return;
    report_segment(connection, 0, __sync_fetch_and_add(&connection->tls_received, length), buffer, length);
}

/* What was not reported before. */
static __always_inline void report_sent(
    struct martlet_connection *connection, __u32 start, __u64 buffer, __u32 length) {
    __u32 skipped = connection->tls_high - start;

    if ((__s32)skipped < 0) skipped = 0;
    if (skipped >= length) return;
    connection->tls_high = start + length;
    report_segment(connection, MARTLET_SEGMENT_SENT, start + skipped, buffer + skipped, length - skipped);
}

/* ---- Sockets ---- */

/* The open TCP connection that a descriptor of the current process stands for, or 0. */
static __always_inline __u64 socket_of_descriptor(__u32 descriptor) {
    struct fdtable *table = bpf_get_current_task_btf()->files->fdt;
    struct file **files;
    struct file *file = NULL;
    struct socket *socket;

    if (descriptor >= table->max_fds) return 0;
    files = table->fd;
    bpf_probe_read_kernel(&file, sizeof(file), files + descriptor);
    if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK) return 0;
    socket = BPF_CORE_READ(file, private_data);
    return (__u64)BPF_CORE_READ(socket, sk);
}

static __always_inline struct martlet_connection *connection_of_descriptor(__u32 descriptor, __u64 *socket) {
    struct martlet_connection *connection;
    __u64 key = socket_of_descriptor(descriptor);

    if (!key) return NULL;
    connection = bpf_map_lookup_elem(&connections, &key);
    if (!connection || !connection->established_ns) return NULL;
    *socket = key;
    return connection;
}

static __always_inline void pair(__u64 session, __u64 socket) {
    struct tls_session_key key = {session, current_process()};
    struct tls_pair *known = bpf_map_lookup_elem(&tls_pairs, &key);
    struct tls_pair pair = {.socket = socket};
    struct martlet_connection *connection;

    if (known && known->is_fixed) {
        connection = bpf_map_lookup_elem(&connections, &known->socket);
        if (connection && connection->id == known->id) return;
    }
    connection = bpf_map_lookup_elem(&connections, &socket);
    if (!connection) return;
    if (known && known->id == connection->id) return;
    pair.id = connection->id;
    bpf_map_update_elem(&tls_pairs, &key, &pair, BPF_ANY);
}

/* The connection of a session whose socket was found by what its thread did; only one that is certain, or any. */
static __always_inline struct martlet_connection *paired(__u64 session, __u64 *socket, bool is_certain) {
    struct tls_session_key key = {session, current_process()};
    struct tls_pair *pair = bpf_map_lookup_elem(&tls_pairs, &key);
    struct martlet_connection *connection;

    if (!pair || (is_certain && !pair->is_fixed)) return NULL;
    connection = bpf_map_lookup_elem(&connections, &pair->socket);
    if (!connection || connection->id != pair->id) return NULL;
    *socket = pair->socket;
    return connection;
}

/* The same after application data went through, which no handshake that is not finished lets pass. */
static __always_inline struct martlet_connection *fix_pair(__u64 session, __u64 *socket) {
    struct tls_session_key key = {session, current_process()};
    struct tls_pair *pair = bpf_map_lookup_elem(&tls_pairs, &key);

    if (pair) pair->is_fixed = 1;
    return paired(session, socket, true);
}

/* The process's sessions are to be found by what its threads do. */
static __always_inline void note_unpaired(void) {
    __u32 process = current_process();
    __u32 mark = 1;

    if (!bpf_map_lookup_elem(&tls_unpaired, &process)) bpf_map_update_elem(&tls_unpaired, &process, &mark, BPF_ANY);
}

/*
 * A session without a descriptor is called: what its thread has just received was meant for it. That may be wrong before its
 * handshake, when it has not received anything yet, and is put right by what it receives then.
 */
static __always_inline void find_pair(struct tls_thread *thread, __u64 session) {
    __u64 socket;

    thread->handshake = 0;
    if (thread->received) pair(session, thread->received);
    thread->received = 0;
    if (!paired(session, &socket, false)) note_unpaired();
}

/* ---- Calls of C functions ---- */

/* `done`: bytes that were taken, or less than 1. */
static __always_inline void end_write(struct tls_call *call, __s64 done) {
    struct martlet_connection *connection = NULL;
    __u64 socket = call->socket;
    __u32 left;

    if (done < 0) done = 0;
    if (done > call->size) done = call->size;
    if (socket) {
        connection = bpf_map_lookup_elem(&connections, &socket);
        left = call->size - (__u32)done;
        if (connection && connection->id == call->id && left) __sync_fetch_and_add(&connection->tls_sent, -left);
    } else if (done) {
        /* Its socket is known only now: it was used inside the call. */
        connection = fix_pair(call->session, &socket);
        if (connection)
            report_sent(
                connection, __sync_fetch_and_add(&connection->tls_sent, (__u32)done), call->buffer, (__u32)done);
        else
            count_loss(MARTLET_LOSS_TLS);
    }
    call->session = 0;
}

static __always_inline void end_read(struct tls_call *call, __s64 done) {
    struct martlet_connection *connection;
    __u64 socket;

    if (done > 0 && done <= 0x7fffffff) {
        if (call->socket) {
            report_received(call->socket, call->id, call->buffer, (__u32)done);
        } else {
            connection = fix_pair(call->session, &socket);
            if (connection)
                report_received(socket, connection->id, call->buffer, (__u32)done);
            else
                count_loss(MARTLET_LOSS_TLS);
        }
    }
    call->session = 0;
}

/*
 * A call with a session, text and its size as arguments.
 *
 * `descriptor`: what the session leads to, or -1; `is_certain`: if that is no connection known here, then nothing else leads to
 * one. It may be UDP, or closed by the other end: whether text is lost shows when the call returns.
 */
static __always_inline int begin_call(
    struct pt_regs *registers, bool is_write, __s32 descriptor, bool is_certain, __u64 length_at) {
    struct tls_thread *thread = tls_thread(true);
    struct martlet_connection *connection = NULL;
    struct tls_call *call;
    __u64 session = ARGUMENT_1(registers);
    __u64 size = ARGUMENT_3(registers);
    __u64 socket = 0;

    if (!thread) return 0;
    call = is_write ? &thread->writing : &thread->reading;
    if (descriptor >= 0) connection = connection_of_descriptor(descriptor, &socket);
    if (!connection && (descriptor < 0 || !is_certain)) {
        /* The pair of a read may still change inside of the call. */
        if (is_write) connection = paired(session, &socket, true);
        if (!connection) find_pair(thread, session);
    }
    thread->handshake = 0;
    /* Data that was received for another reader is no longer "just now". */
    if (is_write) thread->received = 0;
    call->session = session;
    call->buffer = ARGUMENT_2(registers);
    call->stack = STACK_POINTER(registers) + depth_of(registers);
    call->size = size > 0x7fffffff ? 0x7fffffff : size;
    call->length_at = length_at;
    call->socket = connection ? socket : 0;
    call->id = connection ? connection->id : 0;
    if (!is_write || !connection) return 0;
    call->start = __sync_fetch_and_add(&connection->tls_sent, call->size);
    report_sent(connection, call->start, call->buffer, call->size);
    return 0;
}

/*
 * The thread's call returns here, if it does. A function may end in one that others call too: then the stack is not where it
 * was. `is_int`: of the result's 64 bits, the lower half counts.
 */
static __always_inline int end_call(struct pt_regs *registers, bool is_write, bool is_int) {
    struct tls_thread *thread = tls_thread(false);
    struct tls_call *call;
    __s64 done;

    if (!thread) return 0;
    call = is_write ? &thread->writing : &thread->reading;
    if (!call->session || call->stack != STACK_POINTER(registers) + depth_of(registers)) return 0;
    if (!is_reached(registers)) return 0;
    done = result_of(registers);
    if (is_int) {
        done = (__s32)done;
        if (call->length_at) done = done == 1 ? (__s32)user_word(call->length_at) : 0;
    }
    if (is_write)
        end_write(call, done);
    else
        end_read(call, done);
    return 0;
}

/* ---- OpenSSL and its kin ---- */

/*
 * Where `rbio` is in an SSL, in bytes: OpenSSL 1.0.2 to 3.1, OpenSSL 3.2 and later (struct ssl_connection_st,
 * ssl/ssl_local.h), BoringSSL (struct ssl_st, ssl/internal.h).
 */
#define SSL_RBIO_1_0 0x10
#define SSL_RBIO_3_2 0x50
#define SSL_RBIO_BORING 0x18

/*
 * The descriptor of a BIO (struct bio_st, crypto/bio/bio_local.h; BoringSSL: include/openssl/bio.h), or -1. BIO_METHOD
 * begins with the type: 0x0400 is a source or sink, 0x0100 one with a descriptor, the low byte names it.
 */
static __always_inline __s32 descriptor_of_bio(__u64 bio) {
    __u64 words[8] = {};
    __u32 type;

    if (bio < 4096 || bpf_probe_read_user(words, sizeof(words), (void *)bio)) return -1;
    /* OpenSSL 3: the library context comes first. */
    type = words[1] > 4096 ? user_number(words[1]) : 0;
    if ((type & 0xffffff00) == 0x500) return (__s32)words[7];
    type = words[0] > 4096 ? user_number(words[0]) : 0;
    if ((type & 0xffffff00) != 0x500) return -1;
    /* OpenSSL 1.1: method, two callbacks and an argument come before `init`, which is 1. */
    if ((__u32)words[4] == 1) return (__s32)words[6];
    /* OpenSSL 1.0.2: one callback. */
    if ((__u32)words[3] == 1) return (__s32)words[5];
    /* BoringSSL: method and, in newer ones, ex_data come before it. */
    if ((__u32)words[1] == 1) return (__s32)words[3];
    return (__s32)words[4];
}

static __always_inline __s32 descriptor_of_ssl(__u64 ssl) {
    __s32 descriptor = descriptor_of_bio(user_word(ssl + SSL_RBIO_1_0));

    if (descriptor < 0) descriptor = descriptor_of_bio(user_word(ssl + SSL_RBIO_3_2));
    if (descriptor < 0) descriptor = descriptor_of_bio(user_word(ssl + SSL_RBIO_BORING));
    return descriptor;
}

static __always_inline int begin_ssl(struct pt_regs *registers, bool is_write, __u64 length_at) {
    return begin_call(registers, is_write, descriptor_of_ssl(ARGUMENT_1(registers)), true, length_at);
}

/* int SSL_write(SSL *ssl, const void *buf, int num) */
SEC("uprobe")
int tls_ssl_write(struct pt_regs *registers) { return begin_ssl(registers, true, 0); }

/* int SSL_write_ex(SSL *s, const void *buf, size_t num, size_t *written) */
SEC("uprobe")
int tls_ssl_write_ex(struct pt_regs *registers) { return begin_ssl(registers, true, ARGUMENT_4(registers)); }

SEC("uprobe")
int tls_ssl_write_return(struct pt_regs *registers) { return end_call(registers, true, true); }

/* int SSL_read(SSL *ssl, void *buf, int num) */
SEC("uprobe")
int tls_ssl_read(struct pt_regs *registers) { return begin_ssl(registers, false, 0); }

/* int SSL_read_ex(SSL *ssl, void *buf, size_t num, size_t *readbytes) */
SEC("uprobe")
int tls_ssl_read_ex(struct pt_regs *registers) { return begin_ssl(registers, false, ARGUMENT_4(registers)); }

SEC("uprobe")
int tls_ssl_read_return(struct pt_regs *registers) { return end_call(registers, false, true); }

/* int SSL_do_handshake(SSL *ssl): only for sessions without a descriptor, whose first traffic this is. */
SEC("uprobe")
int tls_ssl_handshake(struct pt_regs *registers) {
    struct tls_thread *thread;
    __u64 ssl = ARGUMENT_1(registers);

    if (descriptor_of_ssl(ssl) >= 0) return 0;
    thread = tls_thread(true);
    if (!thread) return 0;
    find_pair(thread, ssl);
    thread->handshake = ssl;
    thread->frame = STACK_POINTER(registers) + depth_of(registers);
    thread->return_address = user_word(thread->frame);
    return 0;
}

/* ---- GnuTLS ---- */

/* The cookie has the place of transport_recv_ptr in a session, as gnutls_transport_get_int() reads it; or 0. */
static __always_inline int begin_gnutls(struct pt_regs *registers, bool is_write) {
    __u64 member = bpf_get_attach_cookie((void *)registers) & PLACE_MEMBER;
    __s32 descriptor = member ? (__s32)user_number(ARGUMENT_1(registers) + member) : -1;

    return begin_call(registers, is_write, descriptor, false, 0);
}

/* ssize_t gnutls_record_send2(gnutls_session_t, const void *data, size_t, size_t pad, unsigned flags), and without the last */
SEC("uprobe")
int tls_gnutls_send(struct pt_regs *registers) { return begin_gnutls(registers, true); }

SEC("uprobe")
int tls_gnutls_send_return(struct pt_regs *registers) { return end_call(registers, true, false); }

/* ssize_t gnutls_record_recv(gnutls_session_t session, void *data, size_t data_size) */
SEC("uprobe")
int tls_gnutls_receive(struct pt_regs *registers) { return begin_gnutls(registers, false); }

SEC("uprobe")
int tls_gnutls_receive_return(struct pt_regs *registers) { return end_call(registers, false, false); }

/* ---- Go ---- */

/*
 * crypto/tls.Conn begins with its net.Conn, an interface: type and data. The data is a *net.TCPConn, whose netFD's poll.FD
 * has Sysfd behind a mutex of 16 bytes; or a structure of somebody's that itself begins with a net.Conn.
 */
static __always_inline struct martlet_connection *connection_of_go(__u64 conn, __u64 *socket) {
    __u64 data = user_word(conn + 8);
    struct martlet_connection *connection = connection_of_descriptor(user_number(user_word(data) + 16), socket);

    if (connection) return connection;
    data = user_word(data + 8);
    return data ? connection_of_descriptor(user_number(user_word(data) + 16), socket) : NULL;
}

/* func (c *Conn) Write(b []byte) (int, error): once it passed the check of the stack, which may begin the function anew. */
SEC("uprobe")
int tls_go_write(struct pt_regs *registers) {
    __u64 size = GO_ARGUMENT_3(registers);
    __u64 socket = 0;
    struct martlet_connection *connection;
    __u32 start;

    if (!is_reached(registers)) return 0;
    connection = connection_of_go(GO_ARGUMENT_1(registers), &socket);
    if (!connection) {
        count_loss(MARTLET_LOSS_TLS);
        return 0;
    }
    if (!size || size > 0x7fffffff) return 0;
    start = __sync_fetch_and_add(&connection->tls_sent, (__u32)size);
    connection->tls_high = start + (__u32)size;
    report_segment(connection, MARTLET_SEGMENT_SENT, start, GO_ARGUMENT_2(registers), size);
    return 0;
}

/* func (c *Conn) Read(b []byte) (int, error) */
SEC("uprobe")
int tls_go_read(struct pt_regs *registers) {
    struct tls_routine_key key = {GOROUTINE(registers), current_process()};
    struct tls_call call = {.session = GO_ARGUMENT_1(registers), .buffer = GO_ARGUMENT_2(registers)};
    struct martlet_connection *connection;

    if (!is_reached(registers)) return 0;
    connection = connection_of_go(call.session, &call.socket);
    if (!connection) {
        count_loss(MARTLET_LOSS_TLS);
        return 0;
    }
    call.id = connection->id;
    if (bpf_map_update_elem(&tls_routines, &key, &call, BPF_ANY)) count_loss(MARTLET_LOSS_TLS);
    return 0;
}

SEC("uprobe")
int tls_go_read_return(struct pt_regs *registers) {
    struct tls_routine_key key = {GOROUTINE(registers), current_process()};
    struct tls_call *call = bpf_map_lookup_elem(&tls_routines, &key);
    __s64 done;

    if (!call || !is_reached(registers)) return 0;
    done = result_of(registers);
    if (done > 0 && done <= 0x7fffffff) report_received(call->socket, call->id, call->buffer, (__u32)done);
    bpf_map_delete_elem(&tls_routines, &key);
    return 0;
}

#include "rustls.bpf.h"

/* ---- Sockets of threads that have called a TLS library ---- */

/*
 * Whether the handshake has not returned: the thread's stack is below the call's, and the return address still in place (on
 * arm64 it is in a register, so that the first must do).
 */
static __always_inline bool is_in_handshake(struct tls_thread *thread) {
    struct pt_regs *registers = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
    __u64 stack = 0;

    bpf_probe_read_kernel(&stack, sizeof(stack), &STACK_POINTER(registers));
    return thread->handshake && stack < thread->frame && user_word(thread->frame) == thread->return_address;
}

/* What is known of the current thread, if it or all of its process are followed. */
static __always_inline struct tls_thread *followed_thread(void) {
    struct task_struct *task = bpf_get_current_task_btf();
    struct tls_thread *thread = tls_thread(false);

    if (thread || task->group_leader == task) return thread;
    thread = bpf_task_storage_get(&tls_threads, task->group_leader, NULL, 0);
    return thread && thread->follows_process ? tls_thread(true) : NULL;
}

static __always_inline int used(struct sock *socket, int length, bool is_received) {
    struct tls_thread *thread = followed_thread();
    __u64 key = (__u64)socket;

    if (!thread || BPF_CORE_READ(socket, sk_protocol) != IPPROTO_TCP) return 0;
    if (!is_received && thread->sealing.session) end_rustls_write(thread, key);
    if (length <= 0) return 0;
    if (is_received) thread->last_received = key;
    if (thread->reading.session && !thread->reading.socket)
        pair(thread->reading.session, key);
    else if (thread->writing.session && !thread->writing.socket)
        pair(thread->writing.session, key);
    else if (is_in_handshake(thread))
        pair(thread->handshake, key);
    else if (is_received)
        thread->received = key;
    return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(tls_socket_sent, struct sock *socket, int length, int flags) { return used(socket, length, false); }

SEC("tp_btf/sock_recv_length")
int BPF_PROG(tls_socket_received, struct sock *socket, int length, int flags) { return used(socket, length, true); }
