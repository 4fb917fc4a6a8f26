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
