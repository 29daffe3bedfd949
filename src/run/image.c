/* The public image functions, over a source. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "run/image.h"

enum pw_status pw_image_open(const char *path, const struct pw_open_options *options, struct pw_image **image,
                             struct pw_error *error)
{
    static const struct pw_open_options defaults;
    struct pw_image *self = pw_alloc(1, sizeof *self, error);
    if (self == NULL)
        return PW_E_NOMEM;
    enum pw_status status = pw_source_open(path, options != NULL ? options : &defaults, NULL, &self->source, error);
    if (status == PW_OK)
        status = pw_region_reader_new(self->source, &self->reader, error);
    if (status != PW_OK) {
        pw_image_close(self);
        return status;
    }
    *image = self;
    return PW_OK;
}

void pw_image_close(struct pw_image *image)
{
    if (image == NULL)
        return;
    pw_region_reader_free(image->reader);
    pw_source_close(image->source);
    free(image);
}

const struct pw_image_info *pw_image_describe(const struct pw_image *image)
{
    return &image->source->info;
}

enum pw_status pw_image_read(struct pw_image *image, const uint64_t *start, const uint64_t *shape, void *buffer,
                             struct pw_error *error)
{
    const struct pw_image_info *info = &image->source->info;
    struct pw_region region = {.rank = info->rank};
    for (int i = 0; i < info->rank; i++) {
        if (start[i] > info->shape[i] || shape[i] > info->shape[i] - start[i])
            return pw_fail(error, PW_E_RANGE, "%s: %llu..%llu leaves axis %d of %llu", image->source->path,
                           (unsigned long long)start[i], (unsigned long long)(start[i] + shape[i]), i,
                           (unsigned long long)info->shape[i]);
        region.start[i] = start[i];
        region.shape[i] = shape[i];
    }
    return pw_region_reader_read(image->reader, &region, buffer, error);
}
