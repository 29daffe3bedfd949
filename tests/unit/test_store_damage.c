/*
 * Damaged stores: metadata, chunks, shards, zip archives and N5 blocks in which bits are flipped and bytes cut, always
 * the same ones.  Whatever comes of it, it is an error with a message or voxels, never a crash; a sanitizer sees the rest.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "codec/codec.h"
#include "store/source.h"

enum {
    TRIALS = 400,
    FILE_MAX = 4096
};

static char root[200];
static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static const char *at(const char *name)
{
    static char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void put(const char *name, const void *data, size_t n)
{
    FILE *file = fopen(at(name), "wb");
    cr_assert_not_null(file, "%s", at(name));
    cr_assert_eq(fwrite(data, 1, n, file), n);
    (void)fclose(file);
}

/* Opens root and reads all of it, as far as it can be; at most 1 MiB. */
static void read_store(const char *name)
{
    struct pw_error error = {0};
    struct pw_source *source = NULL;
    enum pw_status status = pw_source_open(at(name), NULL, NULL, &source, &error);
    if (status == PW_OK) {
        struct pw_region region = {.rank = source->info.rank};
        uint64_t n = 1;
        int small = source->stored_bytes_max < (64 << 20);
        for (int i = 0; i < region.rank; i++) {
            region.shape[i] = source->info.shape[i] < 64 ? source->info.shape[i] : 64;
            n *= region.shape[i];
        }
        void *voxels = calloc(n > 0 && n < (1 << 20) ? n : 1, 8);
        cr_assert_not_null(voxels);
        if (small && n < (1 << 20))
            status = pw_source_read(source, &region, voxels, &error);
        free(voxels);
        pw_source_close(source);
    }
    cr_assert(status == PW_OK || error.message[0] != '\0', "status %d without a message", status);
}

/* Damages the n bytes of file, one of the store's, in TRIALS ways. */
static void damage(const char *store, const char *file, const unsigned char *good, size_t n)
{
    unsigned char bad[FILE_MAX + 16];
    cr_assert_leq(n, FILE_MAX);
    for (int trial = 0; trial < TRIALS; trial++) {
        size_t length = n;
        memcpy(bad, good, n);
        switch (draw(4)) {
        case 0: length = (size_t)draw(n); break;
        case 1:
            memset(bad + n, (int)draw(256), 16);
            length = n + 1 + (size_t)draw(16);
            break;
        case 2:
            bad[draw(n)] = (unsigned char)draw(256); /* and once more */
        /* fall through */
        default:
            for (uint64_t flips = 1 + draw(4); flips > 0; flips--)
                bad[draw(n)] ^= (unsigned char)(1u << draw(8));
        }
        put(file, bad, length);
        read_store(store);
    }
    put(file, good, n);
    read_store(store);
}

static void set_up(void)
{
    (void)snprintf(root, sizeof root, "/tmp/pw-damage-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
    seed = 20260101;
}

static void tear_down(void)
{
    char command[300];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", root);
    cr_assert_eq(system(command), 0);
}

TestSuite(store_damage, .init = set_up, .fini = tear_down);

static size_t packed(const char *codec, const void *data, size_t size, unsigned char *out)
{
    struct pw_codec_state state = {0};
    struct pw_codec_options options = {.level = 1, .element_bytes = 2};
    struct pw_error error = {0};
    size_t n = FILE_MAX;
    cr_assert_eq(pw_codec_find(codec)->encode(&state, &options, data, size, out, &n, &error), PW_OK);
    pw_codec_state_release(&state);
    return n;
}

#define ZARRAY(compressor, filters)                                                                                    \
    "{\"zarr_format\":2,\"shape\":[8,20],\"chunks\":[8,20],\"dtype\":\"<u2\",\"order\":\"C\",\"fill_value\":0,"        \
    "\"compressor\":" compressor ",\"filters\":" filters "}"

Test(store_damage, metadata_of_v2)
{
    static const char meta[] = ZARRAY("{\"id\":\"zlib\",\"level\":1}", "[{\"id\":\"delta\",\"dtype\":\"<u2\"}]");
    unsigned char data[320] = {1, 2, 3}, block[FILE_MAX];
    (void)mkdir(at("a"), 0777);
    put("a/0.0", block, packed("zlib", data, sizeof data, block));
    damage("a", "a/.zarray", (const unsigned char *)meta, sizeof meta - 1);
}

Test(store_damage, chunks_of_every_codec)
{
    static const char *const codecs[] = {"zlib", "gzip", "zstd", "lz4", "blosc", "bz2", "lzma"};
    unsigned char data[320], block[FILE_MAX];
    (void)mkdir(at("a"), 0777);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i / 3);
    for (size_t k = 0; k < sizeof codecs / sizeof codecs[0]; k++) {
        char meta[400];
        (void)snprintf(meta, sizeof meta, ZARRAY("{\"id\":\"%s\"}", "[{\"id\":\"shuffle\",\"elementsize\":2}]"),
                       codecs[k]);
        put("a/.zarray", meta, strlen(meta));
        damage("a", "a/0.0", block, packed(codecs[k], data, sizeof data, block));
    }
}

#define SHARDED                                                                                                        \
    "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[4,6],\"data_type\":\"uint16\",\"chunk_grid\":{\"name\":"    \
    "\"regular\",\"configuration\":{\"chunk_shape\":[4,6]}},\"chunk_key_encoding\":{\"name\":\"default\"},"            \
    "\"fill_value\":0,\"codecs\":[{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[2,3],"            \
    "\"codecs\":[{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}}],\"index_codecs\":[{\"name\":"         \
    "\"bytes\",\"configuration\":{\"endian\":\"little\"}}]}}]}"

Test(store_damage, metadata_of_v3_and_shards)
{
    unsigned char shard[4 * 12 + 4 * 16] = {0};
    (void)mkdir(at("a"), 0777);
    (void)mkdir(at("a/c"), 0777);
    (void)mkdir(at("a/c/0"), 0777);
    for (int i = 0; i < 4; i++) {
        shard[48 + 16 * i] = (unsigned char)(12 * i);
        shard[48 + 16 * i + 8] = 12;
    }
    put("a/c/0/0", shard, sizeof shard);
    damage("a", "a/zarr.json", (const unsigned char *)SHARDED, sizeof SHARDED - 1);
    damage("a", "a/c/0/0", shard, sizeof shard);
}

/* ---- zip ---- */

static size_t put2(unsigned char *p, unsigned value)
{
    p[0] = (unsigned char)value;
    p[1] = (unsigned char)(value >> 8);
    return 2;
}

static size_t put4(unsigned char *p, uint32_t value)
{
    (void)put2(p, value & 0xffff);
    (void)put2(p + 2, value >> 16);
    return 4;
}

/* What a local header and a central record have in common, from the version needed on. */
static size_t put_common(unsigned char *p, const char *name, const void *data, size_t n)
{
    memset(p, 0, 26);
    p[0] = 20;
    (void)put4(p + 10, (uint32_t)crc32(0, data, (uInt)n));
    (void)put4(p + 14, (uint32_t)n);
    (void)put4(p + 18, (uint32_t)n);
    (void)put2(p + 22, (unsigned)strlen(name));
    return 26;
}

static size_t make_zip(unsigned char *zip, const char *meta, const void *chunk, size_t chunk_bytes)
{
    const char *const name[2] = {".zarray", "0.0"};
    const void *const data[2] = {meta, chunk};
    const size_t bytes[2] = {strlen(meta), chunk_bytes};
    size_t n = 0, header[2];
    for (int i = 0; i < 2; i++) {
        header[i] = n;
        n += put4(zip + n, 0x04034b50);
        n += put_common(zip + n, name[i], data[i], bytes[i]);
        memcpy(zip + n, name[i], strlen(name[i]));
        n += strlen(name[i]);
        memcpy(zip + n, data[i], bytes[i]);
        n += bytes[i];
    }
    size_t directory = n;
    for (int i = 0; i < 2; i++) {
        n += put4(zip + n, 0x02014b50);
        n += put2(zip + n, 20);
        n += put_common(zip + n, name[i], data[i], bytes[i]);
        memset(zip + n, 0, 14);
        (void)put4(zip + n + 10, (uint32_t)header[i]);
        n += 14;
        memcpy(zip + n, name[i], strlen(name[i]));
        n += strlen(name[i]);
    }
    size_t size = n - directory;
    n += put4(zip + n, 0x06054b50);
    memset(zip + n, 0, 18);
    (void)put2(zip + n + 4, 2);
    (void)put2(zip + n + 6, 2);
    (void)put4(zip + n + 8, (uint32_t)size);
    (void)put4(zip + n + 12, (uint32_t)directory);
    return n + 18;
}

Test(store_damage, archives)
{
    static const char meta[] = ZARRAY("null", "null");
    unsigned char data[320], zip[FILE_MAX];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)i;
    size_t n = make_zip(zip, meta, data, sizeof data);
    struct pw_error error = {0};
    struct pw_source *source = NULL;
    put("a.zip", zip, n);
    cr_assert_eq(pw_source_open(at("a.zip"), NULL, NULL, &source, &error), PW_OK, "%s", error.message);
    struct pw_region region = {.rank = 2, .shape = {8, 20}};
    unsigned char out[320] = {0};
    cr_assert_eq(pw_source_read(source, &region, out, &error), PW_OK, "%s", error.message);
    cr_assert_eq(memcmp(out, data, sizeof data), 0);
    pw_source_close(source);
    damage("a.zip", "a.zip", zip, n);
}

/* ---- N5 ---- */

Test(store_damage, attributes_and_blocks_of_n5)
{
    static const char *const kinds[] = {"raw", "gzip", "xz", "lz4", "zstd"};
    static const char *const codecs[] = {NULL, "gzip", "lzma", "lz4", "zstd"};
    unsigned char data[320] = {9, 8, 7}, block[FILE_MAX];
    (void)mkdir(at("a"), 0777);
    (void)mkdir(at("a/0"), 0777);
    for (int k = 0; k < 5; k++) {
        char meta[300];
        size_t n = sizeof data;
        (void)snprintf(meta, sizeof meta,
                       "{\"dimensions\":[20,8],\"blockSize\":[20,8],\"dataType\":\"uint16\",\"compression\":{\"type\":"
                       "\"%s\"},\"resolution\":[1,2],\"units\":[\"um\",\"um\"],\"axes\":[\"x\",\"y\"]}",
                       kinds[k]);
        memcpy(block, "\0\0\0\2\0\0\0\24\0\0\0\10", 12);
        if (codecs[k] != NULL)
            n = packed(codecs[k], data, sizeof data, block + 12);
        else
            memcpy(block + 12, data, n);
        put("a/attributes.json", meta, strlen(meta));
        damage("a", "a/0/0", block, n + 12);
        damage("a", "a/attributes.json", (const unsigned char *)meta, strlen(meta));
    }
}
