#include "store/hdf5_filters.h"

#include <lz4.h>
#include <string.h>

#include "base/error.h"
#include "codec/checksum.h"
#include "codec/filter.h"

/* Numbers of the HDF Group's registry. */
enum {
    DEFLATE = 1,
    SHUFFLE = 2,
    FLETCHER32 = 3,
    BZIP2 = 307,
    LZF = 32000,
    BLOSC = 32001,
    LZ4 = 32004,
    BITSHUFFLE = 32008,
    ZSTD = 32015
};

const char *pw_hdf5_filter_name(int id)
{
    switch (id) {
    case DEFLATE: return "gzip";
    case SHUFFLE: return "shuffle";
    case FLETCHER32: return "fletcher32";
    case BZIP2: return "bzip2";
    case LZF: return "lzf";
    case BLOSC: return "blosc";
    case LZ4: return "lz4";
    case BITSHUFFLE: return "bitshuffle";
    case ZSTD: return "zstd";
    default: return NULL;
    }
}

/* Its values: two of its version, bytes of an element, elements of a block, codec. */
static int take_bitshuffle(struct pw_bitshuffle *how, const unsigned *value, size_t n)
{
    unsigned codec = n > 4 ? value[4] : PW_BITSHUFFLE_BARE;
    if (n < 3 || (codec != PW_BITSHUFFLE_BARE && codec != PW_BITSHUFFLE_LZ4 && codec != PW_BITSHUFFLE_ZSTD))
        return 0;
    *how = (struct pw_bitshuffle){value[2], n > 3 ? value[3] : 0, (enum pw_bitshuffle_codec)codec};
    return 1;
}

int pw_hdf5_filters_add(struct pw_hdf5_filters *filters, int id, const unsigned *value, size_t n)
{
    if (filters->n == PW_HDF5_FILTERS_MAX || (id == BITSHUFFLE && !take_bitshuffle(&filters->bitshuffle, value, n)))
        return 0;
    filters->id[filters->n++] = id;
    return 1;
}

size_t pw_hdf5_filters_memory_bytes(const struct pw_hdf5_filters *filters, size_t size)
{
    size_t bytes = 0;
    for (int i = 0; i < filters->n; i++)
        if (filters->id[i] == BZIP2)
            bytes += pw_codec_find("bz2")->decode_memory_bytes(size);
        else if (filters->id[i] == BITSHUFFLE)
            bytes += size;
    return bytes;
}

size_t pw_hdf5_filtered_max(size_t size)
{
    return size + size / 16 + 4096;
}

int pw_lzf_decode(const unsigned char *in, size_t n, unsigned char *out, size_t *size)
{
    size_t at = 0, to = 0, capacity = *size;
    while (at < n) {
        size_t control = in[at++];
        if (control < 32) { /* as many bytes as they are, and one */
            size_t length = control + 1;
            if (length > n - at || length > capacity - to)
                return 0;
            memcpy(out + to, in + at, length);
            at += length;
            to += length;
            continue;
        }
        /* a repetition: length in the high bits, 7 meaning that more follows, and how far back */
        size_t length = control >> 5;
        if (length == 7) {
            if (at >= n)
                return 0;
            length += in[at++];
        }
        if (at >= n)
            return 0;
        size_t back = ((control & 31) << 8 | in[at++]) + 1;
        length += 2;
        if (back > to || length > capacity - to)
            return 0;
        for (size_t i = 0; i < length; i++, to++)
            out[to] = out[to - back];
    }
    *size = to;
    return 1;
}

static uint64_t big_endian(const unsigned char *p, int n)
{
    uint64_t value = 0;
    for (int i = 0; i < n; i++)
        value = value << 8 | p[i];
    return value;
}

/* The whole size and that of a block, then each block with its stored size, all with the high byte first. */
static int lz4_decode(const unsigned char *in, size_t n, unsigned char *out, size_t *size)
{
    if (n < 12 || big_endian(in, 8) > *size)
        return 0;
    size_t total = (size_t)big_endian(in, 8), block = (size_t)big_endian(in + 8, 4), at = 12, to = 0;
    while (to < total) {
        size_t wanted = total - to < block ? total - to : block;
        if (block == 0 || n - at < 4)
            return 0;
        size_t stored = (size_t)big_endian(in + at, 4);
        at += 4;
        if (stored > n - at || wanted > INT32_MAX || stored > INT32_MAX)
            return 0;
        if (stored == wanted)
            memcpy(out + to, in + at, wanted);
        else if (LZ4_decompress_safe((const char *)in + at, (char *)out + to, (int)stored, (int)wanted) != (int)wanted)
            return 0;
        at += stored;
        to += wanted;
    }
    *size = total;
    return 1;
}

static enum pw_status unshuffle(const struct pw_hdf5_filters *filters, const void *in, size_t n, void *out,
                                size_t *size, struct pw_error *error)
{
    struct pw_filter filter = {.kind = PW_FILTER_SHUFFLE, .element_bytes = filters->element_bytes};
    return pw_filter_decode(&filter, in, n, out, size, error);
}

/* A codec that must be told the size is told that of the chunk. */
static enum pw_status by_codec(const char *name, struct pw_codec_state *state, const void *in, size_t n, void *out,
                               size_t chunk, size_t *size, struct pw_error *error)
{
    const struct pw_codec *codec = pw_codec_find(name);
    if (codec == NULL)
        return pw_fail(error, PW_E_INTERNAL, "no codec %s", name);
    if (codec->decode_some == NULL) {
        *size = chunk;
        return codec->decode(state, in, n, out, chunk, error);
    }
    return codec->decode_some(state, in, n, out, size, error);
}

/* One step: n bytes at *in, which moves when the step only takes bytes off, else into out; *size is set. */
static enum pw_status undo(const struct pw_hdf5_filters *filters, int id, struct pw_codec_state *state,
                           const unsigned char **in, size_t n, unsigned char *out, size_t chunk, size_t *size,
                           struct pw_error *error)
{
    int done;
    switch (id) {
    case DEFLATE: return by_codec("zlib", state, *in, n, out, chunk, size, error);
    case BLOSC: return by_codec("blosc", state, *in, n, out, chunk, size, error);
    case ZSTD: return by_codec("zstd", state, *in, n, out, chunk, size, error);
    case BZIP2: return by_codec("bz2", state, *in, n, out, chunk, size, error);
    case BITSHUFFLE: return pw_bitshuffle_decode(&filters->bitshuffle, state, *in, n, out, size, error);
    case SHUFFLE: return unshuffle(filters, *in, n, out, size, error);
    case LZF: done = pw_lzf_decode(*in, n, out, size); break;
    default: done = lz4_decode(*in, n, out, size); break;
    }
    return done ? PW_OK : pw_fail(error, PW_E_FORMAT, "broken %s data", pw_hdf5_filter_name(id));
}

enum pw_status pw_hdf5_unfilter(const struct pw_hdf5_filters *filters, uint32_t skipped, struct pw_codec_state *state,
                                const void *stored, size_t n, void *out, size_t size, unsigned char *scratch,
                                struct pw_error *error)
{
    const unsigned char *at = stored;
    unsigned char *buffer[2] = {scratch, scratch + pw_hdf5_filtered_max(size)};
    int next = 0;
    enum pw_status status = PW_OK;
    for (int i = filters->n - 1; i >= 0 && status == PW_OK; i--) {
        if (skipped >> i & 1)
            continue;
        if (filters->id[i] == FLETCHER32) {
            status = pw_checksum_verify(pw_checksum_find("fletcher32"), 0, &at, &n, error);
            continue;
        }
        size_t made = pw_hdf5_filtered_max(size);
        status = undo(filters, filters->id[i], state, &at, n, buffer[next], size, &made, error);
        at = buffer[next];
        n = made;
        next = !next;
    }
    if (status == PW_OK && n != size)
        status = pw_fail(error, n < size ? PW_E_TRUNCATED : PW_E_FORMAT, "%zu bytes where a chunk has %zu", n, size);
    if (status == PW_OK)
        memcpy(out, at, size);
    return status;
}
