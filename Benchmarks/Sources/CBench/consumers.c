#include "CBench.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../../bpf/include/events.h"

struct bench_c_ring {
    unsigned long *consumer;
    unsigned long *producer;
    char *data;
    size_t capacity;
    size_t page;
};

struct bench_c_ring *bench_c_open(int descriptor, size_t capacity) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct bench_c_ring *ring = malloc(sizeof(*ring));
    if (!ring) return NULL;
    void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    void *producer = mmap(NULL, page + 2 * capacity, PROT_READ, MAP_SHARED, descriptor, (off_t)page);
    if (consumer == MAP_FAILED || producer == MAP_FAILED) {
        free(ring);
        return NULL;
    }
    *ring = (struct bench_c_ring){consumer, producer, (char *)producer + page, capacity, page};
    return ring;
}

void bench_c_close(struct bench_c_ring *ring) {
    munmap(ring->consumer, ring->page);
    munmap(ring->producer, ring->page + 2 * ring->capacity);
    free(ring);
}

uint64_t bench_c_position(const struct bench_c_ring *ring) { return __atomic_load_n(ring->consumer, __ATOMIC_RELAXED); }

void bench_c_rewind(struct bench_c_ring *ring, uint64_t position) {
    __atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
}

// The same as `Consumer.decode` in Swift.
static uint64_t decode(const char *record, uint32_t length) {
    if (length < sizeof(struct martlet_header)) return 0;
    const struct martlet_header *header = (const struct martlet_header *)record;
    switch (header->type) {
    case MARTLET_TCP_LISTEN_OPEN:
    case MARTLET_TCP_LISTEN_CLOSE: {
        if (length < sizeof(struct martlet_listen)) return 0;
        const struct martlet_listen *event = (const struct martlet_listen *)record;
        return event->ends.id;
    }
    case MARTLET_TCP_ESTABLISHED:
    case MARTLET_TCP_FAILED:
    case MARTLET_TCP_ACCEPTED:
    case MARTLET_TCP_CLOSED: {
        if (length < sizeof(struct martlet_tcp)) return 0;
        const struct martlet_tcp *event = (const struct martlet_tcp *)record;
        return event->header.time_ns + event->header.cgroup + event->ends.id + event->ends.remote_port +
               event->duration_ns + event->bytes_sent + event->bytes_received + event->role;
    }
    default: return 0;
    }
}

uint64_t bench_c_consume(struct bench_c_ring *ring, uint64_t *digest) {
    unsigned long mask = ring->capacity - 1;
    unsigned long position = __atomic_load_n(ring->consumer, __ATOMIC_RELAXED);
    uint64_t count = 0, sum = 0;
    for (;;) {
        unsigned long end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
        unsigned taken = 0;
        while (position != end && taken < 512) {
            uint32_t *header = (uint32_t *)(ring->data + (position & mask));
            uint32_t word = __atomic_load_n(header, __ATOMIC_ACQUIRE);
            if (word & BPF_RINGBUF_BUSY_BIT) break;
            uint32_t length = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
            if (!(word & BPF_RINGBUF_DISCARD_BIT)) {
                sum += decode((const char *)header + BPF_RINGBUF_HDR_SZ, length);
                taken++;
            }
            position += (length + BPF_RINGBUF_HDR_SZ + 7) & ~7ul;
        }
        if (!taken) break;
        count += taken;
        __atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
    }
    *digest += sum;
    return count;
}

struct bench_libbpf {
    struct ring_buffer *buffer;
    uint64_t count;
};

static int nothing(void *context, void *data, size_t size) {
    (void)data;
    (void)size;
    ((struct bench_libbpf *)context)->count++;
    return 0;
}

struct bench_libbpf *bench_libbpf_open(int descriptor) {
    struct bench_libbpf *ring = calloc(1, sizeof(*ring));
    if (!ring) return NULL;
    ring->buffer = ring_buffer__new(descriptor, nothing, ring, NULL);
    if (ring->buffer) return ring;
    free(ring);
    return NULL;
}

void bench_libbpf_close(struct bench_libbpf *ring) {
    ring_buffer__free(ring->buffer);
    free(ring);
}

int64_t bench_libbpf_consume(struct bench_libbpf *ring) {
    uint64_t before = ring->count;
    int result = ring_buffer__consume(ring->buffer);
    return result < 0 ? result : (int64_t)(ring->count - before);
}

void bench_libbpf_consume_timed(struct bench_libbpf *ring, uint64_t total, uint64_t pause_ns) {
    ring->count = 0;
    for (;;) {
        ring_buffer__consume(ring->buffer);
        if (ring->count >= total) return;
        bench_sleep(pause_ns);
    }
}

void bench_libbpf_poll(struct bench_libbpf *ring, uint64_t total) {
    ring->count = 0;
    while (ring->count < total) ring_buffer__poll(ring->buffer, 100);
}
