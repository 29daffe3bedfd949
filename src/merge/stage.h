/*
 * merge/stage - the append-only log of finished tiles, one record each.
 *
 * Records are appended in the order in which tiles finish; an index in memory
 * says where each tile's is (24 bytes a tile).  The log is an unlinked scratch
 * file, or one with a name, from which a run can go on that was killed.
 *
 * Threads: pw_stage_append() from one thread; reading from any, of tiles that have been appended
 * before (whoever hands the tile over provides the ordering).
 */
#ifndef PW_MERGE_STAGE_H
#define PW_MERGE_STAGE_H

#include "merge/tile_record.h"
#include "sys/file.h"

#define PW_STAGE_LOG "records"

struct pw_stage_entry {
    uint64_t offset; /* in the log; 0: the tile is not there yet */
    uint32_t n_labels;
    uint32_t flags; /* enum pw_record_flag */
    uint64_t bytes;
};

struct pw_stage {
    struct pw_scratch file;
    uint64_t end;
    uint64_t n_tiles;
    uint64_t n_voxels; /* foreground of the cores appended */
    struct pw_stage_entry *entry;
};

enum pw_status pw_stage_open(struct pw_stage *stage, const char *scratch_dir, uint64_t n_tiles, struct pw_error *error);

/* The same with a log that stays, directory/PW_STAGE_LOG. */
enum pw_status pw_stage_keep(struct pw_stage *stage, const char *directory, uint64_t n_tiles, struct pw_error *error);

/*
 * Opens a log that was kept, for reading: every tile must be in it once, whole and intact.
 * Errors: PW_E_FORMAT, PW_E_TRUNCATED, PW_E_CHECKSUM with the tile.
 */
enum pw_status pw_stage_open_kept(struct pw_stage *stage, const char *directory, uint64_t n_tiles,
                                  struct pw_error *error);

/*
 * Opens the log of a run that came to no end, to go on appending: takes the records from the first on that are whole
 * and intact, and cuts the log off behind them.  There need not be one.  Tiles on which the function failed are not
 * there: they are made again.
 * Errors: PW_E_IO, PW_E_NOMEM.
 */
enum pw_status pw_stage_resume(struct pw_stage *stage, const char *directory, uint64_t n_tiles, struct pw_error *error);
void pw_stage_close(struct pw_stage *stage); /* safe on a zeroed stage */

/* How many finished tiles are in the log in directory, by its headers alone; of which run does not matter. */
uint64_t pw_stage_count(const char *directory);
uint64_t pw_stage_memory_bytes(uint64_t n_tiles);

/* Appends the record (of header.bytes bytes) of header.tile. */
enum pw_status pw_stage_append(struct pw_stage *stage, const unsigned char *record, struct pw_error *error);

/* Whether tile has been appended. */
int pw_stage_has(const struct pw_stage *stage, uint64_t tile);

/* Reads the header of tile's record. */
enum pw_status pw_stage_read_header(const struct pw_stage *stage, uint64_t tile, struct pw_record_header *header,
                                    struct pw_error *error);

/* Reads n bytes at offset of tile's record. */
enum pw_status pw_stage_read(const struct pw_stage *stage, uint64_t tile, uint64_t offset, void *buffer, size_t n,
                             struct pw_error *error);

#endif
