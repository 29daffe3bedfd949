/*
 * label/histogram - counts of voxel values, and Otsu's threshold from them.
 *
 * Histograms of parts are added, so a whole image is counted tile by tile by any
 * number of threads with the same result.  Integers get one bin per value;
 * floats pw_histogram_float_bins bins between the least and the greatest value of
 * the whole image, binned exactly as numpy.histogram does.
 *
 * Method: N. Otsu, A threshold selection method from gray-level histograms,
 * IEEE Trans. SMC 9 (1979); arithmetic and ties as skimage.filters.threshold_otsu (0.20 and
 * later, with numpy 2).  NaN voxels, and floats outside of the range, are not counted.
 */
#ifndef PW_LABEL_HISTOGRAM_H
#define PW_LABEL_HISTOGRAM_H

#include "patchworks.h"

enum {
    PW_HISTOGRAM_FLOAT_BINS = 256
};

/* Least and greatest value of some voxels.  Zeroed means none seen. */
struct pw_range {
    int seen; /* any voxel that is not NaN */
    int has_nan;
    int64_t min_i, max_i;  /* signed integers */
    uint64_t min_u, max_u; /* unsigned integers */
    double min_f, max_f;   /* floats */
};

void pw_range_add(struct pw_range *range, enum pw_dtype dtype, const void *voxels, size_t stride_bytes, uint64_t rows,
                  uint64_t width);
void pw_range_merge(struct pw_range *range, enum pw_dtype dtype, const struct pw_range *other);

/* Bins.  Whoever makes one lends count; n_bins entries, zeroed. */
struct pw_histogram {
    enum pw_dtype dtype;
    uint64_t n_bins;
    int64_t base_i;  /* value of bin 0 of signed integers */
    uint64_t base_u; /* of unsigned integers */
    double min_f, max_f;
    uint64_t *count;
};

/*
 * The number of bins for values of dtype: types of 8 and 16 bits need no range
 * (range may be NULL) and get all their values.  Others need the whole image's
 * range.  Returns 0 when there is none: no voxel, more than 2^28 bins, or floats
 * whose range is not finite.
 */
uint64_t pw_histogram_bins(enum pw_dtype dtype, const struct pw_range *range);

/* Sets all but count from dtype and range. */
void pw_histogram_init(struct pw_histogram *histogram, enum pw_dtype dtype, const struct pw_range *range);

void pw_histogram_add(struct pw_histogram *histogram, const void *voxels, size_t stride_bytes, uint64_t rows,
                      uint64_t width);

/* The threshold: voxels <= it are background.  A constant image gives its value;
 * no voxel gives 0. */
double pw_histogram_otsu(const struct pw_histogram *histogram);

#endif
