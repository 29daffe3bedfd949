#include "ext/blocks.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Reading ahead of smaller blocks costs more calls than it saves waiting. */
#define READ_AHEAD_BYTES ((size_t)64 << 10)

void pw_blocks_init(struct pw_blocks *blocks, size_t block_bytes, const char *scratch_dir)
{
    memset(blocks, 0, sizeof *blocks);
    blocks->file.fd = -1;
    blocks->block_bytes = block_bytes;
    blocks->free = PW_NO_BLOCK;
    (void)snprintf(blocks->scratch_dir, sizeof blocks->scratch_dir, "%s", scratch_dir);
}

void pw_blocks_close(struct pw_blocks *blocks)
{
    if (blocks->block_bytes == 0)
        return;
    pw_scratch_close(&blocks->file);
    memset(blocks, 0, sizeof *blocks);
    blocks->file.fd = -1;
}

uint64_t pw_blocks_file_bytes(const struct pw_blocks *blocks)
{
    return blocks->n_blocks * blocks->block_bytes;
}

/* A place in the file: one that can be used again, else a new one. */
static enum pw_status take_number(struct pw_blocks *blocks, uint64_t *number, struct pw_error *error)
{
    if (blocks->n_spare > 0) {
        *number = blocks->spare[--blocks->n_spare];
        return PW_OK;
    }
    if (blocks->free == PW_NO_BLOCK) {
        *number = blocks->n_blocks++;
        return PW_OK;
    }
    *number = blocks->free;
    return pw_file_read_exactly(blocks->file.fd, &blocks->free, sizeof blocks->free, *number * blocks->block_bytes,
                                blocks->file.name, error);
}

/* Lets a place be used again. */
static enum pw_status give_number(struct pw_blocks *blocks, uint64_t number, struct pw_error *error)
{
    if (blocks->n_spare < PW_BLOCKS_SPARE) {
        blocks->spare[blocks->n_spare++] = number;
        return PW_OK;
    }
    enum pw_status status = pw_file_write(blocks->file.fd, &blocks->free, sizeof blocks->free,
                                          number * blocks->block_bytes, blocks->file.name, error);
    blocks->free = number;
    return status;
}

enum pw_status pw_blocks_write(struct pw_blocks *blocks, const uint64_t *block, uint64_t *number,
                               struct pw_error *error)
{
    enum pw_status status = PW_OK;
    if (blocks->file.fd < 0)
        status = pw_scratch_open(&blocks->file, blocks->scratch_dir, "buckets", error);
    if (status == PW_OK)
        status = take_number(blocks, number, error);
    if (status != PW_OK)
        return status;
    return pw_file_write(blocks->file.fd, block, blocks->block_bytes, *number * blocks->block_bytes, blocks->file.name,
                         error);
}

enum pw_status pw_blocks_read(struct pw_blocks *blocks, uint64_t number, uint64_t *block, struct pw_error *error)
{
    size_t bytes = blocks->block_bytes;
    enum pw_status status =
        pw_file_read_exactly(blocks->file.fd, block, bytes, number * bytes, blocks->file.name, error);
    if (status != PW_OK)
        return status;
    if (block[0] != PW_NO_BLOCK && bytes >= READ_AHEAD_BYTES)
        (void)posix_fadvise(blocks->file.fd, (off_t)(block[0] * bytes), (off_t)bytes, POSIX_FADV_WILLNEED);
    return give_number(blocks, number, error);
}
