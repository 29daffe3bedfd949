#include "store/text_header.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/axis_names.h"
#include "store/inflate_source.h"
#include "store/linear_source.h"
#include "store/parts_source.h"
#include "store/tiff_stack.h"
#include "sys/file.h"

enum pw_status pw_text_header_read(const char *path, char **text, size_t *n, struct pw_error *error)
{
    int fd;
    uint64_t bytes;
    *text = NULL;
    enum pw_status status = pw_input_open(path, &fd, &bytes, error);
    if (status != PW_OK)
        return status;
    size_t wanted = (size_t)pw_min_u64(bytes, PW_TEXT_HEADER_MAX);
    *text = pw_alloc(wanted + 1, 1, error);
    status = *text != NULL ? pw_file_read(fd, *text, wanted, 0, n, path, error) : PW_E_NOMEM;
    (void)close(fd);
    return status;
}

void pw_text_header_beside(const char *path, const char *name, char *out, size_t capacity)
{
    char directory[4096];
    pw_file_parent(path, directory, sizeof directory);
    (void)snprintf(out, capacity, "%s%s%s", name[0] == '/' ? "" : directory, name[0] == '/' ? "" : "/", name);
}

int pw_text_word(const char **at, char *word, size_t capacity)
{
    *at += strspn(*at, " \t");
    size_t n = strcspn(*at, " \t\r\n");
    if (n == 0 || n >= capacity)
        return 0;
    memcpy(word, *at, n);
    word[n] = '\0';
    *at += n;
    return 1;
}

void pw_text_axis(struct pw_axis *axis, char letter, double scale, const char *unit)
{
    memset(axis, 0, sizeof *axis);
    pw_axis_name(axis, letter);
    axis->scale = 1.0;
    if (!isfinite(scale) || scale <= 0 || axis->kind == 'c')
        return;
    axis->scale = scale;
    (void)snprintf(axis->unit, sizeof axis->unit, "%s", pw_tiff_unit(unit));
}

/* Passes lines of the data file. */
static enum pw_status skip_lines(const struct pw_text_header *header, int fd, const char *path, uint64_t *offset,
                                 struct pw_error *error)
{
    char block[4096];
    for (uint64_t left = header->line_skip; left > 0;) {
        size_t got;
        enum pw_status status = pw_file_read(fd, block, sizeof block, *offset, &got, path, error);
        if (status != PW_OK)
            return status;
        if (got == 0)
            return pw_fail(error, PW_E_TRUNCATED, "%s: ends before the %llu lines that are to be skipped", path,
                           (unsigned long long)header->line_skip);
        size_t used = 0;
        while (used < got && left > 0)
            left -= block[used++] == '\n';
        *offset += used;
    }
    return PW_OK;
}

/* Bytes of the array, or 0 when there are more than any file has. */
static uint64_t array_bytes(const struct pw_text_header *header)
{
    uint64_t bytes;
    if (!pw_product_u64(header->shape, header->rank, &bytes) ||
        !pw_mul_u64(bytes, pw_dtype_bytes(header->dtype), &bytes))
        return 0;
    return bytes;
}

static const struct pw_source_ops *linear_ops(const char *format)
{
    static const struct pw_source_ops nrrd = {.format = "nrrd", .close = pw_linear_close};
    static const struct pw_source_ops mhd = {.format = "mhd", .close = pw_linear_close};
    return strcmp(format, "nrrd") == 0 ? &nrrd : &mhd;
}

enum pw_status pw_text_header_describe(const struct pw_text_header *header, struct pw_source *source, uint64_t offset,
                                       struct pw_error *error)
{
    struct pw_image_info *info = &source->info;
    info->rank = header->rank;
    info->dtype = header->dtype;
    memcpy(info->shape, header->shape, sizeof info->shape);
    int host_is_big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    int is_text = header->encoded && header->encoding == PW_ENCODED_TEXT; /* and becomes numbers of this host */
    int swap = !is_text && (header->big_endian != 0) != host_is_big;
    enum pw_status status = pw_linear_layout(source, offset, swap, error);
    for (int i = 0; i < info->rank && status == PW_OK; i++) {
        info->axis[i] = header->axis[i];
        info->level_scale[0][i] = info->axis[i].scale;
        info->level_translation[0][i] = info->axis[i].translation;
    }
    return status;
}

enum pw_status pw_text_header_data(const struct pw_text_header *header, int fd, const char *path, uint64_t file_bytes,
                                   uint64_t bytes, uint64_t *offset, struct pw_error *error)
{
    *offset = header->data_offset;
    enum pw_status status = skip_lines(header, fd, path, offset, error);
    if (status != PW_OK)
        return status;
    if (header->from_end)
        *offset = bytes < file_bytes ? file_bytes - bytes : 0;
    else if (!pw_add_u64(*offset, header->byte_skip, offset))
        return pw_fail(error, PW_E_RANGE, "%s: %llu bytes to skip", path, (unsigned long long)header->byte_skip);
    if (*offset <= file_bytes && bytes <= file_bytes - *offset)
        return PW_OK;
    return pw_fail(error, PW_E_TRUNCATED, "%s: %llu bytes of voxels from offset %llu on, the file has %llu", path,
                   (unsigned long long)bytes, (unsigned long long)*offset, (unsigned long long)file_bytes);
}

static enum pw_status make(const struct pw_text_header *header, const char *file, int fd, uint64_t file_bytes,
                           struct pw_source **source, struct pw_error *error)
{
    enum pw_status status = pw_linear_source_new(file, linear_ops(header->format), fd, source, error);
    uint64_t offset;
    if (status == PW_OK)
        status = pw_text_header_data(header, fd, file, file_bytes, array_bytes(header), &offset, error);
    return status == PW_OK ? pw_text_header_describe(header, *source, offset, error) : status;
}

static int is_compressed(const struct pw_text_header *header)
{
    return header->encoding == PW_ENCODED_DEFLATE || header->encoding == PW_ENCODED_BZIP2;
}

/* Adds a data file, whose stream begins behind the header, the lines to be passed, and the bytes when it is characters. */
static enum pw_status add_stream(const struct pw_text_header *header, const char *file, struct pw_source *source,
                                 struct pw_error *error)
{
    uint64_t offset = header->data_offset, file_bytes;
    int fd;
    enum pw_status status = pw_input_open(file, &fd, &file_bytes, error);
    if (status != PW_OK)
        return status;
    status = skip_lines(header, fd, file, &offset, error);
    (void)close(fd);
    if (!is_compressed(header) && !pw_add_u64(offset, header->byte_skip, &offset))
        return pw_fail(error, PW_E_RANGE, "%s: %llu bytes to skip", file, (unsigned long long)header->byte_skip);
    return status == PW_OK ? pw_inflate_source_add(source, file, offset, error) : status;
}

static enum pw_status make_encoded(const struct pw_text_header *header, const char *path, const char *file,
                                   struct pw_source **source, struct pw_error *error)
{
    enum pw_status status = pw_inflate_source_new(header->part.n > 0 ? path : file, header->format, header->encoding,
                                                  is_compressed(header) ? header->byte_skip : 0, source, error);
    if (status == PW_OK && header->part.n > 0 &&
        array_bytes(header) / pw_dtype_bytes(header->dtype) % (uint64_t)header->part.n != 0)
        status = pw_fail(error, PW_E_FORMAT, "%s: %d data files, which cannot have equal shares", path, header->part.n);
    else if (status == PW_OK && header->part.n == 0)
        status = add_stream(header, file, *source, error);
    for (int i = 0; i < header->part.n && status == PW_OK; i++)
        status = access(header->part.name[i], F_OK) == 0
                     ? add_stream(header, header->part.name[i], *source, error)
                     : pw_fail(error, PW_E_NOT_FOUND, "%s: is missing; %s says that voxels are in it",
                               header->part.name[i], path);
    return status == PW_OK ? pw_text_header_describe(header, *source, 0, error) : status;
}

enum pw_status pw_text_header_open(const struct pw_text_header *header, const char *path, struct pw_source **source,
                                   struct pw_error *error)
{
    const char *file = header->data_file[0] != '\0' ? header->data_file : path;
    struct pw_source *made = NULL;
    uint64_t file_bytes;
    int fd;
    if (header->part_lines_follow && header->part.n == 0)
        return pw_fail(error, PW_E_FORMAT, "%s: the list of data files is empty", path);
    if (header->part.n > 0 && !header->encoded)
        return pw_parts_source_open(header, path, source, error);
    if (header->data_file[0] != '\0' && access(file, F_OK) != 0)
        return pw_fail(error, PW_E_NOT_FOUND, "%s: is missing; %s says that the voxels are in it", file, path);
    enum pw_status status =
        header->encoded ? make_encoded(header, path, file, &made, error) : pw_input_open(file, &fd, &file_bytes, error);
    if (status == PW_OK && !header->encoded)
        status = make(header, file, fd, file_bytes, &made, error);
    if (status != PW_OK) {
        if (made != NULL)
            made->ops->close(made);
        return status;
    }
    *source = made;
    return PW_OK;
}
