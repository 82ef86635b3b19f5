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
 *   FAKE_NVML_REFUSED_GPU    the GPU of this number answers FAKE_NVML_REFUSAL (4: no permission) when
 *                            its handle is asked for; -1: each GPU does
 *   FAKE_NVML_BLOCK_AFTER_S  every call blocks for ever, from that many seconds on
 *   FAKE_NVML_CALL_US        what each call costs, as a busy wait
 *   FAKE_NVML_UPDATE_MS      the counter shows its value of the last multiple of that (20)
 *   FAKE_NVML_LIMIT_W        the power limit (the wave's highest value, rounded up to 50 W)
 *   FAKE_NVML_SQUARE         set: a square wave instead, high in the first half of each period
 *   FAKE_NVML_RESET_S        the counter begins anew that many seconds after initialisation
 *   FAKE_NVML_FREEZE_S       the counter stands still from then on, and FAKE_NVML_THAW_S ends it
 *   FAKE_NVML_IDLE_GPU       the GPU of this number runs no kernel
 *   FAKE_NVML_SLOW_NODE      on the node of this SLURM_NODEID GPUs are used to a tenth
 *   FAKE_NVML_THROTTLED_GPU  the GPU of this number is held back by heat, at 1200 MHz
 *   FAKE_NVML_MIG_GPU        the GPU of this number is split into two instances
 *   FAKE_NVML_MODULE         set: Grace Hopper; the counter is the module's, at 100 W more
 *   FAKE_NVML_GPM            set: Hopper's performance metrics; tensor cores at 50 %
 *   FAKE_NVML_GPM_DENIED     set: they are for administrators
 *   FAKE_NVML_GPM_VALUE      what they all read instead, such as nan or inf
 *   FAKE_NVML_OLD            set: a driver without field values and the newer functions
 *   FAKE_NVML_PER_TASK       set: only the GPU of this task (SLURM_LOCALID) is to be seen
 * A test that has loaded this library may stop its clock: fake_nvml_set_time.
 * The node's name (SLURMD_NODENAME) is a part of each UUID, so that nodes on one machine differ.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    SUCCESS = 0, INVALID = 2, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NO_SUCH_DEVICE = 6, IS_LOST = 15
};
#define EPOCH 1767225600.0 /* 2026-01-01 */
#define MAX_GPUS 16

static double initialised;
static int handles[3 * MAX_GPUS];

static double stopped_at = -1;

void fake_nvml_set_time(double seconds) { stopped_at = seconds; }

static double now(void) {
    struct timespec t;
    if (stopped_at >= 0) return stopped_at;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static double knob(const char *name, double otherwise) {
    const char *text = getenv(name);
    return text && *text ? atof(text) : otherwise;
}

static int per_task(void) { return getenv("FAKE_NVML_PER_TASK") != NULL; }

static int gpus(void) { return per_task() ? 1 : (int)knob("FAKE_NVML_GPUS", 2); }

static int enter(void) {
    double block = knob("FAKE_NVML_BLOCK_AFTER_S", -1), cost = knob("FAKE_NVML_CALL_US", 0);
    if (block >= 0 && now() - initialised >= block)
        for (;;) pause();
    if (cost > 0)
        for (double until = now() + cost / 1e6; now() < until;) {}
    return SUCCESS;
}

/* Handles: of GPUs, then of their MIG instances, two each. */
static int index_of(void *device) {
    int slot = (int)((int *)device - handles);
    if (per_task()) return (int)knob("SLURM_LOCALID", 0);
    return slot < MAX_GPUS ? slot : (slot - MAX_GPUS) / 2;
}

static int is_instance(void *device) { return (int *)device - handles >= MAX_GPUS; }

static int check(void *device) {
    double lost = knob("FAKE_NVML_LOST_AFTER_S", -1);
    int index = index_of(device);
    enter();
    if (index < 0 || (index >= gpus() && !per_task())) return INVALID;
    return index == 0 && lost >= 0 && now() - initialised >= lost ? IS_LOST : SUCCESS;
}

static double mean_w(int index) { return knob("FAKE_NVML_MEAN_W", 300) + 50 * index; }
static double swing_w(void) { return knob("FAKE_NVML_SWING_W", 100); }
static double period_s(void) { return knob("FAKE_NVML_PERIOD_S", 7); }

static double power_w(int index, double t) {
    double phase = fmod(t - EPOCH, period_s()) / period_s();
    double wave = getenv("FAKE_NVML_SQUARE") ? (phase < 0.5 ? 1 : -1) : sin(2 * M_PI * phase);
    return mean_w(index) + swing_w() * wave;
}

static double exact_energy_j(int index, double t) {
    double periods = (t - EPOCH) / period_s(), phase = periods - floor(periods), part;
    if (getenv("FAKE_NVML_SQUARE"))
        part = swing_w() * period_s() * (phase < 0.5 ? phase : 1 - phase);
    else
        part = swing_w() * period_s() / (2 * M_PI) * (1 - cos(2 * M_PI * phase));
    return mean_w(index) * (t - EPOCH) + part;
}

/* The mean power of the second before t, as drivers give it. */
static double average_w(int index, double t) {
    return exact_energy_j(index, t) - exact_energy_j(index, t - 1);
}

static double limit_w(int index) {
    return knob("FAKE_NVML_LIMIT_W", 50 * ceil((mean_w(index) + swing_w()) / 50));
}

static double energy_j(int index, double t) {
    double update = knob("FAKE_NVML_UPDATE_MS", 20) / 1000;
    double since = t - initialised, begins = 0;
    double freeze = knob("FAKE_NVML_FREEZE_S", -1), thaw = knob("FAKE_NVML_THAW_S", 1e9);
    double reset = knob("FAKE_NVML_RESET_S", -1);
    if (freeze >= 0 && since >= freeze && since < thaw) t = initialised + freeze;
    if (reset >= 0 && since >= reset) begins = exact_energy_j(index, initialised + reset);
    if (update > 0) t = EPOCH + update * floor((t - EPOCH) / update + 1e-6);
    return fmax(0, exact_energy_j(index, t) + (getenv("FAKE_NVML_MODULE") ? 100 * (t - EPOCH) : 0)
                       - begins);
}

int nvmlInitWithFlags(unsigned flags) { (void)flags; initialised = now(); return enter(); }
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return SUCCESS; }

const char *nvmlErrorString(int code) {
    switch (code) {
    case SUCCESS: return "Success";
    case NO_PERMISSION: return "Insufficient Permissions";
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
    int refused = (int)knob("FAKE_NVML_REFUSED_GPU", MAX_GPUS);
    if ((int)index >= gpus() || index >= MAX_GPUS) return NO_SUCH_DEVICE;
    if (refused < 0 || refused == (int)index) return (int)knob("FAKE_NVML_REFUSAL", NO_PERMISSION);
    *device = &handles[index];
    return enter();
}

int nvmlDeviceGetUUID(void *device, char *uuid, unsigned length) {
    const char *node = getenv("SLURMD_NODENAME");
    unsigned hash = 2166136261u;
    for (const char *c = node ? node : "local"; *c; c++) hash = (hash ^ (unsigned)*c) * 16777619u;
    snprintf(uuid, length, "%s-%08x-0000-4000-8000-%012d", is_instance(device) ? "MIG" : "GPU",
             hash, is_instance(device) ? (int)((int *)device - handles) : index_of(device));
    return check(device);
}

int nvmlDeviceGetName(void *device, char *name, unsigned length) {
    snprintf(name, length, is_instance(device) ? "Fake GPU MIG 3g.40gb" : "Fake GPU");
    return enter();
}

int nvmlDeviceGetVbiosVersion(void *device, char *version, unsigned length) {
    if (is_instance(device)) return NOT_SUPPORTED;
    snprintf(version, length, "96.00.fake");
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
    if (status == SUCCESS) *mw = (unsigned)lround(1000 * average_w(index_of(device), now()));
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
    if (is_instance(device) || index_of(device) == (int)knob("FAKE_NVML_MIG_GPU", -1))
        return NOT_SUPPORTED;
    if (status == SUCCESS && index_of(device) == (int)knob("FAKE_NVML_IDLE_GPU", -1)) {
        rates->gpu = rates->memory = 0;
    } else if (status == SUCCESS) {
        int is_slow = knob("FAKE_NVML_SLOW_NODE", -1) == knob("SLURM_NODEID", 0);
        rates->gpu = (40 + 20 * index_of(device) % 60) / (is_slow ? 10 : 1);
        rates->memory = 30;
    }
    return status;
}

typedef struct { unsigned long long total, free, used; } memory;

int nvmlDeviceGetMemoryInfo(void *device, memory *info) {
    int status = check(device);
    if (status == SUCCESS) {
        info->total = 80ULL << 30;
        info->used = (10ULL + index_of(device)) << (is_instance(device) ? 29 : 30);
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

int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *mw) {
    *mw = (unsigned)lround(1000 * limit_w(index_of(device)));
    return enter();
}

int nvmlDeviceGetMinorNumber(void *device, unsigned *minor) {
    *minor = 15 - index_of(device); /* on some nodes it is not the ordinal */
    return enter();
}

static int throttled(void *device) {
    return index_of(device) == (int)knob("FAKE_NVML_THROTTLED_GPU", -1);
}

int nvmlDeviceGetClockInfo(void *device, unsigned type, unsigned *mhz) {
    int status = check(device);
    if (status == SUCCESS) *mhz = type == 2 ? 2619 : throttled(device) ? 1200 : 1980;
    return status;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *reasons) {
    int status = check(device);
    if (status == SUCCESS) *reasons = throttled(device) ? 0x20 : 0;
    return status;
}

typedef struct {
    unsigned id, scope;
    long long timestamp, latency_us;
    unsigned type, status;
    union { double d; unsigned u; unsigned long long ull; } value;
} field_value;

enum { TYPE_UNSIGNED = 1, TYPE_LONG = 3 };

static void fill(void *device, field_value *field) {
    int index = index_of(device);
    double t = now();
    field->status = SUCCESS;
    field->timestamp = (long long)(t * 1e6);
    field->type = TYPE_UNSIGNED;
    switch (field->id) {
    case 83:
        if (getenv("FAKE_NVML_NO_COUNTER")) field->status = NOT_SUPPORTED;
        field->type = TYPE_LONG;
        field->value.ull = (unsigned long long)llround(1000 * energy_j(index, t));
        break;
    case 185:
    case 186:
        if (field->scope && !getenv("FAKE_NVML_MODULE")) field->status = NOT_SUPPORTED;
        field->value.u = (unsigned)lround(
            1000 * ((field->id == 185 ? average_w(index, t) : power_w(index, t)) +
                    (field->scope ? 100 : 0)));
        break;
    case 190:
        if (!field->scope || !getenv("FAKE_NVML_MODULE")) field->status = NOT_SUPPORTED;
        field->value.u = (unsigned)lround(1000 * (limit_w(index) + 100));
        break;
    default: field->status = NOT_SUPPORTED;
    }
}

int nvmlDeviceGetFieldValues(void *device, int count, field_value *fields) {
    int status = check(device);
    if (getenv("FAKE_NVML_OLD")) return NOT_SUPPORTED;
    for (int i = 0; i < count && status == SUCCESS; i++) fill(device, &fields[i]);
    return status;
}

int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending) {
    *current = *pending = index_of(device) == (int)knob("FAKE_NVML_MIG_GPU", -1);
    return enter();
}

int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned *count) {
    (void)device;
    *count = 7;
    return enter();
}

int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned index, void **instance) {
    if (index >= 2) return 6; /* an empty slot */
    *instance = &handles[MAX_GPUS + 2 * index_of(device) + index];
    return enter();
}

typedef struct { unsigned version, supported; } gpm_support;
typedef struct { unsigned id, status; double value; void *names[3]; } gpm_metric;
typedef struct { unsigned version, count; double *first, *second; gpm_metric metrics[]; } gpm_metrics;

int nvmlGpmQueryDeviceSupport(void *device, gpm_support *support) {
    (void)device;
    if (support->version != 1) return 25;
    support->supported = getenv("FAKE_NVML_GPM") != NULL;
    return SUCCESS;
}

int nvmlGpmSampleAlloc(double **sample) { *sample = calloc(1, sizeof **sample); return SUCCESS; }

int nvmlGpmSampleGet(void *device, double *sample) {
    if (is_instance(device)) return INVALID;
    if (getenv("FAKE_NVML_GPM_DENIED")) return NO_PERMISSION;
    *sample = now();
    return enter();
}

int nvmlGpmMigSampleGet(void *device, unsigned gpu_instance, double *sample) {
    if (index_of(device) != (int)knob("FAKE_NVML_MIG_GPU", -1)) return INVALID;
    if (gpu_instance < 1 || gpu_instance > 2) return INVALID;
    return nvmlGpmSampleGet(device, sample);
}

int nvmlDeviceGetGpuInstanceId(void *device, unsigned *id) {
    if (!is_instance(device)) return INVALID;
    *id = 1 + ((int *)device - handles - MAX_GPUS) % 2;
    return enter();
}

int nvmlGpmMetricsGet(gpm_metrics *wanted) {
    if (wanted->version != 1 || *wanted->second < *wanted->first) return INVALID;
    for (unsigned i = 0; i < wanted->count; i++) {
        wanted->metrics[i].status = SUCCESS;
        wanted->metrics[i].value = knob("FAKE_NVML_GPM_VALUE", 10.0 * wanted->metrics[i].id);
    }
    return enter();
}
