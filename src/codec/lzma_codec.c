/*
 * LZMA in its containers: .xz (one stream or several, what numcodecs and N5 write) and the older .lzma, told
 * apart by their first bytes.  A dictionary is as large as its header says, so what a block may ask for is limited.
 */
#include <lzma.h>
#include <stdlib.h>

#include "base/error.h"
#include "codec/codec_state.h"

enum {
    CONTEXT_BYTES = 1 << 20,
    PRESET_MAX = 9
};
#define MEMORY_MAX ((uint64_t)192 << 20)   /* the strongest preset asks for 65 MiB */
#define DICTIONARY_MAX ((size_t)128 << 20) /* of which a block touches no more than it decodes to */

void pw_lzma_state_release(struct pw_codec_state *state)
{
    if (state->lzma_stream != NULL)
        lzma_end(state->lzma_stream);
    free(state->lzma_stream);
    state->lzma_stream = NULL;
}

static enum pw_status fail_lzma(lzma_ret code, struct pw_error *error)
{
    switch (code) {
    case LZMA_MEM_ERROR: return pw_fail(error, PW_E_NOMEM, "lzma: out of memory");
    case LZMA_MEMLIMIT_ERROR:
        return pw_fail(error, PW_E_UNSUPPORTED, "lzma: block asks for more than %llu MiB to decode it",
                       (unsigned long long)(MEMORY_MAX >> 20));
    case LZMA_FORMAT_ERROR: return pw_fail(error, PW_E_FORMAT, "lzma: block is neither .xz nor .lzma");
    case LZMA_BUF_ERROR: return pw_fail(error, PW_E_TRUNCATED, "lzma: block is truncated");
    default: return pw_fail(error, PW_E_FORMAT, "lzma: corrupt block or checksum (%d)", (int)code);
    }
}

static enum pw_status start_stream(struct pw_codec_state *state, lzma_stream **stream, struct pw_error *error)
{
    static const lzma_stream empty = LZMA_STREAM_INIT;
    if (state->lzma_stream == NULL && (state->lzma_stream = malloc(sizeof empty)) != NULL)
        *(lzma_stream *)state->lzma_stream = empty;
    if (state->lzma_stream == NULL)
        return pw_fail(error, PW_E_NOMEM, "lzma: out of memory");
    *stream = state->lzma_stream;
    lzma_ret code = lzma_auto_decoder(*stream, MEMORY_MAX, LZMA_CONCATENATED); /* keeps its memory where it can */
    return code == LZMA_OK ? PW_OK : fail_lzma(code, error);
}

static enum pw_status lzma_decode_some(struct pw_codec_state *state, const void *block, size_t n, void *out,
                                       size_t *size, struct pw_error *error)
{
    lzma_stream *stream = NULL;
    uint8_t beyond; /* where output would go that does not belong: to notice a block that holds more */
    size_t capacity = *size;
    enum pw_status status = start_stream(state, &stream, error);
    if (status != PW_OK)
        return status;
    stream->next_in = block;
    stream->avail_in = n;
    stream->next_out = out;
    stream->avail_out = capacity;
    for (;;) {
        if (stream->avail_out == 0 && stream->total_out == capacity) {
            stream->next_out = &beyond;
            stream->avail_out = 1;
        }
        lzma_ret code = lzma_code(stream, LZMA_FINISH);
        if (stream->total_out > capacity)
            return pw_fail(error, PW_E_FORMAT, "lzma: block holds more than the chunk");
        if (code == LZMA_STREAM_END)
            break;
        if (code != LZMA_OK)
            return fail_lzma(code, error);
    }
    *size = (size_t)stream->total_out;
    return PW_OK;
}

static enum pw_status lzma_decode(struct pw_codec_state *state, const void *block, size_t n, void *out, size_t size,
                                  struct pw_error *error)
{
    size_t got = size;
    enum pw_status status = lzma_decode_some(state, block, n, out, &got, error);
    if (status == PW_OK && got != size)
        return pw_fail(error, PW_E_FORMAT, "lzma: block decodes to %zu bytes instead of %zu", got, size);
    return status;
}

static enum pw_status lzma_encode(struct pw_codec_state *state, const struct pw_codec_options *options, const void *in,
                                  size_t size, void *block, size_t *n, struct pw_error *error)
{
    uint32_t preset = options->level < 0 || options->level > PRESET_MAX ? 6 : (uint32_t)options->level;
    size_t made = 0;
    (void)state;
    if (lzma_easy_buffer_encode(preset, LZMA_CHECK_CRC32, NULL, in, size, block, &made, *n) != LZMA_OK)
        return pw_fail(error, PW_E_ARGUMENT, "lzma: %zu bytes do not fit a block of %zu", size, *n);
    *n = made;
    return PW_OK;
}

static size_t lzma_bound(size_t size)
{
    return lzma_stream_buffer_bound(size);
}

static size_t lzma_decode_memory_bytes(size_t size)
{
    return (size < DICTIONARY_MAX ? size : DICTIONARY_MAX) + CONTEXT_BYTES;
}

const struct pw_codec pw_codec_lzma = {
    .name = "lzma",
    .decode = lzma_decode,
    .decode_some = lzma_decode_some,
    .encode = lzma_encode,
    .bound = lzma_bound,
    .decode_memory_bytes = lzma_decode_memory_bytes,
};
