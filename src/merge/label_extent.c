#include "merge/label_extent.h"

struct collector {
    struct pw_label_extent *extent;
    uint64_t height; /* rows of a plane of the box */
};

static void take_run(void *context, uint64_t row, uint32_t start, uint32_t end, uint32_t label)
{
    const struct collector *c = context;
    struct pw_label_extent *e = &c->extent[label - 1];
    uint32_t position[2] = {(uint32_t)(row / c->height), (uint32_t)(row % c->height)};
    for (int i = 0; i < 2; i++) {
        e->low[i] = position[i] < e->low[i] ? position[i] : e->low[i];
        e->high[i] = position[i] >= e->high[i] ? position[i] + 1 : e->high[i];
    }
    e->low[2] = start < e->low[2] ? start : e->low[2];
    e->high[2] = end > e->high[2] ? end : e->high[2];
}

enum pw_status pw_label_extents(const struct pw_record_reader *reader, const struct pw_box *box,
                                struct pw_label_extent *extent, struct pw_error *error)
{
    struct collector c = {extent, box->shape[1]};
    for (uint64_t i = 0; i < reader->header.n_labels; i++)
        extent[i] = (struct pw_label_extent){{UINT32_MAX, UINT32_MAX, UINT32_MAX}, {0, 0, 0}};
    return pw_record_reader_visit(reader, box, take_run, &c, error);
}
