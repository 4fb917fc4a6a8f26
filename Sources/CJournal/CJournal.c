#include "CJournal.h"
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
    {"sd_journal_open_directory", offsetof(struct martlet_journal, open_directory)},
    {"sd_journal_close", offsetof(struct martlet_journal, close)},
    {"sd_journal_next", offsetof(struct martlet_journal, next)},
    {"sd_journal_seek_tail", offsetof(struct martlet_journal, seek_tail)},
    {"sd_journal_seek_head", offsetof(struct martlet_journal, seek_head)},
    {"sd_journal_previous", offsetof(struct martlet_journal, previous)},
    {"sd_journal_seek_cursor", offsetof(struct martlet_journal, seek_cursor)},
    {"sd_journal_test_cursor", offsetof(struct martlet_journal, test_cursor)},
    {"sd_journal_get_cursor", offsetof(struct martlet_journal, get_cursor)},
    {"sd_journal_get_data", offsetof(struct martlet_journal, get_data)},
    {"sd_journal_get_realtime_usec", offsetof(struct martlet_journal, get_realtime)},
    {"sd_journal_set_data_threshold", offsetof(struct martlet_journal, set_data_threshold)},
    {"sd_journal_process", offsetof(struct martlet_journal, process)},
    {"sd_journal_get_fd", offsetof(struct martlet_journal, get_fd)},
};

int martlet_journal_load(const char *name, struct martlet_journal *out, char *problem, unsigned int size) {
    memset(out, 0, sizeof(*out));
    out->library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!out->library) {
        const char *reason = dlerror();
        snprintf(problem, size, "%s", reason ? reason : "it cannot be loaded");
        return -1;
    }
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        void *found = dlsym(out->library, functions[i].name);
        if (!found) {
            snprintf(problem, size, "it has no %s", functions[i].name);
            dlclose(out->library);
            memset(out, 0, sizeof(*out));
            return -1;
        }
        // POSIX has object and function pointers alike here.
        memcpy((char *)out + functions[i].offset, &found, sizeof(found));
    }
    return 0;
}
