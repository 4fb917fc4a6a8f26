// What runs inside the containers of the system tests: one static program, one task a subcommand.
// Every task prints "ready" (or its result) on a line of its own and ends with 0 only if it did exactly what was asked.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: workload TASK\n"
    "  sink ADDRESS PORT REPLY                      accept and discard; answer the peer's end with REPLY bytes\n"
    "  connect COUNT ADDRESS PORT                   connect and close, one after the other\n"
    "  spread COUNT FIRST PORT                      connect to COUNT addresses 127.1.x.y, then sleep\n"
    "  refused COUNT ADDRESS PORT                   connect, expecting a refusal each time\n"
    "  send|sendfile|splice BYTES ADDRESS PORT      one connection; then read to the peer's end\n"
    "  hold COUNT ADDRESS PORT                      open connections and keep them; send 1000 bytes on each\n"
    "  fork COUNT MILLISECONDS PARALLEL ADDRESS PORT [exec]   short processes, one connection each\n"
    "  once MILLISECONDS ADDRESS PORT               one of them\n"
    "  listen FIRST COUNT ADDRESS                   listen on COUNT ports and keep them\n"
    "  burn MILLISECONDS                            use a core, then sleep\n"
    "  memory MEBIBYTES                             touch memory, then sleep\n"
    "  write BYTES FILE                             write a file to its disk, then sleep\n"
    "  name HEX                                     take a process name, then sleep\n"
    "  put direct|sync BYTES FILE                   write with O_DIRECT, or with fsync(2); then end\n"
    "  append MILLISECONDS FILE                     keep a file open and write 4 KiB to the disk every so often\n"
    "  sleep                                        until killed\n"
    "  noring PROGRAM ARGUMENT...                   run a program that is refused io_uring\n";

static void die(const char *what) {
    fprintf(stderr, "workload: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void say(const char *line) {
    puts(line);
    fflush(stdout);
}

static void sleep_for(long milliseconds) {
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {}
}

static void sleep_on(void) {
    for (;;) pause();
}

// IPv4 or IPv6.
static struct sockaddr_storage endpoint(const char *address, const char *port) {
    struct sockaddr_storage result = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&result;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&result;

    if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)atoi(port));
    } else if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)atoi(port));
    } else {
        die(address);
    }
    return result;
}

static int stream(int family) {
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    return fd;
}

static int connected(const char *address, const char *port) {
    struct sockaddr_storage to = endpoint(address, port);
    int fd = stream(to.ss_family);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) die("connect");
    return fd;
}

static int listening(const char *address, const char *port, int backlog) {
    struct sockaddr_storage at = endpoint(address, port);
    int fd = stream(at.ss_family), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, backlog) != 0) die("listen");
    return fd;
}

static void write_all(int fd, long bytes) {
    static char block[65536];
    while (bytes > 0) {
        ssize_t count = write(fd, block, bytes < (long)sizeof block ? (size_t)bytes : sizeof block);
        if (count < 0) die("write");
        bytes -= count;
    }
}

static long read_to_end(int fd) {
    static char block[65536];
    long total = 0;
    for (;;) {
        ssize_t count = read(fd, block, sizeof block);
        if (count < 0) die("read");
        if (count == 0) return total;
        total += count;
    }
}

static int sink(const char *address, const char *port, long reply) {
    enum { limit = 4096 };
    static struct pollfd fds[limit];
    static char block[65536];
    signal(SIGPIPE, SIG_IGN);
    fds[0] = (struct pollfd){.fd = listening(address, port, 4096), .events = POLLIN};
    nfds_t used = 1;
    say("ready");
    for (;;) {
        if (poll(fds, used, -1) < 0 && errno != EINTR) die("poll");
        for (nfds_t i = used; i-- > 1;) {
            if (!fds[i].revents) continue;
            ssize_t count = recv(fds[i].fd, block, sizeof block, MSG_DONTWAIT);
            if (count > 0 || (count < 0 && errno == EAGAIN)) continue;
            if (count == 0 && reply > 0) {
                for (long left = reply; left > 0;) {
                    ssize_t sent = send(fds[i].fd, block, left < (long)sizeof block ? (size_t)left : sizeof block, 0);
                    if (sent < 0) break;
                    left -= sent;
                }
            }
            close(fds[i].fd);
            fds[i] = fds[--used];
        }
        if (fds[0].revents && used < limit) {
            int fd = accept4(fds[0].fd, NULL, NULL, SOCK_CLOEXEC);
            if (fd >= 0) fds[used++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
    }
}

static int connect_many(long count, const char *address, const char *port) {
    for (long i = 0; i < count; i++) {
        int fd = connected(address, port);
        shutdown(fd, SHUT_WR);
        read_to_end(fd);
        close(fd);
    }
    say("done");
    return 0;
}

static int refused_many(long count, const char *address, const char *port) {
    struct sockaddr_storage to = endpoint(address, port);
    for (long i = 0; i < count; i++) {
        int fd = stream(to.ss_family);
        if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
            fputs("workload: the connection was not refused\n", stderr);
            return 1;
        }
        if (errno != ECONNREFUSED) die("connect");
        close(fd);
    }
    say("done");
    return 0;
}

static int transfer(const char *how, long bytes, const char *address, const char *port) {
    int fd = connected(address, port);
    if (strcmp(how, "send") == 0) {
        write_all(fd, bytes);
    } else if (strcmp(how, "sendfile") == 0) {
        int file = memfd_create("payload", MFD_CLOEXEC);
        if (file < 0 || ftruncate(file, bytes) != 0) die("memfd");
        for (long left = bytes; left > 0;) {
            ssize_t count = sendfile(fd, file, NULL, (size_t)left);
            if (count <= 0) die("sendfile");
            left -= count;
        }
    } else {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) die("pipe");
        for (long left = bytes; left > 0;) {
            long part = left < 16384 ? left : 16384;
            write_all(ends[1], part);
            left -= part;
            while (part > 0) {
                ssize_t count = splice(ends[0], NULL, fd, NULL, (size_t)part, SPLICE_F_MOVE);
                if (count <= 0) die("splice");
                part -= count;
            }
        }
    }
    shutdown(fd, SHUT_WR);
    printf("sent %ld received %ld\n", bytes, read_to_end(fd));
    close(fd);
    say("done");
    return 0;
}

static int hold(long count, const char *address, const char *port) {
    for (long i = 0; i < count; i++) write_all(connected(address, port), 1000);
    say("ready");
    sleep_on();
    return 0;
}

static int once(long milliseconds, const char *address, const char *port) {
    int fd = connected(address, port);
    shutdown(fd, SHUT_WR);
    read_to_end(fd);
    close(fd);
    sleep_for(milliseconds);
    return 0;
}

static int fork_many(int argc, char **argv) {
    long count = atol(argv[2]), milliseconds = atol(argv[3]), parallel = atol(argv[4]);
    int by_exec = argc > 7 && strcmp(argv[7], "exec") == 0;
    long running = 0, failed = 0;
    for (long started = 0; started < count || running > 0;) {
        if (started < count && running < parallel) {
            pid_t child = fork();
            if (child < 0) die("fork");
            if (child == 0) {
                if (by_exec) {
                    execl("/proc/self/exe", "workload", "once", argv[3], argv[5], argv[6], (char *)NULL);
                    _exit(127);
                }
                _exit(once(milliseconds, argv[5], argv[6]));
            }
            started++;
            running++;
            continue;
        }
        int status;
        if (wait(&status) < 0) die("wait");
        running--;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) failed++;
    }
    printf("failed %ld\n", failed);
    say("done");
    return failed != 0;
}

static int listen_many(int first, int count, const char *address) {
    for (int port = first, opened = 0; opened < count && port < 65536; port++) {
        char text[8];
        snprintf(text, sizeof text, "%d", port);
        listening(address, text, 1);
        opened++;
    }
    say("ready");
    sleep_on();
    return 0;
}

static int burn(long milliseconds) {
    struct timespec used;
    volatile unsigned long turns = 0;
    say("ready");
    do {
        for (int i = 0; i < 100000; i++) turns++;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    } while (used.tv_sec * 1000 + used.tv_nsec / 1000000 < milliseconds);
    say("done");
    sleep_on();
    return 0;
}

static int memory(long mebibytes) {
    size_t size = (size_t)mebibytes << 20;
    char *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) die("mmap");
    for (size_t i = 0; i < size; i += 4096) block[i] = (char)(i >> 12) | 1;
    say("ready");
    sleep_on();
    return 0;
}

static int write_file(long bytes, const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) die(path);
    write_all(fd, bytes);
    if (fsync(fd) != 0) die("fsync");
    say("done");
    sleep_on();
    return 0;
}

static int take_name(const char *hex) {
    char name[16] = {0};
    for (size_t i = 0; i < sizeof name - 1 && hex[2 * i] && hex[2 * i + 1]; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
        name[i] = (char)strtol(pair, NULL, 16);
    }
    if (prctl(PR_SET_NAME, name) != 0) die("prctl");
    say("ready");
    sleep_on();
    return 0;
}

static int write_through(const char *how, long bytes, const char *path) {
    int direct = strcmp(how, "direct") == 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (direct ? O_DIRECT : 0), 0644);
    static char block[65536] __attribute__((aligned(4096)));
    if (fd < 0) die(path);
    while (bytes > 0) {
        ssize_t count = write(fd, block, bytes < (long)sizeof block ? (size_t)bytes : sizeof block);
        if (count < 0) die("write");
        bytes -= count;
    }
    if (!direct && fsync(fd) != 0) die("fsync");
    close(fd);
    return 0;
}

static int append(long milliseconds, const char *path) {
    static char block[4096];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) die(path);
    say("ready");
    for (;;) {
        if (pwrite(fd, block, sizeof block, 0) < 0 || fsync(fd) != 0) die("write");
        sleep_for(milliseconds);
    }
}

static int without_ring(char **argv) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) die("prctl");
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) die("seccomp");
    execvp(argv[0], argv);
    die(argv[0]);
    return 1;
}

static int spread(int count, int first, const char *port) {
    for (int index = first; index < first + count; index++) {
        char address[32];
        snprintf(address, sizeof address, "127.1.%d.%d", index / 250 % 250, index % 250 + 1);
        close(connected(address, port));
    }
    say("ready");
    sleep_on();
    return 0;
}

int main(int argc, char **argv) {
    const char *task = argc > 1 ? argv[1] : "";
    if (strcmp(task, "sink") == 0 && argc == 5) return sink(argv[2], argv[3], atol(argv[4]));
    if (strcmp(task, "connect") == 0 && argc == 5) return connect_many(atol(argv[2]), argv[3], argv[4]);
    if (strcmp(task, "spread") == 0 && argc == 5) return spread(atoi(argv[2]), atoi(argv[3]), argv[4]);
    if (strcmp(task, "refused") == 0 && argc == 5) return refused_many(atol(argv[2]), argv[3], argv[4]);
    if ((strcmp(task, "send") == 0 || strcmp(task, "sendfile") == 0 || strcmp(task, "splice") == 0) && argc == 5)
        return transfer(task, atol(argv[2]), argv[3], argv[4]);
    if (strcmp(task, "hold") == 0 && argc == 5) return hold(atol(argv[2]), argv[3], argv[4]);
    if (strcmp(task, "fork") == 0 && argc >= 7) return fork_many(argc, argv);
    if (strcmp(task, "once") == 0 && argc == 5) return once(atol(argv[2]), argv[3], argv[4]);
    if (strcmp(task, "listen") == 0 && argc == 5) return listen_many(atoi(argv[2]), atoi(argv[3]), argv[4]);
    if (strcmp(task, "burn") == 0 && argc == 3) return burn(atol(argv[2]));
    if (strcmp(task, "memory") == 0 && argc == 3) return memory(atol(argv[2]));
    if (strcmp(task, "write") == 0 && argc == 4) return write_file(atol(argv[2]), argv[3]);
    if (strcmp(task, "name") == 0 && argc == 3) return take_name(argv[2]);
    if (strcmp(task, "put") == 0 && argc == 5) return write_through(argv[2], atol(argv[3]), argv[4]);
    if (strcmp(task, "append") == 0 && argc == 4) return append(atol(argv[2]), argv[3]);
    if (strcmp(task, "sleep") == 0) sleep_on();
    if (strcmp(task, "noring") == 0 && argc > 2) return without_ring(argv + 2);
    fputs(usage, stderr);
    return 64;
}
