#include "relate/pair_sums.h"

#include <string.h>

#include "base/checked.h"

static void add_voxels(uint64_t *into, const uint64_t *from, void *context)
{
    (void)context;
    into[PW_PAIR_VOXELS] += from[PW_PAIR_VOXELS];
}

static void add_size(uint64_t *into, const uint64_t *from, void *context)
{
    (void)context;
    into[PW_SIZE_VOXELS] += from[PW_SIZE_VOXELS];
    into[PW_SIZE_FIRST_CELL] = pw_min_u64(into[PW_SIZE_FIRST_CELL], from[PW_SIZE_FIRST_CELL]);
    into[PW_SIZE_LAST_CELL] = pw_max_u64(into[PW_SIZE_LAST_CELL], from[PW_SIZE_LAST_CELL]);
}

static const struct pw_sorter_form pair_form = {.words = PW_PAIR_WORDS, .key_words = 2, .combine = add_voxels};
static const struct pw_sorter_form size_form = {.words = PW_SIZE_WORDS, .key_words = 1, .combine = add_size};

enum pw_status pw_pair_sums_init(struct pw_pair_sums *sums, const int wants_size[2], uint64_t memory_bytes,
                                 const char *scratch_dir, struct pw_error *error)
{
    memset(sums, 0, sizeof *sums);
    enum pw_status status = pw_sorter_init(&sums->pairs, &pair_form, memory_bytes / 2, scratch_dir, error);
    for (int side = 0; side < 2 && status == PW_OK; side++) {
        sums->wants_size[side] = wants_size[side];
        if (wants_size[side])
            status = pw_sorter_init(&sums->size[side], &size_form, memory_bytes / 4, scratch_dir, error);
    }
    return status;
}

void pw_pair_sums_destroy(struct pw_pair_sums *sums)
{
    pw_sorter_destroy(&sums->pairs);
    pw_sorter_destroy(&sums->size[0]);
    pw_sorter_destroy(&sums->size[1]);
}

static enum pw_status take_one(struct pw_pair_sums *sums, const struct pw_label_overlap *overlap,
                               struct pw_error *error)
{
    uint64_t pair[PW_PAIR_WORDS] = {overlap->a, overlap->b, overlap->voxels};
    enum pw_status status = pw_sorter_add(&sums->pairs, pair, error);
    for (int side = 0; side < 2 && status == PW_OK; side++) {
        uint64_t size[PW_SIZE_WORDS] = {side == 0 ? overlap->a : overlap->b, overlap->voxels, overlap->first_cell,
                                        overlap->last_cell};
        if (sums->wants_size[side])
            status = pw_sorter_add(&sums->size[side], size, error);
    }
    return status;
}

enum pw_status pw_pair_sums_take(struct pw_pair_sums *sums, const struct pw_label_overlap *overlap, uint64_t n,
                                 struct pw_error *error)
{
    enum pw_status status = PW_OK;
    for (uint64_t i = 0; i < n && status == PW_OK; i++)
        status = take_one(sums, &overlap[i], error);
    return status;
}

enum pw_status pw_pair_sums_finish(struct pw_pair_sums *sums, struct pw_error *error)
{
    enum pw_status status = pw_sorter_finish(&sums->pairs, error);
    for (int side = 0; side < 2 && status == PW_OK; side++)
        if (sums->wants_size[side])
            status = pw_sorter_finish(&sums->size[side], error);
    return status;
}
