/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Control groups: made, removed, and processes moved into them. The kernel names the path, so that the agent knows a
 * container's cgroup before its first process runs, however short it lives. Only the hierarchies that the agent
 * attributes by are reported: cgroup2 (0) and, where it exists, the v1 memory hierarchy.
 */
#include "common.h"

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct martlet_cgroup);
} cgroup_scratch SEC(".maps");

static __always_inline bool is_watched(__u32 hierarchy) {
    return hierarchy == 0 || (config.memory_hierarchy && hierarchy == config.memory_hierarchy);
}

static __always_inline int report_cgroup(struct cgroup *group, const char *path, enum martlet_event_type type) {
    __u32 zero = 0;
    __u64 size;
    long length;
    struct martlet_cgroup *event;
    __u32 hierarchy = BPF_CORE_READ(group, root, hierarchy_id);

    if (!is_watched(hierarchy)) return 0;
    event = bpf_map_lookup_elem(&cgroup_scratch, &zero);
    if (!event) return 0;
    fill_header(&event->header, type);
    event->header.cgroup = event->header.memory_cgroup = 0;
    event->header.pid = 0;
    event->id = BPF_CORE_READ(group, kn, id);
    event->hierarchy = hierarchy;
    length = bpf_probe_read_kernel_str(event->path, sizeof(event->path), path);
    if (length <= 0 || length >= MARTLET_PATH_MAX) {
        count_loss(MARTLET_LOSS_PATH_TOO_LONG);
        length = 1;
    }
    event->path_length = length - 1;
    size = (__builtin_offsetof(struct martlet_cgroup, path) + length + 7) & ~7ull;
    if (size > sizeof(*event)) size = sizeof(*event);
    output(event, size);
    return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_made, struct cgroup *group, const char *path) {
    return report_cgroup(group, path, MARTLET_CGROUP_MADE);
}

SEC("tp_btf/cgroup_rename")
int BPF_PROG(cgroup_renamed, struct cgroup *group, const char *path) {
    return report_cgroup(group, path, MARTLET_CGROUP_MADE);
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_removed, struct cgroup *group, const char *path) {
    return report_cgroup(group, path, MARTLET_CGROUP_REMOVED);
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(cgroup_attach, struct cgroup *group, const char *path, struct task_struct *task, bool threadgroup) {
    struct martlet_cgroup_attach *event;
    __u32 hierarchy = BPF_CORE_READ(group, root, hierarchy_id);

    if (!is_watched(hierarchy)) return 0;
    if (BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid)) return 0;
    event = reserve(sizeof(*event));
    if (!event) return 0;
    fill_task_header(&event->header, MARTLET_CGROUP_ATTACH, task);
    event->id = BPF_CORE_READ(group, kn, id);
    event->hierarchy = hierarchy;
    event->_reserved = 0;
    event->start_boottime_ns = BPF_CORE_READ(task, start_boottime);
    submit(event);
    return 0;
}
