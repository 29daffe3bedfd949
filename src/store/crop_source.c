#include "store/crop_source.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

struct crop_source {
    struct pw_source base;
    struct pw_source *whole;  /* owned */
    struct pw_source_ops ops; /* those that whole has */
    uint64_t first_chunk[PW_MAX_RANK];
};

static void chunk_of_whole(const struct pw_source *source, const uint64_t *chunk_index, uint64_t index[PW_MAX_RANK])
{
    const struct crop_source *crop = (const struct crop_source *)source;
    for (int a = 0; a < source->info.rank; a++)
        index[a] = chunk_index[a] + crop->first_chunk[a];
}

static struct pw_source *whole_of(struct pw_source *source)
{
    struct pw_source *whole = ((struct crop_source *)source)->whole;
    whole->cancel = source->cancel;
    return whole;
}

static enum pw_status crop_locate(struct pw_source *source, const uint64_t *chunk_index, struct pw_extent *extent,
                                  struct pw_error *error)
{
    uint64_t index[PW_MAX_RANK];
    struct pw_source *whole = whole_of(source);
    chunk_of_whole(source, chunk_index, index);
    return whole->ops->locate(whole, index, extent, error);
}

static enum pw_status crop_decoder_new(struct pw_source *source, struct pw_decoder **decoder, struct pw_error *error)
{
    struct pw_source *whole = whole_of(source);
    return whole->ops->decoder_new(whole, decoder, error);
}

static size_t crop_decoder_memory_bytes(const struct pw_source *source)
{
    const struct pw_source *whole = ((const struct crop_source *)source)->whole;
    return whole->ops->decoder_memory_bytes(whole);
}

static enum pw_status crop_decode(struct pw_source *source, struct pw_decoder *decoder, const uint64_t *chunk_index,
                                  const void *stored, size_t n, void *voxels, struct pw_error *error)
{
    uint64_t index[PW_MAX_RANK];
    struct pw_source *whole = whole_of(source);
    chunk_of_whole(source, chunk_index, index);
    return whole->ops->decode(whole, decoder, index, stored, n, voxels, error);
}

static enum pw_status crop_await(struct pw_source *source, uint64_t end, struct pw_error *error)
{
    struct pw_source *whole = whole_of(source);
    return whole->ops->await(whole, end, error);
}

static const char *crop_file(const struct pw_source *source, uint64_t i)
{
    return pw_source_file(((const struct crop_source *)source)->whole, i);
}

static void crop_close(struct pw_source *source)
{
    pw_source_close(((struct crop_source *)source)->whole);
    free(source);
}

/* What whole can do, the box can. */
static void take_ops(struct crop_source *crop)
{
    const struct pw_source_ops *theirs = crop->whole->ops;
    struct pw_source_ops *ops = &crop->ops;
    ops->format = theirs->format;
    ops->locate = theirs->locate != NULL ? crop_locate : NULL;
    ops->decode = theirs->decode != NULL ? crop_decode : NULL;
    ops->decoder_new = theirs->decoder_new != NULL ? crop_decoder_new : NULL;
    ops->decoder_free = theirs->decoder_free;
    ops->decoder_memory_bytes = theirs->decoder_memory_bytes != NULL ? crop_decoder_memory_bytes : NULL;
    ops->await = theirs->await != NULL ? crop_await : NULL;
    ops->file = theirs->file != NULL ? crop_file : NULL;
    ops->close = crop_close;
    crop->base.ops = ops;
}

enum pw_status pw_crop_source(struct pw_source **source, struct pw_region *box, struct pw_error *error)
{
    struct crop_source *crop = pw_alloc(1, sizeof *crop, error);
    if (crop == NULL)
        return PW_E_NOMEM;
    struct pw_image_info *info = &crop->base.info;
    crop->base = **source;
    crop->whole = *source;
    memset(&crop->base.channel_names, 0, sizeof crop->base.channel_names); /* stay with the other */
    memset(&crop->base.channel_shows, 0, sizeof crop->base.channel_shows);
    memset(&crop->base.series_names, 0, sizeof crop->base.series_names);
    take_ops(crop);
    for (int a = 0; a < info->rank; a++) {
        if (crop->base.capabilities & PW_SOURCE_CHUNKED) {
            crop->first_chunk[a] = box->start[a] / info->chunk[a];
            box->shape[a] += box->start[a] % info->chunk[a];
            box->start[a] = crop->first_chunk[a] * info->chunk[a];
        } else {
            crop->base.linear.offset_bytes += box->start[a] * crop->base.linear.stride_bytes[a];
        }
        info->shape[a] = box->shape[a];
        info->axis[a].translation += (double)box->start[a] * info->axis[a].scale;
    }
    info->n_levels = 1;
    *source = &crop->base;
    return PW_OK;
}
