/*
 * codec/zstd_frame - a zstd frame that is written match by match.
 *
 * The caller walks the content from its first to its last byte and says of every
 * stretch whether it is new (literal) or a copy from an earlier place (match).
 * Matches of one offset that follow each other become one; blocks are cut at 128
 * KiB, repeated offsets get their short codes, and a group of blocks shares
 * entropy tables.
 *
 *     pw_zstd_frame_begin(&frame, content_bytes, element_bytes, out);
 *     pw_zstd_frame_literal / pw_zstd_frame_match ...    content_bytes in all
 *     n = pw_zstd_frame_end(&frame);
 *
 * Content that this way does not make smaller, block by block, is given up: the end
 * says 0, and the caller compresses in another way.
 *
 * Memory: init reserves everything, release frees it (safe on a zeroed frame); out
 * holds pw_zstd_frame_bound(content_bytes).  Errors: PW_E_NOMEM from init only.
 * Threads: a frame belongs to one thread.
 */
#ifndef PW_CODEC_ZSTD_FRAME_H
#define PW_CODEC_ZSTD_FRAME_H

#include "base/memory.h"
#include "codec/zstd_block.h"
#include "patchworks.h"

enum {
    PW_ZSTD_GROUP_SEQUENCES = 24576 /* a group ends here; small enough to stay in cache */
};

/* One block of the group that is being coded. */
struct pw_zstd_frame_block {
    uint32_t bytes, n_coded, n_literals;
};

struct pw_zstd_frame {
    struct pw_buffer memory;
    struct pw_zstd_group *group;
    struct pw_zstd_sequence *sequence;
    struct pw_zstd_coded *coded;
    struct pw_zstd_frame_block *block;
    unsigned char *literals;

    /* what has been put since the last group, and the match that may still grow */
    uint32_t n_sequences, n_literals;
    uint32_t fresh_literals; /* since the last sequence, bytes */
    uint32_t match_offset;
    uint64_t match_bytes;

    /* the blocks that are being cut */
    uint32_t n_blocks, n_coded;
    struct pw_zstd_frame_block filling;
    const unsigned char *unwritten; /* literals */

    uint32_t match_min; /* least match, a multiple of the element size */
    uint32_t element_bytes;
    uint64_t content_bytes, written_bytes; /* written counts content, in whole blocks */
    unsigned char *out, *at;
    int given_up; /* a block did not become smaller */
};

enum pw_status pw_zstd_frame_init(struct pw_zstd_frame *frame, struct pw_error *error);
void pw_zstd_frame_release(struct pw_zstd_frame *frame);
size_t pw_zstd_frame_memory_bytes(void);

/* content_bytes is 1..2^31; element_bytes is 1, 2, 4 or 8. */
void pw_zstd_frame_begin(struct pw_zstd_frame *frame, uint64_t content_bytes, uint32_t element_bytes, void *out);

/* One element. */
void pw_zstd_frame_literal(struct pw_zstd_frame *frame, uint64_t value);

/*
 * bytes copied from offset bytes before; both are multiples of the element size.
 * Returns 0, with nothing done, for a match too short to be written (the caller gives
 * literals then).
 */
int pw_zstd_frame_match(struct pw_zstd_frame *frame, uint32_t offset, uint64_t bytes);

/* Writes what is left; returns the bytes of the frame, 0 when it was given up. */
size_t pw_zstd_frame_end(struct pw_zstd_frame *frame);

uint64_t pw_zstd_frame_bound(uint64_t content_bytes);

#endif
