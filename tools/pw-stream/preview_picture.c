#include "preview_picture.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRETCH_SAMPLES 65536 /* enough for a percentile, and quick to sort */

enum pw_status pw_picture_init(struct pw_picture *picture, uint64_t height, uint64_t width, int with_labels,
                               struct pw_error *error)
{
    memset(picture, 0, sizeof *picture);
    picture->height = height;
    picture->width = width;
    picture->grey = calloc((size_t)(height * width), sizeof *picture->grey);
    picture->label = with_labels ? calloc((size_t)(height * width), sizeof *picture->label) : NULL;
    if (picture->grey != NULL && (picture->label != NULL || !with_labels))
        return PW_OK;
    pw_picture_release(picture);
    error->status = PW_E_NOMEM;
    (void)snprintf(error->message, sizeof error->message, "no memory for a picture of %" PRIu64 " x %" PRIu64 " pixels",
                   height, width);
    return PW_E_NOMEM;
}

void pw_picture_release(struct pw_picture *picture)
{
    free(picture->grey);
    free(picture->label);
    memset(picture, 0, sizeof *picture);
}

static double half_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double fraction = bits & 1023;
    double magnitude = exponent == 0    ? ldexp(fraction, -24)
                       : exponent == 31 ? (fraction > 0 ? (double)NAN : (double)INFINITY)
                                        : ldexp(fraction + 1024, exponent - 25);
    return bits >> 15 ? -magnitude : magnitude;
}

void pw_picture_put_grey(void *to, uint64_t index, enum pw_dtype dtype, const void *voxel)
{
    union {
        uint8_t u8;
        int8_t i8;
        uint16_t u16;
        int16_t i16;
        uint32_t u32;
        int32_t i32;
        uint64_t u64;
        int64_t i64;
        float f32;
        double f64;
    } v;
    double value = 0;
    memcpy(&v, voxel, pw_dtype_bytes(dtype));
    switch (dtype) {
    case PW_BOOL:
    case PW_U8: value = v.u8; break;
    case PW_I8: value = v.i8; break;
    case PW_U16: value = v.u16; break;
    case PW_I16: value = v.i16; break;
    case PW_U32: value = v.u32; break;
    case PW_I32: value = v.i32; break;
    case PW_U64: value = (double)v.u64; break;
    case PW_I64: value = (double)v.i64; break;
    case PW_F16: value = half_value(v.u16); break;
    case PW_F32: value = (double)v.f32; break;
    case PW_F64: value = v.f64; break;
    case PW_DTYPE_NONE: break;
    }
    struct pw_picture *picture = to;
    picture->grey[index] = (float)value;
}

void pw_picture_put_label(void *to, uint64_t index, enum pw_dtype dtype, const void *voxel)
{
    struct pw_picture *picture = to;
    uint64_t value = 0;
    /* Little-endian bytes go to the front of value; a big-endian machine has them at its back. */
    const union {
        uint16_t number;
        uint8_t low;
    } order = {1};
    size_t bytes = pw_dtype_bytes(dtype);
    memcpy((unsigned char *)&value + (order.low ? 0 : sizeof value - bytes), voxel, bytes);
    picture->label[index] = value;
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void pw_picture_stretch(struct pw_picture *picture)
{
    static float sample[STRETCH_SAMPLES];
    uint64_t count = picture->height * picture->width, step = count / STRETCH_SAMPLES + 1;
    size_t n = 0;
    for (uint64_t i = 0; i < count; i += step)
        if (isfinite(picture->grey[i]))
            sample[n++] = picture->grey[i];
    if (n == 0)
        return;
    qsort(sample, n, sizeof sample[0], compare_floats);
    picture->low = sample[n / 100];
    picture->high = sample[n - 1 - n / 500];
    if (picture->high <= picture->low) { /* hardly anything but background: show what there is */
        picture->low = sample[0];
        picture->high = sample[n - 1];
    }
}

static unsigned char shade(const struct pw_picture *picture, uint64_t index)
{
    float value = picture->grey[index];
    if (!(value > picture->low)) /* NaN too */
        return 0;
    if (value >= picture->high)
        return 255;
    return (unsigned char)((value - picture->low) / (picture->high - picture->low) * 255.0F);
}

/* A bright colour; neighbouring ids are far apart on the colour circle (steps of the golden ratio). */
static void colour_of(uint64_t id, unsigned char *rgb)
{
    double hue = (double)((id * UINT64_C(0x9E3779B97F4A7C15)) >> 32) / 4294967296.0 * 6.0;
    for (int i = 0; i < 3; i++) {
        double distance = fabs(fmod(hue + 6.0 - 2.0 * i, 6.0) - 3.0); /* 3 at the channel's own hue */
        double value = distance - 1.0;
        value = value < 0 ? 0 : value > 1 ? 1 : value;
        rgb[i] = (unsigned char)(255.0 * value);
    }
}

static int is_outline(const struct pw_picture *picture, uint64_t row, uint64_t column)
{
    const uint64_t *at = picture->label + row * picture->width + column;
    if (*at == 0)
        return 0;
    return (row > 0 && *(at - picture->width) != *at) || (row + 1 < picture->height && at[picture->width] != *at) ||
           (column > 0 && at[-1] != *at) || (column + 1 < picture->width && at[1] != *at);
}

void pw_picture_row(const void *from, uint32_t row, unsigned char *rgb)
{
    const struct pw_picture *picture = from;
    for (uint64_t column = 0; column < picture->width; column++, rgb += 3) {
        uint64_t index = row * picture->width + column;
        if (picture->label != NULL && is_outline(picture, row, column))
            colour_of(picture->label[index], rgb);
        else
            memset(rgb, shade(picture, index), 3);
    }
}
