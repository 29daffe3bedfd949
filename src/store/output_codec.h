/*
 * store/output_codec - how the blocks (chunks, tiles) of an output are compressed.
 *
 *     pw_output_codec_choose("gzip:5", formats_own, &default, &codec, "zarr", error)
 *     n = pw_output_codec_bound(&codec, bytes);
 *     pw_output_codec_encode(&codec, &state, element_bytes, voxels, bytes, out, &n, error)
 *
 * Threads: a pw_codec_state belongs to one; a codec is constant.
 */
#ifndef PW_STORE_OUTPUT_CODEC_H
#define PW_STORE_OUTPUT_CODEC_H

#include "codec/codec.h"

enum pw_compression {
    PW_COMPRESS_NONE = 0,
    PW_COMPRESS_ZSTD,
    PW_COMPRESS_GZIP,
    PW_COMPRESS_DEFLATE, /* as zlib wraps it */
    PW_COMPRESS_BLOSC_LZ4,
    PW_COMPRESS_BLOSC_ZSTD
};

struct pw_output_codec {
    enum pw_compression compression;
    int level;
};

/*
 * What spec says ("zstd:3", "blosc-lz4", "none"); a level that is not said is the usual one of its codec.  NULL is
 * *usual.  offered: a bit (1 << compression) for each that the format has.
 * Errors: PW_E_ARGUMENT, with what the format has.
 */
enum pw_status pw_output_codec_choose(const char *spec, unsigned offered, const struct pw_output_codec *usual,
                                      struct pw_output_codec *codec, const char *format, struct pw_error *error);

/* The most bytes that size bytes become. */
size_t pw_output_codec_bound(const struct pw_output_codec *codec, size_t size);

/* An upper bound of what encoding and decoding blocks of size bytes take, state and all. */
size_t pw_output_codec_memory_bytes(const struct pw_output_codec *codec, size_t size);

/* Of a whole block; *n is the room in out, then the bytes.  Errors as those of codec/codec.h. */
enum pw_status pw_output_codec_encode(const struct pw_output_codec *codec, struct pw_codec_state *state,
                                      size_t element_bytes, const void *in, size_t size, void *out, size_t *n,
                                      struct pw_error *error);
enum pw_status pw_output_codec_decode(const struct pw_output_codec *codec, struct pw_codec_state *state,
                                      const void *block, size_t n, void *out, size_t size, struct pw_error *error);

#endif
