/* pw_compare(): one pass over both volumes, then what follows from the sums. */
#include <string.h>

#include "base/error.h"
#include "relate/comparison.h"
#include "run/pass_pairs.h"

void pw_compare_options_init(struct pw_compare_options *options)
{
    static const double usual[] = {0.5, 0.75, 0.9};
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
    options->truth.channel = options->truth.time = -1;
    options->predicted.channel = options->predicted.time = -1;
    options->n_thresholds = sizeof usual / sizeof usual[0];
    memcpy(options->threshold, usual, sizeof usual);
}

static enum pw_status check(const struct pw_compare_options *options, struct pw_error *error)
{
    if (options->truth.path == NULL || options->predicted.path == NULL)
        return pw_fail(error, PW_E_ARGUMENT, "compare needs two label volumes");
    if (options->n_thresholds < 0 || options->n_thresholds > PW_COMPARE_THRESHOLDS_MAX)
        return pw_fail(error, PW_E_ARGUMENT, "%d thresholds; at most %d", options->n_thresholds,
                       PW_COMPARE_THRESHOLDS_MAX);
    for (int k = 0; k < options->n_thresholds; k++) {
        double t = options->threshold[k];
        if (!(t > 0 && t <= 1) || (k > 0 && t <= options->threshold[k - 1]))
            return pw_fail(error, PW_E_ARGUMENT, "IoU threshold %g: they are above 0, at most 1, and ascend", t);
    }
    for (int i = 0; i < 3; i++)
        if ((options->crossing[i] == 0) != (options->crossing[0] == 0))
            return pw_fail(error, PW_E_ARGUMENT, "the tile of a crossing grid has three extents above 0");
    return PW_OK;
}

static void describe(const struct pw_pairs_pass *pass, struct pw_compare_result *result)
{
    const uint64_t *shape = pass->pair.grid.volume;
    uint64_t first = pass->first_different;
    memcpy(result->shape, shape, sizeof result->shape);
    result->times = pass->pair.grid.times;
    result->voxels = pass->voxels;
    result->different_voxels = pass->different;
    if (pass->different == 0)
        return;
    result->first_different[2] = first % shape[2];
    result->first_different[1] = first / shape[2] % shape[1];
    result->first_different[0] = first / shape[2] / shape[1] % shape[0];
    result->first_different_time = first / shape[2] / shape[1] / shape[0];
}

enum pw_status pw_compare(const struct pw_compare_options *options, struct pw_compare_result *result,
                          struct pw_error *error)
{
    struct pw_pairs_pass pass = {0};
    struct pw_pairs_request request = {
        .input = {&options->truth, &options->predicted},
        .wants_size = {1, 1},
        .memory_bytes = options->memory_bytes,
        .threads = options->threads,
        .scratch_dir = options->scratch_dir,
    };
    memcpy(request.cell, options->crossing, sizeof request.cell);
    memset(result, 0, sizeof *result);
    enum pw_status status = check(options, error);
    if (status == PW_OK)
        status = pw_pairs_open(&pass, &request, error);
    if (status == PW_OK)
        status = pw_pairs_run(&pass, error);
    if (status == PW_OK) {
        describe(&pass, result);
        status = pw_comparison_make(&pass.sums, options, pass.rest_bytes, pass.scratch_dir, result, error);
    }
    pw_pairs_close(&pass);
    return status;
}
