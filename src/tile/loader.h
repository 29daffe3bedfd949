/*
 * tile/loader - from a tile's number to its voxels, in two halves.
 *
 *   reader thread: pw_loader_begin()   claims chunks, starts the reads
 *                  pw_loader_reap()    one completed read, until slot->pending is 0
 *   worker thread: pw_loader_finish()  decodes, assembles the dense window
 *                  pw_loader_release() gives mapped pages and cached chunks back
 *
 * Three ways lead to the same voxels: stored chunks are read by the I/O engine
 * and decoded by the worker (straight into the window where chunk and window are the same
 * box); stretches of an uncompressed file are read straight into the window; or the
 * file is mapped and the window is lent from the page cache.
 *
 * Memory: everything is reserved by pw_loader_init() and pw_slot_init().
 */
#ifndef PW_TILE_LOADER_H
#define PW_TILE_LOADER_H

#include "base/memory.h"
#include "io/io.h"
#include "tile/chunk_cache.h"
#include "tile/grid.h"
#include "tile/volume.h"

enum pw_load_mode {
    PW_LOAD_CHUNKS, /* read and decode stored chunks */
    PW_LOAD_ROWS,   /* read stretches of an uncompressed file */
    PW_LOAD_MAP     /* lend a mapping of it */
};

/* What a loader needs to know, computed by the plan. */
struct pw_load_plan {
    enum pw_load_mode mode;
    enum pw_io_engine engine;
    unsigned io_depth;
    uint64_t window[3];       /* the largest window */
    uint32_t chunks_per_tile; /* the most chunks a window touches; 0 without chunks */
    uint32_t cached_chunks;   /* capacity of the chunk cache; 0: none is needed */
    uint64_t window_bytes;    /* of a dense window of all channels; 0 when voxels are lent */
    uint64_t stored_bytes;    /* for stored chunks in a slot */
    uint64_t mapped_bytes;    /* of the page cache that one tile keeps resident */
};

/* One chunk of a tile on its way. */
struct pw_chunk_use {
    struct pw_read read;
    uint64_t index[PW_MAX_RANK];
    uint32_t entry; /* of the chunk cache, with cached */
    int cached;     /* holds entry */
    int fetched;    /* this tile reads and decodes it */
    int empty;      /* nothing is stored */
};

/* The place of one tile in the ring.  Between the queues a slot belongs to one thread. */
struct pw_slot {
    uint64_t sequence; /* 0, 1, 2, .. in the order of begin */
    uint64_t tile;
    struct pw_box window;
    uint32_t pending; /* reads under way */
    uint32_t n_uses;
    struct pw_chunk_use *use; /* chunks_per_tile entries */
    struct pw_buffer memory;  /* stored chunks, or the window; afterwards the tile's record */
    void *dense;              /* where the dense window is assembled: in memory, or the worker's */
    int constant;             /* every voxel is the fill value; voxels is not set */
    const void *voxels;
    size_t stride_bytes[3];      /* z y x */
    size_t channel_stride_bytes; /* from a channel to the next */
    uint64_t stored_read;        /* bytes that came from the store for this tile */

    size_t record_bytes;  /* of the finished record at memory.data; see merge/stage.h */
    struct pw_slot *next; /* in a queue of the ring */
};

struct pw_loader {
    const struct pw_volume *volume;
    const struct pw_grid *grid;
    struct pw_load_plan plan;
    struct pw_io *io;
    struct pw_chunk_cache *cache;
    struct pw_read *rows; /* io_depth reads of PW_LOAD_ROWS */
    void *map;            /* PW_LOAD_MAP */
    size_t map_bytes;
    uint64_t sequence;
};

/* A worker's own part. */
struct pw_load_scratch {
    struct pw_decoder *decoder;
    /*
     * Chunks are decoded into the worker's own window, not into the slot: a few windows stay in the processor's
     * caches, a ring full of them does not.
     */
    struct pw_buffer window;
    struct pw_buffer chunk; /* one decoded chunk that neither fits the window nor the cache */
};

/*
 * Chooses the mode and sizes for grid.  cached_chunks is how many the caller can
 * afford; it is lowered to what is useful.
 */
enum pw_status pw_load_plan_init(struct pw_load_plan *plan, const struct pw_volume *volume, const struct pw_grid *grid,
                                 enum pw_io_engine engine, uint32_t cached_chunks, struct pw_error *error);

/* Chunks that a cache would have to hold so that none is decoded twice; 0 when no two windows share a chunk. */
uint32_t pw_load_plan_useful_chunks(const struct pw_volume *volume, const struct pw_grid *grid);

uint64_t pw_loader_memory_bytes(const struct pw_load_plan *plan, const struct pw_volume *volume);
uint64_t pw_load_scratch_memory_bytes(const struct pw_load_plan *plan, const struct pw_volume *volume);

enum pw_status pw_loader_init(struct pw_loader *loader, const struct pw_volume *volume, const struct pw_grid *grid,
                              const struct pw_load_plan *plan, struct pw_error *error);
void pw_loader_destroy(struct pw_loader *loader); /* safe on a zeroed loader; no slot may be under way */

/* A slot's memory is the larger of what loading needs and least_bytes. */
enum pw_status pw_slot_init(struct pw_slot *slot, const struct pw_load_plan *plan, uint64_t least_bytes,
                            struct pw_error *error);
void pw_slot_destroy(struct pw_slot *slot);
uint64_t pw_slot_memory_bytes(const struct pw_load_plan *plan, uint64_t least_bytes);

enum pw_status pw_load_scratch_init(struct pw_load_scratch *scratch, const struct pw_loader *loader,
                                    struct pw_error *error);
void pw_load_scratch_destroy(struct pw_load_scratch *scratch, const struct pw_loader *loader);

enum pw_status pw_loader_begin(struct pw_loader *loader, struct pw_slot *slot, uint64_t tile, struct pw_error *error);

/* Waits for one read of any slot and counts it in its slot->pending.  Returns 0 when none is under way. */
int pw_loader_reap(struct pw_loader *loader);

enum pw_status pw_loader_finish(struct pw_loader *loader, struct pw_slot *slot, struct pw_load_scratch *scratch,
                                struct pw_error *error);
void pw_loader_release(struct pw_loader *loader, struct pw_slot *slot);

#endif
