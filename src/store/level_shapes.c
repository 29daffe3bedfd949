#include "store/level_shapes.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"

/* ---- those of the image ---- */

/* The image's axis that is axis i of the labels: of the same name, else counted from the last. */
static int image_axis(const struct pw_image_info *image, const struct pw_axis *axis, int i)
{
    for (int k = 0; k < image->rank; k++)
        if (strcmp(image->axis[k].name, axis[i].name) == 0)
            return k;
    return image->rank - 3 + i;
}

/* Takes level l of the image as the next one. */
static enum pw_status take_level(struct pw_level_shapes *levels, const struct pw_sink_request *request,
                                 const struct pw_axis *axis, int l, int all_planes, struct pw_error *error)
{
    const struct pw_image_info *image = request->image;
    int n = levels->n;
    levels->shape[n][0] = 1;
    for (int i = 3 - request->rank; i < 3; i++) {
        int k = image_axis(image, axis, i);
        if (k < 0 || image->level_shape[l][k] == 0)
            return pw_fail(error, PW_E_FORMAT,
                           "%s: level %d of the image cannot be read, so labels cannot have its shape; "
                           "--pyramid none does without",
                           request->path, l);
        levels->shape[n][i] = image->level_shape[l][k];
        levels->scale[n][i] = pw_positive_or_1(image->level_scale[l][k]);
        levels->translation[n][i] = pw_finite_or_0(image->level_translation[l][k]);
    }
    if (all_planes) {
        levels->shape[n][0] = levels->shape[0][0];
        levels->scale[n][0] = levels->scale[0][0];
        levels->translation[n][0] = levels->translation[0][0];
    }
    if (!all_planes || memcmp(levels->shape[n], levels->shape[n - 1], sizeof levels->shape[n]) != 0)
        levels->n++;
    return PW_OK;
}

static enum pw_status take_levels(struct pw_level_shapes *levels, const struct pw_sink_request *request,
                                  const struct pw_axis *axis, int all_planes, struct pw_error *error)
{
    const struct pw_image_info *image = request->image;
    enum pw_status status = PW_OK;
    for (int l = image->level + 1; l < image->n_levels && l < PW_MAX_LEVELS && status == PW_OK; l++)
        status = take_level(levels, request, axis, l, all_planes, error);
    return status;
}

/* ---- those of its own ---- */

static int is_one_chunk(const uint64_t shape[3], const uint64_t chunk[3])
{
    return shape[0] <= chunk[0] && shape[1] <= chunk[1] && shape[2] <= chunk[2];
}

/* What the next level halves; returns 0 when there is nothing to halve. */
static int choose_factor(const struct pw_level_shapes *levels, int rank, int all_planes, uint64_t factor[3])
{
    const uint64_t *shape = levels->shape[levels->n - 1];
    const double *scale = levels->scale[levels->n - 1];
    for (int i = 1; i < 3; i++)
        factor[i] = shape[i] > 1 ? 2 : 1;
    double lateral = scale[1] < scale[2] ? scale[1] : scale[2];
    factor[0] = !all_planes && rank == 3 && shape[0] > 1 && (scale[0] <= lateral || factor[1] * factor[2] == 1) ? 2 : 1;
    return factor[0] * factor[1] * factor[2] > 1;
}

static void halve_levels(struct pw_level_shapes *levels, const struct pw_sink_request *request, const uint64_t chunk[3],
                         int all_planes)
{
    uint64_t factor[3];
    while (levels->n < PW_MAX_LEVELS && !is_one_chunk(levels->shape[levels->n - 1], chunk) &&
           choose_factor(levels, request->rank, all_planes, factor)) {
        int n = levels->n++;
        for (int i = 0; i < 3; i++) {
            levels->shape[n][i] = pw_ceil_div(levels->shape[n - 1][i], factor[i]);
            levels->scale[n][i] = levels->scale[n - 1][i] * (double)factor[i];
            levels->translation[n][i] = levels->translation[0][i];
            if (request->pyramid == PW_PYRAMID_MODE)
                levels->translation[n][i] += (levels->scale[n][i] - levels->scale[0][i]) / 2;
        }
    }
}

enum pw_status pw_level_shapes_choose(struct pw_level_shapes *levels, const struct pw_sink_request *request,
                                      const struct pw_axis axis[3], const uint64_t chunk[3], int all_planes,
                                      struct pw_error *error)
{
    const struct pw_image_info *image = request->image;
    memset(levels, 0, sizeof *levels);
    levels->n = 1;
    for (int i = 0; i < 3; i++) {
        levels->shape[0][i] = request->shape[i];
        levels->scale[0][i] = pw_positive_or_1(axis[i].scale);
        levels->translation[0][i] = pw_finite_or_0(axis[i].translation);
    }
    if (request->into_image && image != NULL && image->level != 0)
        return pw_fail(error, PW_E_ARGUMENT,
                       "%s: labels made at level %d cannot go into the image, whose labels begin at level 0; use -o",
                       request->path, image->level);
    if (request->pyramid == PW_PYRAMID_NONE || (request->replaces && image == NULL))
        return PW_OK;
    if (image != NULL && (request->into_image || request->replaces || image->n_levels > image->level + 1))
        return take_levels(levels, request, axis, all_planes, error);
    halve_levels(levels, request, chunk, all_planes);
    return PW_OK;
}
