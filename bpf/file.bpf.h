/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Mounts on which a control group has a file open for writing: from the file tables of tasks, without a hook on open(2).
 *
 * Three views of a task's table. An iterator reads all of them on a cadence. A task that ends shows its own before the
 * kernel closes it. And an inode that becomes dirty is looked for among the files of the task that wrote to it, so that a file
 * which was opened and closed between two runs of the iterator is seen too; the kernel queues an inode for writeback once in
 * a while (seconds), not once a write.
 *
 * A mount is told once a minute and control group, so that a steady node tells little and whatever was lost heals.
 */
#include "common.h"

#define FILE_IS_WRITABLE 2u /* FMODE_WRITE, include/linux/fs.h */
#define TOLD_AGAIN_AFTER 60000000000ull
#define WALKED_WORDS 4 /* of the bitmap of open files: 256 descriptors */

struct told_key {
    __u64 cgroup;
    __u64 memory_cgroup;
    __u32 mount;
    __u32 device;
};

/* When a mount was told last. The oldest entries make room: they are told again. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, struct told_key);
    __type(value, __u64);
} told_mounts SEC(".maps");

/* Pseudo file systems have major 0, and so have some that are not: of these only ZFS is wanted. */
static __always_inline bool is_on_device(struct super_block *super) {
    char name[4] = {};

    if (BPF_CORE_READ(super, s_dev) >> 20) return true;
    bpf_probe_read_kernel(name, sizeof(name), BPF_CORE_READ(super, s_type, name));
    return name[0] == 'z' && name[1] == 'f' && name[2] == 's' && name[3] == 0;
}

/* Fills in where the file is; false if it is not open for writing or not on a device. */
static __always_inline bool find_mount(struct file *file, struct told_key *key) {
    struct vfsmount *visible;
    struct super_block *super;
    struct mount *mount;

    if (!(BPF_CORE_READ(file, f_mode) & FILE_IS_WRITABLE)) return false;
    visible = BPF_CORE_READ(file, f_path.mnt);
    if (!visible) return false;
    super = BPF_CORE_READ(visible, mnt_sb);
    if (!is_on_device(super)) return false;
    mount = (void *)visible - bpf_core_field_offset(struct mount, mnt);
    key->mount = BPF_CORE_READ(mount, mnt_id);
    key->device = BPF_CORE_READ(super, s_dev);
    return true;
}

static __always_inline bool was_told(struct told_key *key, __u64 now) {
    __u64 *last = bpf_map_lookup_elem(&told_mounts, key);

    return last && now - *last < TOLD_AGAIN_AFTER;
}

static __always_inline void fill_written(
    struct martlet_file_written *row, struct told_key *key, struct task_struct *task, __u64 now) {
    row->header.time_ns = now;
    row->header.type = MARTLET_FILE_WRITTEN;
    row->header.pid = BPF_CORE_READ(task, tgid);
    row->header.cgroup = key->cgroup;
    row->header.memory_cgroup = key->memory_cgroup;
    row->mount_id = key->mount;
    row->device = key->device;
}

static __always_inline void tell(struct told_key *key, struct task_struct *task) {
    __u64 now = bpf_ktime_get_ns();
    struct martlet_file_written *event;

    if (was_told(key, now)) return;
    /* What finds no room in the ring is not marked as told. */
    event = reserve(sizeof(*event));
    if (!event) return;
    fill_written(event, key, task, now);
    submit(event);
    bpf_map_update_elem(&told_mounts, key, &now, BPF_ANY);
}

/* Tells the mounts of the task's open files: of all, or of those of one inode. */
static __always_inline void walk_files(struct task_struct *task, struct inode *wanted) {
    struct told_key key = {};
    struct fdtable *table = BPF_CORE_READ(task, files, fdt);
    struct file **files, *file;
    unsigned long *open_files, bits;
    __u32 limit, word, bit;

    if (!table) return;
    key.cgroup = cgroup_of_task(task);
    key.memory_cgroup = memory_cgroup_of_task(task);
    files = BPF_CORE_READ(table, fd);
    open_files = BPF_CORE_READ(table, open_fds);
    limit = BPF_CORE_READ(table, max_fds);
    for (word = 0; word < WALKED_WORDS; word++) {
        if (word * 64 >= limit) return;
        if (bpf_probe_read_kernel(&bits, sizeof(bits), open_files + word)) return;
        for (bit = 0; bit < 64; bit++) {
            if (!bits) break;
            if (bits & 1) {
                file = NULL;
                bpf_probe_read_kernel(&file, sizeof(file), files + word * 64 + bit);
                if (file && (!wanted || BPF_CORE_READ(file, f_inode) == wanted) && find_mount(file, &key)) {
                    tell(&key, task);
                    if (wanted) return;
                }
            }
            bits >>= 1;
        }
    }
}

/* The kernel closes a task's files after this tracepoint (do_exit in kernel/exit.c). */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(files_at_exit, struct task_struct *task) {
    if (BPF_CORE_READ(task, signal, live.counter) != 0) return 0;
    walk_files(task, NULL);
    return 0;
}

/* __mark_inode_dirty() in fs/fs-writeback.c: the inode was clean, and is now queued for writeback. */
SEC("tp_btf/writeback_dirty_inode_enqueue")
int BPF_PROG(inode_dirtied, struct inode *inode) {
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();

    if (BPF_CORE_READ(task, flags) & TASK_IS_KERNEL_THREAD) return 0;
    if (!is_on_device(BPF_CORE_READ(inode, i_sb))) return 0;
    walk_files(task, inode);
    return 0;
}

SEC("iter/task_file")
int find_written_files(struct bpf_iter__task_file *context) {
    struct task_struct *task = context->task;
    struct file *file = context->file;
    struct martlet_file_written row = {};
    struct told_key key = {};
    __u64 now;

    if (!task || !file) return 0;
    if (!find_mount(file, &key)) return 0;
    key.cgroup = cgroup_of_task(task);
    key.memory_cgroup = memory_cgroup_of_task(task);
    now = bpf_ktime_get_ns();
    if (was_told(&key, now)) return 0;
    fill_written(&row, &key, task, now);
    if (bpf_seq_write(context->meta->seq, &row, sizeof(row)) == 0)
        bpf_map_update_elem(&told_mounts, &key, &now, BPF_ANY);
    return 0;
}
