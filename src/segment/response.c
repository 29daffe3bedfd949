#include "segment/response.h"

#include <string.h>

#include "label/components.h"

void pw_response_declare(struct pw_segmenter *segmenter, const uint64_t halo[3])
{
    memcpy(segmenter->halo, halo, sizeof segmenter->halo);
    segmenter->halo_is_exact = 1;
    segmenter->labels_core_only = 1;
    segmenter->tile_invariant = 1;
}

static uint64_t bits_bytes(const uint64_t shape[3])
{
    return pw_response_padded(shape[0] * shape[1] * pw_bit_words(shape[2]) * sizeof(uint64_t));
}

uint64_t pw_response_label_bytes(const uint64_t shape[3])
{
    return bits_bytes(shape) + pw_response_padded(pw_components_scratch_bytes(shape));
}

void pw_response_label_bits(const uint64_t *bits, int connectivity, const struct pw_tile *tile, void *scratch,
                            struct pw_runs *runs)
{
    pw_components_of_bits(bits, tile->core_shape, connectivity, scratch, runs);
    pw_runs_embed(runs, tile->core_start, tile->shape);
}

void pw_response_label(const float *response, float threshold, int connectivity, const struct pw_tile *tile,
                       void *scratch, struct pw_runs *runs)
{
    struct pw_threshold above;
    uint64_t *bits = scratch;
    pw_threshold_init(&above, PW_F32, (double)threshold);
    pw_threshold_rows(&above, response, (size_t)tile->core_shape[2] * sizeof *response,
                      tile->core_shape[0] * tile->core_shape[1], tile->core_shape[2], bits);
    pw_response_label_bits(bits, connectivity, tile, (char *)scratch + bits_bytes(tile->core_shape), runs);
}
