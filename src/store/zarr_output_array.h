/*
 * store/zarr_output_array - one zarr array of labels or of an image, written chunk by chunk, and read back.
 *
 * A unit (a shard, or with zarr v2 some chunks) is written by one thread:
 *
 *     struct pw_unit_file file = {0};
 *     pw_unit_file_init(&file, shard_chunks, chunk_bound, error)      once per thread
 *     pw_unit_begin(&file, &array, unit)
 *     for each chunk that is not all 0
 *         out = pw_unit_room(&file, &capacity);  encode into it
 *         pw_unit_add(&file, chunk_of_the_unit, n, error)
 *     pw_unit_end(&file, error)                                       the index of the shard
 *
 * A chunk of nothing but 0 is not added, and a unit without a chunk leaves no file.  Encoded
 * chunks are collected until a write is worth while; a shard is never in memory as a whole.
 *
 * Threads: an array is constant once opened; a file and a reader belong to one thread.
 * Errors name the file.
 */
#ifndef PW_STORE_ZARR_OUTPUT_ARRAY_H
#define PW_STORE_ZARR_OUTPUT_ARRAY_H

#include <stdatomic.h>

#include "store/output_codec.h"
#include "store/zarr_layout.h"

/* An array; z y x also for rank 2, where the keys have no z, and of one time point where there are several. */
struct pw_output_array {
    int fd;          /* of its directory, -1 before it is made */
    char path[4096]; /* for messages */
    int rank;
    enum pw_dtype dtype;
    uint64_t shape[3];
    struct pw_zarr_layout layout;
    uint64_t n_units[3]; /* of one time point, along each axis */
    uint64_t times;      /* units and chunks of all of them are stacked along z: unit (t * n_units[0] + z, y, x) */
    int has_time;        /* keys begin with the time point */
    uint64_t channels;   /* likewise stacked, those of a time point one after the other */
    int has_channel;     /* the channel comes next in the keys */
    struct pw_output_codec codec; /* of its chunks */
};

/* All but fd, path, dtype and time: of one time point. */
void pw_output_array_init(struct pw_output_array *array, int rank, const uint64_t shape[3],
                          const struct pw_zarr_layout *layout);

/* Chunks of a time point along z, with those beyond the end of the last unit. */
uint64_t pw_output_array_depth(const struct pw_output_array *array);
uint64_t pw_output_array_chunk_bytes(const struct pw_output_array *array);

/* Of enum pw_compression, those that zarr has. */
#define PW_ZARR_CODECS                                                                                                 \
    (1u << PW_COMPRESS_NONE | 1u << PW_COMPRESS_ZSTD | 1u << PW_COMPRESS_GZIP | 1u << PW_COMPRESS_BLOSC_LZ4 |          \
     1u << PW_COMPRESS_BLOSC_ZSTD)
#define PW_ZARR_CODEC_USUAL ((struct pw_output_codec){PW_COMPRESS_ZSTD, 1})

/*
 * Encodes a whole chunk of voxels, which on machines of the other byte order are swapped in place, into out with room for *n
 * bytes.
 */
enum pw_status pw_chunk_encode(const struct pw_output_array *array, struct pw_codec_state *state, void *voxels,
                               void *out, size_t *n, struct pw_error *error);

/* ---- writing ---- */

struct pw_unit_file {
    unsigned char *buffer; /* encoded chunks that are not written yet, and room for one more */
    uint64_t *index;       /* offset and length of each chunk of the shard, then room for the checksum */
    uint64_t chunk_bound;
    uint64_t index_capacity; /* chunks */
    size_t filled;
    uint64_t offset; /* of buffer in the file */
    int fd;
    const struct pw_output_array *array;
    uint64_t unit[3];
    _Atomic uint64_t *bytes_written; /* added to */
};

/* chunk_bound: most bytes of an encoded chunk.  shard_chunks: most chunks of a unit. */
enum pw_status pw_unit_file_init(struct pw_unit_file *file, uint64_t shard_chunks, uint64_t chunk_bound,
                                 _Atomic uint64_t *bytes_written, struct pw_error *error);
void pw_unit_file_release(struct pw_unit_file *file); /* safe on a zeroed file */
uint64_t pw_unit_file_memory_bytes(uint64_t shard_chunks, uint64_t chunk_bound);

void pw_unit_begin(struct pw_unit_file *file, const struct pw_output_array *array, const uint64_t unit[3]);
void *pw_unit_room(struct pw_unit_file *file, size_t *capacity);
enum pw_status pw_unit_add(struct pw_unit_file *file, const uint64_t chunk[3], size_t n, struct pw_error *error);
enum pw_status pw_unit_end(struct pw_unit_file *file, struct pw_error *error);
void pw_unit_cancel(struct pw_unit_file *file); /* after an error; safe when nothing was begun */

/* ---- reading what was written ---- */

struct pw_chunk_reader {
    unsigned char *stored;
    uint64_t *index;
    uint64_t chunk_bound, index_capacity;
    struct pw_codec_state codec;
    /* the unit whose file is open */
    const struct pw_output_array *array;
    uint64_t unit[3];
    int fd;
};

enum pw_status pw_chunk_reader_init(struct pw_chunk_reader *reader, uint64_t shard_chunks, uint64_t chunk_bound,
                                    struct pw_error *error);
void pw_chunk_reader_release(struct pw_chunk_reader *reader); /* safe on a zeroed reader */
uint64_t pw_chunk_reader_memory_bytes(uint64_t shard_chunks, uint64_t chunk_bound);

/*
 * Decodes the chunk (of the array's grid) into voxels, the full chunk.  PW_EMPTY, with
 * voxels untouched, when it was not stored.
 */
enum pw_status pw_chunk_read(struct pw_chunk_reader *reader, const struct pw_output_array *array,
                             const uint64_t chunk[3], void *voxels, struct pw_error *error);

/* Forgets the open unit: call it when units of the array may have come since. */
void pw_chunk_reader_forget(struct pw_chunk_reader *reader);

#endif
