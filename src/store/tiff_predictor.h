/*
 * store/tiff_predictor - predictors that libtiff passes over.
 *
 * libtiff undoes a predictor of LZW, Deflate, Zstandard and LZMA.  tifffile and others write one with PackBits as well, and
 * libtiff gives out the differences then, without a word.
 *
 *     pw_tiff_predictor_left(handle, &form, &predictor, error)      1: none is left to be undone
 *     ... a block is decoded by libtiff, into the byte order of the host ...
 *     pw_tiff_predictor_undo(predictor, &form, swapped, rows, samples, block, row)
 *
 * Threads: as the handle; undoing has no state.  Errors: PW_E_UNSUPPORTED (a predictor for other samples), reading's.
 */
#ifndef PW_STORE_TIFF_PREDICTOR_H
#define PW_STORE_TIFF_PREDICTOR_H

#include "store/tiff_blocks.h"
#include "store/tiff_handle.h"

enum {
    PW_TIFF_NO_PREDICTOR = 1,
    PW_TIFF_DIFFERENCES = 2,
    PW_TIFF_FLOAT_DIFFERENCES = 3
};

/* That of the current page, of which form says what its samples are. */
enum pw_status pw_tiff_predictor_left(struct pw_tiff *handle, const struct pw_tiff_form *form, uint16_t *predictor,
                                      struct pw_error *error);

/* swapped: the file has the other byte order.  row: as many bytes as one row has, for PW_TIFF_FLOAT_DIFFERENCES. */
void pw_tiff_predictor_undo(uint16_t predictor, const struct pw_tiff_form *form, int swapped, uint64_t rows,
                            uint64_t samples, void *block, unsigned char *row);

#endif
