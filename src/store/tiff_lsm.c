#include "store/tiff_lsm.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/tiff_stack.h"

/* ---- the array ---- */

int pw_tiff_lsm_stack(struct pw_tiff_stack *stack, const struct pw_tiff_index *index)
{
    const struct pw_tiff_lsm *lsm = &index->own.lsm;
    if (!index->own.is_lsm)
        return 0;
    uint64_t z = lsm->rows_are_z ? 1 : lsm->z, times = lsm->rows_are_times ? 1 : lsm->times;
    /* Sizes have 31 bits each: the products of two and two cannot wrap. */
    uint64_t outer = lsm->mosaic * lsm->positions, inner = times * z;
    if (outer > index->n_pages || inner > index->n_pages || outer * inner != index->n_pages)
        return 0;
    pw_tiff_stack_lead(stack, '\0', lsm->mosaic, 0, "");
    pw_tiff_stack_lead(stack, '\0', lsm->positions, 0, "");
    pw_tiff_stack_lead(stack, 't', times, lsm->interval_s, "second");
    pw_tiff_stack_lead(stack, 'z', z, lsm->z_um, "micrometer");
    pw_tiff_axis(&stack->y, 'y', lsm->rows_are_times ? 0 : lsm->rows_are_z ? lsm->z_um : lsm->y_um, "micrometer");
    pw_tiff_axis(&stack->x, 'x', lsm->x_um, "micrometer");
    stack->n_planes = index->n_pages;
    return 1;
}

/* ---- offsets above 4 GB ---- */

/* Offsets of the first and the last strip of a directory, as they are stored. */
struct span {
    uint32_t first, last;
};

static enum pw_status span_of(struct pw_tiff *handle, uint64_t number, struct span *span, struct pw_error *error)
{
    uint32_t n = TIFFNumberOfStrips(handle->tif);
    int failed = 0;
    span->first = (uint32_t)TIFFGetStrileOffsetWithErr(handle->tif, 0, &failed);
    if (!failed)
        span->last = (uint32_t)TIFFGetStrileOffsetWithErr(handle->tif, n > 0 ? n - 1 : 0, &failed);
    return failed ? pw_tiff_fail(handle, error, PW_E_FORMAT, "page %llu: the table of strips cannot be read",
                                 (unsigned long long)number)
                  : PW_OK;
}

static enum pw_status read_spans(struct pw_tiff *handle, struct span *span, uint64_t n, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (uint64_t i = 0; i < n && status == PW_OK; i++) {
        pw_tiff_forget(handle);
        if (i > 0 && !TIFFReadDirectory(handle->tif))
            return pw_tiff_fail(handle, error, PW_E_FORMAT, "page %llu cannot be read", (unsigned long long)i);
        status = span_of(handle, i, &span[i], error);
    }
    return status;
}

/* In the order in which planes were written, offsets grow; where one does not, it has begun again. */
static void count_wraps(const struct span *span, uint64_t n, uint32_t *wraps)
{
    uint64_t swap = n > 1 && span[0].first > span[1].first; /* each thumbnail was written before its plane */
    uint32_t now = 0, before = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = swap && (i ^ 1) < n ? i ^ 1 : i;
        now += span[at].first < before;
        wraps[at] = now;
        now += span[at].last < span[at].first;
        before = span[at].last;
    }
}

enum pw_status pw_tiff_lsm_wraps(struct pw_tiff *handle, const struct pw_tiff_lsm *lsm, uint32_t **wraps, uint64_t *n,
                                 struct pw_error *error)
{
    if (lsm->positions > 1 || lsm->mosaic > 1)
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: an LSM file above 4 GB with several positions; convert it with bioformats2raw",
                       handle->path);
    *n = TIFFNumberOfDirectories(handle->tif);
    struct span *span = pw_alloc(*n, sizeof *span, error);
    *wraps = pw_alloc(*n, sizeof **wraps, error);
    enum pw_status status = span == NULL || *wraps == NULL ? PW_E_NOMEM : PW_OK;
    if (status == PW_OK && !TIFFSetDirectory(handle->tif, 0))
        status = pw_tiff_fail(handle, error, PW_E_FORMAT, "page 0 cannot be read");
    if (status == PW_OK)
        status = read_spans(handle, span, *n, error);
    if (status == PW_OK)
        count_wraps(span, *n, *wraps);
    if (status == PW_OK && !TIFFSetDirectory(handle->tif, 0))
        status = pw_tiff_fail(handle, error, PW_E_FORMAT, "page 0 cannot be read");
    free(span);
    if (status != PW_OK) {
        free(*wraps);
        *wraps = NULL;
    }
    return status;
}
