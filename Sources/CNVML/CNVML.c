#include "CNVML.h"
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *older;
    size_t offset;
} functions[] = {
    {"nvmlInit_v2", NULL, offsetof(struct martlet_nvml, init)},
    {"nvmlShutdown", NULL, offsetof(struct martlet_nvml, shutdown)},
    {"nvmlSystemGetDriverVersion", NULL, offsetof(struct martlet_nvml, driver_version)},
    {"nvmlDeviceGetCount_v2", NULL, offsetof(struct martlet_nvml, device_count)},
    {"nvmlDeviceGetHandleByIndex_v2", NULL, offsetof(struct martlet_nvml, device_at)},
    {"nvmlDeviceGetUUID", NULL, offsetof(struct martlet_nvml, uuid)},
    {"nvmlDeviceGetName", NULL, offsetof(struct martlet_nvml, name)},
    {"nvmlDeviceGetMemoryInfo", NULL, offsetof(struct martlet_nvml, memory)},
    {"nvmlDeviceGetTemperature", NULL, offsetof(struct martlet_nvml, temperature)},
    {"nvmlDeviceGetPowerUsage", NULL, offsetof(struct martlet_nvml, power)},
    {"nvmlDeviceGetSamples", NULL, offsetof(struct martlet_nvml, samples)},
    {"nvmlDeviceGetProcessUtilization", NULL, offsetof(struct martlet_nvml, process_utilization)},
    // Both take the same structure; the function without a version takes a shorter one.
    {"nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2",
     offsetof(struct martlet_nvml, compute_processes)},
    {"nvmlDeviceGetMigMode", NULL, offsetof(struct martlet_nvml, mig_mode)},
    {"nvmlDeviceGetMaxMigDeviceCount", NULL, offsetof(struct martlet_nvml, mig_count)},
    {"nvmlDeviceGetMigDeviceHandleByIndex", NULL, offsetof(struct martlet_nvml, mig_device_at)},
};

int martlet_nvml_open(const char *path, struct martlet_nvml *nvml, char *problem, unsigned int size) {
    memset(nvml, 0, sizeof(*nvml));
    nvml->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!nvml->library) {
        const char *reason = dlerror();
        snprintf(problem, size, "%s", reason ? reason : "it cannot be loaded");
        return -1;
    }
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        void *found = dlsym(nvml->library, functions[i].name);
        if (!found && functions[i].older) found = dlsym(nvml->library, functions[i].older);
        // POSIX has object and function pointers alike here.
        memcpy((char *)nvml + functions[i].offset, &found, sizeof(found));
    }
    if (nvml->init && nvml->shutdown && nvml->device_count && nvml->device_at && nvml->uuid) return 0;
    snprintf(problem, size, "functions of NVML are missing");
    martlet_nvml_close(nvml);
    return -1;
}

void martlet_nvml_close(struct martlet_nvml *nvml) {
    if (nvml->library) dlclose(nvml->library);
    memset(nvml, 0, sizeof(*nvml));
}
