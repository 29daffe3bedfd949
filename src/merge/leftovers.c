#include "merge/leftovers.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "ext/sorter.h"

/* What candidates say of a label; a sum over all of them. */
enum {
    IS_JOINED = 1,
    IS_COVERED = 2
};

enum {
    READ_EDGES = 4096,
    WRITTEN_BITS = 1 << 16
};

uint64_t pw_leftovers_memory_bytes(uint64_t n_tiles)
{
    return (n_tiles + 1) * sizeof(uint64_t) + READ_EDGES * sizeof(struct pw_edge) + WRITTEN_BITS / 8;
}

void pw_leftovers_release(struct pw_leftovers *leftovers)
{
    if (leftovers->offset == NULL)
        return;
    pw_scratch_close(&leftovers->file);
    free(leftovers->offset);
    leftovers->offset = NULL;
}

/* Whether a label of size voxels in the overlap is covered by another of other_size; first: it wins among equals. */
static int is_covered(uint32_t shared, uint32_t size, uint32_t other_size, int first)
{
    return 2 * (uint64_t)shared > size && (other_size > size || (other_size == size && !first));
}

static void combine_flags(uint64_t *into, const uint64_t *from, void *context)
{
    (void)context;
    into[1] |= from[1];
}

static int is_label(const struct pw_stage *stage, uint32_t tile, uint32_t label)
{
    return tile < stage->n_tiles && label > 0 && label <= stage->entry[tile].n_labels;
}

static enum pw_status add_edge(const struct pw_leftovers *leftovers, const struct pw_rule *rule,
                               const struct pw_edge *edge, struct pw_sorter *sorter, struct pw_error *error)
{
    int a_is_first = edge->tile_a < edge->tile_b;
    uint64_t a[2] = {leftovers->offset[edge->tile_a] + edge->label_a - 1, 0};
    uint64_t b[2] = {leftovers->offset[edge->tile_b] + edge->label_b - 1, 0};
    if (pw_rule_accepts(rule, edge)) {
        a[1] = b[1] = IS_JOINED;
    } else {
        a[1] = is_covered(edge->shared, edge->size_a, edge->size_b, a_is_first) ? IS_COVERED : 0;
        b[1] = is_covered(edge->shared, edge->size_b, edge->size_a, !a_is_first) ? IS_COVERED : 0;
    }
    enum pw_status status = a[1] != 0 ? pw_sorter_add(sorter, a, error) : PW_OK;
    return status == PW_OK && b[1] != 0 ? pw_sorter_add(sorter, b, error) : status;
}

static enum pw_status read_edges(const struct pw_leftovers *leftovers, const struct pw_stage *stage,
                                 const struct pw_edge_file *edges, const struct pw_rule *rule, struct pw_sorter *sorter,
                                 struct pw_error *error)
{
    struct pw_edge *edge = pw_alloc(READ_EDGES, sizeof *edge, error);
    enum pw_status status = edge == NULL ? PW_E_NOMEM : PW_OK;
    uint32_t n = 1;
    for (uint64_t at = 0; status == PW_OK && n > 0;) {
        status = pw_edge_file_read(edges, NULL, &at, edge, READ_EDGES, &n, error);
        for (uint32_t i = 0; i < n && status == PW_OK; i++)
            if (!is_label(stage, edge[i].tile_a, edge[i].label_a) || !is_label(stage, edge[i].tile_b, edge[i].label_b))
                status =
                    pw_fail(error, PW_E_FORMAT, "%s: a candidate names a label that is not there", edges->file.name);
            else
                status = add_edge(leftovers, rule, &edge[i], sorter, error);
    }
    free(edge);
    return status == PW_OK ? pw_sorter_finish(sorter, error) : status;
}

static enum pw_status write_bits(struct pw_leftovers *leftovers, uint64_t n_labels, struct pw_sorter *sorter,
                                 struct pw_error *error)
{
    unsigned char *bits = pw_alloc(WRITTEN_BITS / 8, 1, error);
    uint64_t record[2] = {0};
    if (bits == NULL)
        return PW_E_NOMEM;
    enum pw_status next = pw_sorter_next(sorter, record, error), status = PW_OK;
    for (uint64_t at = 0; at < n_labels && status == PW_OK && next >= 0; at += WRITTEN_BITS) {
        memset(bits, 0, WRITTEN_BITS / 8);
        for (; next == PW_OK && record[0] < at + WRITTEN_BITS; next = pw_sorter_next(sorter, record, error))
            if (record[1] == IS_COVERED) {
                bits[(record[0] - at) / 8] |= (unsigned char)(1 << (record[0] - at) % 8);
                leftovers->n++;
            }
        uint64_t bytes = pw_ceil_div(pw_min_u64(WRITTEN_BITS, n_labels - at), 8);
        status = pw_file_write(leftovers->file.fd, bits, (size_t)bytes, at / 8, leftovers->file.name, error);
    }
    free(bits);
    return next < 0 ? next : status;
}

enum pw_status pw_leftovers_find(const struct pw_stage *stage, const struct pw_edge_file *edges,
                                 const struct pw_rule *rule, uint64_t memory_bytes, const char *scratch_dir,
                                 struct pw_leftovers *leftovers, struct pw_error *error)
{
    static const struct pw_sorter_form form = {.words = 2, .key_words = 1, .combine = combine_flags};
    struct pw_sorter sorter = {0};
    memset(leftovers, 0, sizeof *leftovers);
    leftovers->file.fd = -1;
    leftovers->offset = pw_alloc(stage->n_tiles + 1, sizeof *leftovers->offset, error);
    if (leftovers->offset == NULL)
        return PW_E_NOMEM;
    for (uint64_t tile = 0; tile < stage->n_tiles; tile++)
        leftovers->offset[tile + 1] = leftovers->offset[tile] + stage->entry[tile].n_labels;
    enum pw_status status = pw_sorter_init(&sorter, &form, memory_bytes, scratch_dir, error);
    if (status == PW_OK)
        status = pw_scratch_open(&leftovers->file, scratch_dir, "leftover labels", error);
    if (status == PW_OK)
        status = read_edges(leftovers, stage, edges, rule, &sorter, error);
    if (status == PW_OK)
        status = write_bits(leftovers, leftovers->offset[stage->n_tiles], &sorter, error);
    pw_sorter_destroy(&sorter);
    return status;
}

enum pw_status pw_leftovers_read(const struct pw_leftovers *leftovers, uint64_t tile, uint64_t first, uint64_t n,
                                 uint64_t bits[PW_LEFTOVER_BITS / 64], struct pw_error *error)
{
    unsigned char bytes[PW_LEFTOVER_BITS / 8 + 1] = {0};
    uint64_t at = leftovers->offset[tile] + first;
    n = pw_min_u64(n, PW_LEFTOVER_BITS);
    size_t count = (size_t)((at + n - 1) / 8 - at / 8 + 1);
    enum pw_status status = pw_file_read_exactly(leftovers->file.fd, bytes, count, at / 8, leftovers->file.name, error);
    memset(bits, 0, PW_LEFTOVER_BITS / 8);
    for (uint64_t i = 0; i < n && status == PW_OK; i++)
        bits[i / 64] |= (uint64_t)(bytes[(at % 8 + i) / 8] >> (at + i) % 8 & 1) << i % 64;
    return status;
}
