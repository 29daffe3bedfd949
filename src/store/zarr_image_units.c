/* How large the units of an image are: each is read, kept and written as a whole. */
#include "base/checked.h"
#include "base/dtype.h"
#include "store/level_block.h"
#include "store/zarr_image.h"

static const uint64_t unit_bytes_wanted = (uint64_t)32 << 20;

void pw_zarr_image_shrink_unit(const struct pw_level_shapes *levels, int l, enum pw_dtype dtype,
                               const uint64_t shard[3], int rows_last, struct pw_zarr_layout *layout)
{
    uint64_t factor[3] = {1, 1, 1};
    if (l > 0)
        pw_level_factor(levels->shape[l - 1], levels->shape[l], factor);
    for (;;) {
        double bytes = (double)pw_dtype_bytes(dtype);
        int longest = -1;
        for (int i = 0; i < 3; i++) {
            bytes *= (double)layout->unit[i] * (double)factor[i];
            if (shard[i] == 0 && layout->unit[i] > layout->chunk[i] &&
                (longest < 0 || (layout->unit[i] > layout->unit[longest] && !(i == 2 && rows_last))))
                longest = i;
        }
        if (longest < 0 || bytes <= (double)unit_bytes_wanted)
            return;
        layout->unit[longest] = pw_ceil_div(layout->unit[longest] / layout->chunk[longest], 2) * layout->chunk[longest];
    }
}

int pw_zarr_image_widen_units(const struct pw_image_request *request, struct pw_zarr_layout *layout)
{
    uint64_t row = pw_ceil_div(request->shape[2], layout->chunk[2]) * layout->chunk[2];
    double least =
        (double)pw_dtype_bytes(request->dtype) * (double)layout->chunk[0] * (double)layout->chunk[1] * (double)row;
    if (request->shard[2] != 0 || request->source_chunk[2] < request->shape[2] || least > (double)unit_bytes_wanted)
        return 0;
    layout->unit[2] = row;
    return 1;
}
