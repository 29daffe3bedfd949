#include "store/tiff_describe.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"

static void put_axis(struct pw_image_info *info, const struct pw_axis *axis, uint64_t size)
{
    info->axis[info->rank] = *axis;
    info->shape[info->rank] = size;
    info->level_scale[0][info->rank] = axis->scale;
    info->rank++;
}

void pw_tiff_describe(const struct pw_tiff_index *index, const struct pw_tiff_stack *stack, struct pw_tiff_axes *axes,
                      struct pw_image_info *info)
{
    const struct pw_tiff_form *form = &index->form;
    const TIFFCodec *codec = TIFFFindCODEC(index->compression);
    struct pw_axis sample;
    pw_tiff_axis(&sample, 'c', 0, "");
    memset(info, 0, sizeof *info);
    (void)snprintf(info->format, sizeof info->format, "tiff");
    (void)snprintf(info->codec, sizeof info->codec, "%s, %u-bit samples in %ss of %u x %u",
                   index->compression == COMPRESSION_NONE ? "none"
                   : codec != NULL                        ? codec->name
                                                          : "unknown",
                   form->bits, form->tiled ? "tile" : "strip", form->block_height, form->block_width);
    info->dtype = pw_tiff_sample_dtype(form->kind, form->bits);
    for (int i = 0; i < stack->rank; i++)
        put_axis(info, &stack->axis[i], stack->size[i]);
    axes->sample = -1;
    if (form->planar) {
        axes->sample = info->rank;
        put_axis(info, &sample, form->samples);
    }
    axes->y = info->rank;
    put_axis(info, &stack->y, form->height);
    axes->x = info->rank;
    put_axis(info, &stack->x, form->width);
    if (!form->planar && form->samples > 1) {
        axes->sample = info->rank;
        put_axis(info, &sample, form->samples);
    }
    info->n_levels = 1;
    memcpy(info->level_shape[0], info->shape, sizeof info->level_shape[0]);
}

void pw_tiff_set_chunk(struct pw_image_info *info, const struct pw_tiff_axes *axes, const struct pw_tiff_form *form,
                       uint64_t rows, uint64_t columns)
{
    for (int i = 0; i < info->rank; i++)
        info->chunk[i] = 1;
    info->chunk[axes->y] = rows;
    info->chunk[axes->x] = columns;
    if (axes->sample >= 0 && !form->planar)
        info->chunk[axes->sample] = form->samples;
    memcpy(info->shard, info->chunk, sizeof info->shard);
}

static uint64_t data_of(const struct pw_tiff_index *index, const struct pw_tiff_stack *stack, uint64_t plane)
{
    return index->page[stack->page_of_plane != NULL ? stack->page_of_plane[plane] : plane].data;
}

static int planes_are_stored(const struct pw_tiff_stack *stack)
{
    for (uint64_t i = 0; stack->page_of_plane != NULL && i < stack->n_planes; i++)
        if (stack->page_of_plane[i] == UINT64_MAX)
            return 0;
    return 1;
}

/* The distance of consecutive planes in the file, when there is one that keeps them apart; else 0. */
static uint64_t plane_distance(const struct pw_tiff_index *index, const struct pw_tiff_stack *stack,
                               uint64_t plane_bytes)
{
    if (stack->n_planes == 1)
        return plane_bytes;
    uint64_t first = data_of(index, stack, 0);
    uint64_t distance = data_of(index, stack, 1) - first;
    for (uint64_t i = 1; i < stack->n_planes; i++)
        if (data_of(index, stack, i) - first != i * distance)
            return 0;
    return distance >= plane_bytes && distance <= (uint64_t)INT64_MAX ? distance : 0;
}

int pw_tiff_linear(const struct pw_tiff_index *index, const struct pw_tiff_stack *stack,
                   const struct pw_tiff_axes *axes, const struct pw_image_info *info, struct pw_linear *linear)
{
    const struct pw_tiff_form *form = &index->form;
    uint64_t element = pw_dtype_bytes(info->dtype), end;
    if (!index->plain || index->n_files != 1 || !pw_tiff_sample_is_native(form->bits) || !planes_are_stored(stack))
        return 0;
    uint64_t pixel = element * (form->planar ? 1u : form->samples);
    uint64_t plane_bytes = pixel * form->width * form->height;
    if (form->planar)
        plane_bytes += index->sample_distance * (form->samples - 1u);
    uint64_t distance = plane_distance(index, stack, plane_bytes);
    if (distance == 0 || !pw_mul_u64(distance, stack->n_planes - 1, &end) || !pw_add_u64(end, plane_bytes, &end) ||
        !pw_add_u64(end, data_of(index, stack, 0), &end))
        return 0;
    linear->offset_bytes = data_of(index, stack, 0);
    linear->file_bytes = end;
    linear->swap = element > 1 && index->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    linear->stride_bytes[axes->x] = pixel;
    linear->stride_bytes[axes->y] = pixel * form->width;
    if (axes->sample >= 0)
        linear->stride_bytes[axes->sample] = form->planar ? index->sample_distance : element;
    for (int i = stack->rank - 1; i >= 0; i--) {
        linear->stride_bytes[i] = distance;
        distance *= stack->size[i];
    }
    return 1;
}
