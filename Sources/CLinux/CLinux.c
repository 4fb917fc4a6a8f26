#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

int martlet_setns(int descriptor, int kind) { return setns(descriptor, kind); }

void martlet_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

int martlet_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int martlet_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int martlet_epoll_add(int epoll, int descriptor, uint32_t token) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = token};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

int martlet_epoll_wait(int epoll, int timeout_ms, uint32_t *tokens, int limit) {
    struct epoll_event events[64];
    int count = epoll_wait(epoll, events, limit < 64 ? limit : 64, timeout_ms);
    for (int i = 0; i < count; i++) tokens[i] = events[i].data.u32;
    return count;
}

static int termination_write_end = -1;

static void report_termination(int number) {
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    // A full pipe holds more requests to end than anyone needs.
    ssize_t ignored = write(termination_write_end, &byte, 1);
    (void)ignored;
    errno = saved;
}

int martlet_termination_pipe(void) {
    struct sigaction action = {.sa_handler = report_termination, .sa_flags = SA_RESTART};
    int ends[2];

    if (pipe2(ends, O_CLOEXEC)) return -1;
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    termination_write_end = ends[1];
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGTERM, &action, NULL) || sigaction(SIGINT, &action, NULL)) return -1;
    return ends[0];
}

int martlet_open_in_root(int root, const char *path, int flags) {
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

int64_t martlet_file_system(int descriptor) {
    struct statfs status;
    return fstatfs(descriptor, &status) ? -1 : (int64_t)(uint32_t)status.f_type;
}
