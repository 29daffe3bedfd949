/* threshold, otsu, label and given: what they take and what they declare. */
#include <stdio.h>

#include "base/error.h"
#include "segment/builtin.h"
#include "store/tiles_source.h"

static enum pw_status open_threshold(struct pw_segmenter *segmenter, const struct pw_fn_values *values,
                                     const struct pw_run_options *run, struct pw_error *error)
{
    double value = 0;
    enum pw_status status = pw_builtin_connectivity(segmenter, values, run, error);
    if (status == PW_OK)
        status = pw_fn_number(values, "value", &value, error);
    if (status != PW_OK)
        return status;
    pw_segmenter_set_threshold(segmenter, value);
    segmenter->ops = &pw_threshold_segment_ops;
    segmenter->tile_invariant = 1;
    (void)snprintf(segmenter->text, sizeof segmenter->text, "threshold:%.17g,connectivity=%d", value,
                   segmenter->connectivity);
    return PW_OK;
}

static enum pw_status open_otsu(struct pw_segmenter *segmenter, const struct pw_fn_values *values,
                                const struct pw_run_options *run, struct pw_error *error)
{
    int per_tile = pw_fn_flag(values, "tile");
    enum pw_status status = pw_builtin_connectivity(segmenter, values, run, error);
    if (status != PW_OK)
        return status;
    segmenter->needs_histogram = !per_tile;
    segmenter->tile_invariant = !per_tile;
    segmenter->ops = per_tile ? &pw_otsu_tile_segment_ops : &pw_threshold_segment_ops;
    (void)snprintf(segmenter->text, sizeof segmenter->text, "otsu%s,connectivity=%d", per_tile ? ":tile" : "",
                   segmenter->connectivity);
    return PW_OK;
}

static enum pw_status open_label(struct pw_segmenter *segmenter, const struct pw_fn_values *values,
                                 const struct pw_run_options *run, struct pw_error *error)
{
    if (segmenter->dtype == PW_F16)
        return pw_fail(error, PW_E_UNSUPPORTED, "--fn label: float16 voxels cannot be compared as labels");
    enum pw_status status = pw_builtin_connectivity(segmenter, values, run, error);
    if (status != PW_OK)
        return status;
    segmenter->ops = &pw_equal_segment_ops;
    segmenter->tile_invariant = 1;
    segmenter->labels_may_touch = 1;
    segmenter->joins_equal_only = 1;
    (void)snprintf(segmenter->text, sizeof segmenter->text, "label,connectivity=%d", segmenter->connectivity);
    return PW_OK;
}

/* Labels that are there already: instances of their tile. */
static enum pw_status open_given(struct pw_segmenter *segmenter, const struct pw_fn_values *values,
                                 const struct pw_run_options *run, struct pw_error *error)
{
    (void)values;
    if (segmenter->dtype == PW_F16 || segmenter->dtype == PW_F32 || segmenter->dtype == PW_F64)
        return pw_fail(error, PW_E_UNSUPPORTED, "--fn given: labels are whole numbers, and these voxels are %s",
                       pw_dtype_name(segmenter->dtype));
    segmenter->ops = &pw_given_segment_ops;
    segmenter->labels_may_touch = 1;
    (void)snprintf(segmenter->name, sizeof segmenter->name, "merged");
    (void)snprintf(segmenter->text, sizeof segmenter->text, "given");
    return pw_tile_list_is(run->input) ? pw_given_open_tiles(segmenter, run->input, error) : PW_OK;
}

static const struct pw_fn_option threshold_options[] = {
    {"value", PW_FN_NUMBER, NULL, "voxels above it are objects"},
    PW_CONNECTIVITY_OPTION,
    {NULL, PW_FN_TEXT, NULL, NULL},
};

static const struct pw_fn_option otsu_options[] = {
    {"tile", PW_FN_FLAG, "0", "one threshold for each tile, not one for the image"},
    PW_CONNECTIVITY_OPTION,
    {NULL, PW_FN_TEXT, NULL, NULL},
};

static const struct pw_fn_option label_options[] = {
    PW_CONNECTIVITY_OPTION,
    {NULL, PW_FN_TEXT, NULL, NULL},
};

static const struct pw_fn_option no_options[] = {
    {NULL, PW_FN_TEXT, NULL, NULL},
};

const struct pw_builtin pw_builtin_threshold = {
    .name = "threshold",
    .summary = "voxels above a value, connected",
    .halo = "none",
    .help = "The labels do not depend on the tiles.",
    .options = threshold_options,
    .open = open_threshold,
};

const struct pw_builtin pw_builtin_otsu = {
    .name = "otsu",
    .summary = "voxels above Otsu's threshold of the whole image, connected",
    .halo = "none",
    .help =
        "The threshold is skimage.filters.threshold_otsu's, from a histogram in a pass of its own.  With tile every\n"
        "tile has its own threshold, and the labels depend on the tiles.",
    .options = otsu_options,
    .open = open_otsu,
};

const struct pw_builtin pw_builtin_label = {
    .name = "label",
    .summary = "connected voxels of one value that is not 0",
    .halo = "none",
    .help = "As skimage.measure.label; the labels do not depend on the tiles.",
    .options = label_options,
    .open = open_label,
};

const struct pw_builtin pw_builtin_given = {
    .name = "given",
    .summary = "labels that are there already, tile by tile; see pw-stream help merge",
    .halo = "none",
    .options = no_options,
    .open = open_given,
};
