/*
 * codec/codec_state - what the codec files share: the contexts in a pw_codec_state.
 *
 * Each codec makes its contexts in the state on first need and offers a release
 * and a size; pw_codec_state_release() and pw_codec_state_memory_bytes() add them up.
 */
#ifndef PW_CODEC_CODEC_STATE_H
#define PW_CODEC_CODEC_STATE_H

#include "codec/codec.h"

void pw_zstd_state_release(struct pw_codec_state *state);
size_t pw_zstd_decoder_memory_bytes(void);
size_t pw_zstd_encoder_memory_bytes(void);

void pw_deflate_state_release(struct pw_codec_state *state);
size_t pw_deflate_decoder_memory_bytes(void);
size_t pw_deflate_encoder_memory_bytes(void);

void pw_lzma_state_release(struct pw_codec_state *state); /* its memory is counted with decode_memory_bytes */

#endif
