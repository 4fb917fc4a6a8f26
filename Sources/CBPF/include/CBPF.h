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
