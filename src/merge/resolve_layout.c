#include "merge/resolve_layout.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "merge/resolve.h"

/* Words of the records that wait in buckets (merge/resolve_parts.h), and of those that are sorted. */
enum {
    EDGE_WORDS = 1,
    FACT_WORDS = 3,
    NUMBER_WORDS = 1,
    OBJECT_BYTES = 16
};

/* Pieces larger than these make nothing faster. */
#define IO_BYTES_MAX ((uint64_t)4 << 20)
#define BLOCK_BYTES_MAX ((size_t)1 << 20)

/*
 * With this much, or with this much for each label, which makes a dozen ranges, resolving takes about a third longer
 * than with all labels in one range.  So a large image is resolved in no more memory than
 * its tiles take, until there are millions of labels.
 */
#define MEMORY_ENOUGH ((uint64_t)16 << 20)
#define LABEL_BYTES_ENOUGH 4

/* Mappings are rounded up to huge pages, and a program takes some megabytes by itself. */
static uint64_t usable_bytes(uint64_t n_labels, uint64_t memory_bytes)
{
    uint64_t enough = pw_max_u64(MEMORY_ENOUGH, pw_min_u64(n_labels, UINT64_MAX / 8) * LABEL_BYTES_ENOUGH);
    memory_bytes = pw_max_u64(pw_min_u64(memory_bytes, enough), PW_RESOLVE_MEMORY_MIN);
    return memory_bytes - pw_min_u64((uint64_t)8 << 20, memory_bytes / 8);
}

static unsigned bits_of(uint64_t n)
{
    return n == 0 ? 0 : 64 - (unsigned)__builtin_clzll(n);
}

/* What sorting as many objects as there are labels needs without touching the disk. */
static uint64_t sorter_bytes(uint64_t n_labels)
{
    return pw_min_u64(n_labels, UINT64_MAX / 4 / OBJECT_BYTES) * 2 * OBJECT_BYTES + 4096;
}

static int fits_one_range(struct pw_resolve_layout *layout, uint64_t memory_bytes)
{
    uint64_t rest = memory_bytes - layout->io_bytes;
    if (layout->n_labels > rest / PW_RESOLVE_LABEL_BYTES || layout->n_labels >= UINT32_MAX)
        return 0;
    rest -= layout->n_labels * PW_RESOLVE_LABEL_BYTES;
    layout->n_ranges = 1;
    layout->range_labels = layout->n_labels;
    layout->range_bits = 32;
    layout->sorter_bytes = pw_min_u64(sorter_bytes(layout->n_labels), rest);
    return rest >= memory_bytes / 4;
}

static int fits_ranges(struct pw_resolve_layout *layout, uint64_t memory_bytes)
{
    /* A label beside its number in a range are one word in a bucket. */
    unsigned bits_max = (unsigned)pw_min_u64(64 - bits_of(layout->n_labels), 31);
    uint64_t most = memory_bytes / 8 * 5, rest;
    for (layout->range_bits = 4; layout->range_bits < bits_max; layout->range_bits++)
        if (((uint64_t)PW_RESOLVE_LINKED_LABEL_BYTES << (layout->range_bits + 1)) > most)
            break;
    layout->range_labels = (uint64_t)1 << layout->range_bits;
    layout->n_ranges = pw_ceil_div(layout->n_labels, layout->range_labels);
    rest = memory_bytes - layout->io_bytes - layout->range_labels * PW_RESOLVE_LINKED_LABEL_BYTES;
    layout->sorter_bytes = rest / 3;
    if (!pw_bucket_form_init(&layout->buckets, layout->n_ranges, (rest - layout->sorter_bytes) / PW_RESOLVE_QUEUES,
                             BLOCK_BYTES_MAX))
        return 0;
    rest -= PW_RESOLVE_QUEUES * pw_buckets_memory_bytes(&layout->buckets);
    layout->sorter_bytes = pw_min_u64(rest, sorter_bytes(layout->n_labels));
    return 1;
}

enum pw_status pw_resolve_layout_init(struct pw_resolve_layout *layout, uint64_t n_labels, uint64_t memory_bytes,
                                      struct pw_error *error)
{
    uint64_t usable = usable_bytes(n_labels, memory_bytes);
    memset(layout, 0, sizeof *layout);
    layout->n_labels = n_labels;
    layout->io_bytes = pw_min_u64(usable / 8, IO_BYTES_MAX) / 64 * 64;
    if (fits_one_range(layout, usable) || fits_ranges(layout, usable))
        return PW_OK;
    return pw_fail(error, PW_E_BUDGET, "%llu labels cannot be resolved in %llu KiB of memory",
                   (unsigned long long)n_labels, (unsigned long long)(memory_bytes >> 10));
}

/* ---- disk -------------------------------------------------------------- */

/* Bytes of the blocks that n records fill. */
static uint64_t blocks_bytes(const struct pw_bucket_form *form, uint64_t n, uint64_t words)
{
    uint64_t record_words = words + (form->n_levels > 1);
    return pw_ceil_div(n, (form->block_bytes / sizeof(uint64_t) - 1) / record_words) * form->block_bytes;
}

/* Objects that do not fit the sorter's memory are on disk once; while runs that are too many to be read at once are
 * merged in rounds, what is merged is there twice. */
static uint64_t sorted_bytes(const struct pw_resolve_layout *layout)
{
    uint64_t bytes = layout->n_labels * OBJECT_BYTES, memory = layout->sorter_bytes;
    if (sorter_bytes(layout->n_labels) <= memory)
        return 0;
    return bytes / (memory / 2) < pw_max_u64(memory >> 18, pw_min_u64(memory >> 12, 16)) ? bytes : 2 * bytes;
}

uint64_t pw_resolve_layout_scratch_bytes(const struct pw_resolve_layout *layout, uint64_t n_edges)
{
    const struct pw_bucket_form *form = &layout->buckets;
    uint64_t n_labels = layout->n_labels;
    uint64_t id_map = n_labels * (n_labels > UINT32_MAX ? sizeof(uint64_t) : sizeof(uint32_t));
    uint64_t later = pw_max_u64(id_map, sorted_bytes(layout));
    if (layout->n_ranges == 1)
        return later;
    /* A set that has a link has used up an edge: its facts wait instead, and later its place in the numbering.  Each
     * set is numbered by itself, or has a link. */
    uint64_t linked = pw_min_u64(n_labels, n_edges);
    uint64_t contracting = blocks_bytes(form, n_edges - linked, EDGE_WORDS) + blocks_bytes(form, linked, FACT_WORDS);
    uint64_t buckets = pw_max_u64(blocks_bytes(form, n_edges, EDGE_WORDS), contracting);
    buckets = pw_max_u64(buckets, blocks_bytes(form, n_labels, NUMBER_WORDS));
    return n_labels * sizeof(uint32_t) + buckets + later;
}

uint64_t pw_resolve_scratch_bytes(uint64_t n_labels, uint64_t n_edges, uint64_t memory_bytes)
{
    struct pw_resolve_layout layout;
    struct pw_error error;
    if (pw_resolve_layout_init(&layout, n_labels, memory_bytes, &error) != PW_OK)
        return UINT64_MAX;
    return pw_resolve_layout_scratch_bytes(&layout, n_edges);
}
