/* The npy and raw sinks: files, standard output, and what goes wrong. */
#include "sink_harness.h"

#include <signal.h>

static void write_file(const char *format, const struct volume *v, const char *path, int rank, enum pw_dtype dtype,
                       int threads, int overwrite)
{
    struct pw_sink_request request = volume_request(v, path, rank);
    struct pw_sink *sink;
    struct pw_error error = {0};
    request.overwrite = overwrite;
    memcpy(request.tile, (uint64_t[3]){4, 32, 32}, sizeof request.tile);
    cr_assert_eq(pw_sink_open(format, &request, &sink, &error), PW_OK, "%s", error.message);
    cr_assert_eq(sink->ops->start(sink, dtype, 7, &error), PW_OK, "%s", error.message);
    cr_assert_eq(volume_write(sink, v, threads, UINT64_MAX), PW_OK);
    cr_assert_eq(sink->ops->commit(sink, &error), PW_OK, "%s", error.message);
    pw_sink_close(sink);
}

Test(raster_sink, npy_reads_back)
{
    const char *dir = fresh_directory();
    char path[200];
    const enum pw_dtype dtypes[4] = {PW_U8, PW_U16, PW_U32, PW_U64};
    const uint64_t shapes[4][3] = {{9, 67, 131}, {1, 300, 77}, {3, 1, 1}, {40, 20, 3000}};
    for (int i = 0; i < 4; i++) {
        struct volume v = volume_make(shapes[i][0], shapes[i][1], shapes[i][2], 200);
        (void)snprintf(path, sizeof path, "%s/%d.npy", dir, i);
        write_file(NULL, &v, path, i == 1 ? 2 : 3, dtypes[i], 3, 0);
        volume_check(&pw_format_npy, path, &v, dtypes[i], i == 1 ? 2 : 3);
        free(v.label);
    }
    cr_assert_eq(entries_of(dir), 4);
    remove_directory(dir);
}

Test(raster_sink, raw_is_the_elements_alone)
{
    const char *dir = fresh_directory();
    char path[200];
    struct stat info;
    struct volume v = volume_make(2, 50, 60, 60000);
    (void)snprintf(path, sizeof path, "%s/labels.raw", dir);
    write_file(NULL, &v, path, 3, PW_U16, 2, 0);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_size, 2 * 50 * 60 * 2);
    struct pw_open_options options = {.raw_shape = {2, 50, 60}, .raw_rank = 3, .raw_dtype = PW_U16};
    struct pw_source *source;
    struct pw_error error = {0};
    cr_assert_eq(pw_raw_open(path, &options, &source, &error), PW_OK, "%s", error.message);
    struct pw_region all = {.rank = 3, .shape = {2, 50, 60}};
    uint16_t read[2 * 50 * 60];
    cr_assert_eq(pw_source_read(source, &all, read, &error), PW_OK);
    for (int i = 0; i < 2 * 50 * 60; i++)
        cr_assert_eq(read[i], v.label[i]);
    source->ops->close(source);
    free(v.label);
    remove_directory(dir);
}

Test(raster_sink, an_existing_file_stays_unless_overwriting)
{
    const char *dir = fresh_directory();
    char path[200];
    struct volume v = volume_make(1, 9, 9, 9);
    struct pw_sink_request request;
    struct pw_sink *sink;
    struct pw_error error = {0};
    (void)snprintf(path, sizeof path, "%s/a.npy", dir);
    FILE *old = fopen(path, "w");
    fputs("old", old);
    fclose(old);
    request = volume_request(&v, path, 2);
    cr_assert_eq(pw_sink_open(NULL, &request, &sink, &error), PW_E_EXISTS);
    cr_assert_not_null(strstr(error.message, path));

    /* Started and given up: the old one is there, and nothing else. */
    request.overwrite = 1;
    cr_assert_eq(pw_sink_open(NULL, &request, &sink, &error), PW_OK);
    cr_assert_eq(sink->ops->start(sink, PW_U32, 9, &error), PW_OK);
    pw_sink_close(sink);
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_size, 3);
    cr_assert_eq(entries_of(dir), 1);

    write_file(NULL, &v, path, 2, PW_U32, 1, 1);
    volume_check(&pw_format_npy, path, &v, PW_U32, 2);
    cr_assert_eq(entries_of(dir), 1);
    free(v.label);
    remove_directory(dir);
}

Test(raster_sink, a_file_that_came_into_being_meanwhile_is_kept)
{
    const char *dir = fresh_directory();
    char path[200];
    struct volume v = volume_make(1, 9, 9, 9);
    struct pw_sink *sink;
    struct pw_error error = {0};
    (void)snprintf(path, sizeof path, "%s/a.npy", dir);
    struct pw_sink_request request = volume_request(&v, path, 2);
    cr_assert_eq(pw_sink_open(NULL, &request, &sink, &error), PW_OK);
    cr_assert_eq(sink->ops->start(sink, PW_U32, 9, &error), PW_OK);
    cr_assert_eq(volume_write(sink, &v, 1, UINT64_MAX), PW_OK);
    FILE *other = fopen(path, "w");
    fputs("other", other);
    fclose(other);
    cr_assert_eq(sink->ops->commit(sink, &error), PW_E_EXISTS);
    pw_sink_close(sink);
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_size, 5);
    cr_assert_eq(entries_of(dir), 1);
    free(v.label);
    remove_directory(dir);
}

Test(raster_sink, places_that_cannot_be_written_are_refused_by_name)
{
    struct volume v = volume_make(1, 2, 2, 2);
    struct pw_sink *sink;
    struct pw_error error = {0};
    static const struct {
        const char *format, *path;
        enum pw_status status;
    } cases[] = {
        {NULL, "/nonexistent-directory/a.npy", PW_E_NOT_FOUND},
        {NULL, "/dev/null/a.npy", PW_E_NOT_FOUND},
        {NULL, "/tmp/a.txt", PW_E_ARGUMENT},
        {"jpeg", "/tmp/a.npy", PW_E_ARGUMENT},
        {"tiff", "-", PW_E_ARGUMENT},
        {"npy", "/tmp/", PW_E_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pw_sink_request request = volume_request(&v, cases[i].path, 2);
        cr_assert_eq(pw_sink_open(cases[i].format, &request, &sink, &error), cases[i].status, "%s: %d %s",
                     cases[i].path, error.status, error.message);
    }
    free(v.label);
}

/* ------------------------------------------------------------------------ *
 * Standard output
 * ------------------------------------------------------------------------ */

struct reader {
    int fd;
    unsigned char *data;
    size_t n, stop_after;
};

static void *read_all(void *argument)
{
    struct reader *r = argument;
    ssize_t got = 1;
    while (got > 0 && r->n < r->stop_after) {
        r->data = realloc(r->data, r->n + 65536);
        got = read(r->fd, r->data + r->n, 65536);
        r->n += got > 0 ? (size_t)got : 0;
    }
    close(r->fd);
    return NULL;
}

static enum pw_status write_stdout(const char *format, const struct volume *v, struct reader *r, uint64_t fail_at_z)
{
    struct pw_sink_request request = volume_request(v, "-", 3);
    struct pw_sink *sink;
    struct pw_error error = {0};
    pthread_t thread;
    int ends[2], before = dup(STDOUT_FILENO);
    cr_assert_eq(pipe(ends), 0);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    r->fd = ends[0];
    pthread_create(&thread, NULL, read_all, r);
    request.tile[1] = 5;
    cr_assert_eq(pw_sink_open(format, &request, &sink, &error), PW_OK, "%s", error.message);
    cr_assert(sink->capabilities & PW_SINK_SEQUENTIAL);
    cr_assert_eq(sink->unit[0], 1);
    cr_assert_eq(sink->ops->start(sink, PW_U32, 7, &error), PW_OK);
    enum pw_status status = volume_write(sink, v, 4, fail_at_z);
    if (status == PW_OK)
        cr_assert_eq(sink->ops->commit(sink, &error), PW_OK);
    pw_sink_close(sink);
    dup2(before, STDOUT_FILENO);
    close(before);
    pthread_join(thread, NULL);
    return status;
}

Test(raster_sink, a_pipe_gets_the_rows_in_order_from_several_threads)
{
    struct volume v = volume_make(33, 64, 700, 200);
    struct reader r = {.stop_after = SIZE_MAX};
    cr_assert_eq(write_stdout("npy", &v, &r, UINT64_MAX), PW_OK);
    size_t header = r.n - volume_voxels(&v) * 4;
    cr_assert_eq(header % 64, 0);
    cr_assert_eq(memcmp(r.data, "\x93NUMPY", 6), 0);
    for (uint64_t i = 0; i < volume_voxels(&v); i++) {
        uint32_t value;
        memcpy(&value, r.data + header + 4 * i, 4);
        cr_assert_eq(value, v.label[i]);
    }
    free(r.data);
    free(v.label);
}

Test(raster_sink, a_closed_pipe_is_an_error_and_no_signal)
{
    struct volume v = volume_make(33, 64, 700, 200);
    struct reader r = {.stop_after = 100000};
    signal(SIGPIPE, SIG_DFL);
    cr_assert_eq(write_stdout("raw", &v, &r, UINT64_MAX), PW_E_PIPE);
    free(r.data);
    free(v.label);
}

Test(raster_sink, a_failing_pull_ends_the_stream_before_its_rows, .timeout = 20)
{
    struct volume v = volume_make(33, 64, 700, 200);
    struct reader r = {.stop_after = SIZE_MAX};
    cr_assert_eq(write_stdout("raw", &v, &r, 20), PW_E_CHECKSUM);
    cr_assert_leq(r.n, 20 * 64 * 700 * 4);
    free(r.data);
    free(v.label);
}
