/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Processes: start, exec, exit with its reason; and those that are older than the agent. */
#include "common.h"

static __always_inline int forked(struct task_struct *parent, struct task_struct *child, bool again) {
    struct martlet_process_start *event;

    if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid)) return 0; /* a thread */
    if (handled_before(MARTLET_PROCESS_START, again)) return 0;
    event = reserve(sizeof(*event));
    if (!event) return 0;
    fill_task_header(&event->header, MARTLET_PROCESS_START, child);
    event->start_boottime_ns = BPF_CORE_READ(child, start_boottime);
    event->parent_pid = BPF_CORE_READ(parent, tgid);
    event->_reserved = 0;
    BPF_CORE_READ_INTO(&event->comm, child, comm);
    submit(event);
    return 0;
}

static __always_inline int executed(struct task_struct *task, bool again) {
    struct martlet_process_exec *event;

    if (handled_before(MARTLET_PROCESS_EXEC, again)) return 0;
    event = reserve(sizeof(*event));
    if (!event) return 0;
    fill_task_header(&event->header, MARTLET_PROCESS_EXEC, task);
    BPF_CORE_READ_INTO(&event->comm, task, comm);
    submit(event);
    return 0;
}

/*
 * What the process waited for, as taskstats would add it up. Before this tracepoint taskstats_exit() (kernel/taskstats.c) has
 * added the threads of a process, the last one included, to signal->stats; a process of one thread has none.
 */
static __always_inline void read_delays(struct task_struct *task, struct martlet_process_exit *event) {
    struct taskstats *stats = NULL;

    event->cpu_delay_ns = event->disk_delay_ns = 0;
    if (bpf_core_field_exists(task->signal->stats)) stats = BPF_CORE_READ(task, signal, stats);
    if (stats) {
        event->cpu_delay_ns = BPF_CORE_READ(stats, cpu_delay_total);
        event->disk_delay_ns = BPF_CORE_READ(stats, blkio_delay_total);
        return;
    }
    if (bpf_core_field_exists(task->sched_info.run_delay)) event->cpu_delay_ns = BPF_CORE_READ(task, sched_info.run_delay);
    /* Reads as 0 where there is none. */
    if (bpf_core_field_exists(task->delays)) event->disk_delay_ns = BPF_CORE_READ(task, delays, blkio_delay);
}

static __always_inline int ended(struct task_struct *task, bool again) {
    struct martlet_process_exit *event;

    /* The kernel counts a thread out before this tracepoint: zero means that the last one of the process ends. */
    if (BPF_CORE_READ(task, signal, live.counter) != 0) return 0;
    if (handled_before(MARTLET_PROCESS_EXIT, again)) return 0;
    event = reserve(sizeof(*event));
    if (!event) return 0;
    fill_task_header(&event->header, MARTLET_PROCESS_EXIT, task);
    event->start_boottime_ns = BPF_CORE_READ(task, group_leader, start_boottime);
    event->exit_code = BPF_CORE_READ(task, exit_code);
    /* mark_oom_victim() in mm/oom_kill.c keeps the victim's mm here; nothing else sets it. */
    event->oom_killed = BPF_CORE_READ(task, signal, oom_mm) != NULL;
    read_delays(task, event);
    submit(event);
    return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child) {
    return forked(parent, child, false);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork_again, struct task_struct *parent, struct task_struct *child) {
    return forked(parent, child, true);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task) { return executed(task, false); }

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec_again, struct task_struct *task) { return executed(task, true); }

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task) { return ended(task, false); }

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit_again, struct task_struct *task) { return ended(task, true); }

SEC("iter/task")
int find_processes(struct bpf_iter__task *context) {
    struct task_struct *task = context->task;
    struct martlet_process_found row = {};

    if (!task) return 0;
    if (BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid)) return 0;
    if (BPF_CORE_READ(task, flags) & TASK_IS_KERNEL_THREAD) return 0;
    row.cgroup = cgroup_of_task(task);
    row.memory_cgroup = memory_cgroup_of_task(task);
    row.start_boottime_ns = BPF_CORE_READ(task, start_boottime);
    row.pid = BPF_CORE_READ(task, tgid);
    row.parent_pid = BPF_CORE_READ(task, real_parent, tgid);
    BPF_CORE_READ_INTO(&row.comm, task, comm);
    bpf_seq_write(context->meta->seq, &row, sizeof(row));
    return 0;
}
