/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * TCP connections, from the kernel's own state machine (inet_sock_set_state), whatever system call drives it.
 *
 * Bytes and retransmits come from the socket's counters (struct tcp_sock, include/linux/tcp.h), so that sendfile, splice,
 * io_uring, zero-copy and TLS count like write. `bytes_sent` counts payload with repeats, `bytes_retrans` the repeats.
 * `bytes_received` advances with rcv_nxt, and so counts the peer's FIN as one byte; SOCK_DONE says that it came.
 *
 * A connection belongs to the cgroup of its socket: the state changes in whatever task the packet interrupts. The
 * connecting task's v1 memory cgroup is kept beside it, for hosts without a cgroup2 tree.
 *
 * Where the verifier knows a pointer to be a socket's, its fields are read in place: a helper for each read (BPF_CORE_READ) took
 * a quarter of the programs' time.
 */
#include "common.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 65536);
    __type(key, __u64);
    __type(value, struct martlet_connection);
} connections SEC(".maps");

struct tcp_counters {
    __u64 sent;
    __u64 received;
    __u64 retransmits;
};

static __always_inline struct sock *sock_of(struct tcp_sock *tcp) { return &tcp->inet_conn.icsk_inet.sk; }

/* `received` counts the peer's FIN, if that has come. */
static __always_inline __u64 without_fin(__u64 received, unsigned long flags) {
    return received && (flags & (1ul << SOCK_DONE)) ? received - 1 : received;
}

static __always_inline void read_counters(struct tcp_sock *tcp, struct tcp_counters *counters) {
    counters->sent = tcp->bytes_sent - tcp->bytes_retrans;
    counters->received = without_fin(tcp->bytes_received, sock_of(tcp)->__sk_common.skc_flags);
    counters->retransmits = tcp->total_retrans;
}

/* The same of an address from a table, which may not be a socket's any more. */
static __always_inline void probe_counters(struct tcp_sock *tcp, struct tcp_counters *counters) {
    counters->sent = BPF_CORE_READ(tcp, bytes_sent) - BPF_CORE_READ(tcp, bytes_retrans);
    counters->received =
        without_fin(BPF_CORE_READ(tcp, bytes_received), BPF_CORE_READ(sock_of(tcp), __sk_common.skc_flags));
    counters->retransmits = BPF_CORE_READ(tcp, total_retrans);
}

static __always_inline __u64 cgroup_of_socket(struct sock *socket) {
    struct cgroup *group;

    if (bpf_core_field_exists(socket->sk_cgrp_data.cgroup)) {
        group = socket->sk_cgrp_data.cgroup;
        return group ? group->kn->id : 0;
    } else {
        struct sock_cgroup_data___before_5_15 *data = (void *)&socket->sk_cgrp_data;
        __u64 value = BPF_CORE_READ(data, val);
        if (value & 1) return 0; /* numbers of net_cls or net_prio, no pointer */
        group = (struct cgroup *)value;
        return group ? BPF_CORE_READ(group, kn, id) : 0;
    }
}

static __always_inline void map_ipv4(__u8 *target, __be32 address) {
    __builtin_memset(target, 0, 10);
    target[10] = target[11] = 0xff;
    __builtin_memcpy(target + 12, &address, 4);
}

/* Word by word: the compiler knows no alignment of the structure, and would take bytes. */
#define read_ipv6(target, from)                                                                                      \
    do {                                                                                                             \
        __u32 word;                                                                                                  \
        word = (from).in6_u.u6_addr32[0], __builtin_memcpy(target, &word, 4);                                        \
        word = (from).in6_u.u6_addr32[1], __builtin_memcpy((target) + 4, &word, 4);                                  \
        word = (from).in6_u.u6_addr32[2], __builtin_memcpy((target) + 8, &word, 4);                                  \
        word = (from).in6_u.u6_addr32[3], __builtin_memcpy((target) + 12, &word, 4);                                 \
    } while (0)

static __always_inline void read_remote(struct sock *socket, __u8 *address) {
    if (socket->__sk_common.skc_family == AF_INET)
        map_ipv4(address, socket->__sk_common.skc_daddr);
    else
        read_ipv6(address, socket->__sk_common.skc_v6_daddr);
}

static __always_inline void read_local(struct sock *socket, struct martlet_endpoints *ends) {
    ends->local_port = socket->__sk_common.skc_num;
    ends->netns = socket->__sk_common.skc_net.net->ns.inum;
    if (socket->__sk_common.skc_family == AF_INET)
        map_ipv4(ends->local_address, socket->__sk_common.skc_rcv_saddr);
    else
        read_ipv6(ends->local_address, socket->__sk_common.skc_v6_rcv_saddr);
}

/* The time at which a CPU begins with it, and the CPU: no two sockets share that. */
static __always_inline __u64 new_id(__u64 now) {
    return now << 10 | (bpf_get_smp_processor_id() & 1023);
}

static __always_inline void fill_connection_header(
    struct martlet_header *header, struct martlet_connection *connection, enum martlet_event_type type, __u64 now) {
    header->time_ns = now;
    header->type = type;
    header->pid = connection->pid;
    header->cgroup = connection->cgroup;
    header->memory_cgroup = connection->memory_cgroup;
}

static __always_inline void report_listen(
    struct sock *socket, struct martlet_connection *connection, enum martlet_event_type type, __u64 now) {
    __u32 shard = shard_of(connection->id);
    struct martlet_listen *event = reserve_in(shard, sizeof(*event), MARTLET_LOSS_RING_FULL);

    if (!event) return;
    fill_connection_header(&event->header, connection, type, now);
    read_local(socket, &event->ends);
    event->ends.id = connection->id;
    __builtin_memset(event->ends.remote_address, 0, sizeof(event->ends.remote_address));
    event->ends.remote_port = 0;
    submit_in(shard, event);
}

static __always_inline void report_connection(
    struct tcp_sock *tcp, struct martlet_connection *connection, enum martlet_event_type type, __u64 now) {
    __u32 shard = shard_of(connection->id);
    struct martlet_tcp *event = reserve_in(shard, sizeof(*event), MARTLET_LOSS_RING_FULL);
    struct tcp_counters counters;
    __u64 start = type == MARTLET_TCP_CLOSED ? connection->established_ns : connection->started_ns;

    if (!event) return;
    fill_connection_header(&event->header, connection, type, now);
    read_local(sock_of(tcp), &event->ends);
    event->ends.id = connection->id;
    /* The kernel clears these of a connection that failed at once. */
    __builtin_memcpy(event->ends.remote_address, connection->remote_address, 16);
    event->ends.remote_port = connection->remote_port;
    read_counters(tcp, &counters);
    event->bytes_sent = counters.sent - connection->base_sent;
    event->bytes_received = counters.received - connection->base_received;
    event->retransmits = counters.retransmits - connection->base_retransmits;
    event->role = connection->role;
    event->duration_ns = 0;
    /* An inbound connection is first seen when it is established. */
    if (start && (type == MARTLET_TCP_CLOSED || connection->role == MARTLET_OUTBOUND))
        event->duration_ns = now - start;
    submit_in(shard, event);
}

/* In request.bpf.h: requests that were counted in the kernel, so that they come before the end of their connection. */
static __always_inline void report_requests(struct sock *socket, __u64 now);

static __always_inline bool remember(__u64 key, struct martlet_connection *connection) {
    if (!bpf_map_update_elem(&connections, &key, connection, BPF_ANY)) return true;
    count_loss(MARTLET_LOSS_CONNECTIONS_FULL);
    return false;
}

/* connect(2) and listen(2) run in their caller. */
static __always_inline void fill_caller(struct martlet_connection *connection) {
    connection->pid = bpf_get_current_pid_tgid() >> 32;
    connection->memory_cgroup = memory_cgroup_of_task((struct task_struct *)bpf_get_current_task());
}

static __always_inline void fill_connection(
    struct sock *socket, struct martlet_connection *connection, __u32 role, __u64 now) {
    connection->started_ns = now;
    connection->id = new_id(now);
    connection->cgroup = cgroup_of_socket(socket);
    connection->role = role;
    connection->remote_port = __builtin_bswap16(socket->__sk_common.skc_dport);
    read_remote(socket, connection->remote_address);
}

/*
 * A change of state. `again`: what the first program has done already is left as it is, which the table tells.
 */
static __always_inline int follow(struct sock *socket, int old, int new, bool again) {
    __u64 key = (__u64)socket, now;
    struct martlet_connection *known;
    struct tcp_sock *tcp;

    if (new != TCP_SYN_SENT && new != TCP_LISTEN && new != TCP_ESTABLISHED && new != TCP_CLOSE) return 0;
    tcp = bpf_skc_to_tcp_sock(socket);
    if (!tcp) return 0;

    known = bpf_map_lookup_elem(&connections, &key);
    if (new == TCP_SYN_SENT || new == TCP_LISTEN) {
        struct martlet_connection connection = {};
        if (again && known && known->state == new) return 0;
        now = bpf_ktime_get_ns();
        fill_connection(socket, &connection, MARTLET_OUTBOUND, now);
        fill_caller(&connection);
        connection.state = new;
        if (!remember(key, &connection) && again) return 0;
        if (new == TCP_LISTEN) report_listen(socket, &connection, MARTLET_TCP_LISTEN_OPEN, now);
        return 0;
    }
    if (new == TCP_ESTABLISHED) {
        if (again && known && known->established_ns) return 0;
        now = bpf_ktime_get_ns();
        if (known) {
            known->established_ns = now;
            report_connection(tcp, known, MARTLET_TCP_ESTABLISHED, now);
        } else {
            struct martlet_connection connection = {};
            __u32 role = old == TCP_SYN_SENT ? MARTLET_OUTBOUND : MARTLET_INBOUND;
            fill_connection(socket, &connection, role, now);
            connection.established_ns = now;
            connection.state = new;
            if (!remember(key, &connection) && again) return 0;
            report_connection(tcp, &connection, role ? MARTLET_TCP_ACCEPTED : MARTLET_TCP_ESTABLISHED, now);
        }
        return 0;
    }
    if (!known) return 0;
    now = bpf_ktime_get_ns();
    if (old == TCP_LISTEN)
        report_listen(socket, known, MARTLET_TCP_LISTEN_CLOSE, now);
    else {
        if (config.requests) report_requests(socket, now);
        report_connection(tcp, known, known->established_ns ? MARTLET_TCP_CLOSED : MARTLET_TCP_FAILED, now);
    }
    bpf_map_delete_elem(&connections, &key);
    return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state, struct sock *socket, int old, int new) { return follow(socket, old, new, false); }

/* For what the first one missed: see handled_before() in common.h. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state_again, struct sock *socket, int old, int new) { return follow(socket, old, new, true); }

/* State changes are frequent and run in interrupts too: on a kernel with preemption both of the above were seen busy at once. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state_once_again, struct sock *socket, int old, int new) { return follow(socket, old, new, true); }

/* Open connections whose counters moved since the last run. */
SEC("iter/bpf_map_elem")
int sample_connections(struct bpf_iter__bpf_map_elem *context) {
    __u64 *key = context->key;
    struct martlet_connection *connection = context->value;
    struct martlet_tcp_sample row;
    struct tcp_counters counters;

    if (!key || !connection || !connection->established_ns) return 0;
    /* Its own event may still be in the ring. */
    if (bpf_ktime_get_ns() - connection->established_ns < 1000000000ull) return 0;
    probe_counters((struct tcp_sock *)*key, &counters);
    if (counters.sent == connection->sampled_sent && counters.received == connection->sampled_received &&
        counters.retransmits == connection->sampled_retransmits)
        return 0;
    connection->sampled_sent = counters.sent;
    connection->sampled_received = counters.received;
    connection->sampled_retransmits = counters.retransmits;
    row.id = connection->id;
    row.bytes_sent = counters.sent - connection->base_sent;
    row.bytes_received = counters.received - connection->base_received;
    row.retransmits = counters.retransmits - connection->base_retransmits;
    bpf_seq_write(context->meta->seq, &row, sizeof(row));
    return 0;
}

/* What TCP measured of every open outbound connection: asked for only where echo requests are not answered. */
SEC("iter/bpf_map_elem")
int sample_round_trips(struct bpf_iter__bpf_map_elem *context) {
    __u64 *key = context->key;
    struct martlet_connection *connection = context->value;
    struct martlet_tcp_round_trip row = {};

    if (!key || !connection || !connection->established_ns || connection->role != MARTLET_OUTBOUND) return 0;
    row.id = connection->id;
    row.smoothed_us = BPF_CORE_READ((struct tcp_sock *)*key, srtt_us) >> 3;
    if (row.smoothed_us) bpf_seq_write(context->meta->seq, &row, sizeof(row));
    return 0;
}

/* Sockets that are older than the agent, of the network namespace in which the iterator was opened. */
SEC("iter/tcp")
int find_sockets(struct bpf_iter__tcp *context) {
    struct sock_common *common = context->sk_common;
    struct tcp_sock *tcp = common ? bpf_skc_to_tcp_sock(common) : NULL;
    struct martlet_tcp_found row = {};
    struct martlet_connection connection = {};
    struct tcp_counters counters;
    __u64 key = (__u64)tcp, now;
    struct sock *socket;
    __u8 state;

    /* Half-open and time-wait entries are smaller structures than a socket. */
    if (!tcp) return 0;
    socket = sock_of(tcp);
    state = socket->__sk_common.skc_state;
    if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV || state == TCP_CLOSE || state == TCP_SYN_SENT ||
        state == TCP_SYN_RECV)
        return 0;
    now = bpf_ktime_get_ns();
    fill_connection(socket, &connection, MARTLET_OUTBOUND, now);
    row.header.time_ns = now;
    row.header.type = state == TCP_LISTEN ? MARTLET_TCP_LISTEN_OPEN : MARTLET_TCP_ESTABLISHED;
    row.header.cgroup = connection.cgroup;
    read_local(socket, &row.ends);
    row.ends.id = connection.id;
    __builtin_memcpy(row.ends.remote_address, connection.remote_address, 16);
    if (state != TCP_LISTEN) {
        row.ends.remote_port = connection.remote_port;
        read_counters(tcp, &counters);
        connection.established_ns = connection.started_ns;
        connection.base_sent = connection.sampled_sent = counters.sent;
        connection.base_received = connection.sampled_received = counters.received;
        connection.base_retransmits = connection.sampled_retransmits = counters.retransmits;
    }
    /* Seen by the tracepoint in the meantime: that entry knows more, and its event was sent. */
    if (bpf_map_update_elem(&connections, &key, &connection, BPF_NOEXIST)) return 0;
    bpf_seq_write(context->meta->seq, &row, sizeof(row));
    return 0;
}
