#pragma once
// What Swift's Glibc module leaves out, because it needs _GNU_SOURCE or a header that the module lacks.
#include <linux/filter.h>
#include <stdint.h>

// setns(2). Returns 0, or -1 with errno set.
int martlet_setns(int descriptor, int kind);

// Names the calling thread (at most 15 bytes).
void martlet_name_thread(const char *name);

// A non-blocking eventfd(2), or -1 with errno set.
int martlet_eventfd(void);

// epoll(7): the instance, one readable and edge-triggered descriptor, and a wait that stores the tokens of at most `limit`
// ready descriptors (64 at most a call). All return -1 with errno set.
int martlet_epoll_create(void);
int martlet_epoll_add(int epoll, int descriptor, uint32_t token);
int martlet_epoll_wait(int epoll, int timeout_ms, uint32_t *tokens, int limit);

// Has SIGTERM and SIGINT written, a byte each, to a pipe instead of ending the process. Returns the end to read from, or -1
// with errno set. A handler is needed: the main thread of a Swift program waits with every signal unblocked.
int martlet_termination_pipe(void);

// Leaves the calling thread the capabilities of the mask `kept` (permitted and effective) and no others: the inheritable, ambient
// and bounding sets become empty, and nothing that is executed can gain any (no_new_privs). Threads that are made later inherit
// all of it. Returns 0, 1 if the bounding set had to stay because CAP_SETPCAP is missing, or -1 with errno set. capset(2), prctl(2).
int martlet_keep_capabilities(uint64_t kept);

// Sets the calling thread's effective capabilities to those of the mask that are permitted. Returns 0, or -1 with errno set.
int martlet_use_capabilities(uint64_t effective);

// Changes all ids of the process, and its groups, without losing permitted capabilities (the effective ones are lost). Returns 0,
// or -1 with errno set. setresuid(2), setgroups(2), PR_SET_KEEPCAPS.
int martlet_change_user(uint32_t user, uint32_t group, const uint32_t *groups, int count);

// The user `name`: its id, its group and at most `limit` groups. Returns the number of groups, or -1 if there is no such user.
int martlet_find_user(const char *name, uint32_t *user, uint32_t *group, uint32_t *groups, int limit);

// The group `name`. Returns 0, or -1 if there is no such group.
int martlet_find_group(const char *name, uint32_t *group);

// Refuses all system calls with EPERM but those that the agent uses, for the whole process and for good (seccomp(2)), and
// sets no_new_privs. Returns the number of calls that stay allowed, or -1 with errno set.
int martlet_filter_system_calls(void);

// The errno with which the kernel answers a few calls that the agent never makes (index 0 and up), done so that they change
// nothing if they are allowed; 0 if one succeeds, -1 past the last. `name` is set to the call's name.
int martlet_try_forbidden_call(int index, const char **name);

// Opens `path` as if `root` were the root directory, for every link on the way too (openat2(2), RESOLVE_IN_ROOT), and through no
// link of procfs. Returns a descriptor, or -1 with errno set: ENOSYS before Linux 5.6.
int martlet_open_in_root(int root, const char *path, int flags);

// The magic number of the file system of an open file (fstatfs(2), linux/magic.h), or -1 with errno set.
int64_t martlet_file_system(int descriptor);
