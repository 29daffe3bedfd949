#include "merge/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "ext/sorter.h"

enum {
    IO_RECORDS = 16384
}; /* edges or ids read and written at once */

/* Labels that occur in edges, sorted; each with its parent in the union-find and its object's value. */
struct nodes {
    uint64_t *label;
    uint32_t *parent; /* index of a node not above it; its own for a root */
    uint64_t *value;  /* of a root: first voxel of the object, later its id */
    uint64_t n;
    struct pw_buffer memory;
};

/* Bytes of one node in memory. */
enum {
    NODE_BYTES = 2 * sizeof(uint64_t) + sizeof(uint32_t)
};

static const struct pw_sorter_form pairs = {.words = 2, .key_words = 2};
static const struct pw_sorter_form unique_pairs = {.words = 2, .key_words = 2, .combine = pw_sorter_keep_first};

struct resolve {
    const struct pw_grid *grid;
    const struct pw_stage *stage;
    const struct pw_edge_file *edges;
    const struct pw_rule *rule;
    const char *scratch_dir;
    uint64_t memory_bytes;
    struct pw_id_map *map;
    struct nodes nodes;
    struct pw_label_fact *table; /* of one tile */
    uint64_t table_capacity;
    unsigned char *coded;
    uint64_t coded_capacity;
};

uint64_t pw_id_map_memory_bytes(uint64_t n_tiles)
{
    return (n_tiles + 1) * sizeof(uint64_t);
}

void pw_id_map_release(struct pw_id_map *map)
{
    if (map->offset == NULL)
        return;
    pw_scratch_close(&map->file);
    free(map->offset);
    memset(map, 0, sizeof *map);
    map->file.fd = -1;
}

/* ---- union-find -------------------------------------------------------- */

static uint64_t find_node(const struct nodes *nodes, uint64_t label)
{
    uint64_t low = 0, high = nodes->n;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (nodes->label[middle] < label)
            low = middle + 1;
        else
            high = middle;
    }
    return low < nodes->n && nodes->label[low] == label ? low : UINT64_MAX;
}

static uint32_t find_root(struct nodes *nodes, uint32_t i)
{
    while (nodes->parent[i] != i) {
        nodes->parent[i] = nodes->parent[nodes->parent[i]];
        i = nodes->parent[i];
    }
    return i;
}

static void join(struct nodes *nodes, uint32_t a, uint32_t b)
{
    a = find_root(nodes, a);
    b = find_root(nodes, b);
    if (a < b)
        nodes->parent[b] = a;
    else
        nodes->parent[a] = b;
}

/* ---- edges ------------------------------------------------------------- */

static enum pw_status add_edge(struct resolve *r, const struct pw_edge *edge, struct pw_sorter *edges,
                               struct pw_sorter *ends, struct pw_error *error)
{
    uint64_t a = r->map->offset[edge->tile_a] + edge->label_a - 1;
    uint64_t b = r->map->offset[edge->tile_b] + edge->label_b - 1;
    uint64_t pair[2] = {pw_min_u64(a, b), pw_max_u64(a, b)}, end_a[2] = {a, 0}, end_b[2] = {b, 0};
    enum pw_status status = pw_sorter_add(edges, pair, error);
    if (status == PW_OK)
        status = pw_sorter_add(ends, end_a, error);
    return status == PW_OK ? pw_sorter_add(ends, end_b, error) : status;
}

/* Reads the edge file into the two sorters. */
static enum pw_status read_edges(struct resolve *r, struct pw_sorter *edges, struct pw_sorter *ends,
                                 struct pw_error *error)
{
    struct pw_edge *buffer = pw_alloc(IO_RECORDS, sizeof *buffer, error);
    enum pw_status status = buffer == NULL ? PW_E_NOMEM : PW_OK;
    for (uint64_t at = 0; status == PW_OK;) {
        uint32_t n;
        status = pw_edge_file_read(r->edges, r->rule, &at, buffer, IO_RECORDS, &n, error);
        if (status != PW_OK || n == 0)
            break;
        for (uint32_t i = 0; i < n && status == PW_OK; i++)
            status = add_edge(r, &buffer[i], edges, ends, error);
    }
    free(buffer);
    if (status == PW_OK)
        status = pw_sorter_finish(edges, error);
    return status == PW_OK ? pw_sorter_finish(ends, error) : status;
}

/* Takes the sorted ends into memory as nodes, each its own root. */
static enum pw_status take_nodes(struct resolve *r, struct pw_sorter *ends, struct pw_error *error)
{
    struct nodes *nodes = &r->nodes;
    uint64_t most = pw_min_u64(r->memory_bytes / 2 / NODE_BYTES, UINT32_MAX);
    uint64_t wanted = pw_min_u64(most, ends->n_added);
    enum pw_status status = pw_buffer_init(&nodes->memory, wanted * NODE_BYTES + 64, "union-find", error);
    if (status != PW_OK)
        return status;
    nodes->label = nodes->memory.data;
    nodes->value = nodes->label + wanted;
    nodes->parent = (void *)(nodes->value + wanted);
    for (;;) {
        uint64_t record[2];
        status = pw_sorter_next(ends, record, error);
        if (status != PW_OK)
            return status == PW_EMPTY ? PW_OK : status;
        if (nodes->n == wanted)
            return pw_fail(error, PW_E_BUDGET,
                           "more than %llu labels touch seams, too many for a memory budget of %llu MiB",
                           (unsigned long long)wanted, (unsigned long long)(r->memory_bytes >> 20));
        nodes->label[nodes->n] = record[0];
        nodes->value[nodes->n] = UINT64_MAX;
        nodes->parent[nodes->n] = (uint32_t)nodes->n;
        nodes->n++;
    }
}

static enum pw_status join_edges(struct resolve *r, struct pw_sorter *edges, struct pw_error *error)
{
    struct nodes *nodes = &r->nodes;
    uint64_t low = 0; /* edges come sorted by their smaller end */
    for (;;) {
        uint64_t edge[2];
        enum pw_status status = pw_sorter_next(edges, edge, error);
        if (status != PW_OK)
            return status == PW_EMPTY ? PW_OK : status;
        while (nodes->label[low] < edge[0])
            low++;
        join(nodes, (uint32_t)low, (uint32_t)find_node(nodes, edge[1]));
        r->map->n_edges++;
    }
}

static enum pw_status build_nodes(struct resolve *r, struct pw_error *error)
{
    struct pw_sorter edges = {0}, ends = {0};
    enum pw_status status = pw_sorter_init(&edges, &unique_pairs, r->memory_bytes / 4, r->scratch_dir, error);
    if (status == PW_OK)
        status = pw_sorter_init(&ends, &unique_pairs, r->memory_bytes / 4, r->scratch_dir, error);
    if (status == PW_OK)
        status = read_edges(r, &edges, &ends, error);
    if (status == PW_OK)
        status = take_nodes(r, &ends, error);
    if (status == PW_OK)
        status = join_edges(r, &edges, error);
    pw_sorter_destroy(&edges);
    pw_sorter_destroy(&ends);
    return status;
}

/* ---- first voxels ------------------------------------------------------ */

static enum pw_status reserve_table(struct resolve *r, uint64_t n_labels, uint64_t coded, struct pw_error *error)
{
    if (n_labels > r->table_capacity) {
        free(r->table);
        r->table = pw_alloc(n_labels, sizeof *r->table, error);
        r->table_capacity = r->table == NULL ? 0 : n_labels;
    }
    if (coded > r->coded_capacity) {
        free(r->coded);
        r->coded = pw_alloc(coded, 1, error);
        r->coded_capacity = r->coded == NULL ? 0 : coded;
    }
    return n_labels > r->table_capacity || coded > r->coded_capacity ? PW_E_NOMEM : PW_OK;
}

/* Reads tile's label table into r->table as voxel numbers of the volume. */
static enum pw_status read_table(struct resolve *r, uint64_t tile, uint64_t n_labels, struct pw_error *error)
{
    struct pw_record_header header;
    enum pw_status status = pw_stage_read_header(r->stage, tile, &header, error);
    uint64_t coded = status == PW_OK ? header.planes - header.table : 0;
    if (status == PW_OK)
        status = reserve_table(r, n_labels, coded, error);
    if (status == PW_OK)
        status = pw_stage_read(r->stage, tile, header.table, r->coded, (size_t)coded, error);
    if (status == PW_OK)
        status = pw_table_decode(r->coded, (size_t)coded, n_labels, r->table, error);
    if (status != PW_OK)
        return status;
    struct pw_box core = pw_grid_core(r->grid, tile);
    const uint64_t *volume = r->grid->volume;
    for (uint64_t i = 0; i < n_labels; i++) {
        uint64_t x = r->table[i].first % core.shape[2], row = r->table[i].first / core.shape[2];
        uint64_t z = core.start[0] + row / core.shape[1], y = core.start[1] + row % core.shape[1];
        r->table[i].first = (z * volume[1] + y) * volume[2] + core.start[2] + x;
    }
    return PW_OK;
}

/*
 * Gives every object to objects as (first voxel, global label): labels without an
 * edge as they come, joined ones once for their root.
 */
static enum pw_status gather_objects(struct resolve *r, struct pw_sorter *objects, struct pw_error *error)
{
    struct nodes *nodes = &r->nodes;
    uint64_t node = 0;
    enum pw_status status = PW_OK;
    for (uint64_t tile = 0; tile < r->grid->n_tiles && status == PW_OK; tile++) {
        uint64_t first = r->map->offset[tile], n = r->map->offset[tile + 1] - first;
        if (n == 0)
            continue;
        status = read_table(r, tile, n, error);
        for (uint64_t i = 0; i < n && status == PW_OK; i++) {
            uint64_t record[2] = {r->table[i].first, first + i};
            if (node < nodes->n && nodes->label[node] == first + i) {
                uint32_t root = find_root(nodes, (uint32_t)node++);
                nodes->value[root] = pw_min_u64(nodes->value[root], r->table[i].first);
            } else {
                status = pw_sorter_add(objects, record, error);
            }
        }
    }
    for (uint64_t i = 0; i < nodes->n && status == PW_OK; i++)
        if (nodes->parent[i] == i) {
            uint64_t record[2] = {nodes->value[i], nodes->label[i]};
            status = pw_sorter_add(objects, record, error);
        }
    return status == PW_OK ? pw_sorter_finish(objects, error) : status;
}

/* Numbers the objects by first voxel: roots keep their id in the node, others go to ids as (label, id). */
static enum pw_status number_objects(struct resolve *r, struct pw_sorter *objects, struct pw_sorter *ids,
                                     struct pw_error *error)
{
    for (;;) {
        uint64_t record[2];
        enum pw_status status = pw_sorter_next(objects, record, error);
        if (status == PW_EMPTY)
            return pw_sorter_finish(ids, error);
        if (status != PW_OK)
            return status;
        uint64_t id = ++r->map->n_objects, node = find_node(&r->nodes, record[1]);
        uint64_t numbered[2] = {record[1], id};
        if (node != UINT64_MAX)
            r->nodes.value[node] = id;
        else
            status = pw_sorter_add(ids, numbered, error);
        if (status != PW_OK)
            return status;
    }
}

/* ---- the id map -------------------------------------------------------- */

struct id_writer {
    struct pw_id_map *map;
    unsigned char *buffer;
    uint64_t used, written; /* bytes */
};

static enum pw_status flush_ids(struct id_writer *writer, struct pw_error *error)
{
    enum pw_status status = pw_file_write(writer->map->file.fd, writer->buffer, (size_t)writer->used, writer->written,
                                          writer->map->file.name, error);
    writer->written += writer->used;
    writer->used = 0;
    return status;
}

static enum pw_status write_id(struct id_writer *writer, uint64_t id, struct pw_error *error)
{
    uint32_t narrow = (uint32_t)id;
    if (writer->map->id_bytes == sizeof narrow)
        memcpy(writer->buffer + writer->used, &narrow, sizeof narrow);
    else
        memcpy(writer->buffer + writer->used, &id, sizeof id);
    writer->used += writer->map->id_bytes;
    return writer->used == IO_RECORDS * sizeof id ? flush_ids(writer, error) : PW_OK;
}

static enum pw_status write_map(struct resolve *r, struct pw_sorter *ids, struct pw_error *error)
{
    struct nodes *nodes = &r->nodes;
    struct id_writer writer = {.map = r->map};
    uint64_t n_labels = r->map->offset[r->grid->n_tiles], node = 0;
    enum pw_status status = pw_scratch_open(&r->map->file, r->scratch_dir, "id map", error);
    if (status != PW_OK)
        return status;
    writer.buffer = pw_alloc(IO_RECORDS, sizeof(uint64_t), error);
    if (writer.buffer == NULL)
        return PW_E_NOMEM;
    r->map->id_bytes = r->map->n_objects > UINT32_MAX ? 8 : 4;
    for (uint64_t label = 0; label < n_labels && status == PW_OK; label++) {
        uint64_t record[2] = {0, 0};
        if (node < nodes->n && nodes->label[node] == label)
            record[1] = nodes->value[find_root(nodes, (uint32_t)node++)];
        else
            status = pw_sorter_next(ids, record, error);
        if (status == PW_OK)
            status = write_id(&writer, record[1], error);
        else if (status == PW_EMPTY)
            status = pw_fail(error, PW_E_INTERNAL, "resolve: label %llu has no object", (unsigned long long)label);
    }
    if (status == PW_OK)
        status = flush_ids(&writer, error);
    free(writer.buffer);
    return status;
}

static enum pw_status number(struct resolve *r, struct pw_error *error)
{
    struct pw_sorter objects = {0}, ids = {0};
    enum pw_status status = pw_sorter_init(&objects, &pairs, r->memory_bytes / 4, r->scratch_dir, error);
    if (status == PW_OK)
        status = gather_objects(r, &objects, error);
    if (status == PW_OK)
        status = pw_sorter_init(&ids, &pairs, r->memory_bytes / 4, r->scratch_dir, error);
    if (status == PW_OK)
        status = number_objects(r, &objects, &ids, error);
    pw_sorter_destroy(&objects);
    if (status == PW_OK)
        status = write_map(r, &ids, error);
    pw_sorter_destroy(&ids);
    return status;
}

enum pw_status pw_resolve(const struct pw_grid *grid, const struct pw_stage *stage, const struct pw_edge_file *edges,
                          const struct pw_rule *rule, uint64_t memory_bytes, const char *scratch_dir,
                          struct pw_id_map *map, struct pw_error *error)
{
    struct resolve r = {.grid = grid,
                        .stage = stage,
                        .edges = edges,
                        .rule = rule,
                        .scratch_dir = scratch_dir,
                        .memory_bytes = memory_bytes,
                        .map = map};
    memset(map, 0, sizeof *map);
    map->file.fd = -1;
    map->offset = pw_alloc(grid->n_tiles + 1, sizeof *map->offset, error);
    if (map->offset == NULL)
        return PW_E_NOMEM;
    for (uint64_t tile = 0; tile < grid->n_tiles; tile++)
        map->offset[tile + 1] = map->offset[tile] + stage->entry[tile].n_labels;
    enum pw_status status = build_nodes(&r, error);
    if (status == PW_OK)
        status = number(&r, error);
    pw_buffer_release(&r.nodes.memory);
    free(r.table);
    free(r.coded);
    if (status != PW_OK)
        pw_id_map_release(map);
    return status;
}

enum pw_status pw_id_map_read(const struct pw_id_map *map, uint64_t tile, uint64_t *id, uint64_t n,
                              struct pw_error *error)
{
    uint64_t at = map->offset[tile] * map->id_bytes;
    if (map->id_bytes == sizeof *id)
        return pw_file_read_exactly(map->file.fd, id, (size_t)n * sizeof *id, at, map->file.name, error);
    /* Read into the upper half, then widened from the front: the narrow ids are always ahead of the wide ones. */
    uint32_t *narrow = (uint32_t *)(void *)id + n;
    enum pw_status status =
        pw_file_read_exactly(map->file.fd, narrow, (size_t)n * sizeof *narrow, at, map->file.name, error);
    for (uint64_t i = 0; i < n && status == PW_OK; i++) {
        uint32_t value;
        memcpy(&value, narrow + i, sizeof value);
        id[i] = value;
    }
    return status;
}
