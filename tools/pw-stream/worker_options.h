/*
 * worker_options - the options of run that are about worker processes.
 */
#ifndef WORKER_OPTIONS_H
#define WORKER_OPTIONS_H

#include "patchworks.h"

enum {
    PW_OPTION_WORKERS = 2000,
    PW_OPTION_WORKER_TIMEOUT,
    PW_OPTION_WORKER_IO,
    PW_OPTION_SHM_FILE,
    PW_OPTION_DEVICES,
    PW_OPTION_ON_ERROR
};

#define PW_WORKER_OPTIONS                                                                                              \
    {"workers", required_argument, NULL, PW_OPTION_WORKERS},                                                           \
        {"worker-timeout", required_argument, NULL, PW_OPTION_WORKER_TIMEOUT},                                         \
        {"worker-io", required_argument, NULL, PW_OPTION_WORKER_IO},                                                   \
        {"shm-file", no_argument, NULL, PW_OPTION_SHM_FILE}, {"devices", required_argument, NULL, PW_OPTION_DEVICES},  \
    {                                                                                                                  \
        "on-error", required_argument, NULL, PW_OPTION_ON_ERROR                                                        \
    }

/* Takes one of them; returns 1, 0 after a message, or -1 when option is none of them. */
int pw_worker_option_take(struct pw_run_options *options, int option, const char *text);

#endif
