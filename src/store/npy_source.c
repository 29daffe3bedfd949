/* A .npy file: C order is LINEAR, Fortran order goes to store/fortran_source.c. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/fortran_source.h"
#include "store/linear_source.h"
#include "store/npy_header.h"
#include "sys/file.h"

static const struct pw_source_ops npy_ops = {.format = "npy", .close = pw_linear_close};

static int npy_recognise(const char *path, const unsigned char *head, size_t n)
{
    (void)path;
    return pw_npy_is(head, n);
}

static enum pw_status read_header(int fd, const char *path, struct pw_npy_header *header, uint64_t *data_start,
                                  struct pw_error *error)
{
    unsigned char prefix[PW_NPY_PREFIX_BYTES];
    size_t start, length;
    enum pw_status status = pw_file_read_exactly(fd, prefix, sizeof prefix, 0, path, error);
    if (status == PW_OK)
        status = pw_npy_prefix(prefix, path, &start, &length, error);
    if (status != PW_OK)
        return status;
    char *text = pw_alloc(length, 1, error);
    if (text == NULL)
        return PW_E_NOMEM;
    status = pw_file_read_exactly(fd, text, length, start, path, error);
    if (status == PW_OK)
        status = pw_npy_parse(text, length, path, header, error);
    free(text);
    *data_start = start + length;
    return status;
}

static enum pw_status check_size(const struct pw_source *source, uint64_t found, struct pw_error *error)
{
    char shape[256];
    uint64_t expected = source->linear.file_bytes;
    if (found == expected)
        return PW_OK;
    return pw_fail(error, found < expected ? PW_E_TRUNCATED : PW_E_FORMAT,
                   "%s: the header says shape %s of %s, which ends at byte %" PRIu64 "; the file has %" PRIu64 " bytes",
                   source->path, pw_shape_text(shape, sizeof shape, source->info.shape, source->info.rank),
                   pw_dtype_name(source->info.dtype), expected, found);
}

static enum pw_status describe(struct pw_source *source, uint64_t file_bytes, struct pw_npy_header *header,
                               struct pw_error *error)
{
    uint64_t data_start;
    enum pw_status status = read_header(source->linear.fd, source->path, header, &data_start, error);
    if (status != PW_OK)
        return status;
    source->info.rank = header->rank;
    source->info.dtype = header->dtype;
    memcpy(source->info.shape, header->shape, sizeof source->info.shape);
    int swap = header->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    status = pw_linear_layout(source, data_start, swap, error);
    return status == PW_OK ? check_size(source, file_bytes, error) : status;
}

static enum pw_status npy_open(const char *path, const struct pw_open_options *options, struct pw_source **source,
                               struct pw_error *error)
{
    int fd;
    uint64_t file_bytes;
    struct pw_npy_header header;
    struct pw_source *made;
    (void)options;
    enum pw_status status = pw_input_open(path, &fd, &file_bytes, error);
    if (status == PW_OK)
        status = pw_linear_source_new(path, &npy_ops, fd, &made, error);
    if (status != PW_OK)
        return status;
    status = describe(made, file_bytes, &header, error);
    if (status != PW_OK) {
        pw_linear_close(made);
        return status;
    }
    if (header.fortran)
        pw_fortran_source(made);
    *source = made;
    return PW_OK;
}

const struct pw_format pw_format_npy = {.name = "npy", .recognise = npy_recognise, .open = npy_open};
