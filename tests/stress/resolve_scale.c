/*
 * resolve_scale - resolving any number of labels and edges, as they come from a volume cut into tiles: makes a stage
 * and an edge file, resolves them, and says what that took, as one line of JSON.
 *
 *     resolve_scale --labels N --edges N --memory BYTES [--tile-labels N] [--scratch DIR] [--verify]
 *     resolve_scale --labels N --edges N [--tile-labels N] --lines FILE
 *
 * --verify compares all ids with those of a union-find in memory.  --lines writes the edges as lines of 15 hexadecimal
 * digits instead, as many bytes as the edge file has: something for sort(1).
 *
 * The tiles form a grid as cubic as may be.  Labels on the six faces of a tile are joined with those of the
 * neighbours, most of them one to one and some askew, and about three times each.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "merge/resolve.h"
#include "merge/seams.h"

enum {
    ROW_LABELS = 100, /* places for labels in a row of voxels, every other one */
    ROWS = 125,       /* of a plane */
    WIDTH = 2 * ROW_LABELS
};

struct options {
    uint64_t labels, edges, tile_labels, memory;
    const char *scratch, *lines;
    int verify;
};

struct scene {
    struct pw_grid grid;
    struct pw_stage stage;
    struct pw_edge_file edges;
    uint64_t *offset; /* first global label of each tile */
    uint64_t edges_per_seam;
};

static void stop(const char *what)
{
    fprintf(stderr, "resolve_scale: %s\n", what);
    exit(1);
}

static void require(enum pw_status status, const struct pw_error *error)
{
    if (status != PW_OK)
        stop(error->message);
}

static void *allocate(uint64_t n, size_t bytes)
{
    void *p = calloc(n, bytes);
    if (p == NULL)
        stop("out of memory");
    return p;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    x *= UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

/* ---- tiles ------------------------------------------------------------- */

/* Whether a place has a label; a few have none, so that tiles differ. */
static int has_label(uint64_t tile, uint64_t place)
{
    return mix(tile << 32 | place) % 32 != 0;
}

static void make_grid(struct scene *s, const struct options *o)
{
    struct pw_error error = {0};
    uint64_t depth = (o->tile_labels + ROWS * ROW_LABELS - 1) / (ROWS * ROW_LABELS);
    uint64_t labels = depth * ROWS * ROW_LABELS * 31 / 32, tiles = (o->labels + labels - 1) / labels, side = 1;
    while (side * side * side < tiles)
        side++;
    uint64_t count[3] = {(tiles + side * side - 1) / (side * side), side, side};
    const uint64_t tile[3] = {depth, ROWS, WIDTH}, halo[3] = {0, 0, 0};
    const uint64_t volume[3] = {count[0] * depth, count[1] * ROWS, count[2] * WIDTH};
    require(pw_grid_init(&s->grid, volume, tile, halo, &error), &error);
    uint64_t seams = 3 * count[0] * side * side - side * side - 2 * count[0] * side;
    s->edges_per_seam = seams == 0 ? 0 : (o->edges + seams - 1) / seams;
}

static void make_tile(struct scene *s, uint64_t tile, struct pw_runs *runs, void *scratch, unsigned char *record)
{
    struct pw_error error = {0};
    const uint64_t rim[3] = {0, 0, 0};
    int faces[PW_FACES];
    uint64_t n = 0, rows = s->grid.tile[0] * ROWS;
    for (uint64_t row = 0; row < rows; row++) {
        runs->row[row] = n;
        for (uint32_t i = 0; i < ROW_LABELS; i++) {
            if (!has_label(tile, row * ROW_LABELS + i))
                continue;
            runs->run[n] = (struct pw_run){2 * i, 2 * i + 1};
            runs->label[n] = (uint32_t)n + 1;
            n++;
        }
    }
    runs->row[rows] = n;
    runs->n_runs = n;
    runs->n_labels = (uint32_t)n;
    pw_seams_faces(&s->grid, tile, faces);
    (void)pw_record_encode(tile, runs, runs, rim, faces, scratch, record);
    require(pw_stage_append(&s->stage, record, &error), &error);
    s->offset[tile + 1] = s->offset[tile] + n;
}

static void make_stage(struct scene *s, const struct options *o)
{
    struct pw_error error = {0};
    struct pw_record_limits limits = {.shape = {s->grid.tile[0], ROWS, WIDTH}, .has_faces = {1, 1, 1}};
    uint64_t places = s->grid.tile[0] * ROWS * ROW_LABELS;
    struct pw_runs runs = {.shape = {s->grid.tile[0], ROWS, WIDTH},
                           .run = allocate(places, sizeof(struct pw_run)),
                           .label = allocate(places, sizeof(uint32_t)),
                           .row = allocate(s->grid.tile[0] * ROWS + 1, sizeof(uint64_t)),
                           .capacity = places};
    void *scratch = allocate(pw_record_scratch_bytes(places), 1);
    unsigned char *record = allocate(pw_record_bytes_max(&limits), 1);
    require(pw_stage_open(&s->stage, o->scratch, s->grid.n_tiles, &error), &error);
    for (uint64_t t = 0; t < s->grid.n_tiles; t++)
        make_tile(s, t, &runs, scratch, record);
    free(runs.run);
    free(runs.label);
    free(runs.row);
    free(scratch);
    free(record);
}

/* ---- edges ------------------------------------------------------------- */

/* Label number slot, from 0 on, of a face: those of the first or last sixth of the planes, rows or places. */
static uint64_t face_label(uint64_t n, int axis, int side, uint64_t slot)
{
    uint64_t part = n / 6;
    if (axis == 0)
        return side ? n - part + slot % part : slot % part;
    if (axis == 2)
        return slot % part * 6 + (side ? 5 : 0);
    uint64_t plane = n / 8, of_plane = plane / 6, in_plane = slot % of_plane;
    return slot / of_plane % 8 * plane + (side ? plane - of_plane + in_plane : in_plane);
}

typedef void (*take_edge_fn)(void *context, const struct pw_edge *edge);

/* Hands over the edges of all seams, those of each tile with the tiles before it along x, y and z. */
static void visit_edges(const struct scene *s, take_edge_fn take, void *context)
{
    for (uint64_t tile = 0; tile < s->grid.n_tiles; tile++)
        for (int axis = 2; axis >= 0; axis--) {
            int offset[3] = {0, 0, 0};
            uint64_t other;
            offset[axis] = -1;
            if (!pw_grid_neighbour(&s->grid, tile, offset, &other))
                continue;
            uint64_t n = s->offset[tile + 1] - s->offset[tile], n_other = s->offset[other + 1] - s->offset[other];
            for (uint64_t j = 0; j < s->edges_per_seam; j++) {
                uint64_t askew = mix(tile << 40 ^ j << 2 ^ (uint64_t)axis) % 64 == 0;
                const struct pw_edge edge = {.tile_a = (uint32_t)tile,
                                             .label_a = (uint32_t)face_label(n, axis, 0, j) + 1,
                                             .tile_b = (uint32_t)other,
                                             .label_b = (uint32_t)face_label(n_other, axis, 1, j + askew) + 1};
                take(context, &edge);
            }
        }
}

static void log_edge(void *context, const struct pw_edge *edge)
{
    struct pw_error error = {0};
    require(pw_edge_file_add(context, edge, &error), &error);
}

static void make_edges(struct scene *s, const struct options *o)
{
    struct pw_error error = {0};
    require(pw_edge_file_open(&s->edges, o->scratch, PW_FAMILY_TOUCH, &error), &error);
    visit_edges(s, log_edge, &s->edges);
    require(pw_edge_file_flush(&s->edges, &error), &error);
}

/* ---- lines ------------------------------------------------------------- */

struct lines {
    const struct scene *scene;
    FILE *file;
};

static void write_line(void *context, const struct pw_edge *edge)
{
    static const char digit[] = "0123456789abcdef";
    struct lines *lines = context;
    uint64_t a = lines->scene->offset[edge->tile_a] + edge->label_a;
    uint64_t b = lines->scene->offset[edge->tile_b] + edge->label_b, key = b << 30 | a;
    char line[16];
    for (int i = 0; i < 15; i++)
        line[i] = digit[key >> (56 - 4 * i) & 15];
    line[15] = '\n';
    if (fwrite(line, sizeof line, 1, lines->file) != 1)
        stop("cannot write the lines");
}

static void write_lines(const struct scene *s, const char *path)
{
    struct lines lines = {s, fopen(path, "w")};
    if (lines.file == NULL)
        stop("cannot make the file of lines");
    visit_edges(s, write_line, &lines);
    if (fclose(lines.file) != 0)
        stop("cannot write the lines");
}

/* ---- the same in memory ------------------------------------------------ */

struct plain {
    const struct scene *scene;
    uint32_t *parent;
};

static uint32_t find_root(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]];
    return i;
}

static void join(void *context, const struct pw_edge *edge)
{
    struct plain *plain = context;
    uint32_t a = find_root(plain->parent, (uint32_t)(plain->scene->offset[edge->tile_a] + edge->label_a - 1));
    uint32_t b = find_root(plain->parent, (uint32_t)(plain->scene->offset[edge->tile_b] + edge->label_b - 1));
    plain->parent[a > b ? a : b] = a > b ? b : a;
}

/* The first voxel of every label: its place, in the volume. */
static void find_firsts(const struct scene *s, uint64_t *first)
{
    const uint64_t *volume = s->grid.volume;
    for (uint64_t tile = 0, label = 0; tile < s->grid.n_tiles; tile++) {
        struct pw_box core = pw_grid_core(&s->grid, tile);
        for (uint64_t place = 0; place < core.shape[0] * ROWS * ROW_LABELS; place++) {
            uint64_t row = place / ROW_LABELS, z = core.start[0] + row / ROWS, y = core.start[1] + row % ROWS;
            if (has_label(tile, place))
                first[label++] = (z * volume[1] + y) * volume[2] + core.start[2] + place % ROW_LABELS * 2;
        }
    }
}

static int by_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Returns whether map has the ids that a union-find of all labels in memory gives. */
static int verify(const struct scene *s, const struct pw_id_map *map)
{
    struct pw_error error = {0};
    uint64_t n = s->offset[s->grid.n_tiles], n_objects = 0;
    struct plain plain = {s, allocate(n, sizeof(uint32_t))};
    uint64_t *first = allocate(n, sizeof *first), *id = allocate(n, sizeof *id);
    uint64_t(*object)[2] = allocate(n, sizeof *object);
    for (uint32_t i = 0; i < n; i++)
        plain.parent[i] = i;
    visit_edges(s, join, &plain);
    find_firsts(s, first);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t root = find_root(plain.parent, i);
        first[root] = first[i] < first[root] ? first[i] : first[root];
    }
    for (uint32_t i = 0; i < n; i++)
        if (plain.parent[i] == i) {
            object[n_objects][0] = first[i];
            object[n_objects++][1] = i;
        }
    qsort(object, n_objects, sizeof *object, by_first);
    uint64_t *expected = first; /* which is not needed any more */
    for (uint64_t i = 0; i < n_objects; i++)
        expected[object[i][1]] = i + 1;
    int same = n_objects == map->n_objects;
    for (uint64_t t = 0; t < s->grid.n_tiles; t++)
        require(pw_id_map_read(map, t, id + s->offset[t], s->offset[t + 1] - s->offset[t], &error), &error);
    for (uint32_t i = 0; i < n && same; i++)
        same = id[i] == expected[find_root(plain.parent, i)];
    free(plain.parent);
    free(first);
    free(id);
    free(object);
    return same;
}

/* ---- measuring --------------------------------------------------------- */

/* Forgets the peak of resident memory until now.  Needs Linux 4.0. */
static void reset_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file == NULL || fputs("5", file) < 0 || fclose(file) != 0)
        stop("cannot reset the peak of resident memory");
}

static uint64_t peak_bytes(void)
{
    char line[256];
    uint64_t kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtoull(line + 6, NULL, 10);
    if (file != NULL)
        (void)fclose(file);
    return kib * 1024;
}

static int resolve(struct scene *s, const struct options *o)
{
    static const struct pw_rule touch = {.merge = PW_MERGE_TOUCH, .connectivity = 1};
    struct pw_error error = {0};
    struct pw_id_map map;
    double began = seconds();
    make_edges(s, o);
    double resolving = seconds();
    reset_peak();
    require(pw_resolve(&s->grid, &s->stage, &s->edges, &touch, NULL, NULL, o->memory, o->scratch, &map, &error),
            &error);
    double ended = seconds();
    uint64_t peak = peak_bytes(), n = s->offset[s->grid.n_tiles];
    printf("{\"tiles\": %llu, \"labels\": %llu, \"edges\": %llu, \"objects\": %llu, \"memory_bytes\": %llu, "
           "\"edges_s\": %.2f, \"resolve_s\": %.2f, \"peak_rss_bytes\": %llu, \"scratch_bytes\": %llu, "
           "\"scratch_predicted_bytes\": %llu",
           (unsigned long long)s->grid.n_tiles, (unsigned long long)n, (unsigned long long)map.n_edges,
           (unsigned long long)map.n_objects, (unsigned long long)o->memory, resolving - began, ended - resolving,
           (unsigned long long)peak, (unsigned long long)map.scratch_bytes,
           (unsigned long long)pw_resolve_scratch_bytes(n, map.n_edges, o->memory));
    int same = !o->verify || verify(s, &map);
    if (o->verify)
        printf(", \"same\": %s", same ? "true" : "false");
    printf("}\n");
    pw_id_map_release(&map);
    pw_edge_file_close(&s->edges);
    return same;
}

static uint64_t parse(const char *text)
{
    char *end;
    uint64_t n = strtoull(text, &end, 10);
    if (end == text || *end != '\0')
        stop("a number is not one");
    return n;
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"labels", 1, NULL, 'l'},  {"edges", 1, NULL, 'e'}, {"memory", 1, NULL, 'm'}, {"tile-labels", 1, NULL, 't'},
        {"scratch", 1, NULL, 's'}, {"lines", 1, NULL, 'f'}, {"verify", 0, NULL, 'v'}, {NULL, 0, NULL, 0}};
    struct options o = {3000000, 5000000, 100000, 512 << 20, "/tmp", NULL, 0};
    struct scene s = {0};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'l': o.labels = parse(optarg); break;
        case 'e': o.edges = parse(optarg); break;
        case 'm': o.memory = parse(optarg); break;
        case 't': o.tile_labels = parse(optarg); break;
        case 's': o.scratch = optarg; break;
        case 'f': o.lines = optarg; break;
        case 'v': o.verify = 1; break;
        default: return 64;
        }
    }
    make_grid(&s, &o);
    s.offset = allocate(s.grid.n_tiles + 1, sizeof *s.offset);
    make_stage(&s, &o);
    int good = 1;
    if (o.lines != NULL)
        write_lines(&s, o.lines);
    else
        good = resolve(&s, &o);
    pw_stage_close(&s.stage);
    free(s.offset);
    return good ? 0 : 1;
}
