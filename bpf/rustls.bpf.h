/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The plain text of rustls, which Rust programs have inside of them. Of its functions, most are generic or short, and a release
 * build has them in others; those that are only called through a table of methods stay what they are. Two of them see all
 * text: the one that takes what is to be sent (PlaintextSink), and the one that gets every record after a handshake
 * (ExpectTraffic). docs/tls.md has the versions.
 *
 * A session knows no socket: its text and the bytes for the socket pass through it separately, on one thread, one after the
 * other. So what was received is from the socket that the thread received from last, and what is written goes to the one
 * that it sends to next. Both need sock_send_length and sock_recv_length (tls.bpf.h).
 */

/* As many of the parts of one call are reported. */
#define RUSTLS_PARTS 8

/* IoSlice, which is struct iovec. */
struct rustls_part {
    __u64 text;
    __u64 size;
};

static __always_inline void report_rustls_part(struct martlet_connection *connection, __u64 text, __u64 size) {
    if (!size || size > 0x7fffffff) return;
    report_segment(
        connection, MARTLET_SEGMENT_SENT, __sync_fetch_and_add(&connection->tls_sent, (__u32)size), text, (__u32)size);
}

static __always_inline void report_rustls(struct martlet_connection *connection, struct tls_sealing *sealing) {
    struct rustls_part part = {};

    if (!sealing->has_parts) {
        report_rustls_part(connection, sealing->text, sealing->size);
        return;
    }
    for (__u32 index = 0; index < RUSTLS_PARTS; index++) {
        if (index >= sealing->size) return;
        if (bpf_probe_read_user(&part, sizeof(part), (void *)(sealing->text + index * sizeof(part)))) return;
        report_rustls_part(connection, part.text, part.size);
    }
    if (sealing->size > RUSTLS_PARTS) count_loss(MARTLET_LOSS_TLS);
}

/* A session took text before, and the thread sends to a socket now, perhaps in vain. */
static __always_inline void end_rustls_write(struct tls_thread *thread, __u64 socket) {
    struct tls_sealing *sealing = &thread->sealing;
    struct martlet_connection *connection = bpf_map_lookup_elem(&connections, &socket);
    struct tls_session_key key = {sealing->session, current_process()};
    struct tls_pair pair = {.socket = socket};
    __u64 known;

    if (sealing->is_reported) {
        /* A session may be moved in memory and another one come there: what is known by the address ends with a doubt. */
        if (paired(sealing->session, &known, false) && known != socket) bpf_map_delete_elem(&tls_pairs, &key);
    } else if (connection && connection->established_ns) {
        pair.id = connection->id;
        pair.last = sealing->last;
        pair.end = sealing->end;
        bpf_map_update_elem(&tls_pairs, &key, &pair, BPF_ANY);
        report_rustls(connection, sealing);
    } else {
        count_loss(MARTLET_LOSS_TLS);
    }
    sealing->session = 0;
}

/* A session takes text, `size` bytes or parts of it. */
static __always_inline int begin_rustls_write(__u64 session, __u64 text, __u64 size, bool has_parts) {
    struct tls_thread *thread = tls_thread(true);
    struct tls_session_key key = {session, current_process()};
    struct tls_sealing *sealing;
    struct martlet_connection *connection;
    struct rustls_part first = {text, size}, last = {text, size};
    struct tls_pair *pair;
    __u64 socket;

    if (!thread || !size || size > 0x7fffffff) return 0;
    if (has_parts) {
        bpf_probe_read_user(&first, sizeof(first), (void *)text);
        bpf_probe_read_user(&last, sizeof(last), (void *)(text + (size - 1) * sizeof(last)));
    }
    sealing = &thread->sealing;
    if (sealing->session && !sealing->is_reported) count_loss(MARTLET_LOSS_TLS);
    sealing->session = session;
    sealing->text = text;
    sealing->last = last.text;
    sealing->end = last.text + last.size;
    sealing->size = size;
    sealing->has_parts = has_parts;
    connection = paired(session, &socket, false);
    pair = bpf_map_lookup_elem(&tls_pairs, &key);
    sealing->is_reported = connection && pair;
    if (!connection || !pair) {
        note_unpaired();
        return 0;
    }
    /* A session may take less than all of it (64 KiB, until that is sent): the rest comes once more. */
    if (first.text > pair->last && first.text < pair->end && sealing->end == pair->end) return 0;
    pair->last = sealing->last;
    pair->end = sealing->end;
    report_rustls(connection, sealing);
    return 0;
}

/*
 * fn write(&mut self, buf: &[u8]) -> io::Result<usize>, or write_vectored with slices of it. Older compilers return that through a
 * pointer, which comes first on x86: then the third argument is no length. Or fn send_some_plaintext(&mut self, data: &[u8]).
 */
static __always_inline int begin_rustls_write_of(struct pt_regs *registers, bool has_parts) {
    __u64 third = ARGUMENT_3(registers);

    if (third > 0xffffffff)
        return begin_rustls_write(ARGUMENT_2(registers), third, ARGUMENT_4(registers), has_parts);
    return begin_rustls_write(ARGUMENT_1(registers), ARGUMENT_2(registers), third, has_parts);
}

SEC("uprobe")
int tls_rustls_write(struct pt_regs *registers) { return begin_rustls_write_of(registers, false); }

SEC("uprobe")
int tls_rustls_write_parts(struct pt_regs *registers) { return begin_rustls_write_of(registers, true); }

/*
 * fn buffer_plaintext(&mut self, payload: OutboundChunks, ..): one slice, behind a word of zero; or a slice of slices, whose pointer
 * is not zero (rustls/src/msgs/message/outbound.rs).
 */
SEC("uprobe")
int tls_rustls_write_chunks(struct pt_regs *registers) {
    __u64 words[3] = {};
    bool has_parts;

    if (bpf_probe_read_user(words, sizeof(words), (void *)ARGUMENT_2(registers))) return 0;
    has_parts = words[0] != 0;
    return begin_rustls_write(
        ARGUMENT_1(registers), has_parts ? words[0] : words[1], has_parts ? words[1] : words[2], has_parts);
}

/* fn handle(self: Box<Self>, cx: &mut Context, m: Message) -> Result<..>, which is returned through a pointer that comes first. */
#if defined(__TARGET_ARCH_x86)
#define RUSTLS_MESSAGE(registers) ARGUMENT_4(registers)
#else
#define RUSTLS_MESSAGE(registers) ARGUMENT_3(registers)
#endif

/* Numbers that an enumeration keeps where its only large case has the capacity of a vector, which is never as large. */
#define RUST_NICHE 0x8000000000000000ULL

/*
 * The text of a message (rustls/src/msgs/message.rs). It begins with which of four or five kinds it is, and application data is
 * the last one: in older programs a byte 3, in later ones a niche of 3, or of 5 where borrowed text takes a niche too. Its vector
 * follows: capacity, pointer and length, in older programs pointer first; or instead of a capacity that it is borrowed. Of the
 * messages of a handshake none has that shape: behind the capacity of one comes a niche where the length would be.
 */
SEC("uprobe")
int tls_rustls_received(struct pt_regs *registers) {
    struct tls_thread *thread = tls_thread(true);
    struct martlet_connection *connection;
    __u64 words[4] = {};
    __u64 socket, text;

    if (!thread || bpf_probe_read_user(words, sizeof(words), (void *)RUSTLS_MESSAGE(registers))) return 0;
    if ((words[0] & 0xff) != 3 && words[0] != RUST_NICHE + 5) return 0;
    if (!words[3] || words[3] > 0xffff) return 0;
    text = words[1] == RUST_NICHE || words[2] > words[1] ? words[2] : words[1];
    socket = thread->last_received;
    connection = bpf_map_lookup_elem(&connections, &socket);
    if (connection && connection->established_ns) {
        report_received(socket, connection->id, text, (__u32)words[3]);
    } else {
        note_unpaired();
        count_loss(MARTLET_LOSS_TLS);
    }
    return 0;
}

/*
 * The same of a handshake: from now on it is known what the thread receives from, and also what the others of its process do, on
 * which the session may go on.
 */
SEC("uprobe")
int tls_rustls_handshake(struct pt_regs *registers) {
    struct task_struct *leader = bpf_get_current_task_btf()->group_leader;
    struct tls_thread *first;

    tls_thread(true);
    first = bpf_task_storage_get(&tls_threads, leader, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
    if (first) first->follows_process = true;
    return 0;
}
