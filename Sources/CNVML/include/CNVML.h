#pragma once
// The part of NVIDIA's management library (docs.nvidia.com/deploy/nvml-api) that the agent calls: types and signatures,
// written from its documentation. The library is never linked: it is loaded at run time, and any function may be missing.
#include <stdint.h>

typedef void *martlet_nvml_device;

struct martlet_nvml_memory {
    unsigned long long total, free, used;
};

// A sample of nvmlDeviceGetSamples; utilisation comes as MARTLET_NVML_UINT.
struct martlet_nvml_sample {
    unsigned long long time_us;
    union {
        double number;
        unsigned int value;
        unsigned long long wide;
    };
};

struct martlet_nvml_process_sample {
    unsigned int pid;
    unsigned long long time_us;
    unsigned int sm, memory, encoder, decoder;
};

// nvmlProcessInfo_t since version 2 of the function.
struct martlet_nvml_process {
    unsigned int pid;
    unsigned long long used_memory;
    unsigned int gpu_instance, compute_instance;
};

enum {
    MARTLET_NVML_UINT = 1,
    MARTLET_NVML_GPU_UTILIZATION_SAMPLES = 1,
    MARTLET_NVML_MEMORY_UTILIZATION_SAMPLES = 2,
    MARTLET_NVML_TEMPERATURE_GPU = 0,
    MARTLET_NVML_TEXT_SIZE = 96,
};

struct martlet_nvml {
    void *library;
    int (*init)(void);
    int (*shutdown)(void);
    int (*driver_version)(char *text, unsigned int size);
    int (*device_count)(unsigned int *count);
    int (*device_at)(unsigned int index, martlet_nvml_device *device);
    int (*uuid)(martlet_nvml_device device, char *text, unsigned int size);
    int (*name)(martlet_nvml_device device, char *text, unsigned int size);
    int (*memory)(martlet_nvml_device device, struct martlet_nvml_memory *memory);
    int (*temperature)(martlet_nvml_device device, int sensor, unsigned int *celsius);
    int (*power)(martlet_nvml_device device, unsigned int *milliwatts);
    int (*samples)(martlet_nvml_device device, int kind, unsigned long long since_us, int *value_type,
                   unsigned int *count, struct martlet_nvml_sample *samples);
    int (*process_utilization)(martlet_nvml_device device, struct martlet_nvml_process_sample *samples,
                               unsigned int *count, unsigned long long since_us);
    int (*compute_processes)(martlet_nvml_device device, unsigned int *count, struct martlet_nvml_process *processes);
    int (*mig_mode)(martlet_nvml_device device, unsigned int *current, unsigned int *pending);
    int (*mig_count)(martlet_nvml_device device, unsigned int *count);
    int (*mig_device_at)(martlet_nvml_device device, unsigned int index, martlet_nvml_device *mig);
};

// Loads the library at `path` and finds its functions; those that it lacks stay NULL. Returns 0, or -1 with the reason in
// `problem`.
int martlet_nvml_open(const char *path, struct martlet_nvml *nvml, char *problem, unsigned int size);

void martlet_nvml_close(struct martlet_nvml *nvml);
