/* pw-stream seams */
#include <getopt.h>
#include <stdio.h>

#include "arguments.h"
#include "commands.h"
#include "png_file.h"
#include "run_request.h"
#include "seam_map.h"
#include "seam_tables.h"

enum {
    OPT_JSON = PW_OPTION_OWN,
    OPT_PNG,
    OPT_QC_FAIL
};

static const struct option long_options[] = {{"json", no_argument, NULL, OPT_JSON},
                                             {"png", required_argument, NULL, OPT_PNG},
                                             {"overwrite", no_argument, NULL, PW_OPTION_OVERWRITE},
                                             {"qc-fail", no_argument, NULL, OPT_QC_FAIL},
                                             PW_LOOK_OPTIONS,
                                             {NULL, 0, NULL, 0}};

struct request {
    struct pw_run_request run;
    const char *png;
    int json, qc_fail;
};

static int take_option(void *context, int option, const char *text)
{
    struct request *request = context;
    switch (option) {
    case OPT_JSON: return request->json = 1;
    case OPT_PNG: request->png = text; return 1;
    case OPT_QC_FAIL: return request->qc_fail = 1;
    default: return pw_run_request_take(&request->run, option, text);
    }
}

static int parse(int argc, char **argv, struct request *request)
{
    if (pw_argument_options(argc, argv, ":", long_options, take_option, request) != PW_EXIT_DONE)
        return PW_EXIT_USAGE;
    if (optind + 1 != argc) {
        (void)pw_argument_wrong("seams takes one STAGE, the directory that run had as --keep-stage");
        return PW_EXIT_USAGE;
    }
    request->run.options.input = argv[optind];
    return PW_EXIT_DONE;
}

/* The map is made when the grid is known: with the first seam. */
struct drawing {
    struct pw_seam_map map;
    int begun;
    enum pw_status status;
    struct pw_error error;
};

static void begin_map(struct drawing *drawing, const struct pw_seams_result *result)
{
    if (!drawing->begun)
        drawing->status = pw_seam_map_init(&drawing->map, result->grid, &drawing->error);
    drawing->begun = 1;
}

static void add_to_map(const struct pw_seam_quality *seam, const struct pw_seams_result *result, void *user)
{
    struct drawing *drawing = user;
    begin_map(drawing, result);
    if (drawing->status == PW_OK)
        pw_seam_map_add(&drawing->map, seam);
}

static enum pw_status judge(const struct request *request, struct pw_seams_result *result, struct pw_error *error)
{
    struct drawing drawing = {.status = PW_OK};
    if (request->png == NULL)
        return pw_seams(&request->run.options, NULL, NULL, result, error);
    enum pw_status status = pw_png_check(request->png, request->run.options.overwrite, error);
    if (status == PW_OK)
        status = pw_seams(&request->run.options, add_to_map, &drawing, result, error);
    if (status == PW_OK) {
        begin_map(&drawing, result); /* there may be no seam */
        status = drawing.status;
        if (status == PW_OK)
            status = pw_seam_map_write(&drawing.map, request->png, error);
        else
            *error = drawing.error;
    }
    pw_seam_map_release(&drawing.map);
    return status;
}

int pw_cmd_seams(int argc, char **argv)
{
    struct request request = {.png = NULL};
    struct pw_seams_result result;
    struct pw_error error = {0};
    pw_argument_verb("seams");
    pw_run_request_init(&request.run);
    int status = parse(argc, argv, &request);
    if (status != PW_EXIT_DONE)
        return status;
    if (judge(&request, &result, &error) != PW_OK)
        return pw_command_fail(&error);
    if (request.json)
        pw_seam_tables_json(stdout, &result);
    else
        pw_seam_tables_text(stdout, &result);
    return request.qc_fail && result.is_worse ? PW_EXIT_WARNINGS : PW_EXIT_DONE;
}
