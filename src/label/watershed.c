#include "label/watershed.h"

/* A voxel in the queue. */
struct item {
    float value;
    uint32_t age; /* 0 of markers */
    uint32_t index;
};

struct queue {
    struct item *item;
    uint64_t n;
};

uint64_t pw_watershed_scratch_bytes(uint64_t voxels)
{
    return voxels * sizeof(struct item); /* each voxel is queued once */
}

static int is_before(const struct item *a, const struct item *b)
{
    return a->value < b->value || (a->value <= b->value && a->age < b->age);
}

static void push(struct queue *queue, struct item item)
{
    uint64_t at = queue->n++;
    while (at > 0 && is_before(&item, &queue->item[(at - 1) / 2])) {
        queue->item[at] = queue->item[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue->item[at] = item;
}

/* The last item sinks from the top: below whichever child comes before it, the left one where both are equal. */
static struct item pop(struct queue *queue)
{
    struct item first = queue->item[0], last = queue->item[--queue->n];
    uint64_t at = 0;
    for (;;) {
        uint64_t left = 2 * at + 1, right = left + 1, next = at;
        const struct item *least = &last;
        if (left < queue->n && is_before(&queue->item[left], least))
            least = &queue->item[next = left];
        if (right < queue->n && is_before(&queue->item[right], least))
            least = &queue->item[next = right];
        if (next == at)
            break;
        queue->item[at] = *least;
        at = next;
    }
    queue->item[at] = last;
    return first;
}

struct offset {
    int d[3];
    int64_t step; /* in the block */
};

/* Neighbours in order of distance, then of raster; an axis of length 1 has none. */
static int find_offsets(const uint64_t shape[3], int connectivity, struct offset offset[26])
{
    int n = 0;
    for (int distance = 1; distance <= connectivity; distance++)
        for (int i = 0; i < 27; i++) {
            struct offset o = {.d = {i / 9 - 1, i / 3 % 3 - 1, i % 3 - 1}};
            int length = 0, inside = 1;
            for (int k = 0; k < 3; k++) {
                length += o.d[k] != 0;
                inside &= o.d[k] == 0 || shape[k] > 1;
            }
            if (length != distance || !inside)
                continue;
            o.step = ((int64_t)o.d[0] * (int64_t)shape[1] + o.d[1]) * (int64_t)shape[2] + o.d[2];
            offset[n++] = o;
        }
    return n;
}

/* Whether the voxel at z y x has a neighbour there. */
static int has_neighbour(const struct offset *offset, const uint64_t at[3], const uint64_t shape[3])
{
    for (int k = 0; k < 3; k++)
        if (at[k] + (uint64_t)(int64_t)offset->d[k] >= shape[k]) /* before 0 wraps to beyond the end */
            return 0;
    return 1;
}

void pw_watershed(const float *value, const unsigned char *mask, const uint64_t shape[3], int connectivity,
                  void *scratch, uint32_t *label)
{
    uint64_t voxels = shape[0] * shape[1] * shape[2], plane = shape[1] * shape[2];
    struct queue queue = {scratch, 0};
    struct offset offset[26];
    int n_offsets = find_offsets(shape, connectivity, offset);
    uint32_t age = 0;
    for (uint64_t i = 0; i < voxels; i++) {
        label[i] = mask[i] ? label[i] : 0;
        if (label[i] != 0)
            push(&queue, (struct item){value[i], 0, (uint32_t)i});
    }
    while (queue.n > 0) {
        struct item item = pop(&queue);
        uint64_t at[3] = {item.index / plane, item.index % plane / shape[2], item.index % shape[2]};
        int inner = 1;
        for (int k = 0; k < 3; k++)
            inner &= shape[k] == 1 || (at[k] > 0 && at[k] + 1 < shape[k]);
        for (int i = 0; i < n_offsets; i++) {
            if (!inner && !has_neighbour(&offset[i], at, shape))
                continue;
            uint64_t to = (uint64_t)((int64_t)item.index + offset[i].step);
            if (!mask[to] || label[to] != 0)
                continue;
            label[to] = label[item.index];
            push(&queue, (struct item){value[to] > item.value ? value[to] : item.value, ++age, (uint32_t)to});
        }
    }
}
