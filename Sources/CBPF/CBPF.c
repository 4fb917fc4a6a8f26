#define _GNU_SOURCE
#include "CBPF.h"
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local char log_text[4096];
static _Thread_local size_t log_used;

static int capture(enum libbpf_print_level level, const char *format, va_list arguments) {
    if (level == LIBBPF_DEBUG) return 0;
    // Keep the newest lines: a verifier log ends with what went wrong.
    if (log_used > sizeof(log_text) / 2) {
        size_t half = log_used / 2;
        memmove(log_text, log_text + half, log_used - half);
        log_used -= half;
    }
    int written = vsnprintf(log_text + log_used, sizeof(log_text) - log_used, format, arguments);
    if (written > 0) {
        log_used += (size_t)written;
        if (log_used >= sizeof(log_text)) log_used = sizeof(log_text) - 1;
    }
    return 0;
}

const char *martlet_bpf_log(void) { return log_text; }

void martlet_bpf_capture(void) { libbpf_set_print(capture); }

void martlet_bpf_log_clear(void) {
    log_used = 0;
    log_text[0] = 0;
}

struct bpf_object *martlet_bpf_open(const void *bytes, size_t size, const char *name) {
    LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = name);
    return bpf_object__open_mem(bytes, size, &options);
}

struct bpf_link *martlet_bpf_attach_map_iterator(const struct bpf_program *program, int map) {
    union bpf_iter_link_info target = {.map.map_fd = (__u32)map};
    LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &target, .link_info_len = sizeof(target));
    return bpf_program__attach_iter(program, &options);
}

int64_t martlet_bpf_program_misses(int program) {
    struct bpf_prog_info info = {};
    __u32 size = sizeof(info);
    if (bpf_obj_get_info_by_fd(program, &info, &size)) return -1;
    return (int64_t)info.recursion_misses;
}

// include/uapi/linux/bpf.h since Linux 6.6: enum bpf_attach_type, and the part of union bpf_attr for BPF_LINK_CREATE.
enum { trace_uprobe_multi = 48 };

struct link_create_uprobe_multi {
    __u32 prog_fd;
    __u32 target_fd;
    __u32 attach_type;
    __u32 flags;
    __u64 path;
    __u64 offsets;
    __u64 ref_ctr_offsets;
    __u64 cookies;
    __u32 cnt;
    __u32 probe_flags;
    __u32 pid;
    __u32 reserved;
};

int martlet_bpf_uprobe_multi_type(void) { return trace_uprobe_multi; }

int martlet_bpf_attach_uprobe_multi(
    int program, const char *path, const uint64_t *offsets, uint32_t count, const uint64_t *cookies) {
    struct link_create_uprobe_multi attributes = {
        .prog_fd = (__u32)program,
        .attach_type = trace_uprobe_multi,
        .path = (__u64)(uintptr_t)path,
        .offsets = (__u64)(uintptr_t)offsets,
        .cookies = (__u64)(uintptr_t)cookies,
        .cnt = count,
    };
    int link = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes));
    return link < 0 ? -errno : link;
}

bool martlet_bpf_has_uprobe_multi(void) {
    struct bpf_insn nothing[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0}, {.code = BPF_JMP | BPF_EXIT}};
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = (enum bpf_attach_type)trace_uprobe_multi);
    int program = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "martlet_try", "GPL", nothing, 2, &options);
    if (program < 0) return false;
    // A directory is refused as such only by a kernel that knows what is asked for.
    uint64_t offset = 0;
    int link = martlet_bpf_attach_uprobe_multi(program, "/", &offset, 1, &offset);
    if (link >= 0) close(link);
    close(program);
    return link == -EBADF;
}

// The number of the kernel's uprobe events, or -1 where it has none.
static int uprobe_type(void) {
    FILE *file = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
    int type = -1;
    if (!file) return -1;
    if (fscanf(file, "%d", &type) != 1) type = -1;
    fclose(file);
    return type;
}

int martlet_bpf_attach_uprobe(int program, const char *path, uint64_t offset, uint64_t cookie) {
    int type = uprobe_type();
    if (type < 0) return -EOPNOTSUPP;
    struct perf_event_attr attributes = {
        .size = sizeof(attributes),
        .type = (__u32)type,
        .config1 = (__u64)(uintptr_t)path,
        .config2 = offset,
    };
    int event = (int)syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
    if (event < 0) return -errno;
    LIBBPF_OPTS(bpf_link_create_opts, options, .perf_event.bpf_cookie = cookie);
    int link = bpf_link_create(program, event, BPF_PERF_EVENT, &options);
    // The link holds the event.
    close(event);
    return link;
}
