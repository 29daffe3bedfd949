/*
 * store/tiff_lsm - where strips are in Zeiss LSM files above 4 GB, whose offsets have 32 bits and begin again at 0.
 *
 *     uint32_t *wraps;
 *     pw_tiff_lsm_wraps(handle, &wraps, &n, error)       of each directory: how often they have begun again before it
 *     handle->offsets_wrap = 1; handle->wraps = wraps[number];       before pw_tiff_block_place()
 *     free(wraps)
 *
 * Threads: the handle belongs to one.  Errors: PW_E_FORMAT, PW_E_NOMEM, PW_E_UNSUPPORTED.
 */
#ifndef PW_STORE_TIFF_LSM_H
#define PW_STORE_TIFF_LSM_H

#include "store/tiff_private.h"

/* Leaves the first directory current. */
enum pw_status pw_tiff_lsm_wraps(struct pw_tiff *handle, const struct pw_tiff_lsm *lsm, uint32_t **wraps, uint64_t *n,
                                 struct pw_error *error);

#endif
