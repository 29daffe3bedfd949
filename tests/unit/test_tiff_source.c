/* TIFF files made here with libtiff: layouts, descriptions, samples of odd widths, and damage. */
#include "sink_harness.h"

#include <fcntl.h>
#include <math.h>
#include <tiffio.h>

#include "store/tiff_stack.h"
#include "store/tiff_unpack.h"
#include "store/xml_scan.h"

struct page {
    uint32_t width, height;
    uint16_t samples, planar;
    uint32_t rows_per_strip; /* 0: tiles of 16 x 32 */
    uint16_t compression;
    uint32_t subfile_type;
    const char *description;
};

/* The sample s at (y, x) of page p. */
static uint16_t sample_at(uint64_t p, uint64_t y, uint64_t x, uint64_t s)
{
    return (uint16_t)(p * 7001 + y * 101 + x * 3 + s * 13);
}

static void put_tiles(TIFF *tif, const struct page *page, uint64_t number)
{
    uint16_t tile[16 * 32];
    for (uint32_t y = 0; y < page->height; y += 16)
        for (uint32_t x = 0; x < page->width; x += 32) {
            for (uint32_t i = 0; i < 16 * 32; i++)
                tile[i] = sample_at(number, y + i / 32, x + i % 32, 0);
            cr_assert_gt(TIFFWriteTile(tif, tile, x, y, 0, 0), 0);
        }
}

static void put_rows(TIFF *tif, const struct page *page, uint64_t number)
{
    uint16_t planes = page->planar == PLANARCONFIG_SEPARATE ? page->samples : 1;
    uint64_t side = page->samples / planes;
    uint16_t *row = malloc(page->width * side * 2);
    for (uint16_t s = 0; s < planes; s++)
        for (uint32_t y = 0; y < page->height; y++) {
            for (uint64_t i = 0; i < page->width * side; i++)
                row[i] = sample_at(number, y, i / side, planes > 1 ? s : i % side);
            cr_assert_eq(TIFFWriteScanline(tif, row, y, s), 1);
        }
    free(row);
}

/* Adds a page of uint16; number tells its samples. */
static void put_page(TIFF *tif, const struct page *page, uint64_t number)
{
    TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, page->width);
    TIFFSetField(tif, TIFFTAG_IMAGELENGTH, page->height);
    TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, 16);
    TIFFSetField(tif, TIFFTAG_SAMPLESPERPIXEL, page->samples ? page->samples : 1);
    TIFFSetField(tif, TIFFTAG_PLANARCONFIG, page->planar ? page->planar : PLANARCONFIG_CONTIG);
    TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
    TIFFSetField(tif, TIFFTAG_COMPRESSION, page->compression ? page->compression : COMPRESSION_NONE);
    if (page->subfile_type)
        TIFFSetField(tif, TIFFTAG_SUBFILETYPE, page->subfile_type);
    if (page->description)
        TIFFSetField(tif, TIFFTAG_IMAGEDESCRIPTION, page->description);
    struct page full = *page;
    full.samples = page->samples ? page->samples : 1;
    if (page->rows_per_strip == 0) {
        TIFFSetField(tif, TIFFTAG_TILEWIDTH, 32);
        TIFFSetField(tif, TIFFTAG_TILELENGTH, 16);
        put_tiles(tif, &full, number);
    } else {
        TIFFSetField(tif, TIFFTAG_ROWSPERSTRIP, page->rows_per_strip);
        put_rows(tif, &full, number);
    }
    cr_assert_eq(TIFFWriteDirectory(tif), 1);
}

static struct pw_source *open_tiff(const char *path)
{
    struct pw_source *source = NULL;
    struct pw_error error = {0};
    cr_assert_eq(pw_format_tiff.open(path, NULL, &source, &error), PW_OK, "%s", error.message);
    return source;
}

static enum pw_status open_failing(const char *path, struct pw_error *error)
{
    struct pw_source *source = NULL;
    memset(error, 0, sizeof *error);
    enum pw_status status = pw_format_tiff.open(path, NULL, &source, error);
    cr_assert_neq(status, PW_OK);
    cr_assert_not_null(strstr(error->message, path), "%s", error->message);
    return status;
}

static uint16_t *read_image(struct pw_source *source, uint64_t *n)
{
    struct pw_region all = {.rank = source->info.rank};
    struct pw_error error = {0};
    memcpy(all.shape, source->info.shape, sizeof all.shape);
    *n = pw_region_elements(&all);
    uint16_t *data = malloc(*n * 2);
    cr_assert_eq(pw_source_read(source, &all, data, &error), PW_OK, "%s", error.message);
    return data;
}

/* Whether the image is pages of one sample, in order. */
static void check_pages(struct pw_source *source, uint64_t pages, uint32_t height, uint32_t width)
{
    uint64_t n;
    uint16_t *data = read_image(source, &n);
    cr_assert_eq(n, pages * height * width);
    for (uint64_t i = 0; i < n; i++)
        cr_assert_eq(data[i], sample_at(i / width / height, i / width % height, i % width, 0), "element %llu",
                     (unsigned long long)i);
    free(data);
}

Test(tiff_source, layouts)
{
    const char *dir = fresh_directory();
    char path[200];
    static const struct {
        const char *mode;
        uint32_t rows_per_strip;
        uint16_t compression;
    } cases[] = {
        {"wl", 5, COMPRESSION_NONE},       {"wb", 5, COMPRESSION_NONE}, {"wb8", 100, COMPRESSION_NONE},
        {"wl", 5, COMPRESSION_LZW},        {"wb", 0, COMPRESSION_NONE}, {"wl8", 0, COMPRESSION_ADOBE_DEFLATE},
        {"wb", 100, COMPRESSION_PACKBITS}, {"wl", 1, COMPRESSION_NONE}, {"wl", 7, COMPRESSION_ZSTD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct page page = {
            .width = 70, .height = 33, .rows_per_strip = cases[i].rows_per_strip, .compression = cases[i].compression};
        (void)snprintf(path, sizeof path, "%s/%zu.tif", dir, i);
        TIFF *tif = TIFFOpen(path, cases[i].mode);
        for (uint64_t p = 0; p < 4; p++)
            put_page(tif, &page, p);
        TIFFClose(tif);
        struct pw_source *source = open_tiff(path);
        cr_assert_eq(source->info.rank, 3);
        cr_assert_str_eq(source->info.axis[0].name, "z");
        int plain = cases[i].compression == COMPRESSION_NONE && cases[i].rows_per_strip != 0;
        if (!plain)
            cr_assert_eq(source->capabilities, PW_SOURCE_CHUNKED);
        check_pages(source, 4, 33, 70);
        pw_source_close(source);
    }
    remove_directory(dir);
}

Test(tiff_source, uncompressed_pages_at_one_distance_are_linear)
{
    const char *dir = fresh_directory();
    char path[200];
    struct page page = {.width = 70, .height = 33, .rows_per_strip = 33};
    (void)snprintf(path, sizeof path, "%s/a.tif", dir);
    TIFF *tif = TIFFOpen(path, "wb");
    put_page(tif, &page, 0);
    TIFFClose(tif);
    struct pw_source *source = open_tiff(path);
    cr_assert_eq(source->capabilities, PW_SOURCE_LINEAR);
    cr_assert_eq(source->linear.stride_bytes[0], 140);
    cr_assert(source->linear.swap);
    check_pages(source, 1, 33, 70);
    pw_source_close(source);
    remove_directory(dir);
}

Test(tiff_source, a_giant_uncompressed_strip_is_cut_into_rows)
{
    const char *dir = fresh_directory();
    char path[200];
    /* Three pages whose distances differ, so that they are no linear array. */
    struct page page = {.width = 1500, .height = 1200, .rows_per_strip = 1200},
                odd = {.width = 9, .height = 9, .rows_per_strip = 9};
    (void)snprintf(path, sizeof path, "%s/a.tif", dir);
    TIFF *tif = TIFFOpen(path, "wl");
    put_page(tif, &page, 0);
    put_page(tif, &odd, 99);
    put_page(tif, &page, 1);
    put_page(tif, &page, 2);
    TIFFClose(tif);
    struct pw_source *source = open_tiff(path);
    cr_assert_eq(source->capabilities, PW_SOURCE_CHUNKED);
    cr_assert_leq(pw_source_chunk_bytes(source), 1 << 20);
    check_pages(source, 3, 1200, 1500);
    pw_source_close(source);
    remove_directory(dir);
}

Test(tiff_source, samples_side_by_side_and_in_planes)
{
    const char *dir = fresh_directory();
    char path[200];
    for (int planar = PLANARCONFIG_CONTIG; planar <= PLANARCONFIG_SEPARATE; planar++)
        for (int compression = COMPRESSION_NONE; compression <= COMPRESSION_LZW; compression += 4) {
            struct page page = {.width = 21,
                                .height = 10,
                                .rows_per_strip = 4,
                                .samples = 3,
                                .planar = (uint16_t)planar,
                                .compression = (uint16_t)compression};
            uint64_t n;
            (void)snprintf(path, sizeof path, "%s/a.tif", dir);
            TIFF *tif = TIFFOpen(path, "wl");
            put_page(tif, &page, 0);
            put_page(tif, &page, 1);
            TIFFClose(tif);
            struct pw_source *source = open_tiff(path);
            int c = planar == PLANARCONFIG_CONTIG ? 3 : 1;
            cr_assert_eq(source->info.rank, 4);
            cr_assert_eq(source->info.shape[c], 3);
            cr_assert_str_eq(source->info.axis[c].name, "c");
            cr_assert_eq(source->info.axis[c].kind, 'c');
            uint16_t *data = read_image(source, &n);
            for (uint64_t i = 0; i < n; i++) {
                uint64_t p = i / (3 * 210), in = i % (3 * 210);
                uint64_t s = planar == PLANARCONFIG_CONTIG ? in % 3 : in / 210;
                uint64_t pixel = planar == PLANARCONFIG_CONTIG ? in / 3 : in % 210;
                cr_assert_eq(data[i], sample_at(p, pixel / 21, pixel % 21, s));
            }
            free(data);
            pw_source_close(source);
        }
    remove_directory(dir);
}

Test(tiff_source, thumbnails_and_overviews_are_left_out)
{
    const char *dir = fresh_directory();
    char path[200];
    struct page page = {.width = 40, .height = 30, .rows_per_strip = 30, .compression = COMPRESSION_LZW};
    struct page thumbnail = {.width = 10, .height = 8, .rows_per_strip = 8};
    struct page overview = page;
    overview.subfile_type = FILETYPE_REDUCEDIMAGE;
    (void)snprintf(path, sizeof path, "%s/a.tif", dir);
    TIFF *tif = TIFFOpen(path, "wl");
    put_page(tif, &overview, 9);
    put_page(tif, &page, 0);
    put_page(tif, &thumbnail, 9);
    put_page(tif, &page, 1);
    TIFFClose(tif);
    struct pw_source *source = open_tiff(path);
    check_pages(source, 2, 30, 40);
    pw_source_close(source);

    /* A page that is like the others but cut differently cannot be left out. */
    struct page cut = page;
    cut.rows_per_strip = 7;
    struct pw_error error;
    tif = TIFFOpen(path, "wl");
    put_page(tif, &page, 0);
    put_page(tif, &cut, 1);
    TIFFClose(tif);
    cr_assert_eq(open_failing(path, &error), PW_E_UNSUPPORTED);
    cr_assert_not_null(strstr(error.message, "page 1"));
    remove_directory(dir);
}

Test(tiff_source, sparse_tiles_read_as_zero)
{
    const char *dir = fresh_directory();
    char path[200];
    uint16_t tile[16 * 32];
    uint64_t n;
    for (int i = 0; i < 16 * 32; i++)
        tile[i] = 7;
    (void)snprintf(path, sizeof path, "%s/a.tif", dir);
    TIFF *tif = TIFFOpen(path, "wl");
    TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, 64);
    TIFFSetField(tif, TIFFTAG_IMAGELENGTH, 16);
    TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, 16);
    TIFFSetField(tif, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
    TIFFSetField(tif, TIFFTAG_TILEWIDTH, 32);
    TIFFSetField(tif, TIFFTAG_TILELENGTH, 16);
    cr_assert_gt(TIFFWriteTile(tif, tile, 32, 0, 0, 0), 0);
    TIFFClose(tif);
    struct pw_source *source = open_tiff(path);
    uint16_t *data = read_image(source, &n);
    for (uint64_t i = 0; i < n; i++)
        cr_assert_eq(data[i], i % 64 < 32 ? 0 : 7);
    free(data);
    pw_source_close(source);
    remove_directory(dir);
}

/* ------------------------------------------------------------------------ *
 * Damage
 * ------------------------------------------------------------------------ */

Test(tiff_source, truncated_files_are_refused_by_page_and_strip)
{
    const char *dir = fresh_directory();
    char path[200];
    struct pw_error error;
    struct page page = {.width = 40, .height = 30, .rows_per_strip = 10};
    (void)snprintf(path, sizeof path, "%s/a.tif", dir);
    /* The first directory before the data of the first page: rewritten, so that cutting hits the strips. */
    unsigned char file[2600] = {'I', 'I', 42, 0, 8, 0, 0, 0, 8, 0};
    const uint32_t entries[8][3] = {{256, 4, 40}, {257, 4, 30},  {258, 3, 16}, {259, 3, 1},
                                    {262, 3, 1},  {273, 4, 200}, {278, 4, 30}, {279, 4, 2400}};
    for (int i = 0; i < 8; i++) {
        unsigned char *at = file + 10 + 12 * i;
        uint16_t tag = (uint16_t)entries[i][0], type = (uint16_t)entries[i][1];
        uint32_t one = 1;
        memcpy(at, &tag, 2);
        memcpy(at + 2, &type, 2);
        memcpy(at + 4, &one, 4);
        memcpy(at + 8, &entries[i][2], 4);
    }
    FILE *f = fopen(path, "wb");
    cr_assert_eq(fwrite(file, 1, sizeof file, f), sizeof file);
    fclose(f);
    struct pw_source *source = open_tiff(path);
    pw_source_close(source);
    cr_assert_eq(truncate(path, 2599), 0);
    cr_assert_eq(open_failing(path, &error), PW_E_TRUNCATED);
    cr_assert_not_null(strstr(error.message, "page 0, strip 0"), "%s", error.message);

    /* Cut at every place: an error that names the file, never a crash or a success. */
    TIFF *tif = TIFFOpen(path, "wl");
    for (uint64_t p = 0; p < 2; p++)
        put_page(tif, &page, p);
    TIFFClose(tif);
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    for (off_t n = info.st_size - 1; n >= 0; n -= 37) {
        cr_assert_eq(truncate(path, n), 0);
        (void)open_failing(path, &error);
    }
    remove_directory(dir);
}

Test(tiff_source, a_loop_of_directories_ends, .timeout = 10)
{
    const char *dir = fresh_directory();
    char path[200];
    struct page page = {.width = 8, .height = 8, .rows_per_strip = 8};
    struct pw_error error;
    (void)snprintf(path, sizeof path, "%s/a.tif", dir);
    TIFF *tif = TIFFOpen(path, "wl");
    for (uint64_t p = 0; p < 3; p++)
        put_page(tif, &page, p);
    TIFFClose(tif);
    /* The last directory's pointer to the next: back to the first. */
    FILE *f = fopen(path, "r+b");
    uint32_t first, at, next;
    uint16_t n;
    fseek(f, 4, SEEK_SET);
    cr_assert_eq(fread(&first, 4, 1, f), 1);
    for (at = first;; at = next) {
        fseek(f, at, SEEK_SET);
        cr_assert_eq(fread(&n, 2, 1, f), 1);
        fseek(f, at + 2 + 12L * n, SEEK_SET);
        cr_assert_eq(fread(&next, 4, 1, f), 1);
        if (next == 0)
            break;
    }
    fseek(f, at + 2 + 12L * n, SEEK_SET);
    cr_assert_eq(fwrite(&first, 4, 1, f), 1);
    fclose(f);
    cr_assert_eq(open_failing(path, &error), PW_E_FORMAT);
    remove_directory(dir);
}

Test(tiff_source, a_corrupt_strip_is_named)
{
    const char *dir = fresh_directory();
    char path[200];
    struct page page = {.width = 200, .height = 100, .rows_per_strip = 50, .compression = COMPRESSION_ADOBE_DEFLATE};
    struct pw_error error = {0};
    (void)snprintf(path, sizeof path, "%s/a.tif", dir);
    TIFF *tif = TIFFOpen(path, "wl");
    put_page(tif, &page, 0);
    TIFFClose(tif);
    FILE *f = fopen(path, "r+b");
    fseek(f, 8 + 100, SEEK_SET);
    fwrite("\xff\xff\xff\xff\xff\xff\xff\xff", 8, 1, f);
    fclose(f);
    struct pw_source *source = open_tiff(path);
    uint16_t *data = malloc(200 * 100 * 2);
    struct pw_region all = {.rank = 2, .shape = {100, 200}};
    cr_assert_eq(pw_source_read(source, &all, data, &error), PW_E_FORMAT);
    cr_assert_not_null(strstr(error.message, "page 0, strip 0"), "%s", error.message);
    free(data);
    pw_source_close(source);
    remove_directory(dir);
}

/* ------------------------------------------------------------------------ *
 * Descriptions
 * ------------------------------------------------------------------------ */

static struct pw_source *described(const char *path, uint64_t pages, const char *description)
{
    struct page page = {.width = 40, .height = 30, .rows_per_strip = 30, .description = description};
    TIFF *tif = TIFFOpen(path, "wb");
    for (uint64_t p = 0; p < pages; p++) {
        put_page(tif, &page, p);
        page.description = NULL;
    }
    TIFFClose(tif);
    return open_tiff(path);
}

static void check_axes(const struct pw_source *source, const char *names, const uint64_t *shape)
{
    cr_assert_eq(source->info.rank, (int)strlen(names));
    for (int i = 0; i < source->info.rank; i++) {
        cr_assert_eq(source->info.axis[i].name[0], names[i], "axis %d is %s", i, source->info.axis[i].name);
        cr_assert_eq(source->info.shape[i], shape[i]);
    }
}

Test(tiff_source, imagej_descriptions)
{
    const char *dir = fresh_directory();
    char path[200];
    (void)snprintf(path, sizeof path, "%s/a.tif", dir);
    struct pw_source *source =
        described(path, 12, "ImageJ=1.53t\nimages=12\nchannels=2\nslices=3\nframes=2\nunit=micron\nspacing=0.5\n");
    check_axes(source, "tzcyx", (const uint64_t[]){2, 3, 2, 30, 40});
    cr_assert_float_eq(source->info.axis[1].scale, 0.5, 1e-12);
    cr_assert_str_eq(source->info.axis[1].unit, "micrometer");
    pw_source_close(source);
    source = described(path, 4, "ImageJ=1.53t\nimages=4\nslices=4\n");
    check_axes(source, "zyx", (const uint64_t[]){4, 30, 40});
    check_pages(source, 4, 30, 40);
    pw_source_close(source);
    /* Counts that do not agree with the pages are not believed. */
    source = described(path, 4, "ImageJ=1.53t\nimages=9\nslices=3\nchannels=3\n");
    check_axes(source, "zyx", (const uint64_t[]){4, 30, 40});
    pw_source_close(source);
    remove_directory(dir);
}

Test(tiff_source, an_imagej_stack_behind_one_page)
{
    const char *dir = fresh_directory();
    char path[200];
    struct pw_error error;
    (void)snprintf(path, sizeof path, "%s/a.tif", dir);
    pw_source_close(described(path, 1, "ImageJ=1.53t\nimages=1\n"));
    struct page page = {
        .width = 40, .height = 30, .rows_per_strip = 30, .description = "ImageJ=1.53t\nimages=3\nslices=3\n"};
    TIFF *tif = TIFFOpen(path, "wb");
    put_page(tif, &page, 0);
    TIFFClose(tif);
    /* libtiff wrote the plane at 8; the directory stands where the second belongs.  Move it to the end. */
    unsigned char file[4096], *plane = calloc(3, 2400);
    FILE *f = fopen(path, "rb");
    size_t n = fread(file, 1, sizeof file, f);
    fclose(f);
    cr_assert_gt(n, 2408);
    for (uint64_t i = 0; i < 3 * 1200; i++) {
        uint16_t v = sample_at(i / 1200, i % 1200 / 40, i % 40, 0);
        plane[2 * i] = (unsigned char)(v >> 8);
        plane[2 * i + 1] = (unsigned char)v;
    }
    /* The data behind the directory instead: StripOffsets (tag 273) points there. */
    uint32_t directory = (uint32_t)file[4] << 24 | (uint32_t)file[5] << 16 | (uint32_t)file[6] << 8 | file[7];
    for (unsigned i = 0; i < file[directory + 1]; i++) {
        unsigned char *entry = file + directory + 2 + 12 * i;
        if (entry[0] != 1 || entry[1] != 17)
            continue;
        entry[2] = 0, entry[3] = 4;
        entry[8] = entry[9] = 0, entry[10] = (unsigned char)(n >> 8), entry[11] = (unsigned char)n;
    }
    f = fopen(path, "wb");
    fwrite(file, 1, n, f);
    fwrite(plane, 1, 3 * 2400, f);
    fclose(f);
    struct pw_source *source = open_tiff(path);
    cr_assert_eq(source->capabilities, PW_SOURCE_LINEAR);
    check_pages(source, 3, 30, 40);
    pw_source_close(source);
    cr_assert_eq(truncate(path, (off_t)n + 3 * 2400 - 1), 0);
    cr_assert_eq(open_failing(path, &error), PW_E_TRUNCATED);
    free(plane);
    remove_directory(dir);
}

#define PIXELS(order, c, z, t)                                                                                         \
    "<?xml version='1.0'?><!-- <Pixels SizeX='1'> --><ome:OME UUID='urn:uuid:1'><ome:Image><ome:Pixels "               \
    "DimensionOrder='" order "' SizeX='40' SizeY='30' SizeC='" c "' SizeZ='" z "' SizeT='" t "' "                      \
    "PhysicalSizeX='0.25' PhysicalSizeZ='700' PhysicalSizeZUnit='nm'>"

Test(tiff_source, ome_descriptions)
{
    const char *dir = fresh_directory();
    char path[200];
    (void)snprintf(path, sizeof path, "%s/a.ome.tif", dir);
    struct pw_source *source = described(path, 6, PIXELS("XYZCT", "3", "2", "1") "<TiffData/></ome:Pixels></ome:OME>");
    check_axes(source, "czyx", (const uint64_t[]){3, 2, 30, 40});
    cr_assert_float_eq(source->info.axis[1].scale, 700, 1e-9);
    cr_assert_str_eq(source->info.axis[1].unit, "nanometer");
    cr_assert_str_eq(source->info.axis[3].unit, "micrometer");
    check_pages(source, 6, 30, 40);
    pw_source_close(source);
    source = described(path, 6, PIXELS("XYCZT", "3", "2", "1") "</ome:Pixels></ome:OME>");
    check_axes(source, "zcyx", (const uint64_t[]){2, 3, 30, 40});
    pw_source_close(source);
    /* Planes told one by one, backwards. */
    source = described(path, 2,
                       PIXELS("XYZCT", "1", "2", "1") "<TiffData FirstZ='1' IFD='0'/><TiffData FirstZ='0' IFD='1'>"
                                                      "<UUID FileName='renamed.tif'>urn:uuid:1</UUID></TiffData>"
                                                      "</ome:Pixels></ome:OME>");
    check_axes(source, "zyx", (const uint64_t[]){2, 30, 40});
    uint64_t n;
    uint16_t *data = read_image(source, &n);
    for (uint64_t i = 0; i < n; i++)
        cr_assert_eq(data[i], sample_at(1 - i / 1200, i % 1200 / 40, i % 40, 0));
    free(data);
    pw_source_close(source);
    remove_directory(dir);
}

Test(tiff_source, ome_descriptions_that_do_not_agree_are_not_believed)
{
    static const char *const texts[] = {
        PIXELS("XYZCT", "3", "5", "1") "</ome:Pixels></ome:OME>",                         /* too many planes */
        PIXELS("XYZZT", "3", "2", "1") "</ome:Pixels></ome:OME>",                         /* no order */
        PIXELS("XYZCT", "3", "x", "1") "</ome:Pixels></ome:OME>",                         /* no number */
        PIXELS("XYZCT", "3", "2", "1") "<TiffData IFD='5' PlaneCount='2'/></ome:Pixels>", /* beyond the pages */
        PIXELS("XYZCT", "3", "2", "1") "<TiffData FirstC='3'/></ome:Pixels>",             /* beyond the planes */
        PIXELS("XYZCT", "3", "2", "1") "<TiffData IFD='0'/></ome:Pixels>",                /* planes without a page */
        PIXELS("XYZCT", "18446744073709551615", "4", "1") "<TiffData/></ome:Pixels>",     /* overflow */
        "<OME><Image><Pixels SizeX='40",
        "<OME",
        "<OME><BinaryOnly MetadataFile='a'/></OME>",
    };
    const char *dir = fresh_directory();
    char path[200];
    (void)snprintf(path, sizeof path, "%s/a.ome.tif", dir);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct pw_source *source = described(path, 6, texts[i]);
        check_axes(source, "zyx", (const uint64_t[]){6, 30, 40});
        check_pages(source, 6, 30, 40);
        pw_source_close(source);
    }
    remove_directory(dir);
}

Test(xml_scan, elements_and_attributes)
{
    static const char text[] = "<?x <no> ?><!-- <no> --><a:one k = 'v>1' e=\"&lt;&amp;\"/><![CDATA[<no>]]>"
                               "<two>text</two><three";
    struct pw_xml xml = {text, text + sizeof text - 1};
    struct pw_xml_element e;
    char value[8];
    cr_assert(pw_xml_next(&xml, &e) && pw_xml_is(&e, "one") && !e.closing);
    cr_assert(pw_xml_attribute(&e, "k", value, sizeof value));
    cr_assert_str_eq(value, "v>1");
    cr_assert(pw_xml_attribute(&e, "e", value, sizeof value));
    cr_assert_str_eq(value, "<&");
    cr_assert_not(pw_xml_attribute(&e, "k", value, 3));
    cr_assert_not(pw_xml_attribute(&e, "z", value, sizeof value));
    cr_assert(pw_xml_next(&xml, &e) && pw_xml_is(&e, "two") && strncmp(e.text, "text", 4) == 0);
    cr_assert(pw_xml_next(&xml, &e) && pw_xml_is(&e, "two") && e.closing);
    cr_assert_not(pw_xml_next(&xml, &e));
}

/* ------------------------------------------------------------------------ *
 * Samples
 * ------------------------------------------------------------------------ */

Test(tiff_unpack, bit_streams_of_every_width)
{
    uint64_t state = 5;
    for (unsigned bits = 1; bits <= 64; bits++) {
        if (bits == 24 || pw_tiff_sample_is_native(bits))
            continue;
        enum {
            ROWS = 3,
            SAMPLES = 11
        };
        unsigned char packed[ROWS * SAMPLES * 8] = {0};
        uint64_t expected[ROWS * SAMPLES];
        uint64_t row_bytes = pw_tiff_row_bytes(SAMPLES, bits);
        for (unsigned i = 0; i < ROWS * SAMPLES; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            expected[i] = state >> (64 - bits);
            for (unsigned b = 0; b < bits; b++) {
                uint64_t at = i / SAMPLES * row_bytes * 8 + i % SAMPLES * bits + b;
                packed[at / 8] |= (unsigned char)((expected[i] >> (bits - 1 - b) & 1) << (7 - at % 8));
            }
        }
        for (int kind = PW_TIFF_UNSIGNED; kind <= PW_TIFF_SIGNED; kind++) {
            size_t n = pw_dtype_bytes(pw_tiff_sample_dtype((enum pw_tiff_sample_kind)kind, bits));
            unsigned char out[ROWS * SAMPLES * 8];
            pw_tiff_unpack((enum pw_tiff_sample_kind)kind, bits, 0, packed, ROWS, SAMPLES, out);
            for (unsigned i = 0; i < ROWS * SAMPLES; i++) {
                uint64_t want = expected[i], got = 0;
                if (kind == PW_TIFF_SIGNED && bits > 1 && want >> (bits - 1) & 1)
                    want |= ~(uint64_t)0 << (bits - 1);
                memcpy(&got, out + i * n, n);
                cr_assert_eq(got, n == 8 ? want : want & (((uint64_t)1 << (8 * n)) - 1), "%u bits", bits);
            }
        }
    }
}

Test(tiff_unpack, floats_of_24_bits)
{
    static const struct {
        unsigned char bytes[3];
        float value;
    } cases[] = {
        {{0x3f, 0x00, 0x00}, 1.0f},     {{0xc0, 0x80, 0x00}, -3.0f},        {{0x00, 0x00, 0x00}, 0.0f},
        {{0x00, 0x80, 0x00}, 0x1p-63f}, {{0x00, 0x00, 0x01}, 0x1p-78f},     {{0x7f, 0x00, 0x00}, INFINITY},
        {{0x01, 0x00, 0x00}, 0x1p-62f}, {{0x7e, 0xff, 0xff}, 0x1.ffffp63f},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float out = -1;
        unsigned char reversed[3] = {cases[i].bytes[2], cases[i].bytes[1], cases[i].bytes[0]};
        pw_tiff_unpack(PW_TIFF_FLOAT, 24, 1, cases[i].bytes, 1, 1, &out);
        cr_assert(out == cases[i].value, "%zu: %a", i, (double)out);
        pw_tiff_unpack(PW_TIFF_FLOAT, 24, 0, reversed, 1, 1, &out);
        cr_assert(out == cases[i].value, "%zu: %a", i, (double)out);
    }
}
