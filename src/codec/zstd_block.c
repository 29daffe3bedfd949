#include "codec/zstd_block.h"

#include <string.h>

enum {
    LITERAL_CODES = 36,
    OFFSET_CODES = 32,
    MATCH_CODES = 53,
    LITERAL_LOG_MAX = 9,
    OFFSET_LOG_MAX = 8,
    MATCH_LOG_MAX = 9,
    FEW_SEQUENCES = 24 /* below it describing tables costs more than it saves */
};

enum {
    MODE_PREDEFINED = 0,
    MODE_ONE_SYMBOL = 1,
    MODE_DESCRIBED = 2,
    MODE_REPEAT = 3
};

/* ---- codes: section 3.1.1.3.2.1.1 ---- */

static const uint8_t literal_bits_of[LITERAL_CODES] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0,  0,  0,  0,  1,  1,
                                                       1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/*
 * Codes of literal lengths below 64 and of match lengths (less 3) below 128, where
 * the steps are uneven.  Above them a code is a power of two.
 */
static const uint8_t literal_code_of[64] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                            16, 16, 17, 17, 18, 18, 19, 19, 20, 20, 20, 20, 21, 21, 21, 21,
                                            22, 22, 22, 22, 22, 22, 22, 22, 23, 23, 23, 23, 23, 23, 23, 23,
                                            24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24};

static const uint8_t match_code_of[128] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
    26, 27, 28, 29, 30, 31, 32, 32, 33, 33, 34, 34, 35, 35, 36, 36, 36, 36, 37, 37, 37, 37, 38, 38, 38, 38,
    38, 38, 38, 38, 39, 39, 39, 39, 39, 39, 39, 39, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40,
    40, 40, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 42, 42, 42, 42, 42, 42, 42, 42,
    42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42};

static const uint8_t match_bits_of[MATCH_CODES] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0,  0,  0,  0,  0,  0, 0,
                                                   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0,  0,  0,  1,  1,  1, 1,
                                                   2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static inline unsigned floor_log2(uint32_t value)
{
    return 31U - (unsigned)__builtin_clz(value);
}

/*
 * The offset is coded as 1..3 when it is one of the last three (section 3.1.1.5),
 * else as itself plus 3.  Which it is, and how long a match, is as good as random
 * for a processor, and a wrong guess costs more than a sequence: both are looked up, not branched on.
 */
struct history {
    uint32_t first, second, third;
};

static inline uint32_t value_after_match(struct history *history, uint32_t offset)
{
    static const uint8_t repeated[8] = {0, 1, 2, 1, 3, 1, 2, 1};
    static const uint32_t keep[8] = {UINT32_MAX};
    unsigned equal = (unsigned)(offset == history->second) | (unsigned)(offset == history->third) << 1 |
                     (unsigned)(offset == history->first - 1) << 2;
    uint32_t second = 0U - (equal & 1);
    history->third = history->second ^ ((history->second ^ history->third) & second);
    history->second = history->first;
    history->first = offset;
    return ((offset + 3) & keep[equal]) + repeated[equal];
}

static inline uint32_t value_after_literals(struct history *history, uint32_t offset)
{
    uint32_t value = offset == history->second ? 2 : offset == history->third ? 3 : offset + 3;
    if (offset == history->first)
        return 1;
    if (value != 2)
        history->third = history->second;
    history->second = history->first;
    history->first = offset;
    return value;
}

/* A match length less 3: below 128 by table, above by its highest bit. */
static inline unsigned code_of_match(uint32_t match)
{
    static const uint8_t base[17] = {
        [7] = 43, [8] = 44, [9] = 45, [10] = 46, [11] = 47, [12] = 48, [13] = 49, [14] = 50, [15] = 51, [16] = 52};
    static const uint8_t small[17] = {[6] = 127};
    unsigned top = floor_log2(match | 64);
    return base[top] + match_code_of[match & small[top]];
}

/* The bits that a code leaves open are the low ones of what it stands for. */
void pw_zstd_code(struct pw_zstd_group *group, struct pw_zstd_coded *coded, const struct pw_zstd_sequence *sequence,
                  uint32_t n)
{
    struct history history = {group->repeat[0], group->repeat[1], group->repeat[2]};
    for (uint32_t i = 0; i < n; i++) {
        uint32_t literals = sequence[i].literal_bytes;
        uint32_t match = (uint32_t)sequence[i].match_bytes - PW_ZSTD_MATCH_MIN;
        unsigned match_code = code_of_match(match);
        unsigned match_bits = match_bits_of[match_code];
        unsigned literal_code = 0;
        unsigned literal_bits = 0;
        uint32_t value;
        if (literals > 0) {
            literal_code = literals < 64 ? literal_code_of[literals] : floor_log2(literals) + 19;
            literal_bits = literal_bits_of[literal_code];
            group->literal_count[literal_code]++;
            value = value_after_literals(&history, sequence[i].offset);
        } else {
            value = value_after_match(&history, sequence[i].offset);
        }
        unsigned offset_code = floor_log2(value);
        group->match_count[match_code]++;
        group->offset_count[offset_code]++;
        coded[i].extra = (uint64_t)(value - (1U << offset_code)) << (match_bits + literal_bits) |
                         (uint64_t)(match & ((1U << match_bits) - 1)) << literal_bits |
                         (literals & ((1U << literal_bits) - 1));
        coded[i].codes =
            (literal_bits + match_bits + offset_code) | literal_code << 8 | match_code << 16 | offset_code << 24;
    }
    group->repeat[0] = history.first;
    group->repeat[1] = history.second;
    group->repeat[2] = history.third;
}

/* ---- tables ---- */

/* Section 3.1.1.3.2.2: the default distributions. */
static const int16_t default_literal[LITERAL_CODES] = {4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1,  1,  2,  2,
                                                       2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1};
static const int16_t default_offset[29] = {1, 1, 1, 1, 1, 1, 2, 2, 2, 1,  1,  1,  1,  1, 1,
                                           1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1};
static const int16_t default_match[MATCH_CODES] = {1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1,  1,  1,  1,  1,  1,  1, 1,
                                                   1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1, 1,
                                                   1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1};

/* What distinguishes the three kinds of code. */
struct kind {
    unsigned symbols, log_max;
    const int16_t *fallback;
    unsigned fallback_symbols, fallback_log;
};

static const struct kind literal_kind = {LITERAL_CODES, LITERAL_LOG_MAX, default_literal, LITERAL_CODES, 6};
static const struct kind offset_kind = {OFFSET_CODES, OFFSET_LOG_MAX, default_offset, 29, 5};
static const struct kind match_kind = {MATCH_CODES, MATCH_LOG_MAX, default_match, MATCH_CODES, 6};

/* A table of one state that costs no bits. */
static void one_symbol(struct pw_zstd_code *code, unsigned symbol)
{
    code->mode = MODE_ONE_SYMBOL;
    code->table.log = 0;
    code->table.next[0] = 1;
    code->table.delta_bits[symbol] = 0;
    code->table.delta_find[symbol] = -1;
    code->table.first[symbol] = 1;
    code->description[0] = (unsigned char)symbol;
    code->description_bytes = 1;
}

static void make_code(struct pw_zstd_code *code, const struct kind *kind, const uint32_t *count, uint32_t total)
{
    unsigned distinct = 0;
    unsigned last = 0;
    for (unsigned s = 0; s < kind->symbols; s++)
        if (count[s] != 0) {
            distinct++;
            last = s;
        }
    code->description_bytes = 0;
    if (total < FEW_SEQUENCES && last < kind->fallback_symbols) {
        code->mode = MODE_PREDEFINED;
        pw_fse_table_init(&code->table, kind->fallback, kind->fallback_symbols, kind->fallback_log);
        return;
    }
    if (distinct == 1) {
        one_symbol(code, last);
        return;
    }
    int16_t probability[PW_FSE_SYMBOLS_MAX];
    unsigned log = pw_fse_table_log(total, distinct, kind->log_max);
    code->mode = MODE_DESCRIBED;
    pw_fse_normalise(count, kind->symbols, total, log, probability);
    code->description_bytes = pw_fse_write_counts(probability, kind->symbols, log, code->description);
    pw_fse_table_init(&code->table, probability, kind->symbols, log);
}

void pw_zstd_group_begin(struct pw_zstd_group *group)
{
    memset(group->literal_count, 0, sizeof group->literal_count);
    memset(group->match_count, 0, sizeof group->match_count);
    memset(group->offset_count, 0, sizeof group->offset_count);
    group->described = 0;
}

void pw_zstd_group_tables(struct pw_zstd_group *group, uint32_t n)
{
    if (n == 0)
        return;
    uint32_t others = 0;
    for (unsigned s = 1; s < LITERAL_CODES; s++)
        others += group->literal_count[s];
    group->literal_count[0] = n - others;
    make_code(&group->literal, &literal_kind, group->literal_count, n);
    make_code(&group->match, &match_kind, group->match_count, n);
    make_code(&group->offset, &offset_kind, group->offset_count, n);
}

/* ---- writing ---- */

/* Section 3.1.1.3.1: literals as they stand. */
static unsigned char *put_literals(const unsigned char *literals, uint32_t n, unsigned char *out)
{
    if (n < 32) {
        *out++ = (unsigned char)(n << 3);
    } else if (n < 4096) {
        *out++ = (unsigned char)(n << 4 | 1 << 2);
        *out++ = (unsigned char)(n >> 4);
    } else {
        *out++ = (unsigned char)(n << 4 | 3 << 2);
        *out++ = (unsigned char)(n >> 4);
        *out++ = (unsigned char)(n >> 12);
    }
    if (n > 0)
        memcpy(out, literals, n);
    return out + n;
}

static unsigned char *put_count(uint32_t n, unsigned char *out)
{
    if (n < 128) {
        *out++ = (unsigned char)n;
    } else if (n < 0x7f00) {
        *out++ = (unsigned char)((n >> 8) + 128);
        *out++ = (unsigned char)n;
    } else {
        *out++ = 255;
        *out++ = (unsigned char)(n - 0x7f00);
        *out++ = (unsigned char)((n - 0x7f00) >> 8);
    }
    return out;
}

static unsigned mode_now(const struct pw_zstd_code *code, int described)
{
    return described && code->mode == MODE_DESCRIBED ? MODE_REPEAT : code->mode;
}

static unsigned char *put_description(const struct pw_zstd_code *code, int described, unsigned char *out)
{
    if (mode_now(code, described) == MODE_REPEAT)
        return out;
    memcpy(out, code->description, code->description_bytes);
    return out + code->description_bytes;
}

/* The bit stream that a decoder reads from its end; bits holds fewer than 8 after flush(). */
struct bit_stream {
    unsigned char *at;
    uint64_t bits;
    unsigned n;
};

static inline void add(struct bit_stream *stream, uint64_t value, unsigned n)
{
    stream->bits |= value << stream->n;
    stream->n += n;
}

static inline void flush(struct bit_stream *stream)
{
    uint64_t little = stream->bits;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    little = __builtin_bswap64(little);
#endif
    memcpy(stream->at, &little, 8);
    unsigned whole = stream->n >> 3;
    stream->at += whole;
    stream->bits = whole < 8 ? stream->bits >> (8 * whole) : 0;
    stream->n &= 7;
}

/* A flush between, where the bits would not fit: 7 bits and 16 + 16 + 31 do not fit either, in the rarest case. */
static inline void add_extra(struct bit_stream *stream, const struct pw_zstd_coded *coded)
{
    uint64_t extra = coded->extra;
    unsigned n = coded->codes & 0xff;
    if (stream->n + n > 63) {
        flush(stream);
        if (n > 32) {
            add(stream, extra & UINT32_MAX, 32);
            flush(stream);
            extra >>= 32;
            n -= 32;
        }
    }
    add(stream, extra, n);
}

static inline unsigned literal_code(const struct pw_zstd_coded *coded)
{
    return coded->codes >> 8 & 0xff;
}

static inline unsigned match_code(const struct pw_zstd_coded *coded)
{
    return coded->codes >> 16 & 0xff;
}

static inline unsigned offset_code(const struct pw_zstd_coded *coded)
{
    return coded->codes >> 24;
}

static unsigned char *put_bits(const struct pw_zstd_group *group, const struct pw_zstd_coded *coded, uint32_t n,
                               unsigned char *out)
{
    const struct pw_fse_table *literal = &group->literal.table;
    const struct pw_fse_table *match = &group->match.table;
    const struct pw_fse_table *offset = &group->offset.table;
    struct bit_stream stream = {out, 0, 0};
    const struct pw_zstd_coded *c = coded + n - 1;
    uint32_t literal_state = pw_fse_begin(literal, literal_code(c));
    uint32_t match_state = pw_fse_begin(match, match_code(c));
    uint32_t offset_state = pw_fse_begin(offset, offset_code(c));
    add_extra(&stream, c);
    flush(&stream);
    while (c > coded) {
        uint32_t offset_bits, match_bits, literal_bits;
        c--;
        unsigned k = pw_fse_step(offset, &offset_state, offset_code(c), &offset_bits);
        unsigned l = pw_fse_step(match, &match_state, match_code(c), &match_bits);
        unsigned m = pw_fse_step(literal, &literal_state, literal_code(c), &literal_bits);
        add(&stream, offset_bits | match_bits << k | literal_bits << (k + l), k + l + m);
        add_extra(&stream, c);
        flush(&stream);
    }
    add(&stream, match_state & ((1U << match->log) - 1), match->log);
    add(&stream, offset_state & ((1U << offset->log) - 1), offset->log);
    add(&stream, literal_state & ((1U << literal->log) - 1), literal->log);
    add(&stream, 1, 1);
    flush(&stream);
    return stream.at + (stream.n > 0);
}

size_t pw_zstd_block_write(struct pw_zstd_group *group, const unsigned char *literals, uint32_t n_literals,
                           const struct pw_zstd_coded *coded, uint32_t n, unsigned char *out)
{
    unsigned char *at = put_literals(literals, n_literals, out);
    at = put_count(n, at);
    if (n == 0)
        return (size_t)(at - out);
    int described = group->described;
    *at++ = (unsigned char)(mode_now(&group->literal, described) << 6 | mode_now(&group->offset, described) << 4 |
                            mode_now(&group->match, described) << 2);
    at = put_description(&group->literal, described, at);
    at = put_description(&group->offset, described, at);
    at = put_description(&group->match, described, at);
    group->described = 1;
    return (size_t)(put_bits(group, coded, n, at) - out);
}

/* A sequence takes at most 9+8+9 bits of states and 16+16+31 of lengths and offset: below 12 bytes for 3. */
size_t pw_zstd_block_bound(void)
{
    return (size_t)PW_ZSTD_BLOCK_BYTES / PW_ZSTD_MATCH_MIN * 12 + 3 * PW_FSE_COUNTS_BYTES_MAX + 64;
}
