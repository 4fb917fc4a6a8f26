/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every layout that crosses from the kernel side to user space: ring records, iterator rows, map values, configuration.
 * The only definition; C and Swift both include it.
 *
 * Invariants: all members are naturally aligned and every structure is a multiple of 8 bytes, so that the layout is the
 * same for every compiler; addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d; ports are in host order; times are
 * CLOCK_MONOTONIC nanoseconds unless the name says otherwise.
 */
#ifndef MARTLET_EVENTS_H
#define MARTLET_EVENTS_H

#ifndef __bpf__
#include <linux/types.h>
#endif

enum martlet_event_type {
    MARTLET_PROCESS_START = 1,
    MARTLET_PROCESS_EXEC = 2,
    MARTLET_PROCESS_EXIT = 3,
    MARTLET_CGROUP_MADE = 4,
    MARTLET_CGROUP_REMOVED = 5,
    MARTLET_CGROUP_ATTACH = 6,
    MARTLET_TCP_ESTABLISHED = 7,
    MARTLET_TCP_FAILED = 8,
    MARTLET_TCP_ACCEPTED = 9,
    MARTLET_TCP_CLOSED = 10,
    MARTLET_TCP_LISTEN_OPEN = 11,
    MARTLET_TCP_LISTEN_CLOSE = 12,
    MARTLET_FILE_WRITTEN = 13,
    MARTLET_SEGMENT = 14,
    MARTLET_DATAGRAM = 15,
    MARTLET_HTTP_COUNTS = 16,
    MARTLET_EVENT_TYPES = 17,
};

/* Why a record or a piece of state was given up. */
enum martlet_loss {
    MARTLET_LOSS_RING_FULL = 0,        /* no room in the ring */
    MARTLET_LOSS_CONNECTIONS_FULL = 1, /* no room in the table of connections */
    MARTLET_LOSS_PATH_TOO_LONG = 2,    /* a cgroup's path exceeds MARTLET_PATH_MAX */
    MARTLET_LOSS_SEGMENTS_FULL = 3,    /* no room in the ring for a piece of a connection or a datagram */
    MARTLET_LOSS_FRAGMENTS = 4,        /* an IP fragment: not put together */
    MARTLET_LOSS_UNEXAMINED = 5,       /* a connection that said too much before it was known what it speaks */
    MARTLET_LOSS_TLS = 6,              /* plain text whose connection was not found */
    MARTLET_LOSS_HOLES = 7,            /* bytes of a connection that were overtaken while others still were: not waited for */
    MARTLET_LOSS_BUSY = 8,             /* a packet while another one of its connection was read for too long */
    MARTLET_LOSS_REASONS = 9,
};

/* First member of every ring record. */
struct martlet_header {
    __u64 time_ns;
    __u64 cgroup;        /* kernfs id in the cgroup2 tree; 1 is its root */
    __u64 memory_cgroup; /* kernfs id in the v1 memory hierarchy; 0 if there is none or it is not known */
    __u32 type;          /* enum martlet_event_type */
    __u32 pid;           /* thread group id in the initial pid namespace; 0 if no process is known */
};

struct martlet_process_start {
    struct martlet_header header;
    __u64 start_boottime_ns; /* CLOCK_BOOTTIME */
    __u32 parent_pid;
    __u32 _reserved;
    char comm[16];
};

struct martlet_process_exec {
    struct martlet_header header;
    char comm[16];
};

struct martlet_process_exit {
    struct martlet_header header;
    __u64 start_boottime_ns;
    __u32 exit_code; /* as wait(2) gives it */
    __u32 oom_killed;
    __u64 cpu_delay_ns;  /* time that its threads waited for a CPU, over the whole life of the process */
    __u64 disk_delay_ns; /* and for block I/O; 0 while kernel.task_delayacct is off */
};

#define MARTLET_PATH_MAX 1024

/* Made and removed. A record is as long as its path: offsetof(path) + path_length rounded up to 8. */
struct martlet_cgroup {
    struct martlet_header header;
    __u64 id;
    __u32 hierarchy;   /* 0 is cgroup2 */
    __u32 path_length; /* bytes of path, without terminator; 0 if the path was too long */
    char path[MARTLET_PATH_MAX];
};

/* A control group has a file open for writing on a mount. A ring record, and a row of the iterator over open files. */
struct martlet_file_written {
    struct martlet_header header;
    __u32 mount_id; /* as in /proc/PID/mountinfo */
    __u32 device;   /* of the file system: major << 20 | minor */
};

/* A process moved to another cgroup. */
struct martlet_cgroup_attach {
    struct martlet_header header;
    __u64 id;
    __u32 hierarchy;
    __u32 _reserved;
    __u64 start_boottime_ns;
};

enum martlet_role {
    MARTLET_OUTBOUND = 0,
    MARTLET_INBOUND = 1,
};

/*
 * Both ends of a TCP connection or, without the remote one, of a listening socket. `id` names this life of the socket: the
 * kernel uses a socket's address again at once, and events of both lives may be read out of order.
 */
struct martlet_endpoints {
    __u64 id;
    __u8 local_address[16];
    __u8 remote_address[16];
    __u16 local_port;
    __u16 remote_port;
    __u32 netns; /* inode number of the network namespace */
};

struct martlet_tcp {
    struct martlet_header header;
    struct martlet_endpoints ends;
    __u64 duration_ns; /* established: since connect(2); closed: since established; 0 if the start was not seen */
    __u64 bytes_sent;  /* payload bytes since the agent first saw the connection, each counted once */
    __u64 bytes_received;
    __u32 retransmits; /* segments */
    __u32 role;        /* enum martlet_role */
};

struct martlet_listen {
    struct martlet_header header;
    struct martlet_endpoints ends; /* remote side zero */
};

/* Bits of martlet_segment.flags and martlet_datagram.flags. */
#define MARTLET_SEGMENT_SENT 1 /* by the socket's owner; else received */
#define MARTLET_SEGMENT_TLS 2  /* plain text, from a TLS library */
/* Stands for a request that the kernel counts on: its bytes are made up, its place in the stream and its time are true. */
#define MARTLET_SEGMENT_STAND_IN 4
#define MARTLET_SEGMENT_ENDS 8 /* the end comes too, first, and a gap is between */
/* Begins a plain request of HTTP/1 that is handed over with its answer, among others that the kernel counts. */
#define MARTLET_SEGMENT_ALONE 16
#define MARTLET_SEGMENT_DRAWN 32 /* ... because the sampling of traces chose it, not only because it may name a trace */
#define MARTLET_SEGMENT_ANEW 64  /* from here on all comes, of a connection of which some requests were handed over before */

/* Bytes of the end of a segment that come with its beginning where there are more between: a segment tends to end with what
   says how a long answer went. */
#define MARTLET_TAIL_BYTES 256

/*
 * A piece of one direction of a TCP connection: `captured` bytes of it, from its beginning on, behind
 * MARTLET_TAIL_BYTES of its end if MARTLET_SEGMENT_ENDS says so. All records of one socket go through one ring.
 */
struct martlet_segment {
    struct martlet_header header; /* cgroup: of the socket */
    __u64 id;                     /* martlet_endpoints.id of the connection */
    __u32 offset;                 /* of the first byte in this direction's stream, modulo 2^32 */
    __u32 length;                 /* bytes of the stream that it stands for */
    __u16 captured;
    __u8 flags;
    __u8 counted; /* enum martlet_counted; of a stand-in */
    __u32 before; /* bytes of the stream right before it that were not seen and may still come: it overtook them */
    char bytes[];
};

/* A UDP datagram that looks like DNS. */
struct martlet_datagram {
    struct martlet_header header;
    struct martlet_endpoints ends; /* id: the socket's cookie */
    __u16 length;
    __u16 captured;
    __u8 flags;
    __u8 _reserved[3];
    char bytes[];
};

/* Value of the map of verdicts, by martlet_endpoints.id: what user space found a connection to be. */
enum martlet_verdict {
    MARTLET_VERDICT_STREAM = 1, /* all of it is wanted */
    MARTLET_VERDICT_IGNORED = 2, /* no packets of it are; it may go on encrypted */
    MARTLET_VERDICT_NOBODYS = 3, /* nor what a TLS library says of it */
};

/* Upper bounds of the latency histograms in microseconds, without the last one, which is infinite. */
#define MARTLET_LATENCY_BOUNDS 11

/*
 * Requests of one connection that were counted in the kernel since the last record of it. A ring record, and a row
 * of the iterator over sockets.
 */
enum martlet_counted {
    MARTLET_COUNTED_HTTP = 0,
    MARTLET_COUNTED_REDIS = 1, /* statuses[1]: answered, statuses[3]: answered with an error */
    MARTLET_COUNTED_POSTGRES = 2, /* the same */
};

struct martlet_http_counts {
    struct martlet_header header;
    __u64 id;
    __u64 duration_ns;
    __u32 statuses[5]; /* 1xx to 5xx */
    __u32 unanswered;
    __u32 buckets[MARTLET_LATENCY_BOUNDS + 1]; /* of answered requests, each counted in one */
    __u32 is_outbound;
    __u32 counted; /* enum martlet_counted */
};

/* A row of the iterator over open connections: only those that changed since the last run. */
struct martlet_tcp_sample {
    __u64 id;
    __u64 bytes_sent;
    __u64 bytes_received;
    __u64 retransmits;
};

/* A row of the iterator over the round-trip times of open outbound connections. */
struct martlet_tcp_round_trip {
    __u64 id;
    __u32 smoothed_us; /* tcp_sock.srtt_us is eight times that; 0 before the first measurement */
    __u32 _reserved;
};

/* A row of the iterator over sockets that are older than the agent. */
struct martlet_tcp_found {
    struct martlet_header header; /* type: MARTLET_TCP_ESTABLISHED or MARTLET_TCP_LISTEN_OPEN */
    struct martlet_endpoints ends;
};

/* A row of the iterator over processes that are older than the agent. */
struct martlet_process_found {
    __u64 cgroup;
    __u64 memory_cgroup;
    __u64 start_boottime_ns;
    __u32 pid;
    __u32 parent_pid;
    char comm[16];
};

/* Bytes that were taken of what is allowed, as of a time in units of 2^20 ns (bpf/capture.bpf.h). */
struct martlet_allowance {
    __u32 used;
    __u32 time;
};

/* Value of the map of open connections and listening sockets, keyed by socket address. */
struct martlet_connection {
    __u64 id;             /* martlet_endpoints.id */
    __u64 started_ns;     /* connect(2), or when it was accepted or found */
    __u64 established_ns; /* 0 before, and for listening sockets */
    __u64 cgroup;
    __u64 memory_cgroup;
    __u64 base_sent; /* counters when the agent found the connection */
    __u64 base_received;
    __u64 base_retransmits;
    __u64 sampled_sent; /* what the iterator reported last */
    __u64 sampled_received;
    __u64 sampled_retransmits;
    __u32 pid;
    __u32 role;
    __u16 remote_port;
    __u16 state; /* of the socket when it was entered here */
    __u16 _reserved[2];
    __u8 remote_address[16];
    /* Plain text of TLS, modulo 2^32: handed over for sending, reported of that, and received. */
    __u32 tls_sent;
    __u32 tls_high;
    __u32 tls_received;
    __u32 tls_ignored; /* nobody reads it */
    struct martlet_allowance tls_whole;
};

/* Read-only configuration, set before the programs are loaded. */
struct martlet_config {
    __u32 shards;             /* rings; a power of two */
    __u32 wake_bytes;         /* fill of one ring from which the consumer is woken at once */
    __u32 memory_hierarchy;   /* hierarchy id of the v1 memory controller; 0 if it is on cgroup2 or absent */
    __u32 capture_bytes;      /* of the beginning of one segment; more by bpf/capture.bpf.h */
    __u32 count_http;         /* whether requests are counted in the kernel and not captured where that can be: HTTP/1, Redis, PostgreSQL */
    __u32 requests;           /* whether packets are looked at */
    __u32 draws;              /* whether some of the plain HTTP/1 requests are handed over, and nothing else is counted */
    __u32 drawn_below;        /* those whose hash is less, and those that may name a trace */
};

#endif
