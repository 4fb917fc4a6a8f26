// Stands in for NVIDIA's management library: the same names and structures, and devices that a file describes.
//
// The environment variable NVML_STAND_IN names the file, which is read with every call. Its lines:
//   device UUID TOTAL USED CELSIUS MILLIWATTS UTILISATION MEMORY_UTILISATION MIG CLOCK_SKEW_US   (NAME is "Stand-in UUID")
//   process UUID PID SM MEMORY BYTES
//   instance UUID MIG_UUID TOTAL USED
//   error CODE        every call fails with it
//   hang              every call blocks until the line is gone
// Utilisation comes as six samples a second that alternate between ten less and ten more. With OLD defined, functions of
// newer drivers are missing.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct { int number; } *handle;
struct memory { unsigned long long total, free, used; };
struct sample { unsigned long long time_us; union { double d; unsigned int u; unsigned long long w; } value; };
struct process_sample { unsigned int pid; unsigned long long time_us; unsigned int sm, memory, encoder, decoder; };
struct process { unsigned int pid; unsigned long long used; unsigned int gpu_instance, compute_instance; };

enum { SUCCESS, UNINITIALIZED, INVALID_ARGUMENT, NOT_SUPPORTED, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };
enum { LIMIT = 16 };

struct device {
    char uuid[64];
    unsigned long long total, used;
    unsigned int celsius, milliwatts, utilisation, memory_utilisation, mig;
    long long skew;
    int parent; // of a MIG instance; -1 for a device
};
static struct { char uuid[64]; unsigned int pid, sm, memory; unsigned long long bytes; } processes[LIMIT];
static struct device devices[LIMIT];
static int device_count, process_count, initialised;
static int handles[LIMIT];

static int find(const char *uuid) {
    for (int i = 0; i < device_count; i++)
        if (!strcmp(devices[i].uuid, uuid)) return i;
    return -1;
}

static int load(void) {
    for (;;) {
        FILE *file = fopen(getenv("NVML_STAND_IN"), "r");
        char line[512], word[64], uuid[64];
        int code = SUCCESS, hang = 0;

        if (!file) return UNINITIALIZED;
        device_count = process_count = 0;
        while (fgets(line, sizeof(line), file)) {
            if (sscanf(line, "%63s", word) != 1) continue;
            if (!strcmp(word, "hang")) hang = 1;
            if (!strcmp(word, "error")) sscanf(line, "%*s %d", &code);
            if (!strcmp(word, "device")) {
                struct device *d = &devices[device_count++];
                d->parent = -1;
                sscanf(line, "%*s %63s %llu %llu %u %u %u %u %u %lld", d->uuid, &d->total, &d->used, &d->celsius,
                       &d->milliwatts, &d->utilisation, &d->memory_utilisation, &d->mig, &d->skew);
            }
            if (!strcmp(word, "instance")) {
                struct device *d = &devices[device_count];
                memset(d, 0, sizeof(*d));
                sscanf(line, "%*s %63s %63s %llu %llu", uuid, d->uuid, &d->total, &d->used);
                d->parent = find(uuid);
                device_count++;
            }
            if (!strcmp(word, "process")) {
                int i = process_count++;
                sscanf(line, "%*s %63s %u %u %u %llu", processes[i].uuid, &processes[i].pid, &processes[i].sm,
                       &processes[i].memory, &processes[i].bytes);
            }
        }
        fclose(file);
        if (!hang) return code;
        usleep(100000);
    }
}

static int enter(handle h, struct device **found) {
    int code = initialised ? load() : UNINITIALIZED;
    if (code) return code;
    if (!h) return SUCCESS;
    int index = (int)((int *)h - handles);
    if (index < 0 || index >= device_count) return INVALID_ARGUMENT;
    *found = &devices[index];
    return SUCCESS;
}

static unsigned long long now(const struct device *d) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec * 1000000ull + time.tv_nsec / 1000 + d->skew;
}

int nvmlInit_v2(void) {
    int code = load();
    initialised = !code;
    return code;
}

int nvmlShutdown(void) { return initialised = 0; }

int nvmlSystemGetDriverVersion(char *text, unsigned int size) {
    snprintf(text, size, "999.1");
    return enter(NULL, NULL);
}

int nvmlDeviceGetCount_v2(unsigned int *count) {
    int code = enter(NULL, NULL);
    *count = 0;
    for (int i = 0; i < device_count; i++) *count += devices[i].parent < 0;
    return code;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, handle *result) {
    int code = enter(NULL, NULL);
    if (code) return code;
    for (int i = 0; i < device_count; i++)
        if (devices[i].parent < 0 && index-- == 0) {
            *result = (handle)&handles[i];
            return SUCCESS;
        }
    return INVALID_ARGUMENT;
}

int nvmlDeviceGetUUID(handle h, char *text, unsigned int size) {
    struct device *d;
    int code = enter(h, &d);
    if (!code) snprintf(text, size, "%s", d->uuid);
    return code;
}

int nvmlDeviceGetName(handle h, char *text, unsigned int size) {
    struct device *d;
    int code = enter(h, &d);
    if (!code) snprintf(text, size, "Stand-in %s", d->uuid);
    return code;
}

int nvmlDeviceGetMemoryInfo(handle h, struct memory *memory) {
    struct device *d;
    int code = enter(h, &d);
    if (!code) *memory = (struct memory){d->total, d->total - d->used, d->used};
    return code;
}

int nvmlDeviceGetTemperature(handle h, int sensor, unsigned int *celsius) {
    struct device *d;
    int code = enter(h, &d);
    if (code) return code;
    if (sensor != 0 || d->parent >= 0) return NOT_SUPPORTED;
    *celsius = d->celsius;
    return SUCCESS;
}

int nvmlDeviceGetPowerUsage(handle h, unsigned int *milliwatts) {
    struct device *d;
    int code = enter(h, &d);
    if (code) return code;
    if (d->parent >= 0) return NOT_SUPPORTED;
    *milliwatts = d->milliwatts;
    return SUCCESS;
}

int nvmlDeviceGetSamples(handle h, int kind, unsigned long long since, int *type, unsigned int *count,
                         struct sample *samples) {
    struct device *d;
    int code = enter(h, &d);
    if (code) return code;
    if (d->mig || d->parent >= 0 || (kind != 1 && kind != 2)) return NOT_SUPPORTED;
    unsigned int value = kind == 1 ? d->utilisation : d->memory_utilisation, found = 0;
    unsigned long long step = 1000000 / 6, end = now(d), time = end - 12 * step;
    if (since > time) time = since;
    for (unsigned long long tick = time / step + 1; tick * step <= end && found < *count; tick++)
        samples[found++] = (struct sample){tick * step, {.u = tick % 2 ? value - 10 : value + 10}};
    *type = 1;
    *count = found;
    return found ? SUCCESS : NOT_FOUND;
}

int nvmlDeviceGetMigMode(handle, unsigned int *, unsigned int *);

static int running(handle h, unsigned int *count, struct process *result) {
    struct device *d;
    int code = enter(h, &d);
    unsigned int found = 0;
    if (code) return code;
    for (int i = 0; i < process_count; i++) {
        if (strcmp(processes[i].uuid, d->uuid) || !processes[i].bytes) continue;
        if (found == *count) return INSUFFICIENT_SIZE;
        result[found++] = (struct process){processes[i].pid, processes[i].bytes, 0, 0};
    }
    *count = found;
    return SUCCESS;
}

#ifdef OLD
int nvmlDeviceGetComputeRunningProcesses_v2(handle h, unsigned int *count, struct process *result) {
    return running(h, count, result);
}
#else
int nvmlDeviceGetComputeRunningProcesses_v3(handle h, unsigned int *count, struct process *result) {
    return running(h, count, result);
}

int nvmlDeviceGetProcessUtilization(handle h, struct process_sample *samples, unsigned int *count,
                                    unsigned long long since) {
    struct device *d;
    int code = enter(h, &d);
    unsigned int found = 0;
    if (code) return code;
    if (d->mig || d->parent >= 0) return NOT_SUPPORTED;
    for (int i = 0; i < process_count; i++) {
        // One sample of each process, of now: seen already if a clock that runs ahead was asked with.
        if (strcmp(processes[i].uuid, d->uuid) || now(d) <= since) continue;
        if (found == *count) return INSUFFICIENT_SIZE;
        samples[found++] = (struct process_sample){processes[i].pid, now(d), processes[i].sm, processes[i].memory, 0, 0};
    }
    *count = found;
    return found ? SUCCESS : NOT_FOUND;
}

int nvmlDeviceGetMigMode(handle h, unsigned int *current, unsigned int *pending) {
    struct device *d;
    int code = enter(h, &d);
    if (!code) *current = *pending = d->mig;
    return code;
}

int nvmlDeviceGetMaxMigDeviceCount(handle h, unsigned int *count) {
    struct device *d;
    int code = enter(h, &d);
    if (!code) *count = d->mig ? 7 : 0;
    return code;
}

int nvmlDeviceGetMigDeviceHandleByIndex(handle h, unsigned int index, handle *result) {
    struct device *d;
    int code = enter(h, &d);
    if (code) return code;
    // The first number is free, as after an instance was destroyed.
    for (int i = 0; i < device_count; i++)
        if (devices[i].parent == d - devices && --index == 0) {
            *result = (handle)&handles[i];
            return SUCCESS;
        }
    return NOT_FOUND;
}
#endif
