/* A file without a header: its description comes from the caller and is checked against the size of the file. */
#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "store/linear_source.h"

static const struct pw_source_ops raw_ops = {.format = "raw", .close = pw_linear_close};

/* ", shape 7,20,30 would fit" when another first extent explains the size, else "". */
static const char *fitting_shape(char *text, size_t capacity, const struct pw_source *source, uint64_t file_bytes)
{
    uint64_t shape[PW_MAX_RANK];
    uint64_t slab = source->linear.stride_bytes[0];
    text[0] = '\0';
    if (file_bytes <= source->linear.offset_bytes || (file_bytes - source->linear.offset_bytes) % slab != 0)
        return text;
    memcpy(shape, source->info.shape, sizeof shape);
    shape[0] = (file_bytes - source->linear.offset_bytes) / slab;
    static const char head[] = "; this size fits shape ";
    memcpy(text, head, sizeof head);
    (void)pw_shape_text(text + sizeof head - 1, capacity - sizeof head + 1, shape, source->info.rank);
    return text;
}

static enum pw_status check_size(const struct pw_source *source, uint64_t found, struct pw_error *error)
{
    char shape[256], fits[300];
    uint64_t expected = source->linear.file_bytes;
    if (found == expected)
        return PW_OK;
    return pw_fail(error, found < expected ? PW_E_TRUNCATED : PW_E_ARGUMENT,
                   "%s: shape %s of %s at offset %" PRIu64 " needs a file of %" PRIu64 " bytes, this one has %" PRIu64
                   "%s",
                   source->path, pw_shape_text(shape, sizeof shape, source->info.shape, source->info.rank),
                   pw_dtype_name(source->info.dtype), source->linear.offset_bytes, expected, found,
                   fitting_shape(fits, sizeof fits, source, found));
}

enum pw_status pw_raw_open(const char *path, const struct pw_open_options *options, struct pw_source **source,
                           struct pw_error *error)
{
    int fd;
    uint64_t file_bytes;
    if (options == NULL || options->raw_rank == 0 || options->raw_dtype == PW_DTYPE_NONE)
        return pw_fail(error, PW_E_ARGUMENT, "%s: a raw file needs its shape and element type told", path);
    enum pw_status status = pw_input_open(path, &fd, &file_bytes, error);
    if (status != PW_OK)
        return status;
    struct pw_source *made;
    status = pw_linear_source_new(path, &raw_ops, fd, &made, error);
    if (status != PW_OK)
        return status;
    made->info.rank = options->raw_rank;
    made->info.dtype = options->raw_dtype;
    memcpy(made->info.shape, options->raw_shape, sizeof made->info.shape);
    int swap = (options->raw_big_endian != 0) != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    status = pw_linear_layout(made, options->raw_offset_bytes, swap, error);
    if (status == PW_OK)
        status = check_size(made, file_bytes, error);
    if (status != PW_OK) {
        pw_linear_close(made);
        return status;
    }
    *source = made;
    return PW_OK;
}
