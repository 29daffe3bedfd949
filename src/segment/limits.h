/*
 * segment/limits - --normalize: reading it, and the limits low and high that voxels are brought to 0..1 with.
 *
 * Limits of the whole volume are measured by run/image_statistics.h.  Those of one tile are measured here, from its
 * window; neighbouring tiles then see the same voxels differently, and seams show.
 *
 * Threads: pure.
 */
#ifndef PW_SEGMENT_LIMITS_H
#define PW_SEGMENT_LIMITS_H

#include "label/quantile.h"
#include "segment/segmenter.h"

/*
 * "none", "minmax", "percentile:LOW,HIGH" (1,99 when left out), each also after "tile:".  NULL is none.
 * Errors: PW_E_ARGUMENT with what would do.
 */
enum pw_status pw_normalization_parse(const char *text, struct pw_normalization *normalize, struct pw_error *error);

/* The canonical text: "percentile:1,99"; "" for none. */
void pw_normalization_text(const struct pw_normalization *normalize, char *out, size_t bytes);

/* Whether each value of the type has a bin of its own: integers of up to 16 bits. */
int pw_limits_is_narrow(enum pw_dtype dtype);

/* Fills out from a finished search: of its percentiles the first n_percentiles, and the limits. */
void pw_limits_take(const struct pw_normalization *normalize, const struct pw_quantiles *search, uint32_t n_percentiles,
                    struct pw_statistics *out);

/* The limits of one tile's window into out, beside what image (NULL: nothing) says of the whole volume. */
void pw_limits_of_tile(const struct pw_normalization *normalize, const struct pw_tile *tile,
                       const struct pw_statistics *image, void *scratch, struct pw_statistics *out);
uint64_t pw_limits_scratch_bytes(const struct pw_normalization *normalize); /* 0 unless limits are a tile's */

#endif
