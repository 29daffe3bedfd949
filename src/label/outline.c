#include "label/outline.h"

#include <stdlib.h>
#include <string.h>

/* ---- edges between rows ---- */

/* An edge that may go on. */
struct pending {
    uint64_t value; /* 0: none */
    uint32_t x0, x1;
    int below;
};

static enum pw_status extend(struct pending *pending, uint64_t value, uint32_t x0, uint32_t x1, pw_outline_edge_fn emit,
                             void *context, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    if (pending->value == value && value != 0 && pending->x1 == x0) {
        pending->x1 = x1;
        return PW_OK;
    }
    if (pending->value != 0)
        status = emit(context, pending->value, pending->x0, pending->x1, pending->below, error);
    pending->value = value;
    pending->x0 = x0;
    pending->x1 = x1;
    return status;
}

/* The label at x of a row, and in *end how far it goes; runs before *i are past. */
static uint64_t label_at(const struct pw_outline_row *row, uint64_t *i, uint32_t x, uint32_t *end)
{
    while (*i < row->n && row->run[*i].end <= x)
        ++*i;
    if (*i == row->n) {
        *end = UINT32_MAX;
        return 0;
    }
    int inside = row->run[*i].start <= x;
    *end = inside ? row->run[*i].end : row->run[*i].start;
    return inside ? row->value[*i] : 0;
}

enum pw_status pw_outline_rows(const struct pw_outline_row *above, const struct pw_outline_row *below,
                               pw_outline_edge_fn emit, void *context, struct pw_error *error)
{
    struct pending upper = {.below = 0}, lower = {.below = 1};
    uint64_t a = 0, b = 0;
    enum pw_status status = PW_OK;
    for (uint32_t x = 0, end_a, end_b; status == PW_OK;) {
        uint64_t va = label_at(above, &a, x, &end_a), vb = label_at(below, &b, x, &end_b);
        uint32_t end = end_a < end_b ? end_a : end_b;
        if (end == UINT32_MAX)
            break;
        status = extend(&upper, va != vb ? va : 0, x, end, emit, context, error);
        if (status == PW_OK)
            status = extend(&lower, va != vb ? vb : 0, x, end, emit, context, error);
        x = end;
    }
    if (status == PW_OK)
        status = extend(&upper, 0, 0, 0, emit, context, error);
    return status == PW_OK ? extend(&lower, 0, 0, 0, emit, context, error) : status;
}

/* ---- memory ---- */

/* An end of an edge: number 2 * edge, or 2 * edge + 1 for its right one. */
struct pw_outline_end {
    uint32_t x, y;
    uint32_t below;
    uint32_t number;
};

/* A ring has two edges at least, and as many corners as ends. */
uint64_t pw_outline_memory_bytes(uint64_t edges_max)
{
    return edges_max * (sizeof(struct pw_outline_edge) + 2 * sizeof(struct pw_outline_end) + 8 * sizeof(uint32_t) +
                        2 * sizeof(uint32_t[2])) +
           (edges_max / 2 + 1) * sizeof(struct pw_outline_ring);
}

enum pw_status pw_outline_init(struct pw_outline *outline, uint64_t edges_max, struct pw_error *error)
{
    memset(outline, 0, sizeof *outline);
    if (edges_max > UINT32_MAX / 2)
        edges_max = UINT32_MAX / 2;
    enum pw_status status =
        pw_buffer_init(&outline->memory, pw_outline_memory_bytes(edges_max), "the outline of an object", error);
    if (status != PW_OK)
        return status;
    outline->capacity = edges_max;
    outline->ring = outline->memory.data;
    outline->edge = (void *)(outline->ring + edges_max / 2 + 1);
    outline->end = (void *)(outline->edge + edges_max);
    outline->opposite = (void *)(outline->end + 2 * edges_max);
    outline->twin = outline->opposite + 2 * edges_max;
    outline->place = outline->twin + 2 * edges_max;
    outline->path = outline->place + 2 * edges_max;
    outline->corner = (void *)(outline->path + 2 * edges_max);
    return PW_OK;
}

void pw_outline_release(struct pw_outline *outline)
{
    pw_buffer_release(&outline->memory);
    memset(outline, 0, sizeof *outline);
}

/* ---- rings ---- */

int pw_outline_add(struct pw_outline *outline, const struct pw_outline_edge *edge)
{
    struct pw_outline_edge *last = outline->n > 0 ? &outline->edge[outline->n - 1] : NULL;
    if (last != NULL && last->y == edge->y && last->x1 == edge->x0 && last->below == edge->below) {
        last->x1 = edge->x1;
        return 1;
    }
    if (outline->n == outline->capacity)
        return 0;
    outline->edge[outline->n++] = *edge;
    return 1;
}

/*
 * Down a column, ends are joined by twos.  Where two edges meet in a corner, the one that has the label above it is joined
 * upwards: voxels that touch in that corner only stay apart.
 */
static int compare_ends(const void *a, const void *b)
{
    const struct pw_outline_end *p = a, *q = b;
    if (p->x != q->x)
        return p->x < q->x ? -1 : 1;
    if (p->y != q->y)
        return p->y < q->y ? -1 : 1;
    return (p->below > q->below) - (p->below < q->below);
}

static void join_ends(struct pw_outline *outline)
{
    struct pw_outline_end *end = outline->end;
    uint64_t n = 2 * outline->n;
    for (uint64_t i = 0; i < outline->n; i++) {
        const struct pw_outline_edge *e = &outline->edge[i];
        end[2 * i] = (struct pw_outline_end){e->x0, e->y, (uint32_t)e->below, (uint32_t)(2 * i)};
        end[2 * i + 1] = (struct pw_outline_end){e->x1, e->y, (uint32_t)e->below, (uint32_t)(2 * i + 1)};
    }
    qsort(end, (size_t)n, sizeof *end, compare_ends);
    memset(outline->twin, 0xff, (size_t)n * sizeof *outline->twin);
    memset(outline->place, 0xff, (size_t)n * sizeof *outline->place);
    for (uint64_t i = 0; i < n; i += 2) {
        outline->opposite[end[i].number] = end[i + 1].number;
        outline->opposite[end[i + 1].number] = end[i].number;
    }
    for (uint64_t i = 0; i + 1 < n; i++)
        if (end[i].x == end[i + 1].x && end[i].y == end[i + 1].y) {
            outline->twin[end[i].number] = end[i + 1].number;
            outline->twin[end[i + 1].number] = end[i].number;
        }
}

static const uint32_t none = UINT32_MAX;

/* Where the walk along an edge begins: a label below is walked along from left to right. */
static int is_start(const struct pw_outline *outline, uint32_t end)
{
    return (end % 2 == 0) == (outline->edge[end / 2].below != 0);
}

static void corner_of(const struct pw_outline *outline, uint32_t end, uint32_t corner[2])
{
    const struct pw_outline_edge *edge = &outline->edge[end / 2];
    corner[0] = end % 2 == 0 ? edge->x0 : edge->x1;
    corner[1] = edge->y;
}

/* Makes a ring of the path's ends from..to-1; it begins with the start of an edge. */
static void make_ring(struct pw_outline *outline, uint64_t from, uint64_t to, int is_hole)
{
    struct pw_outline_ring *ring = &outline->ring[outline->n_rings++];
    uint64_t shift = is_start(outline, outline->path[from]) ? 0 : 1;
    *ring = (struct pw_outline_ring){
        .first = outline->n_corners,
        .n = to - from,
        .is_hole = is_hole,
        .next_hole = PW_OUTLINE_NONE,
        .low = {UINT32_MAX, UINT32_MAX},
    };
    for (uint64_t i = 0; i < ring->n; i++) {
        uint32_t *corner = outline->corner[outline->n_corners++];
        corner_of(outline, outline->path[from + (i + shift) % ring->n], corner);
        for (int k = 0; k < 2; k++) {
            ring->low[k] = corner[k] < ring->low[k] ? corner[k] : ring->low[k];
            ring->high[k] = corner[k] > ring->high[k] ? corner[k] : ring->high[k];
        }
    }
}

/*
 * Walks along the label from an edge back to it.  When the path comes to a corner that it has come by, what lies between is
 * a ring of its own: a pocket of the background, that touches what is outside in that corner.  The last ring is what the walk
 * began with.  Ends that were walked have no opposite.
 */
static void walk(struct pw_outline *outline, uint32_t first)
{
    int is_hole = !outline->edge[first].below;
    uint32_t end = 2 * first + (is_hole ? 1 : 0);
    uint32_t n = 0;
    for (; outline->opposite[end] != none;) {
        uint32_t twin = outline->twin[end];
        uint32_t before = twin != none ? outline->place[twin] : none;
        if (before != none) {
            make_ring(outline, before, n, 1);
            for (uint32_t i = before; i < n; i++)
                outline->place[outline->path[i]] = none;
            n = before;
        }
        outline->path[n] = end;
        outline->place[end] = n++;
        uint32_t next = is_start(outline, end) ? end ^ 1 : outline->opposite[end];
        if (!is_start(outline, end))
            outline->opposite[end] = outline->opposite[end ^ 1] = none;
        end = next;
    }
    make_ring(outline, 0, n, is_hole);
    for (uint32_t i = 0; i < n; i++)
        outline->place[outline->path[i]] = none;
}

/* ---- holes ---- */

/* Whether the voxel above the hole's first edge is inside ring: an odd number of its edges lie over it. */
static int contains(const struct pw_outline *outline, const struct pw_outline_ring *ring, uint32_t x, uint32_t y)
{
    int inside = 0;
    if (x < ring->low[0] || x >= ring->high[0] || y < ring->low[1] || y >= ring->high[1])
        return 0;
    for (uint64_t i = 0; i < ring->n; i += 2) {
        const uint32_t *a = outline->corner[ring->first + i], *b = outline->corner[ring->first + i + 1];
        uint32_t low = a[0] < b[0] ? a[0] : b[0], high = a[0] < b[0] ? b[0] : a[0];
        inside ^= a[1] <= y && low <= x && x < high;
    }
    return inside;
}

/*
 * The ring that a hole is in.  Outer rings come in raster order of where they begin; of those that contain the voxel
 * over the hole, its own is the one that began last: any other contains that one too.
 */
static uint64_t ring_around(const struct pw_outline *outline, uint64_t hole, uint64_t behind)
{
    const struct pw_outline_ring *ring = &outline->ring[hole];
    uint64_t top = 0; /* an edge at the top of the hole, which has the label above it */
    for (uint64_t i = 0; i < ring->n; i += 2)
        if (outline->corner[ring->first + i][1] < outline->corner[ring->first + top][1])
            top = i;
    const uint32_t *corner = outline->corner[ring->first + top + 1]; /* walked from right to left */
    for (uint64_t r = behind; r-- > 0;)
        if (!outline->ring[r].is_hole && contains(outline, &outline->ring[r], corner[0], corner[1] - 1))
            return r;
    return PW_OUTLINE_NONE;
}

/* Puts the holes first..end-1 at the front of their ring's list. */
static void take_holes(struct pw_outline *outline, uint64_t around, uint64_t first, uint64_t end)
{
    for (uint64_t r = end; around != PW_OUTLINE_NONE && r-- > first;) {
        outline->ring[r].next_hole = outline->ring[around].next_hole;
        outline->ring[around].next_hole = r;
    }
}

void pw_outline_close(struct pw_outline *outline)
{
    uint64_t n_outer = 0, outer = 0;
    join_ends(outline);
    for (uint64_t i = 0; i < outline->n; i++) {
        uint64_t first = outline->n_rings;
        if (outline->opposite[2 * i] == none)
            continue;
        walk(outline, (uint32_t)i);
        uint64_t last = outline->n_rings - 1;
        if (outline->edge[i].below) {
            outer = last;
            n_outer++;
            take_holes(outline, outer, first, last);
        } else {
            take_holes(outline, n_outer == 1 ? outer : ring_around(outline, last, first), first, last + 1);
        }
    }
}

void pw_outline_clear(struct pw_outline *outline)
{
    outline->n = outline->n_rings = outline->n_corners = 0;
}
