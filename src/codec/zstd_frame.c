#include "codec/zstd_frame.h"

#include <string.h>

#include "base/checked.h"

enum {
    SEQUENCES_MAX = PW_ZSTD_GROUP_SEQUENCES + 1,
    BLOCKS_MAX = 1024,                          /* of a group */
    CODED_MAX = SEQUENCES_MAX + BLOCKS_MAX + 1, /* a block's end cuts one sequence in two */
    GROUP_LITERALS = 256 << 10,
    LITERALS_MAX = GROUP_LITERALS + 64, /* literals are stored 8 bytes at a time */
    HEADER_BYTES_MAX = 14,
    BLOCK_HEADER_BYTES = 3,
    BLOCK_COMPRESSED = 2
};

static size_t aligned(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static size_t parts_bytes(void)
{
    return aligned(sizeof(struct pw_zstd_group)) + aligned(sizeof(struct pw_zstd_sequence) * SEQUENCES_MAX) +
           aligned(sizeof(struct pw_zstd_coded) * CODED_MAX) +
           aligned(sizeof(struct pw_zstd_frame_block) * BLOCKS_MAX) + LITERALS_MAX;
}

size_t pw_zstd_frame_memory_bytes(void)
{
    return parts_bytes() + ((size_t)2 << 20); /* rounding to a huge page */
}

enum pw_status pw_zstd_frame_init(struct pw_zstd_frame *frame, struct pw_error *error)
{
    memset(frame, 0, sizeof *frame);
    enum pw_status status = pw_buffer_init(&frame->memory, parts_bytes(), "label encoder", error);
    if (status != PW_OK)
        return status;
    unsigned char *memory = frame->memory.data;
    frame->group = (struct pw_zstd_group *)memory;
    memory += aligned(sizeof(struct pw_zstd_group));
    frame->sequence = (struct pw_zstd_sequence *)memory;
    memory += aligned(sizeof(struct pw_zstd_sequence) * SEQUENCES_MAX);
    frame->coded = (struct pw_zstd_coded *)memory;
    memory += aligned(sizeof(struct pw_zstd_coded) * CODED_MAX);
    frame->block = (struct pw_zstd_frame_block *)memory;
    frame->literals = memory + aligned(sizeof(struct pw_zstd_frame_block) * BLOCKS_MAX);
    return PW_OK;
}

void pw_zstd_frame_release(struct pw_zstd_frame *frame)
{
    pw_buffer_release(&frame->memory);
    memset(frame, 0, sizeof *frame);
}

uint64_t pw_zstd_frame_bound(uint64_t content_bytes)
{
    /*
     * No block is larger than its content, and one more is tried.  Blocks are full but for the last of
     * a group; a group has as many sequences or literals as make this bound on its number a generous one.
     */
    uint64_t blocks = 2 * pw_ceil_div(content_bytes, 16 << 10) + 1;
    return HEADER_BYTES_MAX + content_bytes + blocks * BLOCK_HEADER_BYTES + pw_zstd_block_bound();
}

static void put_le(unsigned char *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

/* Section 3.1.1.1: single segment, so that the window is the content. */
static unsigned char *put_header(uint64_t content_bytes, unsigned char *out)
{
    unsigned flag = content_bytes < 256 ? 0 : content_bytes < 65536 + 256 ? 1 : content_bytes <= UINT32_MAX ? 2 : 3;
    put_le(out, 0xfd2fb528U, 4);
    out[4] = (unsigned char)(flag << 6 | 1 << 5);
    put_le(out + 5, flag == 1 ? content_bytes - 256 : content_bytes, 1U << flag);
    return out + 5 + (1U << flag);
}

void pw_zstd_frame_begin(struct pw_zstd_frame *frame, uint64_t content_bytes, uint32_t element_bytes, void *out)
{
    static const uint32_t first_repeat[3] = {1, 4, 8};
    memcpy(frame->group->repeat, first_repeat, sizeof first_repeat);
    frame->n_sequences = frame->n_literals = frame->fresh_literals = 0;
    frame->match_offset = 0;
    frame->match_bytes = 0;
    frame->match_min = (PW_ZSTD_MATCH_MIN + element_bytes - 1) / element_bytes * element_bytes;
    frame->element_bytes = element_bytes;
    frame->content_bytes = content_bytes;
    frame->written_bytes = 0;
    frame->given_up = 0;
    frame->out = out;
    frame->at = put_header(content_bytes, out);
}

/* ---- a group: cut, code, write ---- */

/*
 * Writes one block.  A block that is not smaller than its content would have to be
 * stored as it is; the offsets that later blocks repeat would then be others, so it ends the attempt.
 */
static void write_block(struct pw_zstd_frame *frame, const struct pw_zstd_frame_block *block,
                        const struct pw_zstd_coded *coded)
{
    unsigned char *body = frame->at + BLOCK_HEADER_BYTES;
    size_t bytes = pw_zstd_block_write(frame->group, frame->unwritten, block->n_literals, coded, block->n_coded, body);
    if (bytes >= block->bytes) {
        frame->given_up = 1;
        return;
    }
    frame->unwritten += block->n_literals;
    frame->written_bytes += block->bytes;
    unsigned last = frame->written_bytes == frame->content_bytes;
    put_le(frame->at, (uint64_t)bytes << 3 | BLOCK_COMPRESSED << 1 | last, BLOCK_HEADER_BYTES);
    frame->at = body + bytes;
}

static void begin_blocks(struct pw_zstd_frame *frame)
{
    pw_zstd_group_begin(frame->group);
    frame->n_blocks = frame->n_coded = 0;
    memset(&frame->filling, 0, sizeof frame->filling);
}

static void write_blocks(struct pw_zstd_frame *frame)
{
    const struct pw_zstd_coded *coded = frame->coded;
    pw_zstd_group_tables(frame->group, frame->n_coded);
    for (uint32_t i = 0; i < frame->n_blocks && !frame->given_up; i++) {
        write_block(frame, &frame->block[i], coded);
        coded += frame->block[i].n_coded;
    }
    begin_blocks(frame);
}

static void close_block(struct pw_zstd_frame *frame)
{
    frame->block[frame->n_blocks++] = frame->filling;
    memset(&frame->filling, 0, sizeof frame->filling);
    if (frame->n_blocks == BLOCKS_MAX)
        write_blocks(frame);
}

/* A sequence that reaches the end of the block or goes beyond it; every piece of the match can be one. */
static void cut(struct pw_zstd_frame *frame, struct pw_zstd_sequence sequence)
{
    uint64_t room = PW_ZSTD_BLOCK_BYTES - frame->filling.bytes;
    while (sequence.literal_bytes > room) {
        frame->filling.bytes += (uint32_t)room;
        frame->filling.n_literals += (uint32_t)room;
        sequence.literal_bytes -= (uint32_t)room;
        close_block(frame);
        room = PW_ZSTD_BLOCK_BYTES;
    }
    frame->filling.bytes += sequence.literal_bytes;
    frame->filling.n_literals += sequence.literal_bytes;
    while (sequence.match_bytes > 0) {
        uint64_t piece = sequence.match_bytes;
        room = PW_ZSTD_BLOCK_BYTES - frame->filling.bytes;
        if (piece > room)
            piece = piece - room < frame->match_min ? piece - frame->match_min : room;
        if (piece >= frame->match_min) {
            struct pw_zstd_sequence part = {piece, sequence.literal_bytes, sequence.offset};
            pw_zstd_code(frame->group, frame->coded + frame->n_coded++, &part, 1);
            frame->filling.n_coded++;
            frame->filling.bytes += (uint32_t)piece;
            sequence.match_bytes -= piece;
        }
        sequence.literal_bytes = 0;
        if (sequence.match_bytes > 0 || frame->filling.bytes == PW_ZSTD_BLOCK_BYTES)
            close_block(frame);
    }
}

/* Codes the sequences that end before the block does; returns how many. */
static uint32_t code_within_block(struct pw_zstd_frame *frame, const struct pw_zstd_sequence *sequence, uint32_t n)
{
    uint64_t bytes = frame->filling.bytes;
    uint32_t literals = 0;
    uint32_t i = 0;
    for (; i < n; i++) {
        uint64_t end = bytes + sequence[i].literal_bytes + sequence[i].match_bytes;
        if (end >= PW_ZSTD_BLOCK_BYTES)
            break;
        bytes = end;
        literals += sequence[i].literal_bytes;
    }
    pw_zstd_code(frame->group, frame->coded + frame->n_coded, sequence, i);
    frame->n_coded += i;
    frame->filling.n_coded += i;
    frame->filling.n_literals += literals;
    frame->filling.bytes = (uint32_t)bytes;
    return i;
}

static void write_group(struct pw_zstd_frame *frame)
{
    begin_blocks(frame);
    frame->unwritten = frame->literals;
    for (uint32_t i = 0; i < frame->n_sequences && !frame->given_up;) {
        i += code_within_block(frame, frame->sequence + i, frame->n_sequences - i);
        if (i < frame->n_sequences)
            cut(frame, frame->sequence[i++]);
    }
    if (frame->fresh_literals > 0 && !frame->given_up)
        cut(frame, (struct pw_zstd_sequence){0, frame->fresh_literals, 0});
    if (frame->filling.bytes > 0)
        close_block(frame);
    write_blocks(frame);
    frame->n_sequences = frame->n_literals = frame->fresh_literals = 0;
}

/* ---- what the caller puts ---- */

static void settle(struct pw_zstd_frame *frame)
{
    if (frame->match_bytes > 0) {
        frame->sequence[frame->n_sequences++] =
            (struct pw_zstd_sequence){frame->match_bytes, frame->fresh_literals, frame->match_offset};
        frame->fresh_literals = 0;
        frame->match_bytes = 0;
    }
    if (frame->n_sequences >= PW_ZSTD_GROUP_SEQUENCES)
        write_group(frame);
}

void pw_zstd_frame_literal(struct pw_zstd_frame *frame, uint64_t value)
{
    if (frame->match_bytes > 0)
        settle(frame);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    memcpy(frame->literals + frame->n_literals, &value, 8);
    frame->n_literals += frame->element_bytes;
    frame->fresh_literals += frame->element_bytes;
    if (frame->n_literals >= GROUP_LITERALS)
        write_group(frame);
}

int pw_zstd_frame_match(struct pw_zstd_frame *frame, uint32_t offset, uint64_t bytes)
{
    if (frame->match_bytes > 0 && offset == frame->match_offset) {
        frame->match_bytes += bytes;
        return 1;
    }
    if (bytes < frame->match_min)
        return 0;
    if (frame->match_bytes > 0)
        settle(frame);
    frame->match_offset = offset;
    frame->match_bytes = bytes;
    return 1;
}

size_t pw_zstd_frame_end(struct pw_zstd_frame *frame)
{
    settle(frame);
    if (frame->n_sequences + frame->n_literals > 0)
        write_group(frame);
    return frame->given_up ? 0 : (size_t)(frame->at - frame->out);
}
