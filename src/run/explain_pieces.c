/* Under witness: whose masks were painted into which cores. */
#include "run/explain_parts.h"

static void take_label(void *context, uint64_t row, uint32_t start, uint32_t end, uint32_t label)
{
    (void)row;
    (void)start;
    (void)end;
    *(uint32_t *)context = label;
}

/* Whose mask a piece is of: into the core of another tile only that of the owner is painted. */
static enum pw_status find_source(struct pw_explain_look *look, struct pw_explained_piece *piece,
                                  struct pw_error *error)
{
    struct pw_box voxel = {{piece->first[0], piece->first[1], piece->first[2]}, {1, 1, 1}};
    piece->source_tile = look->about.owner_tile;
    piece->source_label = look->about.owner_label;
    if (look->about.has_owner && piece->tile != look->about.owner_tile)
        return PW_OK;
    piece->source_tile = piece->tile;
    return pw_record_reader_visit(&look->seen.reader, &voxel, take_label, &piece->source_label, error);
}

static enum pw_status tell_pieces_of(struct pw_explain_look *look, uint64_t tile, const uint64_t *id,
                                     struct pw_error *error)
{
    struct pw_tile_labels *painted = &look->painted;
    enum pw_status status = pw_explain_load(painted, tile, error);
    if (status == PW_OK)
        status = pw_record_reader_load(&look->seen.reader, tile, error);
    for (uint64_t i = 0; status == PW_OK && i < painted->reader.header.n_labels; i++) {
        struct pw_explained_piece piece = {.tile = tile, .voxels = painted->fact[i].voxels};
        if (id[i] != look->about.id)
            continue;
        pw_explain_first(&look->job->grid, tile, &painted->fact[i], piece.first);
        pw_explain_box(&painted->reader.box, &painted->extent[i], piece.box_start, piece.box_shape);
        status = find_source(look, &piece, error);
        piece.first[0] = pw_grid_z(&look->job->grid, piece.first[0]);
        piece.box_start[0] = pw_grid_z(&look->job->grid, piece.box_start[0]);
        if (status == PW_OK)
            look->calls->piece(&piece, look->calls->user);
    }
    return status;
}

enum pw_status pw_explain_tell_pieces(struct pw_explain_look *look, struct pw_error *error)
{
    const struct pw_kept_objects *o = &look->objects;
    uint64_t *id = look->ids[0].id;
    enum pw_status status = PW_OK;
    for (uint64_t tile = 0; o->is_painted && tile < look->job->grid.n_tiles && status == PW_OK; tile++) {
        uint64_t n = o->painted.entry[tile].n_labels, i = 0;
        status = pw_id_map_read(&o->painted_map, tile, id, n, error);
        while (status == PW_OK && i < n && id[i] != look->about.id)
            i++;
        if (status == PW_OK && i < n)
            status = tell_pieces_of(look, tile, id, error);
    }
    return status;
}
