#include "run/measure_tiles.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "run/share.h"

/* Memory for the records of one thread.  With more labels in a tile they are handed on in between. */
#define RECORD_BYTES ((uint64_t)4 << 20)

struct pass {
    const struct pw_measure_tiles *measure;
    struct pw_share share; /* of tiles */
};

/* One thread. */
struct worker {
    struct pass *pass;
    struct pw_tile_labels labels;
    struct pw_channel_reader image;
    struct pw_buffer memory;
    struct pw_measure measure;
    struct pw_box tile;
    uint64_t tile_number;
    int image_is_read; /* of this tile */
};

/* ---- sizes ------------------------------------------------------------- */

static uint64_t voxels_of(const uint64_t shape[3])
{
    uint64_t n;
    return pw_product_u64(shape, 3, &n) ? n : UINT64_MAX / 64;
}

uint32_t pw_measure_tiles_capacity(const struct pw_measure_form *form, const uint64_t tile[3])
{
    uint64_t n = pw_min_u64(RECORD_BYTES / ((form->words + 1) * sizeof(uint64_t)), voxels_of(tile));
    return (uint32_t)pw_max_u64(n, 1);
}

void pw_measure_tiles_pull(const struct pw_grid *grid, uint64_t shape[3])
{
    shape[0] = 1;
    shape[2] = pw_min_u64(grid->tile[2], PW_MEASURE_PULL_VOXELS);
    shape[1] = pw_min_u64(grid->tile[1], pw_max_u64(PW_MEASURE_PULL_VOXELS / shape[2], 1));
}

uint64_t pw_measure_tiles_worker_bytes(const struct pw_measure_form *form, const struct pw_image_channels *image,
                                       const uint64_t tile[3])
{
    uint64_t bytes = pw_measure_memory_bytes(form, pw_measure_tiles_capacity(form, tile)) + sizeof(struct worker);
    return image != NULL ? bytes + pw_channel_reader_memory_bytes(image, voxels_of(tile)) : bytes;
}

/* ---- one tile ---------------------------------------------------------- */

static enum pw_status take_records(void *context, const uint64_t *label, const uint64_t *words, uint64_t n,
                                   struct pw_error *error)
{
    struct worker *worker = context;
    return pw_object_log_append(worker->pass->measure->log, worker->tile_number, label, words, n, error);
}

/* The runs of box, which lies in the tile. */
static enum pw_status measure_runs(struct worker *worker, const struct pw_box *box, const struct pw_label_block *runs,
                                   struct pw_error *error)
{
    struct pw_measure_block block = {.run = runs->run, .row = runs->row, .value = runs->value};
    const struct pw_image_channels *image = worker->pass->measure->image;
    enum pw_status status = PW_OK;
    if (runs->n_runs == 0)
        return PW_OK;
    if (image != NULL && !worker->image_is_read)
        status = pw_channel_reader_read(&worker->image, &worker->tile, error);
    worker->image_is_read = 1;
    if (status != PW_OK)
        return status;
    memcpy(block.shape, worker->tile.shape, sizeof block.shape);
    block.first[0] = box->start[0] - worker->tile.start[0];
    block.first[1] = box->start[1] - worker->tile.start[1];
    block.first_x = box->start[2] - worker->tile.start[2];
    block.count[0] = box->shape[0];
    block.count[1] = box->shape[1];
    return pw_measure_block(&worker->measure, &block, worker->image.channel, error);
}

static enum pw_status measure_box(struct worker *worker, const struct pw_box *box, struct pw_error *error)
{
    struct pw_label_block runs;
    enum pw_status status = worker->labels.pull(worker->labels.labels, box, &runs, error);
    return status == PW_OK ? measure_runs(worker, box, &runs, error) : status;
}

/* Box by box, in raster order as far as may be: the first voxels of labels come first. */
static enum pw_status measure_tile(void *context, uint64_t number, uint64_t *input_bytes, struct pw_error *error)
{
    struct worker *worker = context;
    const struct pw_grid *grid = worker->pass->measure->grid;
    uint64_t pull[3], at[3];
    enum pw_status status = PW_OK;
    worker->tile = pw_grid_core(grid, number);
    worker->tile_number = number;
    *input_bytes = pw_box_voxels(&worker->tile);
    worker->image_is_read = 0;
    pw_measure_tiles_pull(grid, pull);
    if (worker->labels.begin != NULL)
        status = worker->labels.begin(worker->labels.labels, &worker->tile, error);
    for (at[0] = 0; at[0] < worker->tile.shape[0]; at[0] += pull[0])
        for (at[1] = 0; at[1] < worker->tile.shape[1]; at[1] += pull[1])
            for (at[2] = 0; at[2] < worker->tile.shape[2] && status == PW_OK; at[2] += pull[2]) {
                struct pw_box box;
                for (int i = 0; i < 3; i++) {
                    box.start[i] = worker->tile.start[i] + at[i];
                    box.shape[i] = pw_min_u64(pull[i], worker->tile.shape[i] - at[i]);
                }
                status = measure_box(worker, &box, error);
            }
    return status == PW_OK ? pw_measure_flush(&worker->measure, error) : status;
}

/* ---- all of them -------------------------------------------------------- */

static enum pw_status worker_init(struct worker *worker, struct pass *pass, unsigned member, struct pw_error *error)
{
    const struct pw_measure_tiles *m = pass->measure;
    uint32_t capacity = pw_measure_tiles_capacity(m->form, m->grid->tile);
    memset(worker, 0, sizeof *worker);
    worker->pass = pass;
    enum pw_status status =
        pw_buffer_init(&worker->memory, pw_measure_memory_bytes(m->form, capacity), "label measures", error);
    if (status == PW_OK)
        pw_measure_init(&worker->measure, m->form, capacity, worker->memory.data, take_records, worker);
    if (status == PW_OK && m->image != NULL)
        status = pw_channel_reader_init(&worker->image, m->image, voxels_of(m->grid->tile), error);
    return status == PW_OK ? m->labels_init(m->context, member, &worker->labels, error) : status;
}

static void worker_release(struct worker *worker, unsigned member)
{
    const struct pw_measure_tiles *m = worker->pass->measure;
    m->labels_release(m->context, member);
    pw_channel_reader_release(&worker->image);
    pw_buffer_release(&worker->memory);
}

static void work(void *context, unsigned member)
{
    struct pass *pass = context;
    struct worker worker;
    struct pw_error error = {0};
    enum pw_status status = worker_init(&worker, pass, member, &error);
    if (status == PW_OK)
        pw_share_each(&pass->share, measure_tile, &worker);
    else
        pw_share_fail(&pass->share, &error);
    worker_release(&worker, member);
}

enum pw_status pw_measure_tiles_run(const struct pw_measure_tiles *measure, const struct pw_watch *watch,
                                    struct pw_error *error)
{
    struct pass pass = {.measure = measure};
    pw_share_init(&pass.share, measure->grid->n_tiles);
    enum pw_status status = pw_share_run(&pass.share, measure->threads, work, &pass, watch, error);
    pw_share_release(&pass.share);
    return status;
}
