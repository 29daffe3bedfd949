/* Raw files, .npy files in both orders, and streams of both. */
#include "sink_harness.h"

#include <fcntl.h>

#include "store/npy_header.h"

static void put_file(const char *path, const void *head, size_t head_bytes, const void *data, size_t bytes)
{
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(head, 1, head_bytes, f), head_bytes);
    cr_assert_eq(fwrite(data, 1, bytes, f), bytes);
    cr_assert_eq(fclose(f), 0);
}

/* A header of any version around a text. */
static size_t npy_head(unsigned char *out, int version, const char *text)
{
    size_t n = strlen(text), start = version == 1 ? 10 : 12;
    memcpy(out, "\x93NUMPY", 6);
    out[6] = (unsigned char)version;
    out[7] = 0;
    for (size_t i = 0; i < start - 8; i++)
        out[8 + i] = (unsigned char)(n >> (8 * i));
    memcpy(out + start, text, n);
    return start + n;
}

static enum pw_status read_all(struct pw_source *source, void *out, struct pw_error *error)
{
    struct pw_region all = {.rank = source->info.rank};
    memcpy(all.shape, source->info.shape, sizeof all.shape);
    return pw_source_read(source, &all, out, error);
}

/* ------------------------------------------------------------------------ *
 * Raw
 * ------------------------------------------------------------------------ */

static enum pw_status open_raw(const char *path, uint64_t rows, int big_endian, uint64_t offset,
                               struct pw_source **source, struct pw_error *error)
{
    struct pw_open_options options = {.raw_shape = {rows, 4},
                                      .raw_rank = 2,
                                      .raw_dtype = PW_U16,
                                      .raw_offset_bytes = offset,
                                      .raw_big_endian = big_endian};
    return pw_raw_open(path, &options, source, error);
}

Test(raw_source, both_byte_orders_behind_an_offset)
{
    const char *dir = fresh_directory();
    char path[200];
    uint16_t read[12];
    unsigned char data[24];
    for (int i = 0; i < 12; i++) {
        data[2 * i] = (unsigned char)i;
        data[2 * i + 1] = 1;
    }
    (void)snprintf(path, sizeof path, "%s/a.raw", dir);
    put_file(path, "12345", 5, data, sizeof data);
    for (int big = 0; big < 2; big++) {
        struct pw_source *source;
        struct pw_error error = {0};
        cr_assert_eq(open_raw(path, 3, big, 5, &source, &error), PW_OK, "%s", error.message);
        cr_assert_eq(source->capabilities, PW_SOURCE_LINEAR);
        cr_assert_str_eq(source->info.axis[0].name, "y");
        cr_assert_eq(source->linear.stride_bytes[0], 8);
        cr_assert_eq(read_all(source, read, &error), PW_OK);
        for (int i = 0; i < 12; i++)
            cr_assert_eq(read[i], big ? i * 256 + 1 : i + 256);
        pw_source_close(source);
    }
    remove_directory(dir);
}

Test(raw_source, another_size_is_refused_with_the_shape_that_fits)
{
    const char *dir = fresh_directory();
    char path[200], data[24] = {0};
    struct pw_source *source;
    struct pw_error error = {0};
    (void)snprintf(path, sizeof path, "%s/a.raw", dir);
    put_file(path, "", 0, data, sizeof data);
    cr_assert_eq(open_raw(path, 5, 0, 0, &source, &error), PW_E_TRUNCATED);
    cr_assert_not_null(strstr(error.message, "40 bytes, this one has 24"), "%s", error.message);
    cr_assert_not_null(strstr(error.message, "fits shape 3,4"), "%s", error.message);
    cr_assert_eq(open_raw(path, 2, 0, 0, &source, &error), PW_E_ARGUMENT);
    cr_assert_not_null(strstr(error.message, "fits shape 3,4"), "%s", error.message);
    cr_assert_eq(open_raw(path, 2, 0, 3, &source, &error), PW_E_ARGUMENT);
    cr_assert_null(strstr(error.message, "fits"));
    cr_assert_eq(open_raw(path, UINT64_MAX / 4, 0, 0, &source, &error), PW_E_RANGE);
    cr_assert_eq(open_raw(path, 0, 0, 0, &source, &error), PW_E_FORMAT);
    cr_assert_eq(open_raw(path, 3, 0, UINT64_MAX, &source, &error), PW_E_RANGE);
    cr_assert_eq(open_raw("/tmp", 3, 0, 0, &source, &error), PW_E_UNSUPPORTED);
    cr_assert_eq(open_raw("/nonexistent", 3, 0, 0, &source, &error), PW_E_NOT_FOUND);
    cr_assert_eq(pw_raw_open(path, NULL, &source, &error), PW_E_ARGUMENT);
    remove_directory(dir);
}

/* ------------------------------------------------------------------------ *
 * npy
 * ------------------------------------------------------------------------ */

Test(npy_header, what_is_written_is_read)
{
    const enum pw_dtype dtypes[] = {PW_BOOL, PW_U8,  PW_I8,  PW_U16, PW_I16, PW_U32,
                                    PW_I32,  PW_U64, PW_I64, PW_F16, PW_F32, PW_F64};
    for (int rank = 1; rank <= PW_MAX_RANK; rank++)
        for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
            struct pw_npy_header header = {.dtype = dtypes[i], .rank = rank}, back;
            char text[512];
            size_t start, length;
            struct pw_error error = {0};
            for (int a = 0; a < rank; a++)
                header.shape[a] = UINT64_MAX - (uint64_t)a;
            size_t n = pw_npy_format(&header, text, sizeof text);
            cr_assert_eq(n % 64, 0);
            cr_assert_eq(text[n - 1], '\n');
            cr_assert_eq(pw_npy_prefix((const unsigned char *)text, "a", &start, &length, &error), PW_OK);
            cr_assert_eq(start + length, n);
            cr_assert_eq(pw_npy_parse(text + start, length, "a", &back, &error), PW_OK, "%s", error.message);
            cr_assert_eq(back.dtype, header.dtype);
            cr_assert_eq(back.rank, rank);
            cr_assert_eq(memcmp(back.shape, header.shape, (size_t)rank * 8), 0);
        }
}

Test(npy_header, damaged_texts_are_refused)
{
    static const struct {
        const char *text;
        enum pw_status status;
    } cases[] = {
        {"", PW_E_FORMAT},
        {"[]", PW_E_FORMAT},
        {"{}", PW_E_FORMAT},
        {"{'descr': '<u2', 'fortran_order': False, }", PW_E_FORMAT},
        {"{'descr': '<u2', 'fortran_order': Maybe, 'shape': (1,)}", PW_E_FORMAT},
        {"{'descr': '<u2', 'fortran_order': False, 'shape': (1, -2)}", PW_E_FORMAT},
        {"{'descr': '<u2', 'fortran_order': False, 'shape': (99999999999999999999,)}", PW_E_FORMAT},
        {"{'descr': '<u2', 'fortran_order': False, 'shape': (1", PW_E_FORMAT},
        {"{'descr': '<u2", PW_E_FORMAT},
        {"{'descr': '<u2', 'fortran_order': False, 'shape': (1,), 'more': 1}", PW_E_FORMAT},
        {"{'descr': '<u2', 'fortran_order': False, 'shape': ()}", PW_E_UNSUPPORTED},
        {"{'descr': '<u2', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", PW_E_UNSUPPORTED},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", PW_E_UNSUPPORTED},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", PW_E_UNSUPPORTED},
        {"{'descr': 'u8', 'fortran_order': False, 'shape': (1,)}", PW_E_UNSUPPORTED},
        {"{'descr': [('a', '<u2')], 'fortran_order': False, 'shape': (1,)}", PW_E_UNSUPPORTED},
    };
    struct pw_npy_header header;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pw_error error = {0};
        cr_assert_eq(pw_npy_parse(cases[i].text, strlen(cases[i].text), "a.npy", &header, &error), cases[i].status,
                     "%s: %s", cases[i].text, error.message);
        cr_assert_not_null(strstr(error.message, "a.npy"));
    }
}

Test(npy_source, versions_and_byte_orders)
{
    const char *dir = fresh_directory();
    char path[200];
    unsigned char head[200];
    const unsigned char data[12] = {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6};
    (void)snprintf(path, sizeof path, "%s/a", dir);
    for (int version = 1; version <= 4; version++) {
        size_t n = npy_head(head, version, "{\"descr\": \">i2\", \"fortran_order\": False, \"shape\": (2L, 3)}\n");
        struct pw_source *source;
        struct pw_error error = {0};
        int16_t read[6];
        put_file(path, head, n, data, sizeof data);
        cr_assert(pw_format_npy.recognise(path, head, n));
        cr_assert_not(pw_format_npy.recognise(path, head, 5));
        enum pw_status status = pw_format_npy.open(path, NULL, &source, &error);
        cr_assert_eq(status, version < 4 ? PW_OK : PW_E_UNSUPPORTED, "%s", error.message);
        if (status != PW_OK)
            continue;
        cr_assert_eq(read_all(source, read, &error), PW_OK);
        for (int i = 0; i < 6; i++)
            cr_assert_eq(read[i], i + 1);
        pw_source_close(source);
    }
    remove_directory(dir);
}

Test(npy_source, a_size_that_is_not_the_headers_is_refused)
{
    const char *dir = fresh_directory();
    char path[200], data[64] = {0};
    unsigned char head[200];
    size_t n = npy_head(head, 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 10), }\n");
    (void)snprintf(path, sizeof path, "%s/a", dir);
    struct pw_source *source;
    struct pw_error error = {0};
    put_file(path, head, n, data, 59);
    cr_assert_eq(pw_format_npy.open(path, NULL, &source, &error), PW_E_TRUNCATED);
    put_file(path, head, n, data, 61);
    cr_assert_eq(pw_format_npy.open(path, NULL, &source, &error), PW_E_FORMAT);
    put_file(path, head, 30, data, 0);
    cr_assert_eq(pw_format_npy.open(path, NULL, &source, &error), PW_E_TRUNCATED);
    put_file(path, head, 8, data, 0);
    cr_assert_eq(pw_format_npy.open(path, NULL, &source, &error), PW_E_TRUNCATED);
    remove_directory(dir);
}

/* Element (i, j, k) of a column-major array is i + j*n0 + k*n0*n1. */
static void check_fortran(const char *path, const uint64_t shape[3], int big_endian)
{
    char text[200];
    unsigned char head[300];
    uint64_t n = shape[0] * shape[1] * shape[2];
    uint32_t *data = malloc(n * 4), *read = malloc(n * 4);
    struct pw_source *source;
    struct pw_error error = {0};
    for (uint64_t i = 0; i < n; i++)
        data[i] = big_endian ? __builtin_bswap32((uint32_t)i) : (uint32_t)i;
    (void)snprintf(text, sizeof text, "{'descr': '%cu4', 'fortran_order': True, 'shape': (%llu, %llu, %llu), }\n",
                   big_endian ? '>' : '<', (unsigned long long)shape[0], (unsigned long long)shape[1],
                   (unsigned long long)shape[2]);
    put_file(path, head, npy_head(head, 1, text), data, n * 4);
    cr_assert_eq(pw_format_npy.open(path, NULL, &source, &error), PW_OK, "%s", error.message);
    cr_assert_eq(source->capabilities, PW_SOURCE_CHUNKED);
    cr_assert_leq(pw_source_chunk_bytes(source), 1 << 20);
    cr_assert_eq(read_all(source, read, &error), PW_OK, "%s", error.message);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t z = i / (shape[1] * shape[2]), y = i / shape[2] % shape[1], x = i % shape[2];
        cr_assert_eq(read[i], z + y * shape[0] + x * shape[0] * shape[1]);
    }
    pw_source_close(source);
    free(data);
    free(read);
}

Test(npy_source, column_major_arrays)
{
    const char *dir = fresh_directory();
    char path[200];
    (void)snprintf(path, sizeof path, "%s/a.npy", dir);
    check_fortran(path, (uint64_t[3]){3, 4, 5}, 0);
    check_fortran(path, (uint64_t[3]){7, 130, 301}, 1);  /* chunks of several planes, cut along the last axis */
    check_fortran(path, (uint64_t[3]){2, 200000, 2}, 0); /* cut along the middle one */
    check_fortran(path, (uint64_t[3]){300000, 1, 2}, 0); /* and the first */
    remove_directory(dir);
}

/* ------------------------------------------------------------------------ *
 * Streams
 * ------------------------------------------------------------------------ */

struct feeder {
    int fd;
    const unsigned char *data;
    size_t n, part;
    unsigned pause_us;
};

static void *feed(void *argument)
{
    struct feeder *f = argument;
    for (size_t at = 0; at < f->n;) {
        size_t part = f->n - at < f->part ? f->n - at : f->part;
        ssize_t w = write(f->fd, f->data + at, part);
        if (w < 0)
            break;
        at += (size_t)w;
        if (f->pause_us)
            usleep(f->pause_us);
    }
    close(f->fd);
    return NULL;
}

struct stream {
    struct feeder feeder;
    pthread_t thread;
    int fd;
};

static void stream_begin(struct stream *s, const void *data, size_t n, size_t part, unsigned pause_us)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    s->fd = ends[0];
    s->feeder = (struct feeder){ends[1], data, n, part, pause_us};
    pthread_create(&s->thread, NULL, feed, &s->feeder);
}

static void stream_end(struct stream *s)
{
    char rest[4096];
    while (read(s->fd, rest, sizeof rest) > 0)
        ;
    pthread_join(s->thread, NULL);
    close(s->fd);
}

struct waiter {
    struct pw_source *source;
    uint64_t end;
    enum pw_status status;
};

static void *wait_for(void *argument)
{
    struct waiter *w = argument;
    struct pw_error error = {0};
    w->status = w->source->ops->await(w->source, w->end, &error);
    return NULL;
}

Test(stream_source, several_threads_wait_for_a_slow_stream, .timeout = 30)
{
    enum {
        ROWS = 700,
        WIDTH = 1000,
        N = ROWS * WIDTH
    };
    unsigned char *data = malloc(N * 2 + 200);
    size_t head = npy_head(data, 1, "{'descr': '>u2', 'fortran_order': False, 'shape': (700, 1000), }\n");
    for (int i = 0; i < N; i++) {
        data[head + 2 * (size_t)i] = (unsigned char)(i >> 8);
        data[head + 2 * (size_t)i + 1] = (unsigned char)i;
    }
    struct stream s;
    struct pw_source *source;
    struct pw_error error = {0};
    struct waiter waiter[4];
    pthread_t thread[4];
    stream_begin(&s, data, head + N * 2, 50000, 1000);
    cr_assert_eq(pw_stream_open(s.fd, NULL, "/tmp", &source, &error), PW_OK, "%s", error.message);
    cr_assert_eq(source->capabilities, PW_SOURCE_LINEAR | PW_SOURCE_STREAM);
    cr_assert_str_eq(source->info.format, "npy");
    for (int i = 0; i < 4; i++) {
        waiter[i] = (struct waiter){source, (uint64_t)N * 2 / 4 * (uint64_t)(i + 1), PW_E_INTERNAL};
        pthread_create(&thread[i], NULL, wait_for, &waiter[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
        cr_assert_eq(waiter[i].status, PW_OK);
    }
    uint16_t *read = malloc(N * 2);
    cr_assert_eq(read_all(source, read, &error), PW_OK, "%s", error.message);
    for (int i = 0; i < N; i++)
        cr_assert_eq(read[i], (uint16_t)i);
    pw_source_close(source);
    stream_end(&s);
    free(read);
    free(data);
}

Test(stream_source, raw_behind_an_offset)
{
    unsigned char data[9 + 24] = {0};
    for (int i = 0; i < 24; i++)
        data[9 + i] = (unsigned char)i;
    struct pw_open_options options = {.raw_shape = {2, 3, 4}, .raw_rank = 3, .raw_dtype = PW_U8, .raw_offset_bytes = 9};
    struct stream s;
    struct pw_source *source;
    struct pw_error error = {0};
    stream_begin(&s, data, sizeof data, 7, 100);
    cr_assert_eq(pw_stream_open(s.fd, &options, NULL, &source, &error), PW_OK, "%s", error.message);
    unsigned char read[24];
    cr_assert_eq(read_all(source, read, &error), PW_OK, "%s", error.message);
    cr_assert_eq(memcmp(read, data + 9, 24), 0);
    pw_source_close(source);
    stream_end(&s);
}

Test(stream_source, too_short_and_too_long_streams_are_errors)
{
    unsigned char data[400] = {0};
    size_t head = npy_head(data, 2, "{'descr': '|u1', 'fortran_order': False, 'shape': (10, 20), }\n");
    static const struct {
        size_t bytes; /* after the header */
        enum pw_status first_100, all;
    } cases[] = {{200, PW_OK, PW_OK},
                 {199, PW_OK, PW_E_TRUNCATED},
                 {0, PW_E_TRUNCATED, PW_E_TRUNCATED},
                 {201, PW_OK, PW_E_FORMAT}};
    for (size_t i = 0; i < 4; i++) {
        struct stream s;
        struct pw_source *source;
        struct pw_error error = {0};
        stream_begin(&s, data, head + cases[i].bytes, head + 100, 2000);
        cr_assert_eq(pw_stream_open(s.fd, NULL, "/tmp", &source, &error), PW_OK, "%s", error.message);
        /* On a busy machine the rest may be there already, and with it what is wrong. */
        enum pw_status first_100 = source->ops->await(source, 100, &error);
        cr_assert(first_100 == cases[i].first_100 || first_100 == cases[i].all, "%s", error.message);
        for (int again = 0; again < 2; again++)
            cr_assert_eq(source->ops->await(source, 200, &error), cases[i].all, "%s", error.message);
        if (cases[i].bytes == 199)
            cr_assert_not_null(strstr(error.message, "199 of the 200"), "%s", error.message);
        pw_source_close(source);
        stream_end(&s);
    }
}

Test(stream_source, what_is_no_array_is_refused)
{
    static const struct {
        const char *text;
        enum pw_status status;
    } cases[] = {{"", PW_E_TRUNCATED}, {"hello world, I am no array", PW_E_FORMAT}};
    unsigned char fortran[200];
    size_t n = npy_head(fortran, 1, "{'descr': '<u2', 'fortran_order': True, 'shape': (3, 3), }\n");
    for (int i = 0; i < 3; i++) {
        struct stream s;
        struct pw_source *source;
        struct pw_error error = {0};
        stream_begin(&s, i < 2 ? (const void *)cases[i].text : fortran, i < 2 ? strlen(cases[i].text) : n, 1000, 0);
        cr_assert_eq(pw_stream_open(s.fd, NULL, "/tmp", &source, &error), i < 2 ? cases[i].status : PW_E_UNSUPPORTED,
                     "%s", error.message);
        stream_end(&s);
    }
}
