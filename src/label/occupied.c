#include "label/occupied.h"

#include <math.h>
#include <string.h>

#include "base/dtype.h"

/* Voxels that are looked at together: their bits fit a few cache lines. */
enum {
    PIECE = 4096
};

static int has_nan_half(const unsigned char *voxels, uint64_t n)
{
    unsigned found = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint16_t bits;
        memcpy(&bits, voxels + i * sizeof bits, sizeof bits);
        found |= (bits & 0x7fffU) > 0x7c00U;
    }
    return found != 0;
}

static int has_nan_single(const unsigned char *voxels, uint64_t n)
{
    int found = 0;
    for (uint64_t i = 0; i < n; i++) {
        float value;
        memcpy(&value, voxels + i * sizeof value, sizeof value);
        found |= isnan(value) != 0;
    }
    return found;
}

static int has_nan_double(const unsigned char *voxels, uint64_t n)
{
    int found = 0;
    for (uint64_t i = 0; i < n; i++) {
        double value;
        memcpy(&value, voxels + i * sizeof value, sizeof value);
        found |= isnan(value) != 0;
    }
    return found;
}

static int has_nan(enum pw_dtype dtype, const unsigned char *voxels, uint64_t n)
{
    switch (dtype) {
    case PW_F16: return has_nan_half(voxels, n);
    case PW_F32: return has_nan_single(voxels, n);
    case PW_F64: return has_nan_double(voxels, n);
    default: return 0;
    }
}

static int piece_is_occupied(const struct pw_threshold *level, const unsigned char *voxels, uint64_t n)
{
    uint64_t bits[PIECE / 64], any = 0;
    pw_threshold_rows(level, voxels, 0, 1, n, bits);
    for (uint64_t w = 0; w < pw_bit_words(n); w++)
        any |= bits[w];
    return any != 0 || has_nan(level->dtype, voxels, n);
}

int pw_is_occupied(const struct pw_threshold *level, const void *voxels, const size_t stride_bytes[3],
                   const uint64_t shape[3])
{
    size_t bytes = pw_dtype_bytes(level->dtype);
    for (uint64_t z = 0; z < shape[0]; z++)
        for (uint64_t y = 0; y < shape[1]; y++) {
            const unsigned char *row = (const unsigned char *)voxels + z * stride_bytes[0] + y * stride_bytes[1];
            for (uint64_t x = 0; x < shape[2]; x += PIECE)
                if (piece_is_occupied(level, row + x * bytes, shape[2] - x < PIECE ? shape[2] - x : PIECE))
                    return 1;
        }
    return 0;
}
