/*
 * codec/codec - one compressed block into bytes and back, one file per codec.
 *
 * All codecs work on whole blocks whose decoded size the caller knows (a chunk of
 * an array); a block that decodes to anything else is an error, never padded.
 * The table that lists the codecs is in codec.c; formats ask it by name.
 *
 * Calling sequence
 *     const struct pw_codec *codec = pw_codec_find("zstd");
 *     struct pw_codec_state state = {0};                        per thread, kept for all its blocks
 *     status = codec->decode(&state, block, n, out, size, error);
 *     pw_codec_state_release(&state);
 *
 * Ownership: blocks and buffers are the caller's and never kept.
 * Threads: a pw_codec_state belongs to one thread.  Nothing else is shared.
 * Errors: PW_E_FORMAT for a corrupt block, PW_E_CHECKSUM, PW_E_TRUNCATED,
 * PW_E_NOMEM.  Messages do not name the file: the caller puts it in front.
 */
#ifndef PW_CODEC_CODEC_H
#define PW_CODEC_CODEC_H

#include "patchworks.h"

/* Reusable contexts of one thread (zstd, zlib); made on first need.  Zeroed means empty. */
struct pw_codec_state {
    void *zstd_decoder;
    void *zstd_encoder;
    void *inflate_stream;
    void *inflate_whole;
    void *deflate_stream;
    int deflate_wrapper, deflate_level; /* what it was made for */
    void *lzma_stream;
};

void pw_codec_state_release(struct pw_codec_state *state); /* safe on a zeroed state */
size_t pw_codec_state_memory_bytes(void);  /* upper bound of one state's contexts, zstd encoder of level <= 3 */
size_t pw_codec_decode_memory_bytes(void); /* the same of a state that only decodes */

/* What a codec was configured with; formats fill what they know. */
struct pw_codec_options {
    int level;
    size_t element_bytes; /* blosc typesize, shuffle */
    int checksum;         /* zstd: append the frame's own checksum */
    const char *within;   /* blosc: the codec in its container, "lz4" (NULL) or "zstd" */
};

struct pw_codec {
    const char *name; /* "zstd" "gzip" "zlib" "lz4" "blosc" "bz2" "lzma" */
    /*
     * Decodes n bytes at block into exactly size bytes at out.  Must not read
     * outside block nor write outside out, whatever the block says.
     */
    enum pw_status (*decode)(struct pw_codec_state *state, const void *block, size_t n, void *out, size_t size,
                             struct pw_error *error);
    /* As decode, where the decoded size is not known beforehand: at most *size bytes, *size set.  May be NULL. */
    enum pw_status (*decode_some)(struct pw_codec_state *state, const void *block, size_t n, void *out, size_t *size,
                                  struct pw_error *error);
    /* Encodes; *n is the capacity of block, then its length.  NULL when only reading is offered. */
    enum pw_status (*encode)(struct pw_codec_state *state, const struct pw_codec_options *options, const void *in,
                             size_t size, void *block, size_t *n, struct pw_error *error);
    size_t (*bound)(size_t size); /* largest block for size bytes */
    /* Bytes that decode() allocates itself while it decodes size bytes, beside the state.  NULL: none. */
    size_t (*decode_memory_bytes)(size_t size);
};

/* The codec called name, or NULL.  Any thread. */
const struct pw_codec *pw_codec_find(const char *name);

/* The i-th codec of the table, NULL past its end. */
const struct pw_codec *pw_codec_at(int i);

/*
 * Inflates bare deflate data (RFC 1951), as a zip archive holds it, into exactly size bytes.
 */
enum pw_status pw_inflate_raw(struct pw_codec_state *state, const void *block, size_t n, void *out, size_t size,
                              struct pw_error *error);

/* CRC-32C (Castagnoli) of n bytes, continuing crc (0 to begin).  Hardware where there is one. */
uint32_t pw_crc32c(uint32_t crc, const void *data, size_t n);

/* The same from tables only: what processors without the instruction run, and the tests compare with. */
uint32_t pw_crc32c_portable(uint32_t crc, const void *data, size_t n);

/* The codecs, one file each. */
extern const struct pw_codec pw_codec_zstd;
extern const struct pw_codec pw_codec_gzip; /* deflate_codec.c holds both wrappers of deflate */
extern const struct pw_codec pw_codec_zlib;
extern const struct pw_codec pw_codec_lz4;
extern const struct pw_codec pw_codec_blosc;
extern const struct pw_codec pw_codec_bz2;
extern const struct pw_codec pw_codec_lzma;
extern const struct pw_codec pw_codec_lz4_stream; /* of N5, which asks for it itself: not in the table */

#endif
