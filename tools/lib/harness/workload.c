// Many containers for tools/density: dockerd --data-root DIRECTORY COUNT CONNECTIONS
//
// Stands in for Docker: the executable is called dockerd, so that the agent finds DIRECTORY/containers/ID/config.v2.json
// through its command line. DIRECTORY/ids has one id a line, DIRECTORY/cgroups the folder of Docker's containers in each
// hierarchy. Each container is a server and an idle helper process. The server listens on an address of its own in
// 127.77.0.0/16, keeps CONNECTIONS connections to the servers after it, asks something on each once a second, and has a file
// open for writing. All of them end with this process.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 8080, REQUEST = 100, ANSWER = 400, MAXIMUM_SOCKETS = 64, ID = 64, MAXIMUM_HIERARCHIES = 32 };

static char hierarchies[MAXIMUM_HIERARCHIES][256];
static int hierarchy_count;

__attribute__((noreturn)) static void fail(const char *what, const char *name)
{
	fprintf(stderr, "%s %s: %s\n", what, name, strerror(errno));
	_exit(1);
}

static struct sockaddr_in address_of(int index)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };

	address.sin_addr.s_addr = htonl(127u << 24 | 77u << 16 | (unsigned)(index / 250) << 8 | (unsigned)(index % 250 + 1));
	return address;
}

static void join(const char *id)
{
	char path[512];

	for (int index = 0; index < hierarchy_count; index++) {
		snprintf(path, sizeof(path), "%s/%s/cgroup.procs", hierarchies[index], id);
		int file = open(path, O_WRONLY | O_CLOEXEC);

		if (file < 0 || write(file, "0", 1) != 1) fail("cannot join", path);
		close(file);
	}
}

static int listen_at(int index)
{
	struct sockaddr_in address = address_of(index);
	char text[INET_ADDRSTRLEN];
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 64))
		fail("cannot listen at port 8080 of", inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text)));
	return listener;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// Asks on the first `asked` sockets once a second, and answers on the others.
__attribute__((noreturn)) static void serve(int listener, int index, struct pollfd *sockets, int asked, int file)
{
	static char bytes[4096];
	int count = asked;
	double next = now() + (double)(index % 100) / 100;

	sockets[count++] = (struct pollfd){ .fd = listener, .events = POLLIN };
	for (;;) {
		double wait = next - now();

		if (wait <= 0) {
			for (int at = 0; at < asked; at++) send(sockets[at].fd, bytes, REQUEST, MSG_NOSIGNAL | MSG_DONTWAIT);
			if (write(file, bytes, 1) != 1) fail("cannot write", "its log");
			lseek(file, 0, SEEK_SET);
			next += 1;
			continue;
		}
		if (poll(sockets, (nfds_t)count, (int)(wait * 1000) + 1) <= 0) continue;
		for (int at = 0; at < count; at++) {
			if (!sockets[at].revents) continue;
			if (sockets[at].fd == listener) {
				int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

				if (peer >= 0 && count < MAXIMUM_SOCKETS) sockets[count++] = (struct pollfd){ .fd = peer, .events = POLLIN };
				continue;
			}
			ssize_t got = recv(sockets[at].fd, bytes, sizeof(bytes), MSG_DONTWAIT);

			if (got == 0) sockets[at].events = 0;
			if (got > 0 && at > asked) send(sockets[at].fd, bytes, ANSWER, MSG_NOSIGNAL | MSG_DONTWAIT);
		}
	}
}

__attribute__((noreturn)) static void container(const char *directory, const char *id, int index, int count, int connections,
						int ready, int go)
{
	struct pollfd sockets[MAXIMUM_SOCKETS];
	char path[512], byte;

	signal(SIGCHLD, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "server");
	join(id);
	int listener = listen_at(index);

	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "helper");
		close(listener);
		for (;;) pause();
	}
	snprintf(path, sizeof(path), "%s/containers/%s/log", directory, id);
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (file < 0) fail("cannot write", path);
	if (write(ready, "", 1) != 1 || read(go, &byte, 1) != 0) _exit(1);
	close(ready);
	close(go);
	for (int at = 0; at < connections; at++) {
		struct sockaddr_in address = address_of((index + at + 1) % count);
		int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(peer, (struct sockaddr *)&address, sizeof(address))) fail("cannot connect from", id);
		sockets[at] = (struct pollfd){ .fd = peer, .events = POLLIN };
	}
	serve(listener, index, sockets, connections, file);
}

// One container less is another measurement: all of them end then.
static void ended(int number)
{
	(void)number;
	_exit(1);
}

static FILE *list(const char *directory, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "re");

	if (!file) fail("cannot read", path);
	return file;
}

int main(int argc, char **argv)
{
	int ready[2], go[2];
	char id[ID + 2], byte;

	if (argc != 5) return 64;
	const char *directory = argv[2];
	int count = atoi(argv[3]), connections = atoi(argv[4]);

	if (connections < 0 || connections > MAXIMUM_SOCKETS / 2 || pipe(ready) || pipe(go)) return 64;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, ended);
	FILE *file = list(directory, "cgroups");

	while (hierarchy_count < MAXIMUM_HIERARCHIES && fscanf(file, "%255s", hierarchies[hierarchy_count]) == 1) hierarchy_count++;
	fclose(file);
	file = list(directory, "ids");
	for (int index = 0; index < count && fscanf(file, "%65s", id) == 1; index++) {
		pid_t child = fork();

		if (child < 0) fail("cannot start", id);
		if (child) continue;
		close(ready[0]);
		close(go[1]);
		container(directory, id, index, count, connections, ready[1], go[0]);
	}
	close(ready[1]);
	close(go[0]);
	for (int index = 0; index < count; index++)
		if (read(ready[0], &byte, 1) != 1) return 1;
	close(go[1]);
	puts("ready");
	fflush(stdout);
	for (;;) pause();
}
