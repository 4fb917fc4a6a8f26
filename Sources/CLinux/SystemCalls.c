#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "no list of system calls for this architecture"
#endif

// What the agent, the Swift runtime, NIO and glibc call, found with strace(1) and in their sources. A call that an
// architecture lacks has no number there.
static const int allowed[] = {
    // Files and descriptors.
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_preadv2, SYS_close, SYS_lseek,
    SYS_openat, SYS_openat2, SYS_newfstatat, SYS_fstat, SYS_statx, SYS_statfs, SYS_fstatfs, SYS_readlinkat,
    SYS_getdents64, SYS_fcntl, SYS_ioctl, SYS_dup, SYS_dup3, SYS_pipe2, SYS_faccessat, SYS_faccessat2, SYS_getcwd,
    SYS_ftruncate, SYS_fallocate, SYS_fsync, SYS_fdatasync, SYS_renameat, SYS_renameat2, SYS_unlinkat, SYS_mkdirat,
    SYS_flock, SYS_sendfile, SYS_memfd_create, SYS_umask, SYS_name_to_handle_at, SYS_inotify_init1, SYS_inotify_add_watch,
    SYS_inotify_rm_watch, SYS_copy_file_range,
#ifdef SYS_open
    SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_pipe, SYS_dup2, SYS_poll, SYS_select, SYS_epoll_wait,
    SYS_epoll_create, SYS_eventfd, SYS_rename, SYS_unlink, SYS_mkdir, SYS_rmdir, SYS_getdents, SYS_time, SYS_arch_prctl,
    SYS_getpgrp,
#endif
    // Waiting.
    SYS_ppoll, SYS_pselect6, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_eventfd2,
    SYS_timerfd_create, SYS_timerfd_settime, SYS_timerfd_gettime, SYS_signalfd4, SYS_nanosleep, SYS_clock_nanosleep,
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_restart_syscall,
    // Time and the machine.
    SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_uname, SYS_sysinfo, SYS_getrandom, SYS_getcpu,
    // Memory.
    SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_msync, SYS_mincore, SYS_membarrier,
    // Sockets.
    SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_getsockname,
    SYS_getpeername, SYS_getsockopt, SYS_setsockopt, SYS_shutdown, SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg,
    SYS_sendmmsg, SYS_recvmmsg,
    // Threads, signals and this process. Threads cannot be told from processes here: clone3 has its flags in memory.
    SYS_clone, SYS_clone3, SYS_futex, SYS_set_robust_list, SYS_get_robust_list, SYS_set_tid_address, SYS_rseq,
    SYS_sched_yield, SYS_sched_getaffinity, SYS_sched_setaffinity, SYS_sched_getparam, SYS_sched_setscheduler,
    SYS_sched_getscheduler, SYS_sched_get_priority_max, SYS_sched_get_priority_min, SYS_getpriority, SYS_setpriority,
    SYS_exit, SYS_exit_group, SYS_wait4, SYS_waitid, SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigaction,
    SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigtimedwait, SYS_rt_sigsuspend, SYS_sigaltstack, SYS_getpid,
    SYS_getppid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getresuid, SYS_getresgid,
    SYS_getgroups, SYS_getpgid, SYS_getsid, SYS_prctl, SYS_capget, SYS_getrlimit, SYS_setrlimit, SYS_prlimit64,
    SYS_getrusage, SYS_times, SYS_pidfd_open, SYS_pidfd_getfd,
    // Namespaces of containers, and the kernel side. A mount namespace is entered on a thread whose file-system
    // context is its own.
    SYS_setns, SYS_unshare, SYS_bpf, SYS_perf_event_open,
};

enum { allowed_count = sizeof(allowed) / sizeof(allowed[0]) };

int martlet_filter_system_calls(void) {
    // Jump offsets are a byte wide.
    _Static_assert(allowed_count < 250, "the filter needs a second jump");
    struct sock_filter filter[allowed_count + 5];
    struct sock_fprog program = {.len = allowed_count + 5, .filter = filter};
    const unsigned short refuse = allowed_count + 3;
    unsigned short used = 0;

    filter[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    filter[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCHITECTURE, 0, refuse - 2);
    // Numbers of the x32 interface have a bit that none of these has.
    filter[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < allowed_count; i++) {
        filter[used] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed[i], (uint8_t)(refuse - used), 0);
        used++;
    }
    filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
    long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
    if (result > 0) {
        // A thread that has another filter already, which no thread of the agent has.
        errno = ESRCH;
        result = -1;
    }
    return result ? -1 : allowed_count;
}

int martlet_try_forbidden_call(int index, const char **name) {
    // Arguments that the kernel refuses before it does anything, with an error other than EPERM for a caller that may.
    static const struct {
        const char *name;
        long number, arguments[4];
    } calls[] = {
        {"execve", SYS_execve, {0, 0, 0, 0}},
        {"ptrace", SYS_ptrace, {-1, 0, 0, 0}},
        {"mount", SYS_mount, {0, 0, 0, 0}},
        {"init_module", SYS_init_module, {0, 0, 0, 0}},
        {"process_vm_writev", SYS_process_vm_writev, {0, 0, 0, 0}},
        {"chroot", SYS_chroot, {0, 0, 0, 0}},
        {"keyctl", SYS_keyctl, {-1, 0, 0, 0}},
        {"fchmodat", SYS_fchmodat, {-1, 0, 0, 0}},
    };
    if (index < 0 || index >= (int)(sizeof(calls) / sizeof(calls[0]))) return -1;
    *name = calls[index].name;
    const long *argument = calls[index].arguments;
    return syscall(calls[index].number, argument[0], argument[1], argument[2], argument[3]) < 0 ? errno : 0;
}
