/* The zarr source on small stores that the tests write themselves; whole corpora are tests/interop's. */
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "codec/codec.h"
#include "store/source.h"
#include "store/zarr_chain.h"
#include "store/zarr_fill.h"
#include "store/zarr_node.h"

static char root[200];

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static void set_up(void)
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(root, sizeof root, "%.150s/pw-zarr-XXXXXX", base != NULL ? base : "/tmp");
    cr_assert_not_null(mkdtemp(root));
}

static void tear_down(void)
{
    (void)nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(zarr_source, .init = set_up, .fini = tear_down);

static const char *at(const char *name)
{
    static char path[600];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

/* Writes root/name and the directories above it. */
static void put_bytes(const char *name, const void *data, size_t n)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s", at(name));
    for (char *slash = strchr(path + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0777);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fwrite(data, 1, n, file), n);
    cr_assert_eq(fclose(file), 0);
}

static void put(const char *name, const char *text)
{
    put_bytes(name, text, strlen(text));
}

static struct pw_source *open_level(const char *name, int level)
{
    struct pw_error error = {0};
    struct pw_open_options options = {.level = level};
    struct pw_source *source = NULL;
    cr_assert_eq(pw_source_open(at(name), &options, NULL, &source, &error), PW_OK, "%s", error.message);
    return source;
}

static void read_all(struct pw_source *source, void *out, struct pw_error *error, enum pw_status expected)
{
    struct pw_region region = {.rank = source->info.rank};
    memcpy(region.shape, source->info.shape, sizeof region.shape);
    enum pw_status status = pw_source_read(source, &region, out, error);
    cr_assert_eq(status, expected, "%d: %s", status, error->message);
}

/* Opens and reads the array; it must give exactly these bytes. */
static void expect_bytes(const char *name, const void *bytes, size_t n)
{
    struct pw_error error = {0};
    unsigned char out[4096] = {0};
    struct pw_source *source = open_level(name, 0);
    cr_assert_leq(n, sizeof out);
    read_all(source, out, &error, PW_OK);
    cr_assert_eq(memcmp(out, bytes, n), 0, "%s", name);
    pw_source_close(source);
}

/* Opening fails with this status and says this. */
static void expect_refused(const char *name, enum pw_status expected, const char *says)
{
    struct pw_error error = {0};
    struct pw_source *source = NULL;
    enum pw_status status = pw_source_open(at(name), NULL, NULL, &source, &error);
    cr_assert_eq(status, expected, "%s: status %d, %s", name, status, error.message);
    cr_assert_not_null(strstr(error.message, says), "%s does not say %s", error.message, says);
    cr_assert_null(source);
}

/* Opens, and reading fails with this status. */
static void expect_unreadable(const char *name, enum pw_status expected, const char *says)
{
    struct pw_error error = {0};
    unsigned char out[4096];
    struct pw_source *source = open_level(name, 0);
    read_all(source, out, &error, expected);
    cr_assert_not_null(strstr(error.message, says), "%s does not say %s", error.message, says);
    pw_source_close(source);
}

/* ---- v2 ---- */

#define V2(shape, chunks, dtype, order, fill, more)                                                                    \
    "{\"zarr_format\":2,\"shape\":" shape ",\"chunks\":" chunks ",\"dtype\":\"" dtype "\",\"order\":\"" order          \
    "\",\"fill_value\":" fill ",\"compressor\":null,\"filters\":null" more "}"

Test(zarr_source, v2_edges_and_missing_chunks)
{
    put("a/.zarray", V2("[3,5]", "[2,3]", "|u1", "C", "9", ""));
    put_bytes("a/0.0", "\1\2\3\4\5\6", 6);
    put_bytes("a/0.1", "\7\10\377\11\12\377", 6);
    put_bytes("a/1.1", "\13\14\377\377\377\377", 6);
    static const unsigned char want[] = {1, 2, 3, 7, 8, 4, 5, 6, 9, 10, 9, 9, 9, 11, 12};
    expect_bytes("a", want, sizeof want);
    struct pw_source *source = open_level("a", 0);
    cr_assert_eq(source->capabilities, (unsigned)(PW_SOURCE_CHUNKED | PW_SOURCE_PLAIN));
    cr_assert_str_eq(source->info.format, "zarr2");
    cr_assert_eq(source->info.chunk[1], 3);
    cr_assert_eq(pw_source_chunk_bytes(source), 6);
    struct pw_region chunk;
    pw_source_chunk_region(source, (const uint64_t[]){1, 1}, &chunk);
    cr_assert_eq(chunk.start[0], 2);
    cr_assert_eq(chunk.start[1], 3);
    cr_assert_eq(chunk.shape[1], 3);
    pw_source_close(source);
}

Test(zarr_source, v2_separators)
{
    put("slash/.zarray", V2("[2,1]", "[1,1]", "|u1", "C", "0", ",\"dimension_separator\":\"/\""));
    put_bytes("slash/0/0", "a", 1);
    put_bytes("slash/1/0", "b", 1);
    expect_bytes("slash", "ab", 2);
    put("silent/.zarray", V2("[2,1]", "[1,1]", "|u1", "C", "0", "")); /* nested, and does not say so */
    put_bytes("silent/0/0", "c", 1);
    put_bytes("silent/1/0", "d", 1);
    expect_bytes("silent", "cd", 2);
    put("odd/.zarray", V2("[2,1]", "[1,1]", "|u1", "C", "0", ",\"dimension_separator\":\"-\""));
    expect_refused("odd", PW_E_FORMAT, "dimension_separator");
}

Test(zarr_source, v2_column_major_and_big_endian)
{
    put("f/.zarray", V2("[2,3]", "[2,3]", ">u2", "F", "0", ""));
    put_bytes("f/0.0", "\0\1\0\4\0\2\0\5\0\3\0\6", 12);
    static const uint16_t want[] = {1, 2, 3, 4, 5, 6};
    expect_bytes("f", want, sizeof want);
}

Test(zarr_source, v2_ranks_zero_and_eight_and_larger_chunks)
{
    put("zero/.zarray", V2("[]", "[]", "<i4", "C", "-5", ""));
    int32_t value = -5;
    expect_bytes("zero", &value, 4);
    put_bytes("zero/0", "\1\0\0\0", 4);
    value = 1;
    expect_bytes("zero", &value, 4);
    put("eight/.zarray", V2("[1,1,1,1,1,1,2,2]", "[1,1,1,1,1,1,2,2]", "|u1", "F", "0", ""));
    put_bytes("eight/0.0.0.0.0.0.0.0", "acbd", 4);
    expect_bytes("eight", "abcd", 4);
    put("nine/.zarray", V2("[1,1,1,1,1,1,1,1,1]", "[1,1,1,1,1,1,1,1,1]", "|u1", "C", "0", ""));
    expect_refused("nine", PW_E_UNSUPPORTED, "shape");
    put("large/.zarray", V2("[1,2]", "[2,4]", "|u1", "C", "0", ""));
    put_bytes("large/0.0", "abcdefgh", 8);
    expect_bytes("large", "ab", 2);
}

Test(zarr_source, empty_axis)
{
    put("none/.zarray", V2("[0,4]", "[1,4]", "|u1", "C", "0", ""));
    expect_bytes("none", "", 0);
}

Test(zarr_source, v2_filters_and_compressors_by_name)
{
    put("delta/.zarray", "{\"zarr_format\":2,\"shape\":[1],\"chunks\":[1],\"dtype\":\"<i2\",\"order\":\"C\","
                         "\"fill_value\":0,\"compressor\":null,\"filters\":[{\"id\":\"delta\"}]}");
    expect_refused("delta", PW_E_FORMAT, "\"delta\"");
    put("text/.zarray", V2("[1]", "[1]", "<U4", "C", "0", ""));
    expect_refused("text", PW_E_UNSUPPORTED, "unicode");
    put("complex/.zarray", V2("[1]", "[1]", "<c8", "C", "0", ""));
    expect_refused("complex", PW_E_UNSUPPORTED, "complex");
    put("pcodec/.zarray", "{\"zarr_format\":2,\"shape\":[1],\"chunks\":[1],\"dtype\":\"<i2\",\"order\":\"C\","
                          "\"fill_value\":0,\"compressor\":{\"id\":\"pcodec\"}}");
    expect_refused("pcodec", PW_E_UNSUPPORTED, "\"pcodec\"");
    put("crc/.zarray", "{\"zarr_format\":2,\"shape\":[1],\"chunks\":[1],\"dtype\":\"|u1\",\"order\":\"C\","
                       "\"fill_value\":0,\"compressor\":{\"id\":\"crc32c\",\"location\":\"middle\"}}");
    expect_refused("crc", PW_E_FORMAT, "middle");
    put("bare/.zarray", "{\"zarr_format\":2,\"shape\":[1],\"chunks\":[1],\"dtype\":\"|u1\",\"order\":\"C\","
                        "\"fill_value\":0,\"compressor\":{\"id\":\"lzma\",\"format\":3}}");
    expect_refused("bare", PW_E_UNSUPPORTED, "\"lzma\" of format 3");
}

/* An error of the file system must never read as zeros. */
Test(zarr_source, what_is_not_a_missing_chunk_is_an_error)
{
    put("a/.zarray", V2("[2,1]", "[1,1]", "|u1", "C", "0", ",\"dimension_separator\":\"/\""));
    put("a/0", "a file where a directory should be");
    expect_unreadable("a", PW_E_IO, "a/0/0");
    put("b/.zarray", V2("[1]", "[1]", "|u1", "C", "0", ""));
    put("b/0/inside", "a directory where a file should be");
    expect_unreadable("b", PW_E_IO, "b/0");
}

Test(zarr_source, chunks_of_the_wrong_length)
{
    put("a/.zarray", V2("[4]", "[4]", "<u2", "C", "0", ""));
    put_bytes("a/0", "1234567", 7);
    expect_unreadable("a", PW_E_TRUNCATED, "chunk (0)");
    put_bytes("a/0", "123456789", 9);
    expect_unreadable("a", PW_E_FORMAT, "instead of 8");
    put_bytes("a/0", "", 0);
    expect_unreadable("a", PW_E_TRUNCATED, "holds 0 bytes");
    char *big = calloc(1, 1 << 20);
    put_bytes("a/0", big, 1 << 20);
    free(big);
    expect_unreadable("a", PW_E_FORMAT, "or more");
}

/* ---- fill values ---- */

static uint64_t fill_of(const char *json, enum pw_dtype dtype, enum pw_status expected)
{
    struct pw_error error = {0};
    struct json_object *value = json_tokener_parse(json);
    uint64_t fill = 0;
    cr_assert_eq(pw_zarr_fill_parse("a", value, dtype, &fill, &error), expected, "%s as %s: %s", json,
                 pw_dtype_name(dtype), error.message);
    json_object_put(value);
    return fill;
}

Test(zarr_fill, forms)
{
    static const struct {
        const char *json;
        enum pw_dtype dtype;
        uint64_t bits;
    } good[] = {
        {"null", PW_U16, 0},
        {"0", PW_U8, 0},
        {"0.0", PW_U16, 0},
        {"3.0", PW_I32, 3},
        {"\"0\"", PW_I8, 0},
        {"\"-3\"", PW_I8, 0xfd},
        {"-128", PW_I8, 0x80},
        {"-1", PW_I64, UINT64_MAX},
        {"-9223372036854775808", PW_I64, (uint64_t)1 << 63},
        {"18446744073709551615", PW_U64, UINT64_MAX},
        {"9007199254740993", PW_U64, 9007199254740993u},
        {"true", PW_BOOL, 1},
        {"false", PW_BOOL, 0},
        {"1", PW_BOOL, 1},
        {"1", PW_F32, 0x3f800000},
        {"0.5", PW_F16, 0x3800},
        {"65504", PW_F16, 0x7bff},
        {"1e9", PW_F16, 0x7c00},
        {"6e-8", PW_F16, 0x0001},
        {"-2.0", PW_F64, 0xc000000000000000},
        {"\"NaN\"", PW_F32, 0x7fc00000},
        {"NaN", PW_F64, 0x7ff8000000000000},
        {"\"Infinity\"", PW_F16, 0x7c00},
        {"\"-Infinity\"", PW_F32, 0xff800000},
        {"\"0x7fc00001\"", PW_F32, 0x7fc00001},
        {"\"0x7e01\"", PW_F16, 0x7e01},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t fill = fill_of(good[i].json, good[i].dtype, PW_OK);
        cr_assert_eq(fill, good[i].bits, "%s as %s gives %llx", good[i].json, pw_dtype_name(good[i].dtype),
                     (unsigned long long)fill);
    }
    static const struct {
        const char *json;
        enum pw_dtype dtype;
    } bad[] = {{"0.5", PW_U8},  {"256", PW_U8},    {"-1", PW_U16},   {"128", PW_I8},
               {"-129", PW_I8}, {"2", PW_BOOL},    {"\"x\"", PW_U8}, {"\"\"", PW_U8},
               {"[0]", PW_U8},  {"\"x\"", PW_F32}, {"\"\"", PW_F32}, {"\"0x7f\"", PW_F32},
               {"{}", PW_F64},  {"1e30", PW_U64},  {"NaN", PW_I32},  {"\"99999999999999999999\"", PW_U64}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        (void)fill_of(bad[i].json, bad[i].dtype, PW_E_FORMAT);
}

/* ---- v3 ---- */

#define V3(shape, type, chunk, fill, codecs)                                                                           \
    "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":" shape ",\"data_type\":\"" type                             \
    "\",\"chunk_grid\":{\"name\":\"regular\",\"configuration\":{\"chunk_shape\":" chunk                                \
    "}},\"chunk_key_encoding\":{\"name\":\"default\"},\"fill_value\":" fill ",\"codecs\":" codecs "}"

#define BYTES "{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}}"
#define SHARDED(inner, codecs, index, more)                                                                            \
    "[{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":" inner ",\"codecs\":[" codecs                 \
    "],\"index_codecs\":[" index "]" more "}}]"

Test(zarr_source, v3_codec_lists)
{
    put("raw/zarr.json", "\xef\xbb\xbf" V3("[2]", "uint8", "[2]", "0", "[\"bytes\"]")); /* a byte order mark */
    put_bytes("raw/c/0", "hi", 2);
    expect_bytes("raw", "hi", 2);
    put("t/zarr.json", V3("[2,3]", "uint16", "[2,3]", "0",
                          "[{\"name\":\"transpose\",\"configuration\":{\"order\":[1,0]}},"
                          "{\"name\":\"bytes\",\"configuration\":{\"endian\":\"big\"}}]"));
    put_bytes("t/c/0/0", "\0\1\0\4\0\2\0\5\0\3\0\6", 12);
    static const uint16_t want[] = {1, 2, 3, 4, 5, 6};
    expect_bytes("t", want, sizeof want);
    put("late/zarr.json", V3("[2]", "uint8", "[2]", "0", "[\"bytes\",{\"name\":\"transpose\"}]"));
    expect_refused("late", PW_E_FORMAT, "transpose");
    put("none/zarr.json", V3("[2]", "uint8", "[2]", "0", "[]"));
    expect_refused("none", PW_E_FORMAT, "bytes");
    put("order/zarr.json",
        V3("[2,2]", "uint8", "[2,2]", "0", "[{\"name\":\"transpose\",\"configuration\":{\"order\":[0,0]}},\"bytes\"]"));
    expect_refused("order", PW_E_FORMAT, "permutation");
    put("endian/zarr.json", V3("[2]", "uint16", "[2]", "0", "[\"bytes\"]"));
    expect_refused("endian", PW_E_FORMAT, "endian");
    put("pcodec/zarr.json", V3("[2]", "uint16", "[2]", "0", "[\"numcodecs.pcodec\"]"));
    expect_refused("pcodec", PW_E_UNSUPPORTED, "numcodecs.pcodec");
    put("bits/zarr.json", V3("[2]", "bool", "[2]", "false", "[\"packbits\"]"));
    expect_refused("bits", PW_E_UNSUPPORTED, "codec \"packbits\"");
    put("complex/zarr.json", V3("[2]", "complex64", "[2]", "0", "[\"bytes\"]"));
    expect_refused("complex", PW_E_UNSUPPORTED, "complex64");
}

Test(zarr_source, v3_extensions)
{
    put("must/zarr.json", "{\"zarr_format\":3,\"node_type\":\"array\",\"surprise\":{},\"data_type\":\"uint8\"}");
    expect_refused("must", PW_E_UNSUPPORTED, "surprise");
    put("storage/zarr.json", "{\"zarr_format\":3,\"node_type\":\"array\",\"storage_transformers\":[\"x\"],"
                             "\"data_type\":\"uint8\"}");
    expect_refused("storage", PW_E_UNSUPPORTED, "storage_transformers");
    put("grid/zarr.json", "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[4],\"data_type\":\"uint8\","
                          "\"chunk_grid\":{\"name\":\"rectilinear\"}}");
    expect_refused("grid", PW_E_UNSUPPORTED, "rectilinear");
    put("draft/zarr.json", "{\"metadata_encoding\":\"https://purl.org/zarr/spec/protocol/core/3.0\"}");
    expect_refused("draft", PW_E_UNSUPPORTED, "draft");
}

static void put_u64(unsigned char *to, uint64_t value, int big)
{
    for (int i = 0; i < 8; i++)
        to[big ? 7 - i : i] = (unsigned char)(value >> (8 * i));
}

/*
 * A shard of two inner chunks of two bytes, the second absent, with its index at the
 * start or end, big or little, with or without its sum.  Returns its length.
 */
static size_t make_shard(unsigned char *shard, int at_start, int big, int sum)
{
    unsigned char index[36];
    size_t index_bytes = sum ? 36 : 32;
    put_u64(index, at_start ? index_bytes : 0, big);
    put_u64(index + 8, 2, big);
    put_u64(index + 16, UINT64_MAX, big);
    put_u64(index + 24, UINT64_MAX, big);
    uint32_t crc = pw_crc32c(0, index, 32);
    for (int i = 0; i < 4; i++)
        index[32 + i] = (unsigned char)(crc >> (8 * i));
    memcpy(shard + (at_start ? 0 : 2), index, index_bytes);
    memcpy(shard + (at_start ? index_bytes : 0), "xy", 2);
    return index_bytes + 2;
}

Test(zarr_source, shard_indexes_of_every_form)
{
    for (int form = 0; form < 8; form++) {
        int at_start = form & 1, big = form >> 1 & 1, sum = form >> 2 & 1;
        char meta[1000], name[40];
        unsigned char shard[64];
        (void)snprintf(meta, sizeof meta,
                       V3("[6]", "uint8", "[4]", "46",
                          SHARDED("[2]", "\"bytes\"", "{\"name\":\"bytes\",\"configuration\":{\"endian\":\"%s\"}}%s",
                                  ",\"index_location\":\"%s\"")),
                       big ? "big" : "little", sum ? ",\"crc32c\"" : "", at_start ? "start" : "end");
        (void)snprintf(name, sizeof name, "s%d/zarr.json", form);
        put(name, meta);
        size_t n = make_shard(shard, at_start, big, sum);
        (void)snprintf(name, sizeof name, "s%d/c/0", form);
        put_bytes(name, shard, n);
        (void)snprintf(name, sizeof name, "s%d", form);
        expect_bytes(name, "xy....", 6);

        struct pw_source *source = open_level(name, 0);
        struct pw_error error = {0};
        struct pw_extent extent;
        cr_assert_eq(source->info.chunk[0], 2);
        cr_assert_eq(source->info.shard[0], 4);
        cr_assert_eq(source->ops->locate(source, (const uint64_t[]){0}, &extent, &error), PW_OK);
        cr_assert_eq(extent.fd, -1);
        cr_assert_eq(extent.length, 2);
        cr_assert_eq(extent.offset, at_start ? n - 2 : 0);
        cr_assert_eq(source->ops->locate(source, (const uint64_t[]){1}, &extent, &error), PW_EMPTY);
        cr_assert_eq(source->ops->locate(source, (const uint64_t[]){2}, &extent, &error), PW_EMPTY);
        pw_source_close(source);
    }
}

static void put_sharded(const char *name)
{
    char path[100];
    (void)snprintf(path, sizeof path, "%s/zarr.json", name);
    put(path, V3("[4]", "uint8", "[4]", "0", SHARDED("[2]", "\"bytes\"", BYTES ",\"crc32c\"", "")));
}

Test(zarr_source, broken_shards)
{
    unsigned char shard[64];
    size_t n = make_shard(shard, 0, 0, 1);
    put_sharded("flip");
    shard[5] ^= 1;
    put_bytes("flip/c/0", shard, n);
    expect_unreadable("flip", PW_E_CHECKSUM, "flip/c/0");
    put_sharded("short");
    put_bytes("short/c/0", shard, 20);
    expect_unreadable("short", PW_E_TRUNCATED, "cannot hold its index");
    put_sharded("void");
    put_bytes("void/c/0", shard, 0);
    expect_unreadable("void", PW_E_TRUNCATED, "cannot hold its index");

    static const struct {
        uint64_t offset, length;
        enum pw_status status;
    } bad[] = {{100, 2, PW_E_TRUNCATED},        {0, 100, PW_E_TRUNCATED},        {UINT64_MAX - 1, 2, PW_E_TRUNCATED},
               {UINT64_MAX, 2, PW_E_TRUNCATED}, {0, UINT64_MAX, PW_E_TRUNCATED}, {0, 0, PW_E_FORMAT}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char name[40];
        n = make_shard(shard, 0, 0, 1);
        put_u64(shard + 2, bad[i].offset, 0);
        put_u64(shard + 10, bad[i].length, 0);
        uint32_t crc = pw_crc32c(0, shard + 2, 32);
        for (int k = 0; k < 4; k++)
            shard[34 + k] = (unsigned char)(crc >> (8 * k));
        (void)snprintf(name, sizeof name, "bad%zu", i);
        put_sharded(name);
        (void)snprintf(name, sizeof name, "bad%zu/c/0", i);
        put_bytes(name, shard, n);
        (void)snprintf(name, sizeof name, "bad%zu", i);
        expect_unreadable(name, bad[i].status, "inner chunk 0");
    }
}

Test(zarr_source, shard_with_a_codec_after_it_is_decoded_whole)
{
    unsigned char shard[64];
    size_t n = make_shard(shard, 0, 0, 1);
    uint32_t crc = pw_crc32c(0, shard, n);
    for (int i = 0; i < 4; i++)
        shard[n + (size_t)i] = (unsigned char)(crc >> (8 * i));
    put("a/zarr.json", "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[4],\"data_type\":\"uint8\","
                       "\"chunk_grid\":{\"name\":\"regular\",\"configuration\":{\"chunk_shape\":[4]}},"
                       "\"chunk_key_encoding\":\"default\",\"fill_value\":0,\"codecs\":[{\"name\":"
                       "\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[2],\"codecs\":[\"bytes\"],"
                       "\"index_codecs\":[" BYTES ",\"crc32c\"]}},\"crc32c\"]}");
    put_bytes("a/c/0", shard, n + 4);
    expect_bytes("a", "xy\0\0", 4);
    shard[0] ^= 1;
    put_bytes("a/c/0", shard, n + 4);
    expect_unreadable("a", PW_E_CHECKSUM, "chunk (0)");
}

/* ---- hostile metadata ---- */

Test(zarr_source, numbers_that_overflow)
{
    static const char *const bad[] = {
        V2("[4294967296,4294967296,4294967296]", "[1,1,1]", "<u8", "C", "0", ""),
        V2("[9223372036854775807,2]", "[1,1]", "|u1", "C", "0", ""),
        V2("[18446744073709551615]", "[18446744073709551615]", "|u1", "C", "0", ""),
        V2("[10]", "[4611686018427387904]", "<u8", "C", "0", ""),
        V2("[10,10]", "[4294967296,4294967296]", "|u1", "C", "0", ""),
        V2("[10]", "[0]", "|u1", "C", "0", ""),
        V2("[-1]", "[1]", "|u1", "C", "0", ""),
        V2("[1.5]", "[1]", "|u1", "C", "0", ""),
        V2("[\"1\"]", "[1]", "|u1", "C", "0", ""),
        V2("[1]", "[1,1]", "|u1", "C", "0", ""),
        V2("{}", "[1]", "|u1", "C", "0", ""),
        V2("[1]", "[1]", "<u3", "C", "0", ""),
        V2("[1]", "[1]", "", "C", "0", ""),
        V2("[1]", "[1]", "|u1", "Q", "0", ""),
        "{\"zarr_format\":2}",
        "{\"zarr_format\":1,\"shape\":[1]}",
        "{",
        "",
        "[]",
        "null",
        "{} trailing",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pw_error error = {0};
        struct pw_source *source = NULL;
        put("a/.zarray", bad[i]);
        enum pw_status status = pw_source_open(at("a"), NULL, NULL, &source, &error);
        cr_assert(status == PW_E_FORMAT || status == PW_E_UNSUPPORTED || status == PW_E_TRUNCATED, "%zu: %d %s", i,
                  status, error.message);
        cr_assert_not_null(strstr(error.message, "a"), "%s", error.message);
    }
}

Test(zarr_source, shards_that_overflow)
{
    static const char *const bad[] = {
        V3("[10]", "uint8", "[4]", "0", SHARDED("[3]", "\"bytes\"", BYTES, "")),
        V3("[10]", "uint8", "[4]", "0", SHARDED("[0]", "\"bytes\"", BYTES, "")),
        V3("[10]", "uint8", "[4]", "0", SHARDED("[2,2]", "\"bytes\"", BYTES, "")),
        V3("[10]", "uint8", "[4611686018427387904]", "0", SHARDED("[1]", "\"bytes\"", BYTES, "")),
        V3("[10]", "uint8", "[4]", "0", SHARDED("[2]", "\"bytes\"", "\"gzip\"", "")),
        V3("[10]", "uint8", "[4]", "0", SHARDED("[2]", "\"bytes\"", BYTES ",\"gzip\"", "")),
        V3("[10]", "uint8", "[4]", "0", SHARDED("[2]", "\"bytes\"", "", "")),
        V3("[10]", "uint8", "[4]", "0", SHARDED("[2]", "\"bytes\"", BYTES, ",\"index_location\":\"middle\"")),
        V3("[10]", "uint8", "[4294967296]", "0", SHARDED("[4294967296]", "\"bytes\"", BYTES, "")),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pw_error error = {0};
        struct pw_source *source = NULL;
        put("a/zarr.json", bad[i]);
        enum pw_status status = pw_source_open(at("a"), NULL, NULL, &source, &error);
        cr_assert(status == PW_E_FORMAT || status == PW_E_UNSUPPORTED, "%zu: %d %s", i, status, error.message);
    }
}

Test(zarr_source, nesting_is_limited)
{
    char deep[5000] = "{\"zarr_format\":2,\"shape\":";
    size_t used = strlen(deep);
    memset(deep + used, '[', 4000);
    deep[used + 4000] = '\0';
    put("json/.zarray", deep);
    expect_refused("json", PW_E_FORMAT, "JSON");
    char codecs[4000] = "[\"bytes\"]", outer[4200];
    for (int i = 0; i < 5; i++) {
        (void)snprintf(outer, sizeof outer,
                       "[{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[1],\"codecs\":%.3800s,"
                       "\"index_codecs\":[" BYTES "]}}]",
                       codecs);
        memcpy(codecs, outer, strlen(outer) + 1);
    }
    (void)snprintf(deep, sizeof deep, V3("[1]", "uint8", "[1]", "0", "%s"), codecs);
    put("shards/zarr.json", deep);
    expect_refused("shards", PW_E_UNSUPPORTED, "nested");
}

/* ---- what a decoder costs ---- */

Test(zarr_source, zstd_decodes_without_scratch)
{
    put("small/zarr.json", V3("[64]", "uint16", "[64]", "0", "[" BYTES ",{\"name\":\"zstd\"}]"));
    put("large/zarr.json", V3("[64]", "uint16", "[16777216]", "0", "[" BYTES ",{\"name\":\"zstd\"}]"));
    struct pw_source *small = open_level("small", 0), *large = open_level("large", 0);
    cr_assert_eq(small->ops->decoder_memory_bytes(small), large->ops->decoder_memory_bytes(large));
    cr_assert_lt(large->ops->decoder_memory_bytes(large), 1 << 20);
    cr_assert_gt(large->stored_bytes_max, pw_source_chunk_bytes(large));
    pw_source_close(small);
    pw_source_close(large);
}

/* ---- OME-NGFF ---- */

#define LEVEL(path, scale)                                                                                             \
    "{\"path\":\"" path "\",\"coordinateTransformations\":[{\"type\":\"scale\",\"scale\":" scale "}]}"

static void put_image(void)
{
    put("i/.zgroup", "{\"zarr_format\":2}");
    put("i/.zattrs", "{\"patchworks\":{\"n_objects\":12},\"multiscales\":[{\"version\":\"0.4\",\"axes\":["
                     "{\"name\":\"y\",\"type\":\"space\",\"unit\":\"micrometer\"},{\"name\":\"x\",\"type\":\"space\"}],"
                     "\"datasets\":[" LEVEL("s/0", "[0.5,0.25]") "," LEVEL(
                         "s/1", "[1,0.5]") "],"
                                           "\"coordinateTransformations\":[{\"type\":\"scale\",\"scale\":[2,1]},"
                                           "{\"type\":\"translation\",\"translation\":[10,0]}]}]}");
    put("i/s/0/.zarray", V2("[4,6]", "[4,6]", "|u1", "C", "0", ""));
    put("i/s/1/.zarray", V2("[2,3]", "[2,3]", "|u1", "C", "1", ""));
    put("i/labels/.zgroup", "{\"zarr_format\":2}");
    put("i/labels/.zattrs", "{\"labels\":[\"cells\",\"../../outside\",\"deep/nuclei\"]}");
}

Test(zarr_source, image_and_its_levels)
{
    put_image();
    for (int way = 0; way < 2; way++) {
        struct pw_source *source = way == 0 ? open_level("i", 1) : open_level("i/s/1/", 0);
        const struct pw_image_info *info = &source->info;
        cr_assert_eq(info->level, 1);
        cr_assert_eq(info->n_levels, 2);
        cr_assert_eq(info->shape[0], 2);
        cr_assert_eq(info->level_shape[0][1], 6);
        cr_assert_eq(info->level_shape[1][1], 3);
        cr_assert_str_eq(info->axis[0].name, "y");
        cr_assert_eq(info->axis[0].kind, 's');
        cr_assert_str_eq(info->axis[0].unit, "micrometer");
        cr_assert_eq(info->axis[0].scale, 2.0);
        cr_assert_eq(info->axis[0].translation, 10.0);
        cr_assert_eq(info->level_scale[0][0], 1.0);
        cr_assert_str_eq(info->ngff_version, "0.4");
        cr_assert_eq(info->n_labels, 2); /* the one that leads out of the store is not listed */
        cr_assert_str_eq(info->label_names[1], "deep/nuclei");
        cr_assert_eq(info->n_objects, 12);
        cr_assert_not(info->is_label);
        pw_source_close(source);
    }
    struct pw_error error = {0};
    struct pw_source *source;
    struct pw_open_options options = {.level = 2};
    cr_assert_eq(pw_source_open(at("i"), &options, NULL, &source, &error), PW_E_ARGUMENT);
    cr_assert_not_null(strstr(error.message, "no level 2"));
    cr_assert_eq(pw_source_open(at("i/s/1"), &options, NULL, &source, &error), PW_E_ARGUMENT);
}

Test(zarr_source, axes_of_early_versions)
{
    put("a/.zattrs", "{\"multiscales\":[{\"datasets\":[{\"path\":\"0\"}]}]}"); /* no .zgroup, no axes */
    put("a/0/.zarray", V2("[1,2,3,4,5]", "[1,1,1,4,5]", "|u1", "C", "0", ""));
    put("b/.zattrs", "{\"multiscales\":[{\"axes\":[\"t\",\"y\",\"x\"],\"datasets\":[{\"path\":\"0\"}]}]}");
    put("b/0/.zarray", V2("[2,4,5]", "[1,4,5]", "|u1", "C", "0", ""));
    struct pw_source *a = open_level("a", 0), *b = open_level("b", 0);
    char names[6] = "", kinds[6] = "";
    for (int i = 0; i < 5; i++) {
        names[i] = a->info.axis[i].name[0];
        kinds[i] = a->info.axis[i].kind;
    }
    cr_assert_str_eq(names, "tczyx");
    cr_assert_str_eq(kinds, "tcsss");
    cr_assert_eq(a->info.axis[4].scale, 1.0);
    cr_assert_eq(b->info.axis[0].kind, 't');
    cr_assert_str_eq(b->info.ngff_version, "0.3");
    pw_source_close(a);
    pw_source_close(b);
    put("b/0/.zarray", V2("[4,5]", "[4,5]", "|u1", "C", "0", ""));
    expect_refused("b", PW_E_FORMAT, "axes");
    expect_bytes("b/0", "", 0); /* by itself the array is fine */
}

Test(zarr_source, label_image_of_version_five)
{
    put("l/zarr.json", "{\"zarr_format\":3,\"node_type\":\"group\",\"attributes\":{\"patchworks\":{\"n_objects\":7},"
                       "\"ome\":{\"version\":\"0.5\",\"image-label\":{},\"multiscales\":[{\"axes\":[{\"name\":\"x\","
                       "\"type\":\"space\"}],\"datasets\":[" LEVEL("0", "[3]") "]}]}}}");
    put("l/0/zarr.json", V3("[5]", "uint32", "[5]", "0", "[" BYTES "]"));
    struct pw_source *source = open_level("l", 0);
    cr_assert(source->info.is_label);
    cr_assert_eq(source->info.n_objects, 7);
    cr_assert_str_eq(source->info.ngff_version, "0.5");
    cr_assert_eq(source->info.axis[0].scale, 3.0);
    cr_assert_eq(source->info.n_labels, 0);
    pw_source_close(source);
}

Test(zarr_source, groups_say_what_to_open)
{
    put("g/.zgroup", "{\"zarr_format\":2}");
    expect_refused("g", PW_E_FORMAT, "empty");
    put("g/b/.zgroup", "{\"zarr_format\":2}");
    put("g/a/.zarray", V2("[1]", "[1]", "|u1", "C", "0", ""));
    expect_refused("g", PW_E_ARGUMENT, "a, b");
    put("g/.zattrs", "{\"bioformats2raw.layout\":3}");
    expect_refused("g", PW_E_FORMAT, "bioformats2raw");
    put("g/OME/.zattrs", "{\"series\":[\"first\",\"second\"]}");
    expect_refused("g", PW_E_ARGUMENT, "0 first, 1 second");
    put("p/.zattrs", "{\"plate\":{\"wells\":[{\"path\":\"A/1\"}]}}");
    expect_refused("p", PW_E_ARGUMENT, "A/1");
    put("u/.zattrs", "{\"multiscales\":[{\"datasets\":[{\"path\":\"../i/s/0\"}]}]}");
    expect_refused("u", PW_E_FORMAT, "path");
    put("six/.zattrs", "{\"multiscales\":[{\"coordinateSystems\":[],\"datasets\":[{\"path\":\"0\"}]}]}");
    put("six/0/.zarray", V2("[1]", "[1]", "|u1", "C", "0", ""));
    expect_refused("six", PW_E_UNSUPPORTED, "coordinateSystems");
}

/* ---- recognition ---- */

Test(zarr_source, foreign_files_are_named)
{
    put_bytes("a.png", "\x89PNG\r\n\x1a\n....", 12);
    expect_refused("a.png", PW_E_UNSUPPORTED, "PNG");
    put_bytes("a.jpg", "\xff\xd8\xff\xe0", 4);
    expect_refused("a.jpg", PW_E_UNSUPPORTED, "JPEG");
    put_bytes("a.h5", "\x89HDF\r\n\x1a\n", 8);
#ifdef HAVE_HDF5
    expect_refused("a.h5", PW_E_FORMAT, "HDF5");
#else
    expect_refused("a.h5", PW_E_UNSUPPORTED, "HDF5");
#endif
    put("a.txt", "hello");
    expect_refused("a.txt", PW_E_FORMAT, "not recognised");
    put("empty", "");
    expect_refused("empty", PW_E_FORMAT, "empty");
    put("n5/attributes.json", "{}");
    expect_refused("n5", PW_E_ARGUMENT, "N5");
    put("plain/x", "");
    expect_refused("plain", PW_E_FORMAT, "without zarr");
    expect_refused("missing", PW_E_NOT_FOUND, "missing");
    put("z/.zarray", V2("[1]", "[1]", "|u1", "C", "0", ""));
    expect_refused("z/.zarray", PW_E_ARGUMENT, "directory");
    struct pw_error error = {0};
    struct pw_source *source;
    struct pw_open_options options = {.raw_rank = 1, .raw_shape = {1}, .raw_dtype = PW_U8};
    cr_assert_eq(pw_source_open(at("z"), &options, NULL, &source, &error), PW_E_ARGUMENT);
    cr_assert_not_null(strstr(error.message, "describes itself"));
}

Test(zarr_source, regions_and_their_limits)
{
    put("a/.zarray", V2("[4,4]", "[3,3]", "|u1", "C", "7", ""));
    put_bytes("a/0.0", "abcdefghi", 9);
    struct pw_source *source = open_level("a", 0);
    struct pw_error error = {0};
    char out[4];
    struct pw_region region = {.rank = 2, .start = {2, 2}, .shape = {2, 2}};
    cr_assert_eq(pw_source_read(source, &region, out, &error), PW_OK);
    cr_assert_eq(memcmp(out, "i\7\7\7", 4), 0);
    region.shape[1] = 3;
    cr_assert_eq(pw_source_read(source, &region, out, &error), PW_E_RANGE);
    region.start[1] = UINT64_MAX;
    cr_assert_eq(pw_source_read(source, &region, out, &error), PW_E_RANGE);
    pw_source_close(source);
}
