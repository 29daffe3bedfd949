/*
 * ext/blocks - a scratch file of blocks of one size: written once, read once, and then used again.
 *
 * The first word of a block is the number of another block, or PW_NO_BLOCK: so blocks make chains, and which
 * belong together need not be kept in memory.  The blocks that have been read form such a chain themselves, but for
 * the last few, and the next ones to be written go in their places: the file is never longer than what was in it at once.
 *
 *     pw_blocks_init -> pw_blocks_write, pw_blocks_read ... -> pw_blocks_close
 *
 * The file is an unlinked one, made when the first block is written.
 * Memory: none but the struct.  Errors: PW_E_IO.  Threads: one at a time.
 */
#ifndef PW_EXT_BLOCKS_H
#define PW_EXT_BLOCKS_H

#include "patchworks.h"
#include "sys/file.h"

#define PW_NO_BLOCK UINT64_MAX

enum {
    PW_BLOCKS_SPARE = 256
};

struct pw_blocks {
    struct pw_scratch file;
    char scratch_dir[4096];
    size_t block_bytes;
    uint64_t n_blocks;               /* in the file */
    uint64_t spare[PW_BLOCKS_SPARE]; /* blocks that can be used again */
    uint32_t n_spare;
    uint64_t free; /* the first of a chain of further ones */
};

/* Blocks of block_bytes, a multiple of 8. */
void pw_blocks_init(struct pw_blocks *blocks, size_t block_bytes, const char *scratch_dir);
void pw_blocks_close(struct pw_blocks *blocks); /* safe on a zeroed struct */

/* Writes a block; *number is where it went. */
enum pw_status pw_blocks_write(struct pw_blocks *blocks, const uint64_t *block, uint64_t *number,
                               struct pw_error *error);

/* Reads block number, whose place can then be used again.  The block that it names is asked for ahead. */
enum pw_status pw_blocks_read(struct pw_blocks *blocks, uint64_t number, uint64_t *block, struct pw_error *error);

/* Bytes of the file. */
uint64_t pw_blocks_file_bytes(const struct pw_blocks *blocks);

#endif
