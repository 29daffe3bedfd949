#include "label/to_float.h"

#include "base/dtype.h"
#include "label/convert.h"

static void convert(enum pw_dtype from, const void *voxels, const size_t stride_bytes[3], const uint64_t shape[3],
                    enum pw_dtype to, void *out)
{
    const char *in = voxels;
    char *next = out;
    size_t row_bytes = (size_t)shape[2] * pw_dtype_bytes(to);
    for (uint64_t z = 0; z < shape[0]; z++)
        for (uint64_t y = 0; y < shape[1]; y++, next += row_bytes)
            pw_convert(from, in + z * stride_bytes[0] + y * stride_bytes[1], to, next, (size_t)shape[2]);
}

void pw_to_float(enum pw_dtype dtype, const void *voxels, const size_t stride_bytes[3], const uint64_t shape[3],
                 float *out)
{
    convert(dtype, voxels, stride_bytes, shape, PW_F32, out);
}

void pw_to_double(enum pw_dtype dtype, const void *voxels, const size_t stride_bytes[3], const uint64_t shape[3],
                  double *out)
{
    convert(dtype, voxels, stride_bytes, shape, PW_F64, out);
}
