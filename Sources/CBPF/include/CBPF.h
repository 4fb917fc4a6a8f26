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
