#include "CBPF.h"
#include <stdio.h>
#include <string.h>

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
