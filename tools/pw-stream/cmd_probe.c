/* pw-stream probe: which halo a function needs, by trying. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "commands.h"
#include "probe_report.h"
#include "probe_runs.h"
#include "run_request.h"
#include "signals.h"
#include "worker_options.h"

enum {
    OPT_FN = PW_OPTION_OWN,
    OPT_NORMALIZE,
    OPT_CHANNEL,
    OPT_TIME,
    OPT_TILE,
    OPT_HALOS,
    OPT_CROP,
    OPT_AT,
    OPT_ENOUGH,
    OPT_JSON
};

static const struct option long_options[] = {
    {"fn", required_argument, NULL, OPT_FN},
    {"normalize", required_argument, NULL, OPT_NORMALIZE},
    {"channel", required_argument, NULL, OPT_CHANNEL},
    {"time", required_argument, NULL, OPT_TIME},
    {"tile", required_argument, NULL, OPT_TILE},
    {"halos", required_argument, NULL, OPT_HALOS},
    {"crop", required_argument, NULL, OPT_CROP},
    {"at", required_argument, NULL, OPT_AT},
    {"enough", required_argument, NULL, OPT_ENOUGH},
    {"json", no_argument, NULL, OPT_JSON},
    {"threads", required_argument, NULL, PW_OPTION_THREADS},
    {"progress", required_argument, NULL, PW_OPTION_PROGRESS},
    {"quiet", no_argument, NULL, PW_OPTION_QUIET},
    PW_LOOK_OPTIONS,
    PW_FILTER_OPTIONS,
    PW_WORKER_OPTIONS,
    PW_OPEN_OPTIONS,
    {NULL, 0, NULL, 0},
};

/* One halo of a list, up to a comma: "8", or "2/8/8" along z/y/x. */
static int take_halo(const char **text, uint64_t halo[3])
{
    uint64_t number[3];
    int n = 0;
    for (;;) {
        char *end;
        errno = 0;
        if (n == 3 || (*text)[0] < '0' || (*text)[0] > '9')
            return 0;
        number[n++] = strtoull(*text, &end, 10);
        *text = end;
        if (errno != 0 || number[n - 1] > UINT32_MAX)
            return 0;
        if (*end != '/')
            break;
        *text = end + 1;
    }
    for (int i = 0; i < 3; i++)
        halo[i] = n == 1 ? number[0] : i >= 3 - n ? number[i - (3 - n)] : 0;
    return 1;
}

static int take_halos(struct pw_probe *probe, const char *text)
{
    const char *at = text;
    probe->n_rows = 0;
    for (;;) {
        /* One place is left for the halo that the function declares. */
        if (probe->n_rows == PW_PROBE_HALOS_MAX - 1 || !take_halo(&at, probe->row[probe->n_rows].halo) ||
            (*at != ',' && *at != '\0'))
            return pw_argument_wrong("--halos %s: not up to %d of 8 or 2/8/8 (z/y/x), with commas between", text,
                                     PW_PROBE_HALOS_MAX - 1);
        probe->n_rows++;
        if (*at++ == '\0')
            return 1;
    }
}

static int take_enough(struct pw_probe *probe, const char *text)
{
    if (!pw_argument_real("--enough", text, &probe->enough))
        return 0;
    return (probe->enough > 0 && probe->enough <= 1) || pw_argument_wrong("--enough %s: not above 0, at most 1", text);
}

static int take_own_option(struct pw_probe *probe, int option, const char *text)
{
    struct pw_run_options *o = &probe->options;
    switch (option) {
    case OPT_FN: o->segmenter = text; return 1;
    case OPT_NORMALIZE: o->normalize = text; return 1;
    case OPT_CHANNEL: o->channels = text; return 1;
    case OPT_TIME: return pw_argument_index("--time", text, &o->time);
    case OPT_TILE: return strcmp(text, "auto") == 0 || pw_argument_box("--tile", text, 1, o->tile);
    case OPT_HALOS: return take_halos(probe, text);
    case OPT_CROP: return pw_argument_box("--crop", text, 1, probe->crop);
    case OPT_AT: probe->has_at = 1; return pw_argument_box("--at", text, 0, probe->at);
    case OPT_ENOUGH: return take_enough(probe, text);
    default: return -1;
    }
}

struct request {
    struct pw_run_request run; /* those of run's options that are taken */
    struct pw_probe probe;
    int json;
};

static int take_option(void *context, int option, const char *text)
{
    struct request *request = context;
    int taken = take_own_option(&request->probe, option, text);
    if (option == OPT_JSON)
        return request->json = 1;
    if (taken < 0)
        taken = pw_worker_option_take(&request->probe.options, option, text);
    if (taken < 0)
        taken = pw_argument_open(option, text, &request->probe.options.open);
    if (taken >= 0)
        return taken;
    /* It takes its options into its own; all of them are kept there. */
    request->run.options = request->probe.options;
    taken = pw_run_request_take(&request->run, option, text);
    request->probe.options = request->run.options;
    return taken;
}

static int parse(int argc, char **argv, struct request *request)
{
    struct pw_run_options *o = &request->probe.options;
    pw_run_request_init(&request->run);
    *o = request->run.options;
    o->time = 0;
    request->probe.enough = 0.99;
    if (pw_argument_options(argc, argv, ":", long_options, take_option, request) != PW_EXIT_DONE)
        return PW_EXIT_USAGE;
    if (!pw_argument_open_check(&o->open))
        return PW_EXIT_USAGE;
    if (optind + 1 != argc)
        (void)pw_argument_wrong("probe takes one IMAGE");
    else if (o->segmenter == NULL)
        (void)pw_argument_wrong("probe: no --fn");
    else if (strcmp(argv[optind], "-") == 0)
        (void)pw_argument_wrong("probe -: the image is read more than once, and cannot come from a pipe");
    if (optind + 1 != argc || o->segmenter == NULL || strcmp(argv[optind], "-") == 0)
        return PW_EXIT_USAGE;
    o->input = argv[optind];
    return PW_EXIT_DONE;
}

int pw_cmd_probe(int argc, char **argv)
{
    static struct request request; /* of some hundred KiB */
    struct pw_probe *probe = &request.probe;
    struct pw_error error = {0};
    pw_argument_verb("probe");
    int status = parse(argc, argv, &request);
    if (status != PW_EXIT_DONE)
        return status;
    pw_progress_bar_begin(&probe->bar, request.run.progress, request.run.quiet);
    pw_signals_catch();
    enum pw_status done = pw_probe_choose(probe, &error);
    if (done == PW_OK)
        done = pw_probe_run(probe, &error);
    if (done != PW_OK)
        return pw_command_end(done, &error);
    pw_probe_estimate(probe);
    (request.json ? pw_probe_print_json : pw_probe_print)(stdout, probe);
    return PW_EXIT_DONE;
}
