#include "store/source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dtype.h"
#include "base/error.h"
#include "store/axis_names.h"
#include "store/bdv_xml.h"
#include "store/elements.h"
#include "store/file_series.h"
#include "store/foreign.h"
#include "store/hdf5_format.h"
#include "store/kv.h"
#include "store/stretch_source.h"
#include "store/zarr_node.h"
#include "store/tiles_source.h"
#include "sys/file.h"

static const struct pw_format *const formats[] = {
    &pw_format_zarr, &pw_format_n5,  &pw_format_tiff, &pw_format_bdv_xml, &pw_format_ome_companion, &pw_format_npy,
    &pw_format_nrrd, &pw_format_mhd, &pw_format_mrc,  &pw_format_tiles,   &pw_format_tiff_series,   &pw_format_hdf5};

enum {
    FORMAT_COUNT = (int)(sizeof formats / sizeof formats[0])
};

static int describes_raw(const struct pw_open_options *options)
{
    return options != NULL && (options->raw_rank != 0 || options->raw_dtype != PW_DTYPE_NONE ||
                               options->raw_offset_bytes != 0 || options->raw_big_endian != 0);
}

/* One of several images may be asked for only where there may be several; else the whole would be taken for it. */
static enum pw_status check_choice(const struct pw_format *format, const char *path,
                                   const struct pw_open_options *options, struct pw_error *error)
{
    const char *series = options != NULL ? options->series : NULL, *well = options != NULL ? options->well : NULL;
    if (series != NULL && strcmp(series, "0") != 0 && !format->has_series)
        return pw_fail(error, PW_E_ARGUMENT, "--series %s: %s is %s, which has one image", series, path, format->name);
    if (well != NULL && !format->has_wells)
        return pw_fail(error, PW_E_ARGUMENT, "--well %s: %s is %s, and no plate", well, path, format->name);
    return PW_OK;
}

static enum pw_status open_format(const struct pw_format *format, const char *path,
                                  const struct pw_open_options *options, struct pw_source **source,
                                  struct pw_error *error)
{
    if (describes_raw(options))
        return pw_fail(error, PW_E_ARGUMENT,
                       "%s: is %s and describes itself; leave out shape, type, offset and byte order", path,
                       format->name);
    enum pw_status status = check_choice(format, path, options, error);
    return status == PW_OK ? format->open(path, options, source, error) : status;
}

/* A directory that no format claims. */
static enum pw_status refuse_directory(const char *path, struct pw_error *error)
{
    char names[300];
    if (pw_zarr_children(&pw_kv_dir, path, names, sizeof names) > 0)
        return pw_fail(error, PW_E_ARGUMENT, "%s: a directory without zarr metadata; open one of those in it: %s", path,
                       names);
    return pw_fail(error, PW_E_FORMAT,
                   "%s: a directory without zarr (zarr.json, .zarray, .zgroup) or N5 (attributes.json) metadata", path);
}

static enum pw_status open_directory(const char *path, const struct pw_open_options *options, struct pw_source **source,
                                     struct pw_error *error)
{
    for (int i = 0; i < FORMAT_COUNT; i++)
        if (formats[i]->recognise(path, NULL, 0))
            return open_format(formats[i], path, options, source, error);
    return refuse_directory(path, error);
}

/* A file that no format claims and no options describe. */
static enum pw_status refuse_file(const char *path, const unsigned char *head, size_t n, struct pw_error *error)
{
    const struct pw_foreign *foreign = pw_foreign_find(head, n);
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    if (n == 0)
        return pw_fail(error, PW_E_FORMAT, "%s: is empty", path);
    if (strcmp(name, "zarr.json") == 0 || strcmp(name, ".zarray") == 0 || strcmp(name, ".zgroup") == 0 ||
        strcmp(name, ".zattrs") == 0)
        return pw_fail(error, PW_E_ARGUMENT, "%s: is the metadata of a zarr; give the directory that holds it", path);
    if (foreign != NULL)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: is %s, which is not read; %s", path, foreign->name, foreign->hint);
    return pw_fail(error, PW_E_FORMAT,
                   "%s: format not recognised (zarr, TIFF, NRRD, MetaImage, MRC and npy are by their content; a raw "
                   "file needs its shape and "
                   "element type told)",
                   path);
}

static enum pw_status read_head(const char *path, unsigned char *head, size_t *n, struct pw_error *error)
{
    int fd;
    enum pw_status status = pw_file_open_read(path, &fd, error);
    if (status != PW_OK)
        return status;
    status = pw_file_read(fd, head, PW_FOREIGN_HEAD_BYTES, 0, n, path, error);
    (void)close(fd);
    return status;
}

static enum pw_status open_file(const char *path, const struct pw_open_options *options, struct pw_source **source,
                                struct pw_error *error)
{
    unsigned char head[PW_FOREIGN_HEAD_BYTES];
    size_t n = 0;
    enum pw_status status = read_head(path, head, &n, error);
    if (status != PW_OK)
        return status;
    for (int i = 0; i < FORMAT_COUNT && n > 0; i++)
        if (formats[i]->recognise(path, head, n))
            return open_format(formats[i], path, options, source, error);
    return describes_raw(options) ? pw_raw_open(path, options, source, error) : refuse_file(path, head, n, error);
}

/* Formats without levels have one; those with levels have opened the right one. */
static enum pw_status check_level(struct pw_source **source, const struct pw_open_options *options,
                                  struct pw_error *error)
{
    int level = options != NULL ? options->level : 0;
    if (level == 0 || (*source)->info.level == level)
        return PW_OK;
    enum pw_status status =
        pw_fail(error, PW_E_ARGUMENT, "%s: has only level 0; there is no level %d", (*source)->path, level);
    pw_source_close(*source);
    *source = NULL;
    return status;
}

/* Of an uncompressed file, whether x is further apart than the samples of a pixel may be. */
static int rows_are_scattered(const struct pw_source *source)
{
    const struct pw_image_info *info = &source->info;
    if (!(source->capabilities & PW_SOURCE_LINEAR))
        return 0;
    for (int a = 0; a < info->rank; a++)
        if (strcmp(info->axis[a].name, "x") == 0)
            return source->linear.stride_bytes[a] > 16 * pw_dtype_bytes(info->dtype);
    return 0;
}

static int any_is_named(const struct pw_names *names)
{
    for (int i = 0; i < names->n; i++)
        if (names->name[i][0] != '\0')
            return 1;
    return 0;
}

/* What a format has collected; a list of channels that does not fit the image is worth nothing. */
static void hand_out_names(struct pw_source *source)
{
    struct pw_image_info *info = &source->info;
    uint64_t n_channels = 1;
    for (int a = 0; a < info->rank; a++)
        n_channels *= info->axis[a].kind == 'c' ? info->shape[a] : 1;
    info->n_channel_names =
        (uint64_t)source->channel_names.n == n_channels && any_is_named(&source->channel_names) ? (int)n_channels : 0;
    info->channel_names = (const char *const *)source->channel_names.name;
    info->n_channel_shows = (uint64_t)source->channel_shows.n == n_channels ? source->channel_shows.n : 0;
    info->channel_shows = (const char *const *)source->channel_shows.name;
    if (source->series_names.n > 0) {
        info->n_series = source->series_names.n;
        info->series_names = (const char *const *)source->series_names.name;
    }
}

/* What is at no path, and may be an address. */
static enum pw_status refuse_missing(const char *path, int why, struct pw_error *error)
{
    size_t scheme = strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
    if (strncmp(path, "file:", 5) == 0)
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: addresses are not read; give the path, without \"file://\" and %%20", path);
    if (scheme > 1 && strncmp(path + scheme, "://", 3) == 0)
        return pw_fail(error, PW_E_UNSUPPORTED,
                       "%s: images on other hosts are not read; download it, or mount where it is as a file system",
                       path);
    return pw_fail_errno(error, PW_E_IO, why, "%s: cannot open", path);
}

enum pw_status pw_source_open(const char *path, const struct pw_open_options *options, const char *scratch_dir,
                              struct pw_source **source, struct pw_error *error)
{
    struct stat st;
    enum pw_status status;
    *source = NULL;
    if (path == NULL || path[0] == '\0')
        return pw_fail(error, PW_E_ARGUMENT, "no image given");
    if (strlen(path) >= sizeof(*source)->path)
        return pw_fail(error, PW_E_ARGUMENT, "%.100s...: path is longer than %zu bytes", path,
                       sizeof(*source)->path - 1);
    if (strcmp(path, "-") == 0)
        status = pw_stream_open(STDIN_FILENO, options, scratch_dir, source, error);
    else if (stat(path, &st) != 0 && errno == ENOTDIR && pw_kv_is_zip(path))
        status = open_format(&pw_format_zarr, path, options, source, error);
    else if (stat(path, &st) != 0 && pw_hdf5_is_inside(path))
        status = open_format(&pw_format_hdf5, path, options, source, error);
    else if (stat(path, &st) != 0 && pw_file_series_is_pattern(path))
        status = open_format(&pw_format_tiff_series, path, options, source, error);
    else if (stat(path, &st) != 0)
        return refuse_missing(path, errno, error);
    else if (S_ISDIR(st.st_mode))
        status = open_directory(path, options, source, error);
    else if (S_ISREG(st.st_mode))
        status = open_file(path, options, source, error);
    else
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: neither a file nor a directory; for a pipe give \"-\"", path);
    if (status == PW_OK && (*source)->info.path[0] == '\0')
        memcpy((*source)->info.path, path, strlen(path) + 1);
    if (status != PW_OK)
        return status;
    if (scratch_dir != NULL && strlen(scratch_dir) < sizeof(*source)->scratch_dir)
        memcpy((*source)->scratch_dir, scratch_dir, strlen(scratch_dir) + 1);
    hand_out_names(*source);
    status = check_level(source, options, error);
    if (status == PW_OK && options != NULL && options->axes != NULL)
        status = pw_axes_rename(*source, options->axes, error);
    if (status == PW_OK && rows_are_scattered(*source))
        status = pw_stretch_source(source, error);
    if (status != PW_OK && *source != NULL) {
        pw_source_close(*source);
        *source = NULL;
    }
    return status;
}

void pw_source_close(struct pw_source *source)
{
    if (source == NULL)
        return;
    struct pw_names channels = source->channel_names, shows = source->channel_shows, series = source->series_names;
    source->ops->close(source);
    pw_names_release(&shows);
    pw_names_release(&channels);
    pw_names_release(&series);
}

void pw_source_chunk_region(const struct pw_source *source, const uint64_t *chunk_index, struct pw_region *region)
{
    region->rank = source->info.rank;
    for (int i = 0; i < source->info.rank; i++) {
        region->start[i] = chunk_index[i] * source->info.chunk[i];
        region->shape[i] = source->info.chunk[i];
    }
}

uint64_t pw_source_chunk_bytes(const struct pw_source *source)
{
    uint64_t bytes = pw_dtype_bytes(source->info.dtype);
    for (int i = 0; i < source->info.rank; i++)
        bytes *= source->info.chunk[i]; /* the format made sure that it fits */
    return bytes;
}

void pw_source_fill(const struct pw_source *source, void *voxels, uint64_t count)
{
    pw_elements_fill(voxels, count, source->fill, pw_dtype_bytes(source->info.dtype));
}
