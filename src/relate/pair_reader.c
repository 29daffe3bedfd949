#include "relate/pair_reader.h"

#include <stdlib.h>
#include <string.h>

static enum pw_status init_side(struct pw_pair_reader *reader, int side, struct pw_error *error)
{
    const struct pw_label_pair *pair = reader->pair;
    const struct pw_load_plan *load = &pair->load[side];
    const struct pw_volume *volume = &pair->volume[side];
    struct pw_side_reader *r = &reader->side[side];
    enum pw_status status = pw_loader_init(&r->loader, volume, &pair->grid, load, error);
    for (int i = 0; i < 2 && status == PW_OK; i++)
        status = pw_slot_init(&r->slot[i], load, pw_label_pair_slot_bytes(pair, side), error);
    if (status == PW_OK)
        status = pw_load_scratch_init(&r->scratch, &r->loader, error);
    if (status != PW_OK)
        return status;
    r->fill_row = pw_alloc(pair->grid.tile[2], volume->voxel_bytes, error);
    if (r->fill_row == NULL)
        return PW_E_NOMEM;
    pw_source_fill(pair->source[side], r->fill_row, pair->grid.tile[2]);
    return PW_OK;
}

enum pw_status pw_pair_reader_init(struct pw_pair_reader *reader, const struct pw_label_pair *pair,
                                   struct pw_error *error)
{
    memset(reader, 0, sizeof *reader);
    reader->pair = pair;
    enum pw_status status = init_side(reader, 0, error);
    return status == PW_OK ? init_side(reader, 1, error) : status;
}

static void destroy_side(struct pw_side_reader *r)
{
    if (r->loader.io == NULL) /* it was never made */
        return;
    while (pw_loader_reap(&r->loader)) /* nothing may be written into a slot that is gone */
        continue;
    for (int i = 0; i < 2; i++) {
        for (uint32_t k = 0; r->slot[i].use != NULL && k < r->slot[i].n_uses; k++)
            pw_io_done(r->loader.io, &r->slot[i].use[k].read);
        pw_slot_destroy(&r->slot[i]);
    }
    pw_load_scratch_destroy(&r->scratch, &r->loader);
    pw_loader_destroy(&r->loader);
    free(r->fill_row);
}

void pw_pair_reader_destroy(struct pw_pair_reader *reader)
{
    destroy_side(&reader->side[0]);
    destroy_side(&reader->side[1]);
    memset(reader, 0, sizeof *reader);
}

enum pw_status pw_pair_reader_begin(struct pw_pair_reader *reader, uint64_t tile, struct pw_error *error)
{
    unsigned turn = reader->begun++ % 2;
    enum pw_status status = PW_OK;
    for (int side = 0; side < 2 && status == PW_OK; side++)
        status = pw_loader_begin(&reader->side[side].loader, &reader->side[side].slot[turn], tile, error);
    return status;
}

static enum pw_status take_side(struct pw_side_reader *r, struct pw_slot *slot, struct pw_side_view *view,
                                struct pw_error *error)
{
    while (slot->pending > 0)
        (void)pw_loader_reap(&r->loader);
    enum pw_status status = pw_loader_finish(&r->loader, slot, &r->scratch, error);
    if (status != PW_OK)
        return status;
    view->dtype = r->loader.volume->source->info.dtype;
    view->constant = slot->constant;
    view->voxels = slot->constant ? r->fill_row : slot->voxels;
    view->stride_bytes[0] = slot->constant ? 0 : slot->stride_bytes[0];
    view->stride_bytes[1] = slot->constant ? 0 : slot->stride_bytes[1];
    return PW_OK;
}

enum pw_status pw_pair_reader_take(struct pw_pair_reader *reader, struct pw_pair_view *view, struct pw_error *error)
{
    unsigned turn = reader->taken % 2;
    enum pw_status status = PW_OK;
    view->box = reader->side[0].slot[turn].window;
    for (int side = 0; side < 2 && status == PW_OK; side++)
        status = take_side(&reader->side[side], &reader->side[side].slot[turn], &view->side[side], error);
    return status;
}

void pw_pair_reader_done(struct pw_pair_reader *reader)
{
    unsigned turn = reader->taken++ % 2;
    for (int side = 0; side < 2; side++)
        pw_loader_release(&reader->side[side].loader, &reader->side[side].slot[turn]);
}
