/* Codecs: round trips, blocks that were damaged or cut, foreign sizes, checksums. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "codec/codec.h"

enum {
    LARGE = 300000
};

static uint32_t random_state = 12345;

static unsigned random_byte(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 24;
}

/* Half smooth, half noise: every codec meets both. */
static unsigned char *sample(size_t size)
{
    unsigned char *data = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        data[i] = (unsigned char)(i < size / 2 ? i / 64 : random_byte());
    return data;
}

static unsigned char *encode(const struct pw_codec *codec, struct pw_codec_state *state, const void *data, size_t size,
                             size_t *n)
{
    struct pw_error error = {0};
    struct pw_codec_options options = {.level = 1, .element_bytes = 2};
    *n = codec->bound(size);
    unsigned char *block = malloc(*n);
    cr_assert_eq(codec->encode(state, &options, data, size, block, n, &error), PW_OK, "%s", error.message);
    return block;
}

Test(codec, table_is_complete)
{
    static const char *const names[] = {"zstd", "gzip", "zlib", "lz4", "blosc", "bz2", "lzma"};
    int count = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        cr_assert_not_null(pw_codec_find(names[i]), "%s", names[i]);
    while (pw_codec_at(count) != NULL) {
        cr_assert_eq(pw_codec_find(pw_codec_at(count)->name), pw_codec_at(count));
        count++;
    }
    cr_assert_eq(count, 7);
    cr_assert_null(pw_codec_find("pcodec"));
    cr_assert_null(pw_codec_at(-1));
}

Test(codec, round_trips)
{
    static const size_t sizes[] = {1, 2, 15, 4096, LARGE};
    for (int i = 0; pw_codec_at(i) != NULL; i++) {
        const struct pw_codec *codec = pw_codec_at(i);
        struct pw_codec_state state = {0};
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            size_t n, got = sizes[k] + 10;
            struct pw_error error = {0};
            unsigned char *data = sample(sizes[k]);
            unsigned char *block = encode(codec, &state, data, sizes[k], &n);
            unsigned char *out = calloc(1, sizes[k] + 10);
            cr_assert_eq(codec->decode(&state, block, n, out, sizes[k], &error), PW_OK, "%s", error.message);
            cr_assert_eq(memcmp(out, data, sizes[k]), 0, "%s %zu", codec->name, sizes[k]);
            memset(out, 0, sizes[k]);
            cr_assert_eq(codec->decode_some(&state, block, n, out, &got, &error), PW_OK, "%s", error.message);
            cr_assert_eq(got, sizes[k]);
            cr_assert_eq(memcmp(out, data, sizes[k]), 0, "%s %zu", codec->name, sizes[k]);
            free(data);
            free(block);
            free(out);
        }
        pw_codec_state_release(&state);
        pw_codec_state_release(&state);
    }
}

Test(codec, another_size_is_refused)
{
    for (int i = 0; pw_codec_at(i) != NULL; i++) {
        const struct pw_codec *codec = pw_codec_at(i);
        struct pw_codec_state state = {0};
        size_t n;
        unsigned char *data = sample(5000);
        unsigned char *block = encode(codec, &state, data, 5000, &n);
        unsigned char *out = malloc(6000);
        for (size_t size = 0; size <= 6000; size += 1000) {
            struct pw_error error = {0};
            size_t room = size;
            if (size == 5000)
                continue;
            out[size < 6000 ? size : 0] = 0xa5;
            cr_assert_lt(codec->decode(&state, block, n, out, size, &error), 0, "%s %zu", codec->name, size);
            cr_assert_neq(error.message[0], '\0');
            if (size < 5000) {
                cr_assert_lt(codec->decode_some(&state, block, n, out, &room, &error), 0, "%s %zu", codec->name, size);
                cr_assert_eq(out[size], 0xa5, "%s wrote beyond its buffer", codec->name);
            }
        }
        free(data);
        free(block);
        free(out);
        pw_codec_state_release(&state);
    }
}

Test(codec, truncated_blocks_are_refused)
{
    for (int i = 0; pw_codec_at(i) != NULL; i++) {
        const struct pw_codec *codec = pw_codec_at(i);
        struct pw_codec_state state = {0};
        size_t n;
        unsigned char *data = sample(2000);
        unsigned char *block = encode(codec, &state, data, 2000, &n);
        unsigned char out[2000];
        for (size_t cut = 0; cut < n; cut++) {
            struct pw_error error = {0};
            unsigned char *part = malloc(cut + 1); /* its own allocation: a read beyond shows under a sanitizer */
            memcpy(part, block, cut);
            enum pw_status status = codec->decode(&state, part, cut, out, sizeof out, &error);
            cr_assert_lt(status, 0, "%s cut to %zu of %zu", codec->name, cut, n);
            free(part);
        }
        free(data);
        free(block);
        pw_codec_state_release(&state);
    }
}

/* Damage must never read or write outside; a codec with a checksum must notice every flip. */
Test(codec, damaged_blocks_are_harmless)
{
    for (int i = 0; pw_codec_at(i) != NULL; i++) {
        const struct pw_codec *codec = pw_codec_at(i);
        int summed =
            strcmp(codec->name, "bz2") == 0 || strcmp(codec->name, "lzma") == 0 || strcmp(codec->name, "zlib") == 0;
        struct pw_codec_state state = {0};
        size_t n;
        unsigned char *data = sample(700);
        unsigned char *block = encode(codec, &state, data, 700, &n);
        unsigned char *out = malloc(700);
        for (size_t bit = 0; bit < n * 8; bit++) {
            struct pw_error error = {0};
            block[bit / 8] ^= (unsigned char)(1u << (bit % 8));
            enum pw_status status = codec->decode(&state, block, n, out, 700, &error);
            block[bit / 8] ^= (unsigned char)(1u << (bit % 8));
            cr_assert(status == PW_OK || error.message[0] != '\0');
            if (summed && status == PW_OK)
                cr_assert_eq(memcmp(out, data, 700), 0, "%s accepted flipped bit %zu", codec->name, bit);
        }
        struct pw_error error = {0};
        cr_assert_eq(codec->decode(&state, block, n, out, 700, &error), PW_OK, "%s", error.message);
        free(data);
        free(block);
        free(out);
        pw_codec_state_release(&state);
    }
}

Test(codec, gzip_reads_several_members_and_zlib)
{
    struct pw_codec_state state = {0};
    struct pw_error error = {0};
    size_t n1, n2, nz;
    unsigned char *data = sample(1000), out[1000], both[4000];
    const struct pw_codec *gzip = pw_codec_find("gzip"), *zlib = pw_codec_find("zlib");
    unsigned char *one = encode(gzip, &state, data, 400, &n1), *two = encode(gzip, &state, data + 400, 600, &n2);
    unsigned char *z = encode(zlib, &state, data, 1000, &nz);
    memcpy(both, one, n1);
    memcpy(both + n1, two, n2);
    cr_assert_eq(gzip->decode(&state, both, n1 + n2, out, 1000, &error), PW_OK, "%s", error.message);
    cr_assert_eq(memcmp(out, data, 1000), 0);
    memset(out, 0, sizeof out);
    cr_assert_eq(gzip->decode(&state, z, nz, out, 1000, &error), PW_OK, "%s", error.message);
    cr_assert_eq(memcmp(out, data, 1000), 0);
    memcpy(both + n1, "rubbish", 7);
    cr_assert_eq(gzip->decode(&state, both, n1 + 7, out, 400, &error), PW_E_FORMAT);
    free(data);
    free(one);
    free(two);
    free(z);
    pw_codec_state_release(&state);
}

/* As bzip2(1), xz(1) and Python's modules concatenate what was packed in parts. */
Test(codec, streams_in_a_row)
{
    static const char *const names[] = {"bz2", "lzma"};
    for (int k = 0; k < 2; k++) {
        const struct pw_codec *codec = pw_codec_find(names[k]);
        struct pw_codec_state state = {0};
        struct pw_error error = {0};
        unsigned char *data = sample(3000), out[3000] = {0};
        size_t first, second, got = sizeof out;
        unsigned char *a = encode(codec, &state, data, 1000, &first);
        unsigned char *b = encode(codec, &state, data + 1000, 2000, &second);
        unsigned char *both = malloc(first + second);
        memcpy(both, a, first);
        memcpy(both + first, b, second);
        cr_assert_eq(codec->decode(&state, both, first + second, out, 3000, &error), PW_OK, "%s", error.message);
        cr_assert_eq(memcmp(out, data, 3000), 0);
        cr_assert_eq(codec->decode_some(&state, both, first + second, out, &got, &error), PW_OK, "%s", error.message);
        cr_assert_eq(got, 3000);
        cr_assert_lt(codec->decode(&state, both, first + second - 1, out, 3000, &error), 0);
        both[first] ^= 1; /* what follows is no stream */
        cr_assert_lt(codec->decode(&state, both, first + second, out, 3000, &error), 0);
        free(data);
        free(a);
        free(b);
        free(both);
        pw_codec_state_release(&state);
    }
}

/* A header may ask for a dictionary of 4 GiB: that is refused, not tried. */
Test(codec, lzma_memory_is_limited)
{
    unsigned char block[64] = {0x5d, 0, 0, 0, 0x40, 8}; /* .lzma: properties, dictionary, 8 bytes of data */
    struct pw_codec_state state = {0};
    struct pw_error error = {0};
    unsigned char out[8];
    cr_assert_eq(pw_codec_find("lzma")->decode(&state, block, sizeof block, out, 8, &error), PW_E_UNSUPPORTED, "%s",
                 error.message);
    cr_assert_not_null(strstr(error.message, "192 MiB"));
    pw_codec_state_release(&state);
}

Test(codec, zstd_frames_without_size_and_several)
{
    struct pw_codec_state state = {0};
    struct pw_error error = {0};
    unsigned char *data = sample(LARGE), *out = malloc(LARGE), *block = malloc(ZSTD_compressBound(LARGE) + 100);
    size_t n = 0;
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    for (size_t at = 0; at < LARGE; at += LARGE / 2) {
        size_t made = ZSTD_compress2(context, block + n, ZSTD_compressBound(LARGE) + 100 - n, data + at, LARGE / 2);
        cr_assert_not(ZSTD_isError(made));
        n += made;
    }
    cr_assert_eq(ZSTD_getFrameContentSize(block, n), ZSTD_CONTENTSIZE_UNKNOWN);
    cr_assert_eq(pw_codec_find("zstd")->decode(&state, block, n, out, LARGE, &error), PW_OK, "%s", error.message);
    cr_assert_eq(memcmp(out, data, LARGE), 0);
    ZSTD_freeCCtx(context);
    free(data);
    free(out);
    free(block);
    pw_codec_state_release(&state);
}

Test(codec, zstd_checksum_is_verified)
{
    struct pw_codec_state state = {0};
    struct pw_error error = {0};
    struct pw_codec_options options = {.level = 1, .checksum = 1};
    unsigned char *data = sample(1000), out[1000], block[2000];
    size_t n = sizeof block;
    const struct pw_codec *zstd = pw_codec_find("zstd");
    cr_assert_eq(zstd->encode(&state, &options, data, 1000, block, &n, &error), PW_OK);
    block[n - 1] ^= 1;
    cr_assert_eq(zstd->decode(&state, block, n, out, 1000, &error), PW_E_CHECKSUM);
    free(data);
    pw_codec_state_release(&state);
}

Test(codec, contexts_stay_within_what_they_declare)
{
    struct pw_codec_state state = {0};
    struct pw_error error = {0};
    size_t size = 8 << 20, n, got;
    unsigned char *data = sample(size), *block = malloc(ZSTD_compressBound(size)), *out = malloc(size);
    for (int level = 1; level <= 3; level++) {
        struct pw_codec_options options = {.level = level};
        n = ZSTD_compressBound(size);
        cr_assert_eq(pw_codec_find("zstd")->encode(&state, &options, data, size, block, &n, &error), PW_OK);
        got = size;
        cr_assert_eq(pw_codec_find("zstd")->decode_some(&state, block, n, out, &got, &error), PW_OK);
        size_t held = ZSTD_sizeof_CCtx(state.zstd_encoder) + ZSTD_sizeof_DCtx(state.zstd_decoder);
        cr_assert_leq(held, pw_codec_state_memory_bytes(), "level %d holds %zu", level, held);
        cr_assert_leq(ZSTD_sizeof_DCtx(state.zstd_decoder), pw_codec_decode_memory_bytes());
    }
    free(data);
    free(block);
    free(out);
    pw_codec_state_release(&state);
}

Test(codec, lz4_framing_is_that_of_numcodecs)
{
    /* Size 8 little-endian, then a token of 8 literals: what numcodecs.LZ4().encode(b"abcdefgh") gives. */
    static const unsigned char block[] = {8, 0, 0, 0, 0x80, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'};
    struct pw_error error = {0};
    char out[8];
    cr_assert_eq(pw_codec_find("lz4")->decode(NULL, block, sizeof block, out, 8, &error), PW_OK, "%s", error.message);
    cr_assert_eq(memcmp(out, "abcdefgh", 8), 0);
}

Test(codec, blosc2_is_named)
{
    unsigned char block[64] = {5, 1, 0, 1, 16, 0, 0, 0, 16, 0, 0, 0, 64, 0, 0, 0};
    struct pw_error error = {0};
    char out[16];
    cr_assert_eq(pw_codec_find("blosc")->decode(NULL, block, sizeof block, out, 16, &error), PW_E_UNSUPPORTED);
    cr_assert_not_null(strstr(error.message, "Blosc2"));
}

Test(crc32c, known_vectors)
{
    unsigned char zeros[32] = {0}, ones[32];
    memset(ones, 0xff, sizeof ones);
    cr_assert_eq(pw_crc32c(0, "123456789", 9), 0xe3069283u);
    cr_assert_eq(pw_crc32c_portable(0, "123456789", 9), 0xe3069283u);
    cr_assert_eq(pw_crc32c(0, zeros, 32), 0x8a9136aau); /* RFC 3720 B.4 */
    cr_assert_eq(pw_crc32c(0, ones, 32), 0x62a8ab43u);
    cr_assert_eq(pw_crc32c(0, "", 0), 0u);
}

Test(crc32c, variants_agree_at_every_length_and_start)
{
    unsigned char *data = sample(600);
    for (size_t start = 0; start < 9; start++)
        for (size_t n = 0; n + start <= 600; n += n < 40 ? 1 : 37) {
            uint32_t whole = pw_crc32c(0, data + start, n);
            cr_assert_eq(whole, pw_crc32c_portable(0, data + start, n));
            cr_assert_eq(whole, pw_crc32c(pw_crc32c(0, data + start, n / 3), data + start + n / 3, n - n / 3));
        }
    free(data);
}
