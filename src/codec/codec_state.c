#include "codec/codec_state.h"

#include <string.h>

void pw_codec_state_release(struct pw_codec_state *state)
{
    pw_zstd_state_release(state);
    pw_deflate_state_release(state);
    pw_lzma_state_release(state);
    memset(state, 0, sizeof *state);
}

size_t pw_codec_decode_memory_bytes(void)
{
    return pw_zstd_decoder_memory_bytes() + pw_deflate_decoder_memory_bytes();
}

size_t pw_codec_state_memory_bytes(void)
{
    return pw_codec_decode_memory_bytes() + pw_zstd_encoder_memory_bytes() + pw_deflate_encoder_memory_bytes();
}
