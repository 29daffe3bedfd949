/* An image as rows in one file, t c z y x, after a header (npy, NRRD, MetaImage), beside one, or without one (raw). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/image_output.h"
#include "store/pending_file.h"
#include "store/raster_header.h"
#include "store/unit_shape.h"
#include "sys/file.h"

enum {
    UNIT_BYTES = 16 << 20
};

struct raster_image {
    struct pw_image_output base;
    const struct pw_raster_format *format;
    int overwrite;
    struct pw_raster_array array;
    struct pw_pending_file file;
    char data_path[4096]; /* of file, when that is not the header's */
    uint64_t header_bytes;
};

static struct raster_image *of(struct pw_image_output *output)
{
    return (struct raster_image *)output;
}

static const uint64_t *shape_of(const struct raster_image *image)
{
    return image->base.levels.shape[0];
}

static enum pw_status raster_start(struct pw_image_output *output, struct pw_error *error)
{
    struct raster_image *image = of(output);
    char header[PW_RASTER_HEADER_MAX];
    uint64_t total = pw_dtype_bytes(image->array.dtype);
    int is_detached = image->data_path[0] != '\0';
    const char *path = is_detached ? image->data_path : output->path;
    if (!pw_mul_u64(total, image->array.axes.times, &total) || !pw_mul_u64(total, image->array.axes.channels, &total))
        total = UINT64_MAX;
    for (int i = 0; i < 3; i++)
        if (!pw_mul_u64(total, shape_of(image)[i], &total) || total > (uint64_t)INT64_MAX - PW_RASTER_HEADER_MAX)
            return pw_fail(error, PW_E_RANGE, "%s: the image is larger than any file", output->path);
    enum pw_status status = pw_pending_open(&image->file, path, image->overwrite, error);
    if (status != PW_OK)
        return status;
    if (image->format->header != NULL && !is_detached)
        image->header_bytes = image->format->header(&image->array, NULL, header);
    if (ftruncate(image->file.fd, (off_t)(image->header_bytes + total)) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be given its %llu bytes", path,
                             (unsigned long long)(image->header_bytes + total));
    output->bytes_written += image->header_bytes;
    return pw_file_write(image->file.fd, header, (size_t)image->header_bytes, 0, path, error);
}

static enum pw_status raster_level(struct pw_image_output *output, int level, struct pw_error *error)
{
    (void)output;
    (void)level;
    (void)error;
    return PW_OK; /* there is one level, and it is the file */
}

/* Nothing is kept from unit to unit. */
static enum pw_status raster_writer_new(struct pw_image_output *output, struct pw_image_writer **writer,
                                        struct pw_error *error)
{
    (void)output;
    (void)error;
    *writer = NULL;
    return PW_OK;
}

static void raster_writer_free(struct pw_image_writer *writer)
{
    (void)writer;
}

static uint64_t raster_writer_memory_bytes(const struct pw_image_output *output)
{
    (void)output;
    return 0;
}

/* Units are as wide as the image: the rows of a plane follow each other in the file. */
static enum pw_status raster_write_unit(struct pw_image_output *output, struct pw_image_writer *writer, int level,
                                        uint64_t channel, const struct pw_box *box, const struct pw_image_block *block,
                                        struct pw_error *error)
{
    struct raster_image *image = of(output);
    const uint64_t *shape = shape_of(image);
    size_t row = (size_t)(shape[2] * pw_dtype_bytes(image->array.dtype));
    int together = block->stride_bytes[1] == row;
    uint64_t at_once = together ? box->shape[1] : 1;
    enum pw_status status = PW_OK;
    (void)writer;
    (void)level;
    for (uint64_t z = 0; z < box->shape[0]; z++)
        for (uint64_t y = 0; y < box->shape[1] && status == PW_OK; y += at_once) {
            uint64_t stacked = box->start[0] + z;
            uint64_t plane =
                (stacked / shape[0] * image->array.axes.channels + channel) * shape[0] + stacked % shape[0];
            uint64_t offset = image->header_bytes + (plane * shape[1] + box->start[1] + y) * row;
            status = pw_file_write(image->file.fd,
                                   (const unsigned char *)block->voxels + z * block->stride_bytes[0] +
                                       y * block->stride_bytes[1],
                                   (size_t)at_once * row, offset, output->path, error);
            output->bytes_written += at_once * row;
        }
    return status;
}

static enum pw_status raster_commit(struct pw_image_output *output, const struct pw_image_window *window,
                                    struct pw_error *error)
{
    struct raster_image *image = of(output);
    uint64_t bytes = 0;
    (void)window;
    enum pw_status status = pw_pending_commit(&image->file, error);
    if (status == PW_OK && image->data_path[0] != '\0')
        status = pw_raster_put_header(image->format, &image->array, output->path, image->data_path, image->overwrite,
                                      &bytes, error);
    output->bytes_written += bytes;
    return status;
}

static void raster_close(struct pw_image_output *output)
{
    pw_pending_abort(&of(output)->file);
    free(output);
}

static const struct pw_image_output_ops ops = {
    .start = raster_start,
    .begin_level = raster_level,
    .end_level = raster_level,
    .writer_new = raster_writer_new,
    .writer_free = raster_writer_free,
    .writer_memory_bytes = raster_writer_memory_bytes,
    .write_unit = raster_write_unit,
    .commit = raster_commit,
    .close = raster_close,
};

static enum pw_status open_raster(const struct pw_image_request *request, const struct pw_raster_format *format,
                                  struct pw_image_output **output, struct pw_error *error)
{
    char data_path[4096];
    enum pw_status status = pw_raster_check_dtype(format, request->dtype, request->path, error);
    if (status == PW_OK)
        status = pw_raster_place(format, request->path, request->overwrite, data_path, error);
    struct raster_image *image = status == PW_OK ? pw_alloc(1, sizeof *image, error) : NULL;
    if (image == NULL)
        return status == PW_OK ? PW_E_NOMEM : status;
    uint64_t row = pw_max_u64(request->shape[2] * pw_dtype_bytes(request->dtype), 1);
    uint64_t *unit = image->base.unit[0];
    image->base.ops = &ops;
    image->base.fills_zero = 1; /* a new file reads as zeros where nothing was written */
    image->overwrite = request->overwrite;
    image->format = format;
    image->array.dtype = request->dtype;
    image->array.axes = request->axes;
    memcpy(image->array.shape, request->shape, sizeof image->array.shape);
    memcpy(image->data_path, data_path, sizeof data_path);
    image->file.fd = -1;
    image->base.levels.n = 1;
    memcpy(image->base.levels.shape[0], request->shape, sizeof image->base.levels.shape[0]);
    (void)snprintf(image->base.path, sizeof image->base.path, "%s", request->path);
    unit[1] = pw_unit_extent(request->shape[1], request->source_chunk[1], UNIT_BYTES / row);
    unit[0] = pw_unit_extent(request->shape[0], request->source_chunk[0], UNIT_BYTES / row / unit[1]);
    unit[2] = request->shape[2];
    *output = &image->base;
    return PW_OK;
}

enum pw_status pw_npy_image_open(const struct pw_image_request *request, struct pw_image_output **output,
                                 struct pw_error *error)
{
    return open_raster(request, &pw_raster_npy, output, error);
}

enum pw_status pw_raw_image_open(const struct pw_image_request *request, struct pw_image_output **output,
                                 struct pw_error *error)
{
    return open_raster(request, &pw_raster_raw, output, error);
}

enum pw_status pw_nrrd_image_open(const struct pw_image_request *request, struct pw_image_output **output,
                                  struct pw_error *error)
{
    return open_raster(request, &pw_raster_nrrd, output, error);
}

enum pw_status pw_mhd_image_open(const struct pw_image_request *request, struct pw_image_output **output,
                                 struct pw_error *error)
{
    return open_raster(request, &pw_raster_mhd, output, error);
}
