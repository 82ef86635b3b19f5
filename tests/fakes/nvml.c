/* A stand-in for libnvidia-ml.so.1: GPUs whose power is a known wave of time, so that the energy
 * between any two moments is known exactly.
 *
 * Power of GPU i: P(t) = MEAN + 50 i + SWING sin(2 pi t / PERIOD), in W, t in s since the epoch of
 * CLOCK_REALTIME. The energy counter is its integral since 2026-01-01, in mJ.
 *
 * Knobs, from the environment:
 *   FAKE_NVML_GPUS           number of GPUs (2)
 *   FAKE_NVML_MEAN_W, FAKE_NVML_SWING_W, FAKE_NVML_PERIOD_S    the wave (300, 100, 7)
 *   FAKE_NVML_NO_COUNTER     set: the energy counter is not supported
 *   FAKE_NVML_LOST_AFTER_S   GPU 0 falls off the bus that many seconds after initialisation
 *   FAKE_NVML_BLOCK_AFTER_S  every call blocks for ever, from that many seconds on
 *   FAKE_NVML_CALL_US        what each call costs, as a busy wait
 * The node's name (SLURMD_NODENAME) is a part of each UUID, so that nodes on one machine differ.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID = 2, NOT_SUPPORTED = 3, NO_SUCH_DEVICE = 6, IS_LOST = 15 };
#define EPOCH 1767225600.0 /* 2026-01-01 */
#define MAX_GPUS 16

static double initialised;
static int handles[MAX_GPUS];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static double knob(const char *name, double otherwise) {
    const char *text = getenv(name);
    return text && *text ? atof(text) : otherwise;
}

static int gpus(void) { return (int)knob("FAKE_NVML_GPUS", 2); }

static int enter(void) {
    double block = knob("FAKE_NVML_BLOCK_AFTER_S", -1), cost = knob("FAKE_NVML_CALL_US", 0);
    if (block >= 0 && now() - initialised >= block)
        for (;;) pause();
    if (cost > 0)
        for (double until = now() + cost / 1e6; now() < until;) {}
    return SUCCESS;
}

static int index_of(void *device) { return (int)((int *)device - handles); }

static int check(void *device) {
    double lost = knob("FAKE_NVML_LOST_AFTER_S", -1);
    int index = index_of(device);
    enter();
    if (index < 0 || index >= gpus()) return INVALID;
    return index == 0 && lost >= 0 && now() - initialised >= lost ? IS_LOST : SUCCESS;
}

static double power_w(int index, double t) {
    return knob("FAKE_NVML_MEAN_W", 300) + 50 * index +
           knob("FAKE_NVML_SWING_W", 100) * sin(2 * M_PI * t / knob("FAKE_NVML_PERIOD_S", 7));
}

static double energy_j(int index, double t) {
    double period = knob("FAKE_NVML_PERIOD_S", 7), turn = 2 * M_PI / period;
    double swing = knob("FAKE_NVML_SWING_W", 100);
    return (knob("FAKE_NVML_MEAN_W", 300) + 50 * index) * (t - EPOCH) +
           swing / turn * (cos(turn * EPOCH) - cos(turn * t));
}

int nvmlInitWithFlags(unsigned flags) { (void)flags; initialised = now(); return enter(); }
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return SUCCESS; }

const char *nvmlErrorString(int code) {
    switch (code) {
    case SUCCESS: return "Success";
    case NOT_SUPPORTED: return "Not Supported";
    case IS_LOST: return "GPU is lost";
    default: return "Invalid Argument";
    }
}

int nvmlSystemGetDriverVersion(char *version, unsigned length) {
    snprintf(version, length, "999.0-fake");
    return enter();
}

int nvmlDeviceGetCount_v2(unsigned *count) { *count = gpus(); return enter(); }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    if ((int)index >= gpus() || index >= MAX_GPUS) return NO_SUCH_DEVICE;
    *device = &handles[index];
    return enter();
}

int nvmlDeviceGetUUID(void *device, char *uuid, unsigned length) {
    const char *node = getenv("SLURMD_NODENAME");
    unsigned hash = 2166136261u;
    for (const char *c = node ? node : "local"; *c; c++) hash = (hash ^ (unsigned)*c) * 16777619u;
    snprintf(uuid, length, "GPU-%08x-0000-4000-8000-%012d", hash, index_of(device));
    return enter();
}

int nvmlDeviceGetName(void *device, char *name, unsigned length) {
    (void)device;
    snprintf(name, length, "Fake GPU");
    return enter();
}

typedef struct {
    char legacy[16];
    unsigned domain, bus, device, pci_device, pci_subsystem;
    char bus_id[32];
} pci_info;

int nvmlDeviceGetPciInfo_v3(void *device, pci_info *info) {
    memset(info, 0, sizeof *info);
    info->bus = 0x10 + index_of(device);
    snprintf(info->bus_id, sizeof info->bus_id, "00000000:%02X:00.0", info->bus);
    return enter();
}

int nvmlDeviceGetPowerUsage(void *device, unsigned *mw) {
    int status = check(device);
    if (status == SUCCESS) *mw = (unsigned)lround(1000 * power_w(index_of(device), now()));
    return status;
}

int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *mj) {
    int status = check(device);
    if (getenv("FAKE_NVML_NO_COUNTER")) return NOT_SUPPORTED;
    if (status == SUCCESS) *mj = (unsigned long long)llround(1000 * energy_j(index_of(device), now()));
    return status;
}

typedef struct { unsigned gpu, memory; } utilization;

int nvmlDeviceGetUtilizationRates(void *device, utilization *rates) {
    int status = check(device);
    if (status == SUCCESS) {
        rates->gpu = 40 + 20 * index_of(device) % 60;
        rates->memory = 30;
    }
    return status;
}

typedef struct { unsigned long long total, free, used; } memory;

int nvmlDeviceGetMemoryInfo(void *device, memory *info) {
    int status = check(device);
    if (status == SUCCESS) {
        info->total = 80ULL << 30;
        info->used = (10ULL + index_of(device)) << 30;
        info->free = info->total - info->used;
    }
    return status;
}

int nvmlDeviceGetTemperature(void *device, unsigned sensor, unsigned *celsius) {
    int status = check(device);
    (void)sensor;
    if (status == SUCCESS) *celsius = 50 + index_of(device);
    return status;
}
