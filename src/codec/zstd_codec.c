/*
 * Standard zstd frames (RFC 8878), one or several.  The content size in a frame's
 * header is never trusted: libzstd decodes into the known size and refuses more.
 */
#include <zstd.h>
#include <zstd_errors.h>

#include "base/error.h"
#include "codec/codec_state.h"

/*
 * Contexts of one-shot calls, which need no window buffer.  libzstd's own estimates are not part of its
 * stable interface; tests/unit/test_codec.c holds these bounds against ZSTD_sizeof_DCtx and ZSTD_sizeof_CCtx.
 */
enum {
    DECODER_BYTES = 256 << 10,
    ENCODER_BYTES = 2 << 20 /* up to level 3 */
};

void pw_zstd_state_release(struct pw_codec_state *state)
{
    (void)ZSTD_freeDCtx(state->zstd_decoder);
    (void)ZSTD_freeCCtx(state->zstd_encoder);
    state->zstd_decoder = NULL;
    state->zstd_encoder = NULL;
}

size_t pw_zstd_decoder_memory_bytes(void)
{
    return DECODER_BYTES;
}

size_t pw_zstd_encoder_memory_bytes(void)
{
    return ENCODER_BYTES;
}

static enum pw_status fail_zstd(size_t code, struct pw_error *error)
{
    switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_memory_allocation: return pw_fail(error, PW_E_NOMEM, "zstd: out of memory");
    case ZSTD_error_checksum_wrong: return pw_fail(error, PW_E_CHECKSUM, "zstd: checksum of the frame differs");
    case ZSTD_error_srcSize_wrong: return pw_fail(error, PW_E_TRUNCATED, "zstd: block is truncated");
    case ZSTD_error_dstSize_tooSmall: return pw_fail(error, PW_E_FORMAT, "zstd: block holds more than the chunk");
    default: return pw_fail(error, PW_E_FORMAT, "zstd: corrupt block (%s)", ZSTD_getErrorName(code));
    }
}

static enum pw_status zstd_decode_some(struct pw_codec_state *state, const void *block, size_t n, void *out,
                                       size_t *size, struct pw_error *error)
{
    if (n == 0)
        return pw_fail(error, PW_E_TRUNCATED, "zstd: block is empty");
    if (state->zstd_decoder == NULL)
        state->zstd_decoder = ZSTD_createDCtx();
    if (state->zstd_decoder == NULL)
        return pw_fail(error, PW_E_NOMEM, "zstd: out of memory");
    size_t got = ZSTD_decompressDCtx(state->zstd_decoder, out, *size, block, n);
    if (ZSTD_isError(got))
        return fail_zstd(got, error);
    *size = got;
    return PW_OK;
}

static enum pw_status zstd_decode(struct pw_codec_state *state, const void *block, size_t n, void *out, size_t size,
                                  struct pw_error *error)
{
    size_t got = size;
    enum pw_status status = zstd_decode_some(state, block, n, out, &got, error);
    if (status == PW_OK && got != size)
        return pw_fail(error, PW_E_FORMAT, "zstd: block decodes to %zu bytes instead of %zu", got, size);
    return status;
}

static enum pw_status zstd_encode(struct pw_codec_state *state, const struct pw_codec_options *options, const void *in,
                                  size_t size, void *block, size_t *n, struct pw_error *error)
{
    if (state->zstd_encoder == NULL)
        state->zstd_encoder = ZSTD_createCCtx();
    if (state->zstd_encoder == NULL)
        return pw_fail(error, PW_E_NOMEM, "zstd: out of memory");
    size_t code = ZSTD_CCtx_setParameter(state->zstd_encoder, ZSTD_c_compressionLevel, options->level);
    if (!ZSTD_isError(code))
        code = ZSTD_CCtx_setParameter(state->zstd_encoder, ZSTD_c_checksumFlag, options->checksum != 0);
    if (!ZSTD_isError(code))
        code = ZSTD_compress2(state->zstd_encoder, block, *n, in, size);
    if (ZSTD_isError(code))
        return pw_fail(error, ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation ? PW_E_NOMEM : PW_E_ARGUMENT,
                       "zstd: cannot encode %zu bytes at level %d (%s)", size, options->level, ZSTD_getErrorName(code));
    *n = code;
    return PW_OK;
}

static size_t zstd_bound(size_t size)
{
    return ZSTD_compressBound(size);
}

const struct pw_codec pw_codec_zstd = {
    .name = "zstd",
    .decode = zstd_decode,
    .decode_some = zstd_decode_some,
    .encode = zstd_encode,
    .bound = zstd_bound,
};
