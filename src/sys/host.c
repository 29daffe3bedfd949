#include "sys/host.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* A positive decimal number of the environment, or 0. */
static uint64_t environment_number(const char *name)
{
    const char *text = getenv(name);
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return 0;
    return strtoull(text, NULL, 10);
}

/* The first number in a small file of /proc or /sys, or 0 ("max" is 0 too: no limit). */
static uint64_t file_number(const char *path)
{
    char text[64];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    char *line = fgets(text, sizeof text, file);
    (void)fclose(file);
    if (line == NULL || text[0] < '0' || text[0] > '9')
        return 0;
    return strtoull(text, NULL, 10);
}

static void lower(uint64_t *least, uint64_t value)
{
    if (value != 0 && value < *least)
        *least = value;
}

/*
 * Calls limit for the process's cgroup and each of its parents.  controller is
 * the v1 controller whose line of /proc/self/cgroup counts, "" for v2.
 */
static void each_cgroup(const char *controller, const char *mount, void (*limit)(const char *dir, uint64_t *least),
                        uint64_t *least)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (file == NULL)
        return;
    char line[2048];
    while (fgets(line, sizeof line, file) != NULL) {
        char *controllers = strchr(line, ':');
        char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (path == NULL)
            continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        if (strcmp(controllers + 1, controller) != 0)
            continue;
        for (;;) {
            char dir[4096];
            (void)snprintf(dir, sizeof dir, "%s%s", mount, strcmp(path, "/") == 0 ? "" : path);
            limit(dir, least);
            char *slash = strrchr(path, '/');
            if (slash == NULL || path[1] == '\0')
                break;
            slash[slash == path ? 1 : 0] = '\0';
        }
    }
    (void)fclose(file);
}

static void memory_limit_v2(const char *dir, uint64_t *least)
{
    char path[4160];
    (void)snprintf(path, sizeof path, "%s/memory.max", dir);
    lower(least, file_number(path));
}

static void memory_limit_v1(const char *dir, uint64_t *least)
{
    char path[4160];
    (void)snprintf(path, sizeof path, "%s/memory.limit_in_bytes", dir);
    uint64_t bytes = file_number(path);
    if (bytes < (uint64_t)1 << 62) /* "unlimited" is a huge number there */
        lower(least, bytes);
}

static void cpu_limit_v2(const char *dir, uint64_t *least)
{
    char path[4160], text[128];
    (void)snprintf(path, sizeof path, "%s/cpu.max", dir);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    unsigned long long quota = 0, period = 0;
    if (fgets(text, sizeof text, file) != NULL && sscanf(text, "%llu %llu", &quota, &period) == 2 && period != 0)
        lower(least, (quota + period - 1) / period);
    (void)fclose(file);
}

int pw_host_cpus(void)
{
    uint64_t least = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;
    if (least == 0 || least > 4096)
        least = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        lower(&least, (uint64_t)CPU_COUNT(&set));
    lower(&least, environment_number("SLURM_CPUS_PER_TASK"));
    each_cgroup("", "/sys/fs/cgroup", cpu_limit_v2, &least);
    return (int)least;
}

/* A line "Name: N kB" of a file of /proc, in bytes; 0 when there is none. */
static uint64_t proc_bytes(const char *path, const char *name)
{
    FILE *file = fopen(path, "re");
    char line[256];
    uint64_t kib = 0;
    size_t n = strlen(name);
    if (file == NULL)
        return 0;
    while (kib == 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, n) == 0 && line[n] == ':')
            kib = strtoull(line + n + 1, NULL, 10);
    (void)fclose(file);
    return kib * 1024;
}

uint64_t pw_host_memory_bytes(void)
{
    uint64_t least = UINT64_MAX;
    const uint64_t mib = (uint64_t)1 << 20;
    struct rlimit rlimit;
    lower(&least, proc_bytes("/proc/meminfo", "MemAvailable"));
    lower(&least, environment_number("SLURM_MEM_PER_NODE") * mib);
    lower(&least, environment_number("SLURM_MEM_PER_CPU") * mib * (uint64_t)pw_host_cpus());
    each_cgroup("", "/sys/fs/cgroup", memory_limit_v2, &least);
    each_cgroup("memory", "/sys/fs/cgroup/memory", memory_limit_v1, &least);
    if (getrlimit(RLIMIT_AS, &rlimit) == 0 && rlimit.rlim_cur != RLIM_INFINITY)
        lower(&least, (uint64_t)rlimit.rlim_cur);
    return least == UINT64_MAX ? (uint64_t)1 << 30 : least;
}

uint64_t pw_host_budget_bytes(uint64_t asked)
{
    return asked != 0 ? asked : pw_host_memory_bytes() / 2;
}

uint64_t pw_host_peak_memory_bytes(void)
{
    struct rusage usage;
    /* Not ru_maxrss where it can be helped: that of the process which called exec() is carried over into it. */
    uint64_t peak = proc_bytes("/proc/self/status", "VmHWM");
    if (peak != 0 || getrusage(RUSAGE_SELF, &usage) != 0)
        return peak;
    return (uint64_t)usage.ru_maxrss * 1024;
}

double pw_host_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
