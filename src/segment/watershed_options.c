/* What watershed takes, and what it declares. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/length_unit.h"
#include "base/memory.h"
#include "segment/lengths.h"
#include "segment/watershed_segmenter.h"
#include "tile/volume.h"

static enum pw_status read_threshold(struct pw_segmenter *segmenter, const struct pw_fn_values *values,
                                     struct pw_error *error)
{
    const char *text = pw_fn_text(values, "threshold");
    char *end;
    if (strcmp(text, "otsu") == 0) {
        segmenter->needs_histogram = 1;
        return PW_OK;
    }
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || isnan(value))
        return pw_fail(error, PW_E_ARGUMENT, "--fn watershed: threshold=%s; use a number or otsu", text);
    pw_segmenter_set_threshold(segmenter, value);
    return PW_OK;
}

static enum pw_status read_smooth(struct pw_segmenter *segmenter, const struct pw_fn_values *values,
                                  struct pw_watershed_options *o, struct pw_error *error)
{
    static const int smooth[3] = {0, 0, 0};
    double sigma[3];
    enum pw_status status =
        pw_lengths_read(segmenter->volume, "--fn watershed:", "smooth", pw_fn_text(values, "smooth"), sigma, error);
    for (int i = 0; i < 3 && status == PW_OK; i++)
        if (sigma[i] > PW_GAUSSIAN_SIGMA_MAX)
            return pw_fail(error, PW_E_ARGUMENT, "--fn watershed: smooth=%s is %g voxels; at most %g",
                           pw_fn_text(values, "smooth"), sigma[i], PW_GAUSSIAN_SIGMA_MAX);
    if (status == PW_OK)
        pw_gaussian_init(&o->smooth, sigma, smooth);
    return status;
}

/* Seeds, and what is flooded from them: the same, unless it is said. */
static enum pw_status read_seeds(const struct pw_fn_values *values, struct pw_watershed_options *o,
                                 struct pw_error *error)
{
    const char *seeds = pw_fn_text(values, "seeds"), *by = pw_fn_text(values, "by");
    o->seeds = strcmp(seeds, "distance") == 0    ? PW_SEEDS_DISTANCE
               : strcmp(seeds, "intensity") == 0 ? PW_SEEDS_INTENSITY
                                                 : PW_SEEDS_IMAGE;
    o->by_distance = o->seeds == PW_SEEDS_DISTANCE;
    if (o->seeds == PW_SEEDS_IMAGE && (size_t)snprintf(o->path, sizeof o->path, "%s", seeds) >= sizeof o->path)
        return pw_fail(error, PW_E_ARGUMENT, "--fn watershed: seeds: path too long");
    if (by == NULL || by[0] == '\0')
        return PW_OK;
    if (o->seeds != PW_SEEDS_IMAGE)
        return pw_fail(error, PW_E_ARGUMENT, "--fn watershed: by=%s is for seeds of an image; seeds=%s floods its own",
                       by, seeds);
    o->by_distance = strcmp(by, "distance") == 0;
    return o->by_distance || strcmp(by, "intensity") == 0
               ? PW_OK
               : pw_fail(error, PW_E_ARGUMENT, "--fn watershed: by=%s; use distance or intensity", by);
}

static enum pw_status read_size(struct pw_segmenter *segmenter, const struct pw_fn_values *values,
                                struct pw_watershed_options *o, struct pw_error *error)
{
    double size[3];
    enum pw_status status =
        pw_lengths_read(segmenter->volume, "--fn watershed:", "size", pw_fn_text(values, "size"), size, error);
    for (int i = 0; i < 3 && status == PW_OK; i++) {
        if (size[i] > 10000)
            return pw_fail(error, PW_E_ARGUMENT, "--fn watershed: size=%s is %g voxels; at most 10000",
                           pw_fn_text(values, "size"), size[i]);
        o->peak_radius[i] = (uint64_t)(size[i] / 3);
        segmenter->context[i] = o->smooth.radius[i];
        segmenter->halo[i] = i < 3 - segmenter->rank ? 0 : (uint64_t)ceil(size[i]) + o->smooth.radius[i] + 1;
    }
    return status;
}

/* How large voxels are beside each other; whole numbers where axes are alike, so that distances are exact. */
static void find_steps(const struct pw_volume *volume, double step[3])
{
    double known = 1;
    for (int i = 3 - volume->rank; i < 3; i++)
        known *= volume->space[i].scale * pw_micrometers_in(volume->space[i].unit);
    for (int i = 0; i < 3; i++) {
        step[i] = 1;
        if (i >= 3 - volume->rank && known > 0 && isfinite(known))
            step[i] = volume->space[i].scale * pw_micrometers_in(volume->space[i].unit) /
                      (volume->space[2].scale * pw_micrometers_in(volume->space[2].unit));
    }
}

static enum pw_status check_seed_image(struct pw_segmenter *segmenter, struct pw_watershed_options *o,
                                       struct pw_error *error)
{
    struct pw_seed_image *seeds;
    enum pw_status status = pw_seed_image_open(o->path, segmenter->volume, &seeds, error);
    if (status != PW_OK)
        return status;
    segmenter->scratch_bytes = pw_seed_image_reader_bytes(seeds);
    segmenter->second_image = o->path;
    pw_seed_image_close(seeds);
    return PW_OK;
}

static enum pw_status watershed_open(struct pw_segmenter *segmenter, const struct pw_fn_values *values,
                                     const struct pw_run_options *run, struct pw_error *error)
{
    long long connectivity = 1;
    struct pw_watershed_options *o = segmenter->own = pw_alloc(1, sizeof *o, error);
    (void)run;
    if (o == NULL)
        return PW_E_NOMEM;
    enum pw_status status = read_threshold(segmenter, values, error);
    if (status == PW_OK)
        status = read_smooth(segmenter, values, o, error);
    if (status == PW_OK)
        status = read_seeds(values, o, error);
    if (status == PW_OK)
        status = read_size(segmenter, values, o, error);
    if (status == PW_OK)
        status = pw_fn_integer(values, "connectivity", &connectivity, error);
    if (status == PW_OK && (connectivity < 1 || connectivity > segmenter->rank))
        status = pw_fail(error, PW_E_ARGUMENT, "--fn watershed: connectivity=%lld is not 1..%d", connectivity,
                         segmenter->rank);
    if (status == PW_OK && o->seeds == PW_SEEDS_IMAGE)
        status = check_seed_image(segmenter, o, error);
    if (status != PW_OK)
        return status;
    o->connectivity = (int)connectivity;
    find_steps(segmenter->volume, o->step);
    segmenter->labels_may_touch = 1;
    segmenter->ops = &pw_watershed_segment_ops;
    (void)snprintf(segmenter->text, sizeof segmenter->text,
                   "watershed:threshold=%.20s,smooth=%.20s,seeds=%.30s,size=%.20s,connectivity=%d",
                   pw_fn_text(values, "threshold"), pw_fn_text(values, "smooth"), pw_fn_text(values, "seeds"),
                   pw_fn_text(values, "size"), o->connectivity);
    return PW_OK;
}

static const struct pw_fn_option watershed_options[] = {
    {"threshold", PW_FN_TEXT, "otsu", "foreground is above it, once smoothed: a number, or otsu (of the whole image)"},
    {"smooth", PW_FN_TEXT, "1", "sigma of a Gaussian: voxels (1), by axis (0.5/1/1), or micrometers (0.3um); 0 none"},
    {"seeds", PW_FN_TEXT, "distance", "peaks of the distance to the background, or of the intensity, or a label image"},
    {"by", PW_FN_TEXT, "", "what is flooded from a label image: distance or intensity (default)"},
    {"size", PW_FN_TEXT, "20", "expected diameter: the halo, and three times as far as peaks count as one"},
    {"connectivity", PW_FN_INTEGER, "1", "of the flood: 1 faces, 2 edges, 3 corners"},
    {NULL, PW_FN_TEXT, NULL, NULL},
};

const struct pw_builtin pw_builtin_watershed = {
    .name = "watershed",
    .summary = "touching objects taken apart: foreground flooded from seeds",
    .halo = "size and 4 sigma of smooth",
    .help = "As skimage.segmentation.watershed in each tile.  Labels are instances; tiles are merged by witness.  A "
            "piece of\n"
            "the foreground without a seed is an object of its own, but for the seeds of a label image, which has the "
            "shape\n"
            "of the image.  Distances are by the calibration of the image.",
    .options = watershed_options,
    .open = watershed_open,
};
