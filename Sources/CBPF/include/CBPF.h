#pragma once
// libbpf's C interface, and what of it Swift cannot import (macros, variadic functions).
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

// The last lines that libbpf printed on this thread's last failure, for the one-line reason of a refused feature.
// NUL-terminated, at most 4095 bytes; valid until the next call of martlet_bpf_capture.
const char *martlet_bpf_log(void);

// Routes libbpf's messages into the buffer above (nothing goes to standard error).
void martlet_bpf_capture(void);

// Forgets what was captured.
void martlet_bpf_log_clear(void);

// Opens an object from memory. The options structures are filled here: libbpf insists on zeroed padding, which Swift does
// not promise. Returns NULL with errno set.
struct bpf_object *martlet_bpf_open(const void *bytes, size_t size, const char *name);

// Attaches an iterator over the elements of a map. Returns NULL with errno set.
struct bpf_link *martlet_bpf_attach_map_iterator(const struct bpf_program *program, int map);

// How often a program did not run because it was running on that CPU already (Linux 5.12; 0 before), or -1 with errno set.
int64_t martlet_bpf_program_misses(int program);

// Whether the kernel attaches one program to many places of a file at once (uprobe_multi, Linux 6.6). Tried out.
bool martlet_bpf_has_uprobe_multi(void);

// The attach type that programs for uprobe_multi are loaded with (BPF_TRACE_UPROBE_MULTI).
int martlet_bpf_uprobe_multi_type(void);

// Attaches a program to `count` places (offsets in the file) of `path`, for all processes, with a cookie each. Returns the link's
// descriptor, which holds the attachment, or a negated errno.
int martlet_bpf_attach_uprobe_multi(
    int program, const char *path, const uint64_t *offsets, uint32_t count, const uint64_t *cookies);

// The same at one place, through a perf event (Linux 5.15 for the cookie).
int martlet_bpf_attach_uprobe(int program, const char *path, uint64_t offset, uint64_t cookie);
