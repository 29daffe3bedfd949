#include "store/linear_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "sys/file.h"

/* A block that is cheap to read: one request of this size costs little more than a smaller one. */
enum {
    HINT_BYTES = 1 << 20
};

enum pw_status pw_input_open(const char *path, int *fd, uint64_t *file_bytes, struct pw_error *error)
{
    struct stat info;
    *fd = -1;
    /* Looked at before opening: opening a FIFO would block. */
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: not a regular file", path);
    enum pw_status status = pw_file_open_read(path, fd, error);
    if (status != PW_OK)
        return status;
    off_t end = lseek(*fd, 0, SEEK_END);
    if (end < 0) {
        status = pw_fail(error, PW_E_IO, "%s: cannot tell its size", path);
        (void)close(*fd);
        *fd = -1;
        return status;
    }
    *file_bytes = (uint64_t)end;
    return PW_OK;
}

enum pw_status pw_linear_source_new(const char *path, const struct pw_source_ops *ops, int fd,
                                    struct pw_source **source, struct pw_error *error)
{
    struct pw_source *made = pw_alloc(1, sizeof *made, error);
    if (made == NULL) {
        (void)close(fd);
        return PW_E_NOMEM;
    }
    made->ops = ops;
    made->capabilities = PW_SOURCE_LINEAR;
    made->linear.fd = fd;
    (void)snprintf(made->path, sizeof made->path, "%s", path);
    (void)snprintf(made->info.format, sizeof made->info.format, "%s", ops->format);
    *source = made;
    return PW_OK;
}

void pw_linear_close(struct pw_source *source)
{
    if (source == NULL)
        return;
    if (source->linear.fd >= 0)
        (void)close(source->linear.fd);
    free(source);
}

const char *pw_shape_text(char *text, size_t capacity, const uint64_t *shape, int rank)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < rank && used < capacity; i++) {
        int n = snprintf(text + used, capacity - used, "%s%llu", i ? "," : "", (unsigned long long)shape[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return text;
}

void pw_linear_name_axes(struct pw_image_info *info)
{
    static const char *const spatial[3] = {"x", "y", "z"};
    for (int i = 0; i < info->rank; i++) {
        struct pw_axis *axis = &info->axis[i];
        int from_last = info->rank - 1 - i;
        memset(axis, 0, sizeof *axis);
        axis->kind = from_last < 3 ? 's' : '?';
        axis->scale = 1.0;
        (void)snprintf(axis->name, sizeof axis->name, "%s", from_last < 3 ? spatial[from_last] : "");
    }
}

/* Full rows, as many as make about 1 MiB, of one plane. */
static void hint_chunk(struct pw_image_info *info, uint64_t row_bytes)
{
    for (int i = 0; i < info->rank; i++)
        info->chunk[i] = 1;
    info->chunk[info->rank - 1] = info->shape[info->rank - 1];
    if (info->rank >= 2) {
        uint64_t rows = pw_max_u64(HINT_BYTES / row_bytes, 1);
        info->chunk[info->rank - 2] = pw_min_u64(rows, info->shape[info->rank - 2]);
    }
    memcpy(info->shard, info->chunk, sizeof info->shard);
}

enum pw_status pw_linear_layout(struct pw_source *source, uint64_t offset_bytes, int swap, struct pw_error *error)
{
    struct pw_image_info *info = &source->info;
    struct pw_linear *linear = &source->linear;
    char text[256];
    if (info->rank < 1 || info->rank > PW_MAX_RANK)
        return pw_fail(error, PW_E_FORMAT, "%s: %d axes, 1 to %d are possible", source->path, info->rank, PW_MAX_RANK);
    uint64_t stride = pw_dtype_bytes(info->dtype);
    for (int i = info->rank - 1; i >= 0; i--) {
        if (info->shape[i] == 0)
            return pw_fail(error, PW_E_FORMAT, "%s: shape %s has no elements", source->path,
                           pw_shape_text(text, sizeof text, info->shape, info->rank));
        linear->stride_bytes[i] = stride;
        if (!pw_mul_u64(stride, info->shape[i], &stride) || stride > (uint64_t)INT64_MAX)
            return pw_fail(error, PW_E_RANGE, "%s: shape %s of %s is larger than any file", source->path,
                           pw_shape_text(text, sizeof text, info->shape, info->rank), pw_dtype_name(info->dtype));
    }
    if (!pw_add_u64(offset_bytes, stride, &linear->file_bytes) || linear->file_bytes > (uint64_t)INT64_MAX)
        return pw_fail(error, PW_E_RANGE, "%s: an offset of %llu is larger than any file", source->path,
                       (unsigned long long)offset_bytes);
    linear->offset_bytes = offset_bytes;
    source->fill = 0; /* what a hole of the file reads as, whatever the format says of elements it has not stored */
    linear->swap = swap && pw_dtype_bytes(info->dtype) > 1;
    pw_linear_name_axes(info);
    hint_chunk(info, info->shape[info->rank - 1] * pw_dtype_bytes(info->dtype));
    (void)snprintf(info->codec, sizeof info->codec, "none");
    info->n_levels = 1;
    memcpy(info->level_shape[0], info->shape, sizeof info->level_shape[0]);
    for (int i = 0; i < info->rank; i++)
        info->level_scale[0][i] = 1.0;
    return PW_OK;
}
