/* What a probe tries: the tile, the part of the image, the halos. */
#include "probe_parts.h"

#include <stdio.h>
#include <string.h>

enum {
    TILES_ACROSS = 2, /* that a part has where the image has as many */
    SPLIT_EXTENT = 64 /* an axis that is not longer is not cut when the image fits one tile */
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

enum pw_status pw_probe_plan(const struct pw_run_options *options, struct pw_plan *report, struct pw_error *error)
{
    struct pw_run_options o = *options;
    o.output = o.output != NULL ? o.output : "pw-probe-plan.zarr";
    o.pyramid = PW_PYRAMID_NONE;
    o.overwrite = 1;
    return pw_run_plan(&o, report, error);
}

static void choose_tile(struct pw_probe *probe)
{
    const struct pw_plan *image = &probe->image;
    for (int i = 0; i < 3; i++) {
        uint64_t extent = image->volume_shape[i];
        if (probe->tile[i] == 0)
            probe->tile[i] = probe->options.tile[i] != 0 ? probe->options.tile[i] : image->tile[i];
        if (image->n_tiles == image->times && probe->options.tile[i] == 0 && extent > SPLIT_EXTENT)
            probe->tile[i] = (extent + 1) / 2;
    }
}

static void choose_box(struct pw_probe *probe)
{
    struct pw_run_options *o = &probe->options;
    const uint64_t *extent = probe->image.volume_shape;
    for (int i = 0; i < 3; i++) {
        uint64_t wanted = probe->crop[i] != 0 ? probe->crop[i] : TILES_ACROSS * probe->tile[i];
        probe->crop[i] = least(wanted, extent[i]);
        if (!probe->has_at)
            probe->at[i] = (extent[i] - probe->crop[i]) / 2;
        o->roi_start[i] = probe->at[i];
        o->roi_end[i] = probe->at[i] + probe->crop[i];
    }
}

struct pw_run_options pw_probe_part_options(const struct pw_probe *probe, const uint64_t tile[3],
                                            const uint64_t halo[3])
{
    struct pw_run_options o = probe->options;
    o.roi_alone = 1;
    o.halo_any = 1;
    o.halo_given = 1;
    memcpy(o.tile, tile, sizeof o.tile);
    memcpy(o.halo, halo, sizeof o.halo);
    return o;
}

struct pw_run_options pw_probe_whole_options(const struct pw_probe *probe, const uint64_t shape[3])
{
    static const uint64_t no_halo[3] = {0, 0, 0};
    struct pw_run_options o = pw_probe_part_options(probe, shape, no_halo);
    o.merge = PW_MERGE_TOUCH;
    o.metric = PW_METRIC_IOU;
    o.drop_covered = 0;
    memset(o.context, 0, sizeof o.context);
    return o;
}

/* A halo that some axis cannot have is 0 there, and one that is there already is not tried twice. */
static void add_row(struct pw_probe *probe, const uint64_t halo[3], int is_declared)
{
    struct pw_probe_row row = {.is_declared = is_declared};
    int at = probe->n_rows;
    for (int i = 0; i < 3; i++)
        row.halo[i] = probe->part.volume_shape[i] > probe->tile[i] && probe->tile[i] > 1 ? halo[i] : 0;
    for (int k = 0; k < probe->n_rows; k++)
        if (memcmp(probe->row[k].halo, row.halo, sizeof row.halo) == 0) {
            probe->row[k].is_declared |= is_declared;
            return;
        }
    while (at > 0 && probe->row[at - 1].halo[0] + probe->row[at - 1].halo[1] + probe->row[at - 1].halo[2] >
                         row.halo[0] + row.halo[1] + row.halo[2]) {
        probe->row[at] = probe->row[at - 1];
        at--;
    }
    probe->row[at] = row;
    probe->n_rows++;
}

/* The halos asked for stand in the rows; they are put in order, with the one that the function declares. */
static void choose_halos(struct pw_probe *probe)
{
    static const uint64_t usual[] = {0, 4, 8, 16, 32, 64};
    struct pw_probe_row asked[PW_PROBE_HALOS_MAX];
    int n = probe->n_rows;
    uint64_t widest = 0;
    memcpy(asked, probe->row, sizeof asked);
    probe->n_rows = 0;
    for (int i = 0; i < 3; i++)
        widest = probe->tile[i] > widest ? probe->tile[i] : widest;
    for (int k = 0; k < n; k++)
        add_row(probe, asked[k].halo, 0);
    for (size_t k = 0; n == 0 && k < sizeof usual / sizeof usual[0] && usual[k] <= widest; k++)
        add_row(probe, (const uint64_t[3]){usual[k], usual[k], usual[k]}, 0);
    if (probe->n_rows < PW_PROBE_HALOS_MAX)
        add_row(probe, probe->declared, 1);
}

enum pw_status pw_probe_choose(struct pw_probe *probe, struct pw_error *error)
{
    struct pw_error why = {0};
    enum pw_status status = pw_probe_plan(&probe->options, &probe->image, error);
    if (status != PW_OK)
        return status;
    memcpy(probe->declared, probe->image.halo, sizeof probe->declared);
    choose_tile(probe);
    choose_box(probe);
    /* The part may begin earlier, with a chunk, and is to be one tile still. */
    struct pw_run_options o = pw_probe_whole_options(probe, probe->image.volume_shape);
    status = pw_probe_plan(&o, &probe->part, &why);
    if (status != PW_OK) {
        *error = why;
        (void)snprintf(error->message, sizeof error->message,
                       "the part as one tile: %.900s (--crop takes a smaller one)", why.message);
        return status;
    }
    choose_halos(probe);
    return PW_OK;
}
