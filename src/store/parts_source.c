#include "store/parts_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/linear_source.h"
#include "store/stretch_source.h"

struct part {
    char *path;
    uint64_t offset;
};

struct parts_source {
    struct pw_source base;
    struct part *part;
    int n;
    int split;     /* the axis along which files follow one another fastest */
    uint64_t each; /* places along it in a file */
};

static uint64_t part_of(const struct parts_source *parts, const uint64_t *chunk_index, uint64_t *offset)
{
    const struct pw_image_info *info = &parts->base.info;
    uint64_t number = 0;
    *offset = 0;
    for (int i = 0; i < info->rank; i++) {
        uint64_t start = chunk_index[i] * info->chunk[i];
        if (i < parts->split)
            number = number * info->shape[i] + start;
        else if (i == parts->split) {
            number = number * (info->shape[i] / parts->each) + start / parts->each;
            *offset += start % parts->each * parts->base.linear.stride_bytes[i];
        } else
            *offset += start * parts->base.linear.stride_bytes[i];
    }
    return number;
}

static enum pw_status parts_locate(struct pw_source *source, const uint64_t *chunk_index, struct pw_extent *extent,
                                   struct pw_error *error)
{
    const struct parts_source *parts = (struct parts_source *)source;
    const struct part *part = &parts->part[part_of(parts, chunk_index, &extent->offset)];
    size_t n = strlen(part->path);
    if (n >= sizeof extent->path)
        return pw_fail(error, PW_E_ARGUMENT, "%.100s...: path is longer than %zu bytes", part->path,
                       sizeof extent->path - 1);
    memcpy(extent->path, part->path, n + 1);
    extent->fd = -1;
    extent->offset += part->offset;
    extent->length = pw_stretch_elements(source, chunk_index) * pw_dtype_bytes(source->info.dtype);
    return PW_OK;
}

static void parts_close(struct pw_source *source)
{
    struct parts_source *parts = (struct parts_source *)source;
    for (int i = 0; i < parts->n; i++)
        free(parts->part[i].path);
    free(parts->part);
    free(parts);
}

/* The header first. */
static const char *parts_file(const struct pw_source *source, uint64_t i)
{
    const struct parts_source *parts = (const struct parts_source *)source;
    return i == 0 ? source->path : i <= (uint64_t)parts->n ? parts->part[i - 1].path : NULL;
}

static const struct pw_source_ops *ops_of(const char *format)
{
    static const struct pw_source_ops nrrd = {.format = "nrrd",
                                              .locate = parts_locate,
                                              .decode = pw_stretch_decode,
                                              .close = parts_close,
                                              .file = parts_file};
    static const struct pw_source_ops mhd = {
        .format = "mhd", .locate = parts_locate, .decode = pw_stretch_decode, .close = parts_close, .file = parts_file};
    return strcmp(format, "nrrd") == 0 ? &nrrd : &mhd;
}

/* How many places of which axis a file has. */
static enum pw_status share(struct parts_source *parts, const struct pw_text_header *header, const char *path,
                            struct pw_error *error)
{
    const struct pw_image_info *info = &parts->base.info;
    int rank = header->part_rank > 0 ? header->part_rank : info->rank - 1;
    uint64_t wanted = 1, n = (uint64_t)header->part.n;
    parts->split = rank < info->rank ? info->rank - rank - 1 : 0;
    parts->each = 1;
    if (rank < info->rank && !pw_product_u64(info->shape, parts->split + 1, &wanted))
        wanted = UINT64_MAX;
    if (rank >= info->rank) {
        wanted = info->shape[0] % n == 0 ? n : info->shape[0];
        parts->each = info->shape[0] / n;
    }
    if (n == wanted)
        return PW_OK;
    return pw_fail(error, PW_E_FORMAT, "%s: %llu data files of %d axes, where its sizes make %llu", path,
                   (unsigned long long)n, rank < info->rank ? rank : info->rank, (unsigned long long)wanted);
}

static enum pw_status add_part(struct parts_source *parts, const struct pw_text_header *header, const char *name,
                               const char *path, struct pw_error *error)
{
    struct part *part = &parts->part[parts->n];
    uint64_t bytes = parts->each * parts->base.linear.stride_bytes[parts->split], file_bytes;
    int fd;
    if (access(name, F_OK) != 0)
        return pw_fail(error, errno == ENOENT ? PW_E_NOT_FOUND : PW_E_IO,
                       "%s: is missing; %s says that voxels are in it", name, path);
    if ((part->path = pw_strdup(name, error)) == NULL)
        return PW_E_NOMEM;
    parts->n++;
    enum pw_status status = pw_input_open(name, &fd, &file_bytes, error);
    if (status != PW_OK)
        return status;
    status = pw_text_header_data(header, fd, name, file_bytes, bytes, &part->offset, error);
    (void)close(fd);
    return status;
}

static enum pw_status set_up(struct parts_source *parts, const struct pw_text_header *header, const char *path,
                             struct pw_error *error)
{
    enum pw_status status = pw_text_header_describe(header, &parts->base, 0, error);
    if (status == PW_OK)
        status = share(parts, header, path, error);
    if (status != PW_OK)
        return status;
    parts->part = pw_alloc((size_t)header->part.n, sizeof *parts->part, error);
    if (parts->part == NULL)
        return PW_E_NOMEM;
    for (int i = 0; i < header->part.n && status == PW_OK; i++)
        status = add_part(parts, header, header->part.name[i], path, error);
    parts->base.capabilities = PW_SOURCE_CHUNKED | PW_SOURCE_WHOLE;
    pw_stretch_chunk(&parts->base, parts->split, parts->each);
    return status;
}

enum pw_status pw_parts_source_open(const struct pw_text_header *header, const char *path, struct pw_source **source,
                                    struct pw_error *error)
{
    struct parts_source *parts = pw_alloc(1, sizeof *parts, error);
    if (parts == NULL)
        return PW_E_NOMEM;
    parts->base.linear.fd = -1;
    parts->base.ops = ops_of(header->format);
    (void)snprintf(parts->base.path, sizeof parts->base.path, "%s", path);
    enum pw_status status = set_up(parts, header, path, error);
    if (status == PW_OK)
        *source = &parts->base;
    else
        parts_close(&parts->base);
    return status;
}
