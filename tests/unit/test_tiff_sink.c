/* The BigTIFF writer: what libtiff reads back, and what is refused. */
#include "sink_harness.h"

#include <tiffio.h>

static void write_tiff(const struct volume *v, const char *path, int rank, enum pw_dtype dtype,
                       struct pw_sink_request *request)
{
    struct pw_sink *sink;
    struct pw_error error = {0};
    (void)rank;
    request->path = path;
    cr_assert_eq(pw_sink_open("tiff", request, &sink, &error), PW_OK, "%s", error.message);
    cr_assert_eq(sink->ops->start(sink, dtype, 7, &error), PW_OK, "%s", error.message);
    cr_assert_eq(volume_write(sink, v, 3, UINT64_MAX), PW_OK);
    cr_assert_eq(sink->ops->commit(sink, &error), PW_OK, "%s", error.message);
    pw_sink_close(sink);
}

Test(tiff_sink, reads_back)
{
    const char *dir = fresh_directory();
    char path[200];
    static const struct {
        uint64_t shape[3], tile[3], chunk[3];
        enum pw_dtype dtype;
        int rank;
    } cases[] = {
        {{9, 67, 131}, {4, 32, 32}, {0, 0, 0}, PW_U32, 3},   {{1, 1300, 1100}, {1, 256, 256}, {0, 0, 0}, PW_U32, 2},
        {{5, 100, 100}, {5, 50, 50}, {0, 32, 16}, PW_U8, 3}, {{2, 1, 1}, {0, 0, 0}, {0, 0, 0}, PW_U16, 3},
        {{3, 40, 700}, {2, 40, 64}, {1, 16, 64}, PW_U64, 3}, {{40, 20, 20}, {16, 20, 20}, {0, 0, 0}, PW_U32, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct volume v = volume_make(cases[i].shape[0], cases[i].shape[1], cases[i].shape[2], 200);
        struct pw_sink_request request = volume_request(&v, path, cases[i].rank);
        memcpy(request.tile, cases[i].tile, sizeof request.tile);
        memcpy(request.chunk, cases[i].chunk, sizeof request.chunk);
        (void)snprintf(path, sizeof path, "%s/%zu.tif", dir, i);
        write_tiff(&v, path, cases[i].rank, cases[i].dtype, &request);
        volume_check(&pw_format_tiff, path, &v, cases[i].dtype, cases[i].rank);
        free(v.label);
    }
    remove_directory(dir);
}

Test(tiff_sink, says_what_it_is)
{
    const char *dir = fresh_directory();
    char path[200], *description = NULL;
    uint16_t bits = 0, format = 0, unit = 0;
    uint32_t edge = 0;
    float resolution = 0;
    struct volume v = volume_make(4, 600, 40, 99);
    struct pw_sink_request request = volume_request(&v, path, 3);
    for (int i = 0; i < 3; i++) {
        request.axis[i].scale = i == 0 ? 2.0 : 0.25;
        (void)snprintf(request.axis[i].unit, sizeof request.axis[i].unit, "micrometer");
    }
    (void)snprintf(path, sizeof path, "%s/a.tif", dir);
    write_tiff(&v, path, 3, PW_U32, &request);
    TIFF *tif = TIFFOpen(path, "r");
    cr_assert_not_null(tif);
    cr_assert(TIFFIsBigTIFF(tif));
    cr_assert_eq(TIFFNumberOfDirectories(tif), 4);
    cr_assert(TIFFGetField(tif, TIFFTAG_BITSPERSAMPLE, &bits) && bits == 32);
    cr_assert(TIFFGetField(tif, TIFFTAG_SAMPLEFORMAT, &format) && format == SAMPLEFORMAT_UINT);
    cr_assert(TIFFGetField(tif, TIFFTAG_TILEWIDTH, &edge) && edge == 48);
    cr_assert(TIFFGetField(tif, TIFFTAG_TILELENGTH, &edge) && edge == 512);
    cr_assert(TIFFGetField(tif, TIFFTAG_RESOLUTIONUNIT, &unit) && unit == RESUNIT_CENTIMETER);
    cr_assert(TIFFGetField(tif, TIFFTAG_XRESOLUTION, &resolution));
    cr_assert_float_eq((double)resolution, 40000.0, 0.5);
    cr_assert(TIFFGetField(tif, TIFFTAG_IMAGEDESCRIPTION, &description));
    cr_assert_not_null(strstr(description, "SizeZ=\"4\""));
    cr_assert_not_null(strstr(description, "PhysicalSizeZ=\"2\""));
    TIFFClose(tif);

    struct pw_source *source;
    struct pw_error error = {0};
    cr_assert_eq(pw_format_tiff.open(path, NULL, &source, &error), PW_OK, "%s", error.message);
    cr_assert_str_eq(source->info.axis[0].name, "z");
    cr_assert_float_eq(source->info.axis[0].scale, 2.0, 1e-12);
    cr_assert_float_eq(source->info.axis[2].scale, 0.25, 1e-12);
    cr_assert_str_eq(source->info.axis[2].unit, "micrometer");
    source->ops->close(source);
    free(v.label);
    remove_directory(dir);
}

Test(tiff_sink, empty_tiles_share_one)
{
    const char *dir = fresh_directory();
    char path[200];
    struct stat info;
    struct volume v = {{3, 2000, 2000}, calloc((size_t)3 * 2000 * 2000, sizeof(uint64_t))};
    struct pw_sink_request request = volume_request(&v, path, 3);
    v.label[2000 * 2000 + 5] = 9;
    (void)snprintf(path, sizeof path, "%s/a.tif", dir);
    write_tiff(&v, path, 3, PW_U32, &request);
    volume_check(&pw_format_tiff, path, &v, PW_U32, 3);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_lt(info.st_size, 16384);
    free(v.label);
    remove_directory(dir);
}

Test(tiff_sink, nothing_is_left_of_a_run_that_stopped)
{
    const char *dir = fresh_directory();
    char path[200];
    struct volume v = volume_make(4, 60, 60, 99);
    struct pw_sink_request request = volume_request(&v, path, 3);
    struct pw_sink *sink;
    struct pw_error error = {0};
    (void)snprintf(path, sizeof path, "%s/a.tif", dir);
    request.tile[0] = 1;
    cr_assert_eq(pw_sink_open("tiff", &request, &sink, &error), PW_OK);
    cr_assert_eq(sink->ops->start(sink, PW_U32, 7, &error), PW_OK);
    cr_assert_eq(volume_write(sink, &v, 2, 2), PW_E_CHECKSUM);
    sink->ops->abort(sink);
    pw_sink_close(sink);
    cr_assert_eq(entries_of(dir), 0);
    free(v.label);
    remove_directory(dir);
}

Test(tiff_sink, shapes_that_TIFF_cannot_hold_are_refused)
{
    struct volume v = {{1, 10, 10}, NULL};
    struct pw_sink *sink;
    struct pw_error error = {0};
    static const struct {
        uint64_t shape[3], chunk[3];
        enum pw_status status;
    } cases[] = {
        {{1, 100, 100}, {0, 20, 16}, PW_E_ARGUMENT},
        {{1, 100, 100}, {0, 16, 1 << 20}, PW_E_ARGUMENT},
        {{8, 100, 100}, {2, 16, 16}, PW_E_ARGUMENT},
        {{1, (uint64_t)1 << 33, 100}, {0, 0, 0}, PW_E_RANGE},
        {{1, UINT32_MAX, UINT32_MAX}, {0, 16, 16}, PW_E_RANGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memcpy(v.shape, cases[i].shape, sizeof v.shape);
        struct pw_sink_request request = volume_request(&v, "/tmp/never-made.tif", 3);
        memcpy(request.chunk, cases[i].chunk, sizeof request.chunk);
        cr_assert_eq(pw_sink_open("tiff", &request, &sink, &error), cases[i].status, "%zu: %s", i, error.message);
    }
}
