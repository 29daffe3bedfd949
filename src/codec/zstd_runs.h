/*
 * codec/zstd_runs - a zstd frame of a label chunk, made from its runs.
 *
 * The decoded bytes are the chunk as pw_paint_rows() would paint it, but no voxel
 * is painted: matches are found by comparing the run lists of neighbouring rows, so
 * that the work is proportional to the runs that change from row to row, and an
 * empty or unchanged stretch costs nearly nothing.  The frame is an ordinary one
 * (RFC 8878: single segment, content size, no dictionary, no checksum) that any decoder reads.
 *
 *     pw_zstd_runs_new(&encoder, &error);
 *     n = pw_zstd_runs_bound(bytes of the chunk);
 *     pw_zstd_runs_encode(encoder, PW_U32, &block, chunk_shape, out, &n, &error);
 *     pw_zstd_runs_free(encoder);
 *
 * A chunk with so many runs that painting is faster (noise), or that would not become
 * smaller, is painted in small pieces and compressed by libzstd at level 1.  The
 * frame is a function of the labels and the chunk's shape: not of the thread, nor of what the encoder did before.
 *
 * Ownership: out is the caller's, with a capacity of at least pw_zstd_runs_bound().
 * Errors: PW_E_RANGE for a chunk above 2 GiB, PW_E_ARGUMENT for a block larger than its
 * chunk or a capacity too small, PW_E_NOMEM, PW_E_INTERNAL when libzstd fails.
 * Threads: an encoder belongs to one thread.
 */
#ifndef PW_CODEC_ZSTD_RUNS_H
#define PW_CODEC_ZSTD_RUNS_H

#include "label/runs.h"
#include "patchworks.h"

struct pw_zstd_runs;

enum pw_status pw_zstd_runs_new(struct pw_zstd_runs **encoder, struct pw_error *error);
void pw_zstd_runs_free(struct pw_zstd_runs *encoder); /* NULL allowed */

/* Upper bound of what an encoder holds, whatever it encodes. */
size_t pw_zstd_runs_memory_bytes(void);

/* Capacity that holds the frame of any chunk of chunk_bytes (decoded), with room to work in. */
uint64_t pw_zstd_runs_bound(uint64_t chunk_bytes);

/*
 * Encodes block, the labels [z][y][x] of the chunk's part inside the volume;
 * the rest of shape (the full chunk) is background.
 *   dtype  PW_U8, PW_U16, PW_U32 or PW_U64, stored little-endian; ids must fit
 *   n      the capacity of out, then the bytes of the frame
 */
enum pw_status pw_zstd_runs_encode(struct pw_zstd_runs *encoder, enum pw_dtype dtype,
                                   const struct pw_label_block *block, const uint64_t shape[3], void *out, size_t *n,
                                   struct pw_error *error);

#endif
