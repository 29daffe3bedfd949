/*
 * codec/zstd_block - the body of a compressed zstd block from given sequences.
 *
 * Method: RFC 8878, section 3.1.1.3.  Literals are stored raw; sequence codes go
 * through FSE tables that a group of blocks shares: the first block of the group
 * that has sequences describes them, the others repeat them.
 *
 *     pw_zstd_group_begin(&group);
 *     pw_zstd_code(&group, coded, sequence, n);          any number of times
 *     pw_zstd_group_tables(&group, n);
 *     for each block
 *         bytes = pw_zstd_block_write(&group, literals, n_literals, coded, n, out);
 *
 * Memory: the caller's; out holds pw_zstd_block_bound() bytes.  Errors: none.
 * Threads: a group belongs to one thread.
 */
#ifndef PW_CODEC_ZSTD_BLOCK_H
#define PW_CODEC_ZSTD_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "codec/fse_encode.h"

enum {
    PW_ZSTD_BLOCK_BYTES = 128 << 10, /* most decoded bytes of a block */
    PW_ZSTD_MATCH_MIN = 3
};

/* Literals to copy, then a match. */
struct pw_zstd_sequence {
    uint64_t match_bytes;
    uint32_t literal_bytes, offset;
};

/*
 * A coded sequence.  extra holds, from the lowest bit up, what the codes leave open
 * of the literal length, the match length and the offset.
 */
struct pw_zstd_coded {
    uint64_t extra;
    uint32_t codes; /* from the lowest byte up: bits of extra, literal length, match length, offset */
};

/* How one of the three kinds of code is written. */
struct pw_zstd_code {
    unsigned mode; /* of the RFC: 0 predefined, 1 one symbol, 2 described */
    struct pw_fse_table table;
    unsigned char description[PW_FSE_COUNTS_BYTES_MAX];
    size_t description_bytes;
};

struct pw_zstd_group {
    uint32_t repeat[3]; /* the offsets remembered; 1, 4, 8 where the frame begins */
    uint32_t literal_count[36], match_count[53], offset_count[32]; /* literal lengths of 0 are not counted */
    struct pw_zstd_code literal, match, offset;
    int described; /* a block of the group has described them */
};

/* Forgets the counts; repeat stays, since the offsets remembered outlast a group. */
void pw_zstd_group_begin(struct pw_zstd_group *group);

/* Codes n sequences of at most a block each, and counts their codes. */
void pw_zstd_code(struct pw_zstd_group *group, struct pw_zstd_coded *coded, const struct pw_zstd_sequence *sequence,
                  uint32_t n);

/* Makes the tables for the n sequences coded since the group began. */
void pw_zstd_group_tables(struct pw_zstd_group *group, uint32_t n);

/*
 * Writes a block's body: n_literals bytes of literals in all, of which the
 * sequences take theirs in order and the block ends with the rest.  Returns its bytes.
 */
size_t pw_zstd_block_write(struct pw_zstd_group *group, const unsigned char *literals, uint32_t n_literals,
                           const struct pw_zstd_coded *coded, uint32_t n, unsigned char *out);

/* Most bytes that pw_zstd_block_write() touches, for any block of PW_ZSTD_BLOCK_BYTES. */
size_t pw_zstd_block_bound(void);

#endif
