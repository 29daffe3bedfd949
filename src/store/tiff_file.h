/*
 * store/tiff_file - a tiled BigTIFF in the making, of labels or of an image.
 *
 *     struct pw_tiff_file file = {.pages = .., .codec = .., .path = .., .overwrite = ..};
 *     pw_tiff_file_init(&file)
 *     pw_tiff_file_start(&file, error)               a hidden file, and the tile that all empty ones share
 *     for each level: pw_tiff_file_begin(&file), and from any thread, each with a batch of its own
 *         pw_tile_batch_begin, pw_tile_batch_add .. (tiles of one or more pages)
 *         pw_tile_batch_place(turn)                  written where its turn puts it
 *         pw_tile_batch_list(..)                     into the tables of the pages
 *     pw_tiff_file_commit(&file, error)              directories, header, and the name
 *     pw_tiff_file_release(&file)
 *
 * Batches are compressed by any thread in any order and wait for their turn to reserve their place: the file is the same
 * whoever was first.  Turns go 0, 1, 2 .. on each level, and have to be handed out in that order.
 *
 * Threads: as above; the others from one.  Errors name the finished file.
 */
#ifndef PW_STORE_TIFF_FILE_H
#define PW_STORE_TIFF_FILE_H

#include <stdatomic.h>

#include "store/output_codec.h"
#include "store/pending_file.h"
#include "store/tiff_directory.h"
#include "sys/turn.h"

/* Of enum pw_compression, those that libtiff reads. */
#define PW_TIFF_CODECS (1u << PW_COMPRESS_NONE | 1u << PW_COMPRESS_ZSTD | 1u << PW_COMPRESS_DEFLATE)

struct pw_tiff_file {
    struct pw_tiff_pages pages; /* complete, but for compression */
    struct pw_output_codec codec;
    const char *path;
    int overwrite;
    _Atomic uint64_t *bytes_written; /* added to */
    struct pw_pending_file file;
    uint64_t empty_offset, empty_bytes; /* the tile that all without a voxel share */

    struct pw_turn turn;
    uint64_t end; /* of what is reserved in the file; whose turn it is */
    const _Atomic int
        *cancel;         /* ends waiting for a turn, set before threads begin; NULL: a batch that has failed does */
    _Atomic int stopped; /* why, when one has */
};

void pw_tiff_file_init(struct pw_tiff_file *file);
enum pw_status pw_tiff_file_start(struct pw_tiff_file *file, struct pw_error *error);
void pw_tiff_file_begin(struct pw_tiff_file *file); /* turns begin anew */
enum pw_status pw_tiff_file_commit(struct pw_tiff_file *file, struct pw_error *error);
void pw_tiff_file_abort(struct pw_tiff_file *file);   /* nothing after commit */
void pw_tiff_file_release(struct pw_tiff_file *file); /* aborts when it is not committed */

/*
 * Makes the file, as it stands, one of a level that is whole, which can be opened at path (with room for capacity bytes) until
 * it is committed.
 */
enum pw_status pw_tiff_file_show(struct pw_tiff_file *file, int level, char *path, size_t capacity,
                                 struct pw_error *error);

/* ---- tiles that are written together ---- */

struct pw_tile_batch {
    struct pw_codec_state codec;
    unsigned char *stored; /* the tiles, compressed */
    uint64_t stored_bytes, bound;
    uint64_t *offset, *bytes; /* table entries; offsets in stored until it is placed; 0 bytes: the empty tile */
    uint64_t n, capacity;
};

enum pw_status pw_tile_batch_init(struct pw_tile_batch *batch, const struct pw_tiff_file *file, uint64_t capacity,
                                  struct pw_error *error);
void pw_tile_batch_release(struct pw_tile_batch *batch); /* safe on a zeroed one */
uint64_t pw_tile_batch_memory_bytes(const struct pw_tiff_file *file, uint64_t capacity);

void pw_tile_batch_begin(struct pw_tile_batch *batch);

/* Compresses a whole tile of voxels, which are used up; NULL: all 0. */
enum pw_status pw_tile_batch_add(struct pw_tile_batch *batch, const struct pw_tiff_file *file, void *voxels,
                                 struct pw_error *error);

/*
 * Waits for the turn and writes the tiles.  A batch that has failed is handed in with its status, so that none behind it waits
 * for ever; waiting ends at such a one, or, where that is given, when *cancel is raised.
 */
enum pw_status pw_tile_batch_place(struct pw_tile_batch *batch, struct pw_tiff_file *file, uint64_t turn,
                                   enum pw_status status, const _Atomic int *cancel, struct pw_error *error);

/* Lists n tiles of the batch, from its first-th on, as those of a page from tile (of its level) on. */
enum pw_status pw_tile_batch_list(struct pw_tile_batch *batch, struct pw_tiff_file *file, int level, uint64_t page,
                                  uint64_t tile, uint64_t first, uint64_t n, struct pw_error *error);

/* ---- tiles that were written ---- */

/* Decodes a tile of a file without predictor into voxels; stored has room for a compressed one.  PW_EMPTY: it is empty. */
enum pw_status pw_tiff_file_read(const struct pw_tiff_file *file, struct pw_codec_state *codec, void *stored, int level,
                                 uint64_t page, uint64_t tile, void *voxels, struct pw_error *error);

#endif
