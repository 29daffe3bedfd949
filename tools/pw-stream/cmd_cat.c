/* pw-stream cat: an array to standard output, band by band. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "commands.h"

/* Bands of about this size where the chunks allow it, so that memory does not grow with the image. */
#define BAND_BYTES ((uint64_t)16 << 20)

/*
 * Output is in raster order: a band one chunk thick along its slowest axis decodes
 * every chunk once.  Where such a band is larger than this, chunks are decoded again for every plane.
 */
#define BAND_BYTES_MOST ((uint64_t)1 << 30)

static int fail(const struct pw_error *error)
{
    (void)fprintf(stderr, "pw-stream: %s\n", error->message);
    return PW_EXIT_FAILED;
}

/* Writes n bytes; 0 on success.  A reader that went away ends the program quietly. */
static int put(const void *bytes, size_t n)
{
    const char *at = bytes;
    while (n > 0) {
        ssize_t w = write(STDOUT_FILENO, at, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0) {
            if (errno != EPIPE)
                (void)fprintf(stderr, "pw-stream: standard output: %s\n", strerror(errno));
            return 1;
        }
        at += w;
        n -= (size_t)w;
    }
    return 0;
}

static const char *npy_type(enum pw_dtype dtype)
{
    switch (dtype) {
    case PW_BOOL: return "|b1";
    case PW_U8: return "|u1";
    case PW_I8: return "|i1";
    case PW_U16: return "<u2";
    case PW_I16: return "<i2";
    case PW_U32: return "<u4";
    case PW_I32: return "<i4";
    case PW_U64: return "<u8";
    case PW_I64: return "<i8";
    case PW_F16: return "<f2";
    case PW_F32: return "<f4";
    case PW_F64: return "<f8";
    case PW_DTYPE_NONE: break;
    }
    return "";
}

/* The npy version 1 header: its length is a multiple of 64, and it ends in a line feed. */
static int put_npy_header(const struct pw_image_info *info)
{
    char text[512];
    size_t n = (size_t)snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                                npy_type(info->dtype));
    for (int i = 0; i < info->rank; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%llu%s", (unsigned long long)info->shape[i],
                              i + 1 < info->rank ? ", "
                              : info->rank == 1  ? ","
                                                 : "");
    n += (size_t)snprintf(text + n, sizeof text - n, "), }");
    size_t total = (10 + n + 1 + 63) / 64 * 64;
    unsigned char header[640] = "\x93NUMPY\x01";
    header[8] = (unsigned char)(total - 10);
    header[9] = (unsigned char)((total - 10) >> 8);
    memcpy(header + 10, text, n);
    memset(header + 10 + n, ' ', total - 10 - n - 1);
    header[total - 1] = '\n';
    return put(header, total);
}

/* Entries along one axis, whole along the faster ones, one along the slower ones. */
struct band {
    int axis;
    uint64_t step;
};

static struct band choose_band(const struct pw_image_info *info)
{
    uint64_t bytes[PW_MAX_RANK + 1]; /* of everything faster than axis i - 1 */
    struct band band = {0, 1};
    if (info->rank == 0)
        return band;
    bytes[info->rank] = pw_dtype_bytes(info->dtype);
    for (int i = info->rank - 1; i >= 0; i--)
        if (__builtin_mul_overflow(bytes[i + 1], info->shape[i], &bytes[i]))
            bytes[i] = UINT64_MAX;
    while (band.axis + 1 < info->rank &&
           (info->shape[band.axis] == 1 || bytes[band.axis + 1] > BAND_BYTES_MOST / info->chunk[band.axis]))
        band.axis++;
    uint64_t chunk = info->chunk[band.axis], each = bytes[band.axis + 1];
    band.step = BAND_BYTES / (each > 0 ? each : 1) / chunk * chunk;
    if (band.step == 0)
        band.step = chunk;
    if (band.step > info->shape[band.axis])
        band.step = info->shape[band.axis];
    return band;
}

static int cat(struct pw_image *image)
{
    const struct pw_image_info *info = pw_image_describe(image);
    struct band band = choose_band(info);
    struct pw_error error = {0};
    uint64_t start[PW_MAX_RANK] = {0}, shape[PW_MAX_RANK], elements = 1;
    for (int i = 0; i < info->rank; i++) {
        shape[i] = i < band.axis ? 1 : i == band.axis ? band.step : info->shape[i];
        elements *= shape[i];
        if (info->shape[i] == 0)
            return PW_EXIT_DONE;
    }
    size_t element_bytes = pw_dtype_bytes(info->dtype);
    void *buffer = malloc((size_t)elements * element_bytes);
    if (buffer == NULL) {
        (void)fprintf(stderr, "pw-stream: no memory for %llu elements\n", (unsigned long long)elements);
        return PW_EXIT_FAILED;
    }
    int status = PW_EXIT_DONE;
    for (int more = 1; more && status == PW_EXIT_DONE;) {
        uint64_t n = elements;
        if (info->rank > 0) {
            uint64_t rest = info->shape[band.axis] - start[band.axis];
            shape[band.axis] = rest < band.step ? rest : band.step;
            n = elements / band.step * shape[band.axis];
        }
        if (pw_image_read(image, start, shape, buffer, &error) != PW_OK)
            status = fail(&error);
        else if (put(buffer, (size_t)n * element_bytes) != 0)
            status = PW_EXIT_FAILED;
        int axis = info->rank == 0 ? -1 : band.axis;
        for (; axis >= 0; axis--) {
            start[axis] += axis == band.axis ? shape[axis] : 1;
            if (start[axis] < info->shape[axis])
                break;
            start[axis] = 0;
        }
        more = axis >= 0;
    }
    free(buffer);
    return status;
}

int pw_cmd_cat(int argc, char **argv)
{
    struct pw_image *image;
    int raw = 0;
    int status = pw_argument_image(argc, argv, "raw", &raw, &image);
    if (status != PW_EXIT_DONE)
        return status;
    if (!raw && put_npy_header(pw_image_describe(image)) != 0)
        status = PW_EXIT_FAILED;
    if (status == PW_EXIT_DONE)
        status = cat(image);
    pw_image_close(image);
    return status;
}
