#pragma once
// The part of libsystemd's journal interface (sd-journal(3)) that the agent calls, written from its manual pages. The library is
// never linked: it is loaded at run time.
#include <stddef.h>
#include <stdint.h>

struct martlet_journal {
    void *library;
    int (*open_directory)(void **journal, const char *path, int flags);
    void (*close)(void *journal);
    int (*next)(void *journal);
    int (*seek_tail)(void *journal);
    int (*seek_head)(void *journal);
    int (*previous)(void *journal);
    int (*seek_cursor)(void *journal, const char *cursor);
    int (*test_cursor)(void *journal, const char *cursor);
    int (*get_cursor)(void *journal, char **cursor);
    int (*get_data)(void *journal, const char *field, const void **data, size_t *length);
    int (*get_realtime)(void *journal, uint64_t *microseconds);
    int (*set_data_threshold)(void *journal, size_t size);
    int (*process)(void *journal);
    int (*get_fd)(void *journal);
};

// Loads the library and finds its functions. Returns 0, or -1 with the reason in `problem`.
int martlet_journal_load(const char *name, struct martlet_journal *functions, char *problem, unsigned int size);
