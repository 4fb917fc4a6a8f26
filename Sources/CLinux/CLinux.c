#define _GNU_SOURCE
#include "CLinux.h"
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

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
