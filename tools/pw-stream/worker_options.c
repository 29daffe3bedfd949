#include "worker_options.h"

#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "run_request.h"

/* Seconds for a tile, and for starting after a comma. */
static int take_timeout(const char *text, struct pw_run_options *o)
{
    char *end;
    double tile = strtod(text, &end), start = o->worker_start_seconds;
    int good = end != text;
    if (good && *end == ',') {
        const char *second = end + 1;
        start = strtod(second, &end);
        good = end != second;
    }
    if (!good || *end != '\0' || !(tile >= 0 && tile <= 1e9) || !(start >= 0 && start <= 1e9))
        return pw_argument_wrong("--worker-timeout %s: not seconds like 60, or 60,600", text);
    o->worker_seconds = tile;
    o->worker_start_seconds = start;
    return 1;
}

static int take_devices(const char *text, struct pw_run_options *o)
{
    size_t n = strlen(text);
    if (n == 0 || text[0] == ',' || text[n - 1] == ',' || strstr(text, ",,") != NULL)
        return pw_argument_wrong("--devices %s: not a list like 0,1", text);
    o->devices = text;
    return 1;
}

int pw_worker_option_take(struct pw_run_options *options, int option, const char *text)
{
    static const char *const io[] = {"shm", "npy", NULL};
    static const char *const on_error[] = {"fail", "zero", NULL};
    switch (option) {
    case PW_OPTION_WORKERS: return pw_argument_small("--workers", text, 1, 1024, &options->workers);
    case PW_OPTION_WORKER_TIMEOUT: return take_timeout(text, options);
    case PW_OPTION_WORKER_IO:
        options->worker_npy = pw_argument_choose("--worker-io", text, io);
        return options->worker_npy >= 0;
    case PW_OPTION_SHM_FILE: options->worker_shm_file = 1; return 1;
    case PW_OPTION_DEVICES: return take_devices(text, options);
    case PW_OPTION_ON_ERROR:
        options->on_error_zero = pw_argument_choose("--on-error", text, on_error);
        return options->on_error_zero >= 0;
    default: return -1;
    }
}
