/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The producer of the benchmarks: fills a ring with connection events as bpf/tcp.bpf.h writes them. It is never attached;
 * BPF_PROG_TEST_RUN runs it, with what to write as the tracepoint's arguments.
 *
 * Record number n is about socket n % sockets: its established event in even rounds over the sockets, its closed event in
 * odd ones. Neighbouring sockets belong to different containers.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "events.h"

#define DESTINATIONS 20

/* The loader sets the size, or puts a ring of the agent in its place. */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4194304);
} ring SEC(".maps");

struct job {
    __u64 first;
    __u64 sockets;
    __u64 containers;
    __u64 first_cgroup;
    __u64 flags;
    __u64 written;
};

static long write_one(__u32 index, struct job *job) {
    __u64 number = job->first + index;
    __u64 socket = number % job->sockets;
    __u64 round = number / job->sockets;
    struct martlet_tcp *event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);

    if (!event) return 1;
    event->header.time_ns = number;
    event->header.cgroup = job->first_cgroup + socket % job->containers;
    event->header.memory_cgroup = 0;
    event->header.type = round & 1 ? MARTLET_TCP_CLOSED : MARTLET_TCP_ESTABLISHED;
    event->header.pid = 1;
    event->ends.id = (round / 2 * job->sockets + socket) << 10;
    __builtin_memset(event->ends.local_address, 0, 32); /* the remote address follows */
    event->ends.local_address[10] = event->ends.local_address[11] = 0xff;
    event->ends.local_address[12] = 10;
    event->ends.local_address[15] = 1;
    event->ends.remote_address[10] = event->ends.remote_address[11] = 0xff;
    event->ends.remote_address[12] = 10;
    event->ends.remote_address[15] = 10 + socket / job->containers % DESTINATIONS;
    event->ends.local_port = 40000 + socket;
    event->ends.remote_port = 443;
    event->ends.netns = 4026531840;
    event->duration_ns = 1000 + number % 1000;
    event->bytes_sent = round & 1 ? 100 : 0;
    event->bytes_received = round & 1 ? 200 : 0;
    event->retransmits = 0;
    event->role = MARTLET_OUTBOUND;
    bpf_ringbuf_submit(event, job->flags);
    job->written++;
    return 0;
}

/* Arguments: count, first, sockets, containers, first cgroup, flags of bpf_ringbuf_submit. Returns the records written. */
SEC("raw_tp")
int fill(__u64 *arguments) {
    struct job job = {
        .first = arguments[1],
        .sockets = arguments[2],
        .containers = arguments[3],
        .first_cgroup = arguments[4],
        .flags = arguments[5],
    };

    bpf_loop(arguments[0], write_one, &job, 0);
    return job.written;
}

char _license[] SEC("license") = "Dual BSD/GPL";
