#include "store/output_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* By enum pw_compression. */
static const struct {
    const char *word, *codec, *within; /* within: blosc's own */
    int level, most;                   /* the usual one, and the highest */
} known[] = {
    [PW_COMPRESS_NONE] = {"none", NULL, NULL, 0, 0},
    [PW_COMPRESS_ZSTD] = {"zstd", "zstd", NULL, 1, 19},
    [PW_COMPRESS_GZIP] = {"gzip", "gzip", NULL, 5, 9},
    [PW_COMPRESS_DEFLATE] = {"deflate", "zlib", NULL, 3, 9},
    [PW_COMPRESS_BLOSC_LZ4] = {"blosc-lz4", "blosc", "lz4", 5, 9},
    [PW_COMPRESS_BLOSC_ZSTD] = {"blosc-zstd", "blosc", "zstd", 3, 9},
};

enum {
    KNOWN = (int)(sizeof known / sizeof known[0])
};

static enum pw_status refuse(const char *spec, unsigned offered, const char *format, struct pw_error *error)
{
    char all[160] = "";
    for (int i = 0; i < KNOWN; i++) {
        size_t used = strlen(all);
        if (offered & 1u << i)
            (void)snprintf(all + used, sizeof all - used, "%s%s%s", used > 0 ? ", " : "", known[i].word,
                           known[i].most > 0 ? "[:LEVEL]" : "");
    }
    return pw_fail(error, PW_E_ARGUMENT, "codec '%s': %s output has %s", spec, format, all);
}

enum pw_status pw_output_codec_choose(const char *spec, unsigned offered, const struct pw_output_codec *usual,
                                      struct pw_output_codec *codec, const char *format, struct pw_error *error)
{
    *codec = *usual;
    if (spec == NULL)
        return PW_OK;
    size_t n = strcspn(spec, ":");
    int i = 0;
    while (i < KNOWN && (strlen(known[i].word) != n || strncmp(known[i].word, spec, n) != 0 || !(offered & 1u << i)))
        i++;
    if (i == KNOWN)
        return refuse(spec, offered, format, error);
    *codec = (struct pw_output_codec){(enum pw_compression)i, known[i].level};
    if (spec[n] == '\0')
        return PW_OK;
    char *end;
    long level = strtol(spec + n + 1, &end, 10);
    if (spec[n + 1] < '0' || spec[n + 1] > '9' || *end != '\0' || level < 1 || level > known[i].most)
        return known[i].most == 0
                   ? pw_fail(error, PW_E_ARGUMENT, "codec '%s': has no levels", spec)
                   : pw_fail(error, PW_E_ARGUMENT, "codec '%s': its levels are 1 to %d", spec, known[i].most);
    codec->level = (int)level;
    return PW_OK;
}

static const struct pw_codec *codec_of(const struct pw_output_codec *codec)
{
    return pw_codec_find(known[codec->compression].codec);
}

size_t pw_output_codec_bound(const struct pw_output_codec *codec, size_t size)
{
    return codec->compression == PW_COMPRESS_NONE ? size : codec_of(codec)->bound(size);
}

/* Above level 3 zstd's tables grow with the block: two of 32-bit numbers, each of up to twice its bytes, and a parser's. */
static size_t zstd_beyond(const struct pw_output_codec *codec, size_t size)
{
    size_t power = 1;
    while (power < size)
        power *= 2;
    return codec->level > 3 ? 16 * power + ((size_t)4 << 20) : 0;
}

size_t pw_output_codec_memory_bytes(const struct pw_output_codec *codec, size_t size)
{
    size_t bytes = pw_codec_state_memory_bytes();
    if (codec->compression == PW_COMPRESS_ZSTD)
        bytes += zstd_beyond(codec, size);
    /* c-blosc has buffers and a compressor of its own for each call. */
    if (codec->compression == PW_COMPRESS_BLOSC_LZ4 || codec->compression == PW_COMPRESS_BLOSC_ZSTD)
        bytes += codec_of(codec)->decode_memory_bytes(size);
    if (codec->compression == PW_COMPRESS_BLOSC_ZSTD)
        bytes += zstd_beyond(&(struct pw_output_codec){PW_COMPRESS_ZSTD, 19}, size < (1 << 20) ? size : 1 << 20);
    return bytes;
}

enum pw_status pw_output_codec_encode(const struct pw_output_codec *codec, struct pw_codec_state *state,
                                      size_t element_bytes, const void *in, size_t size, void *out, size_t *n,
                                      struct pw_error *error)
{
    const struct pw_codec_options options = {
        .level = codec->level, .element_bytes = element_bytes, .within = known[codec->compression].within};
    if (codec->compression != PW_COMPRESS_NONE)
        return codec_of(codec)->encode(state, &options, in, size, out, n, error);
    if (*n < size)
        return pw_fail(error, PW_E_ARGUMENT, "%zu bytes do not fit a block of %zu", size, *n);
    memcpy(out, in, size);
    *n = size;
    return PW_OK;
}

enum pw_status pw_output_codec_decode(const struct pw_output_codec *codec, struct pw_codec_state *state,
                                      const void *block, size_t n, void *out, size_t size, struct pw_error *error)
{
    if (codec->compression != PW_COMPRESS_NONE)
        return codec_of(codec)->decode(state, block, n, out, size, error);
    if (n != size)
        return pw_fail(error, PW_E_FORMAT, "a block of %zu bytes instead of %zu", n, size);
    memcpy(out, block, size);
    return PW_OK;
}
