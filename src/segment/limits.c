#include "segment/limits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/error.h"

/* Fewer than for an image: a window is in memory, and more passes over it cost little. */
#define TILE_BITS 16U
#define TILE_INTERVALS 4U

static enum pw_status read_percentiles(const char *text, const char *all, double percent[2], struct pw_error *error)
{
    char *end;
    percent[0] = 1;
    percent[1] = 99;
    if (*text == '\0')
        return PW_OK;
    percent[0] = strtod(text + 1, &end);
    if (end != text + 1 && *end == ',') {
        const char *second = end + 1;
        percent[1] = strtod(second, &end);
        if (end != second && *end == '\0' && percent[0] >= 0 && percent[0] < percent[1] && percent[1] <= 100)
            return PW_OK;
    }
    return pw_fail(error, PW_E_ARGUMENT, "--normalize %s: two percentages that rise, like percentile:1,99", all);
}

enum pw_status pw_normalization_parse(const char *text, struct pw_normalization *normalize, struct pw_error *error)
{
    static const char tile[] = "tile:", percentile[] = "percentile";
    const char *rest = text;
    memset(normalize, 0, sizeof *normalize);
    if (text == NULL || strcmp(text, "none") == 0)
        return PW_OK;
    if (strncmp(rest, tile, strlen(tile)) == 0) {
        normalize->per_tile = 1;
        rest += strlen(tile);
    }
    if (strcmp(rest, "minmax") == 0) {
        normalize->kind = PW_NORMALIZE_MINMAX;
        return PW_OK;
    }
    if (strncmp(rest, percentile, strlen(percentile)) == 0 && strchr(":", rest[strlen(percentile)]) != NULL) {
        normalize->kind = PW_NORMALIZE_PERCENTILE;
        return read_percentiles(rest + strlen(percentile), text, normalize->percent, error);
    }
    return pw_fail(error, PW_E_ARGUMENT,
                   "--normalize %s: one of percentile:1,99, minmax, none; and tile:percentile:1,99, tile:minmax", text);
}

void pw_normalization_text(const struct pw_normalization *normalize, char *out, size_t bytes)
{
    const char *of = normalize->per_tile ? "tile:" : "";
    out[0] = '\0';
    if (normalize->kind == PW_NORMALIZE_MINMAX)
        (void)snprintf(out, bytes, "%sminmax", of);
    if (normalize->kind == PW_NORMALIZE_PERCENTILE)
        (void)snprintf(out, bytes, "%spercentile:%g,%g", of, normalize->percent[0], normalize->percent[1]);
}

int pw_limits_is_narrow(enum pw_dtype dtype)
{
    return pw_dtype_is_integer(dtype) && pw_dtype_bytes(dtype) <= 2;
}

static void take_limits(const struct pw_normalization *normalize, const struct pw_quantiles *search, int first,
                        struct pw_statistics *out)
{
    if (normalize->kind == PW_NORMALIZE_NONE)
        return;
    int is_range = normalize->kind == PW_NORMALIZE_MINMAX;
    out->has_limits = 1;
    out->low = is_range ? pw_quantile_minimum(search) : pw_quantile_value(search, first);
    out->high = is_range ? pw_quantile_maximum(search) : pw_quantile_value(search, first + 1);
    if (search->range.seen == 0)
        out->low = out->high = 0;
}

void pw_limits_take(const struct pw_normalization *normalize, const struct pw_quantiles *search, uint32_t n_percentiles,
                    struct pw_statistics *out)
{
    out->n_voxels = search->range.seen;
    out->minimum = pw_quantile_minimum(search);
    out->maximum = pw_quantile_maximum(search);
    out->n_percentiles = n_percentiles;
    for (uint32_t i = 0; i < n_percentiles; i++) {
        out->percent[i] = search->percent[i];
        out->percentile[i] = pw_quantile_value(search, (int)i);
    }
    if (!normalize->per_tile)
        take_limits(normalize, search, (int)n_percentiles, out);
}

uint64_t pw_limits_scratch_bytes(const struct pw_normalization *normalize)
{
    return normalize->per_tile ? (uint64_t)TILE_INTERVALS * sizeof(uint64_t) << TILE_BITS : 0;
}

void pw_limits_of_tile(const struct pw_normalization *normalize, const struct pw_tile *tile,
                       const struct pw_statistics *image, void *scratch, struct pw_statistics *out)
{
    struct pw_quantiles search;
    struct pw_key_range range = {0};
    memset(out, 0, sizeof *out);
    if (image != NULL)
        *out = *image;
    out->struct_size = sizeof *out;
    pw_quantile_init(&search, tile->dtype, TILE_BITS, normalize->percent,
                     normalize->kind == PW_NORMALIZE_PERCENTILE ? 2 : 0);
    do {
        memset(scratch, 0, pw_quantile_bins(&search) * sizeof(uint64_t));
        for (uint64_t z = 0; z < tile->shape[0]; z++)
            pw_quantile_add(&search, scratch, &range, (const char *)tile->voxels + z * tile->stride_bytes[0],
                            tile->stride_bytes[1], tile->shape[1], tile->shape[2]);
    } while (pw_quantile_next(&search, scratch, &range));
    take_limits(normalize, &search, 0, out);
}
