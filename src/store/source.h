/*
 * store/source - an array of any format, open for reading.
 *
 * One file per format fills struct pw_source_ops; source.c holds the table and
 * recognises a format by content.  The pipeline never asks for a format's name,
 * only for capabilities:
 *
 *   PW_SOURCE_CHUNKED  stored in chunks of one shape.  locate() says where a
 *                      chunk's bytes are, the caller reads them with any I/O
 *                      engine, decode() turns them into voxels.
 *   PW_SOURCE_LINEAR   uncompressed in C order in one file: element (i0,i1,..)
 *                      is at offset_bytes + sum(i*stride_bytes).  The caller
 *                      reads or maps any stretch.  `chunk` is then a hint: a
 *                      block that is cheap to read.
 *   PW_SOURCE_STREAM   LINEAR whose bytes arrive over time (a pipe, spooled to
 *                      an unlinked file): call await() before reading.
 *   PW_SOURCE_WHOLE    CHUNKED in files that all exist: one that is missing when a
 *                      chunk of it is read is an error, not an empty chunk.
 *   PW_SOURCE_PLAIN    CHUNKED whose stored bytes are what decode() makes of them: a stretch of a
 *                      chunk can be read alone.
 *
 * A chunk has its full shape at the array's border too; what lies outside the
 * array is undefined.  A chunk that is not stored is PW_EMPTY, and reads as the
 * fill value; an I/O error is an error, never zeros.
 *
 * Threads: after open, locate(), decode() and await() may be called from any
 * thread at a time, decode() with a decoder of the thread's own.
 */
#ifndef PW_STORE_SOURCE_H
#define PW_STORE_SOURCE_H

#include "base/names.h"
#include "base/region.h"
#include "patchworks.h"

enum pw_source_capability {
    PW_SOURCE_CHUNKED = 1,
    PW_SOURCE_LINEAR = 2,
    PW_SOURCE_STREAM = 4,
    PW_SOURCE_WHOLE = 8,
    PW_SOURCE_PLAIN = 16
};

/* Where the stored bytes of a chunk are.  Filled by locate(). */
struct pw_extent {
    int fd;          /* >= 0: read [offset, offset+length) of it; owned by the source */
    char path[4096]; /* with fd -1: the file; a missing file means PW_EMPTY, but for WHOLE */
    uint64_t offset;
    uint64_t length; /* 0 with a path: the whole file, at most stored_bytes_max */
};

/* Layout of a LINEAR source. */
struct pw_linear {
    int fd;
    uint64_t offset_bytes;              /* of element 0 */
    uint64_t stride_bytes[PW_MAX_RANK]; /* along each axis, slowest first; the last is the element size */
    uint64_t file_bytes;
    int swap; /* elements are in the other byte order */
};

struct pw_source;
struct pw_decoder; /* per-thread state of decode(): codec contexts, a TIFF handle, a scratch block */

struct pw_source_ops {
    const char *format; /* for messages */

    enum pw_status (*locate)(struct pw_source *source, const uint64_t *chunk_index, struct pw_extent *extent,
                             struct pw_error *error);

    /* A decoder for one thread; free with decoder_free.  NULL slots: the source needs none. */
    enum pw_status (*decoder_new)(struct pw_source *source, struct pw_decoder **decoder, struct pw_error *error);
    void (*decoder_free)(struct pw_decoder *decoder);
    size_t (*decoder_memory_bytes)(const struct pw_source *source);

    /*
     * Decodes the n stored bytes of the chunk into voxels: the full chunk, dense,
     * C order, native byte order.  Returns PW_EMPTY, with voxels untouched, when
     * the bytes say that nothing is stored.
     */
    enum pw_status (*decode)(struct pw_source *source, struct pw_decoder *decoder, const uint64_t *chunk_index,
                             const void *stored, size_t n, void *voxels, struct pw_error *error);

    /*
     * STREAM: blocks until the first end bytes of linear.fd are there.  PW_E_TRUNCATED when the stream ends
     * before, PW_E_CANCELLED when *source->cancel was raised meanwhile.
     */
    enum pw_status (*await)(struct pw_source *source, uint64_t end, struct pw_error *error);

    void (*close)(struct pw_source *source); /* frees source itself */

    /* Of an image in several files: file number i, NULL after the last.  NULL slot: what is at its path is all of it. */
    const char *(*file)(const struct pw_source *source, uint64_t i);
};

/* The base of every source; formats put it first in their own struct. */
struct pw_source {
    const struct pw_source_ops *ops;
    unsigned capabilities;     /* enum pw_source_capability */
    char path[4096];           /* for messages */
    struct pw_image_info info; /* chunk[] is the decode unit */
    struct pw_linear linear;   /* LINEAR */
    uint64_t stored_bytes_max; /* CHUNKED: capacity that holds the stored bytes of any chunk; checked on reading */
    uint64_t fill;             /* bits of the fill value, in the low bytes (native order) */
    /*
     * What a format has read of them; pw_source_open() makes info's lists from these, and pw_source_close() releases
     * them after close().  An open that fails releases them itself.
     */
    char group[4096]; /* of the image in a zarr store, which its labels go into; "" elsewhere */
    struct pw_names channel_names;
    struct pw_names channel_shows;
    struct pw_names series_names;
    char scratch_dir[4096];    /* where await() may keep what it decompresses; "": $TMPDIR or /tmp */
    const _Atomic int *cancel; /* set by who reads, before any thread does: not 0 ends waiting; NULL: nothing does */
};

/*
 * Opens path (or "-"), recognising the format by content.  scratch_dir is where a
 * stream is spooled (NULL: $TMPDIR or /tmp).
 * Errors: as pw_image_open().
 */
enum pw_status pw_source_open(const char *path, const struct pw_open_options *options, const char *scratch_dir,
                              struct pw_source **source, struct pw_error *error);
void pw_source_close(struct pw_source *source); /* NULL allowed */

/*
 * PW_E_EXISTS when a result at output would take the place of what source (NULL: none) is read from.  The second is
 * for an input that is no source: the refusal alone.
 */
enum pw_status pw_source_keep(const struct pw_source *source, const char *output, struct pw_error *error);
enum pw_status pw_source_refuse_output(const char *input, const char *output, struct pw_error *error);

/* The whole chunk at chunk_index as a region of the array, clipped to nothing. */
void pw_source_chunk_region(const struct pw_source *source, const uint64_t *chunk_index, struct pw_region *region);

/* The slot file(); NULL as well when there is none. */
const char *pw_source_file(const struct pw_source *source, uint64_t i);

/* Decoded bytes of one chunk. */
uint64_t pw_source_chunk_bytes(const struct pw_source *source);

/* Sets count elements at voxels to the fill value. */
void pw_source_fill(const struct pw_source *source, void *voxels, uint64_t count);

/*
 * Reads region into target (dense, C order) with plain preads, one chunk at a
 * time: the oracle of the pipeline, and what `pw-stream cat` uses.
 */
enum pw_status pw_source_read(struct pw_source *source, const struct pw_region *region, void *target,
                              struct pw_error *error);

/*
 * The same for a caller that reads region after region: buffers and codec contexts
 * are made once.  Free before the source is closed; NULL allowed.  One thread.
 */
struct pw_region_reader;
enum pw_status pw_region_reader_new(struct pw_source *source, struct pw_region_reader **reader, struct pw_error *error);
void pw_region_reader_free(struct pw_region_reader *reader);
uint64_t pw_region_reader_memory_bytes(const struct pw_source *source); /* of one reader, beside the target */
enum pw_status pw_region_reader_read(struct pw_region_reader *reader, const struct pw_region *region, void *target,
                                     struct pw_error *error);

/*
 * Of a CHUNKED source: the part of a chunk that lies in region into its place of target, dense, of that region.  Of a
 * PLAIN one no more is read than the stretch that has it.
 */
enum pw_status pw_region_reader_chunk(struct pw_region_reader *reader, const uint64_t *chunk_index,
                                      const struct pw_region *region, void *target, struct pw_error *error);

/*
 * Has the system begin to read the stored bytes of a chunk, without waiting; what keeps it from that is left to the
 * reading.  Worth it where reading waits: whether this reader has had to, so far.
 */
void pw_region_reader_expect(struct pw_region_reader *reader, const uint64_t *chunk_index);
int pw_region_reader_waits(const struct pw_region_reader *reader);

/*
 * The formats.  Each recognises its own: returns 1 when the first bytes of the
 * file (head, n bytes; n 0 for a directory) or the directory at path are its.
 */
struct pw_format {
    const char *name;
    int (*recognise)(const char *path, const unsigned char *head, size_t n);
    enum pw_status (*open)(const char *path, const struct pw_open_options *options, struct pw_source **source,
                           struct pw_error *error);
    int has_series, has_wells; /* open() minds options->series and options->well */
};

extern const struct pw_format pw_format_n5;   /* store/n5_source.c */
extern const struct pw_format pw_format_npy;  /* store/npy_source.c */
extern const struct pw_format pw_format_tiff; /* store/tiff_open.c */
extern const struct pw_format pw_format_ome_companion;
extern const struct pw_format pw_format_nrrd;
extern const struct pw_format pw_format_mhd;
extern const struct pw_format pw_format_mrc;
extern const struct pw_format pw_format_tiff_series; /* store/tiff_series.c; its path may be a pattern, no file */
extern const struct pw_format pw_format_zarr;        /* store/zarr_source.c */

/* store/raw_source.c: a file without a header, described by options. */
enum pw_status pw_raw_open(const char *path, const struct pw_open_options *options, struct pw_source **source,
                           struct pw_error *error);

/* store/stream_source.c: npy, or raw described by options, on descriptor fd, spooled to scratch_dir. */
enum pw_status pw_stream_open(int fd, const struct pw_open_options *options, const char *scratch_dir,
                              struct pw_source **source, struct pw_error *error);

#endif
