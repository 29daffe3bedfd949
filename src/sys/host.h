/*
 * sys/host - how much of this machine the process may use.
 *
 * Batch systems and containers grant less than the hardware has; the smallest of
 * all limits that can be seen counts.
 */
#ifndef PW_SYS_HOST_H
#define PW_SYS_HOST_H

#include "patchworks.h"

/* CPUs: the least of SLURM_CPUS_PER_TASK, the affinity mask and the cgroup's CPU quota (rounded up); at least 1. */
int pw_host_cpus(void);

/*
 * Bytes of memory that may be taken: the least of SLURM_MEM_PER_NODE,
 * SLURM_MEM_PER_CPU times the CPUs, the cgroup limits (v1, v2, this group and its
 * parents), RLIMIT_AS and the memory that is available now; at least 1.
 */
uint64_t pw_host_memory_bytes(void);

/* What a command may use: as much as its user asked for, or, asked 0, half of what the host grants. */
uint64_t pw_host_budget_bytes(uint64_t asked);

/* Peak resident memory of this process. */
uint64_t pw_host_peak_memory_bytes(void);

/* Seconds on the monotonic clock. */
double pw_host_seconds(void);

#endif
