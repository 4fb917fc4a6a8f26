#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int set_capabilities(uint64_t effective, uint64_t permitted) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)effective, .permitted = (uint32_t)permitted},
        {.effective = (uint32_t)(effective >> 32), .permitted = (uint32_t)(permitted >> 32)},
    };
    return (int)syscall(SYS_capset, &header, data);
}

static int permitted_capabilities(uint64_t *permitted) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data)) return -1;
    *permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    return 0;
}

int martlet_use_capabilities(uint64_t effective) {
    uint64_t permitted;
    if (permitted_capabilities(&permitted)) return -1;
    return set_capabilities(effective & permitted, permitted);
}

int martlet_keep_capabilities(uint64_t kept) {
    uint64_t permitted;
    int stays = 0;

    if (permitted_capabilities(&permitted)) return -1;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)) return -1;
    // PR_CAPBSET_READ fails past the kernel's last capability.
    for (unsigned long number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++) {
        if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0) continue;
        if (errno != EPERM) return -1;
        stays = 1;
    }
    if (set_capabilities(kept & permitted, kept & permitted)) return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
    return stays;
}

int martlet_change_user(uint32_t user, uint32_t group, const uint32_t *groups, int count) {
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)) return -1;
    if (setgroups((size_t)count, groups)) return -1;
    if (setresgid(group, group, group)) return -1;
    if (setresuid(user, user, user)) return -1;
    // The kernel makes a process that changed its user unreadable to itself (/proc/self); nobody without all of its
    // capabilities may trace it all the same.
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)) return -1;
    return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
}

int martlet_find_user(const char *name, uint32_t *user, uint32_t *group, uint32_t *groups, int limit) {
    struct passwd *found = getpwnam(name);
    int count = limit;
    if (!found) return -1;
    *user = found->pw_uid;
    *group = found->pw_gid;
    if (getgrouplist(name, found->pw_gid, groups, &count) < 0) count = limit;
    return count;
}

int martlet_find_group(const char *name, uint32_t *group) {
    struct group *found = getgrnam(name);
    if (!found) return -1;
    *group = found->gr_gid;
    return 0;
}
