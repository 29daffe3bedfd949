#include "ext/run_merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"

struct pw_run_input {
    uint64_t offset_bytes;  /* of the next piece */
    uint64_t n_left;        /* records not yet read from the file */
    uint64_t *piece;        /* in memory */
    const uint64_t *record; /* the head; NULL at the end */
    const uint64_t *end;
};

/* An input's head as the tree sees it: comparing nodes seldom touches the record. */
struct pw_run_node {
    uint64_t key[2];
    uint64_t rank; /* number of the input, and ENDED */
};

#define ENDED ((uint64_t)1 << 32)

static enum pw_status refill(struct pw_run_merge *merge, struct pw_run_input *input, struct pw_error *error)
{
    uint64_t n = pw_min_u64(merge->share, input->n_left);
    uint64_t bytes = n * (uint64_t)merge->words * sizeof(uint64_t);
    input->record = NULL;
    if (n == 0)
        return PW_OK;
    enum pw_status status = pw_file_read_exactly(merge->file->fd, input->piece, (size_t)bytes, input->offset_bytes,
                                                 merge->file->name, error);
    input->offset_bytes += bytes;
    input->n_left -= n;
    input->record = input->piece;
    input->end = input->piece + n * (uint64_t)merge->words;
    return status;
}

static struct pw_run_node node_of(const struct pw_run_merge *merge, uint32_t i)
{
    const uint64_t *record = merge->input[i].record;
    if (record == NULL)
        return (struct pw_run_node){{UINT64_MAX, UINT64_MAX}, ENDED | i};
    return (struct pw_run_node){{record[0], merge->key_words > 1 ? record[1] : 0}, i};
}

/* The words of the keys beyond those in the nodes, which agree. */
static int rest_before(const struct pw_run_merge *merge, const struct pw_run_node *a, const struct pw_run_node *b)
{
    if (merge->key_words > 2 && ((a->rank | b->rank) & ENDED) == 0) {
        const uint64_t *x = merge->input[a->rank].record, *y = merge->input[b->rank].record;
        for (int w = 2; w < merge->key_words; w++)
            if (x[w] != y[w])
                return x[w] < y[w];
    }
    return a->rank < b->rank;
}

static inline int before(const struct pw_run_merge *merge, const struct pw_run_node *a, const struct pw_run_node *b)
{
    if (a->key[0] != b->key[0])
        return a->key[0] < b->key[0];
    if (a->key[1] != b->key[1])
        return a->key[1] < b->key[1];
    return rest_before(merge, a, b);
}

/* Plays node up from the leaf of input i; what loses stays, the winner goes on. */
static void replay(struct pw_run_merge *merge, uint32_t i)
{
    struct pw_run_node winner = node_of(merge, i), *tree = merge->tree;
    for (uint64_t at = ((uint64_t)i + merge->n_inputs) / 2; at > 0; at /= 2)
        if (before(merge, &tree[at], &winner)) {
            struct pw_run_node swap = tree[at];
            tree[at] = winner;
            winner = swap;
        }
    tree[0] = winner;
}

/* The first tournament.  winner is scratch of 2 * n_inputs. */
static void build(struct pw_run_merge *merge, struct pw_run_node *winner)
{
    uint32_t n = merge->n_inputs;
    for (uint32_t i = 0; i < n; i++)
        winner[n + i] = node_of(merge, i);
    for (uint32_t at = n - 1; at > 0; at--) {
        const struct pw_run_node *a = &winner[2 * at], *b = a + 1;
        int first = before(merge, a, b);
        winner[at] = first ? *a : *b;
        merge->tree[at] = first ? *b : *a;
    }
    merge->tree[0] = winner[1];
}

enum pw_status pw_run_merge_open(struct pw_run_merge *merge, int words, int key_words, const struct pw_scratch *file,
                                 const struct pw_sorted_run *run, uint32_t n_runs, uint64_t *memory, uint64_t share,
                                 struct pw_error *error)
{
    *merge = (struct pw_run_merge){.words = words, .key_words = key_words, .file = file, .share = share};
    merge->input = pw_alloc(n_runs, sizeof *merge->input, error);
    merge->tree = pw_alloc(n_runs, sizeof *merge->tree, error);
    struct pw_run_node *winner = pw_alloc((uint64_t)n_runs * 2, sizeof *winner, error);
    enum pw_status status = merge->input == NULL || merge->tree == NULL || winner == NULL ? PW_E_NOMEM : PW_OK;
    merge->n_inputs = status == PW_OK ? n_runs : 0;
    for (uint32_t i = 0; i < n_runs && status == PW_OK; i++) {
        struct pw_run_input *input = &merge->input[i];
        input->offset_bytes = run[i].offset_bytes;
        input->n_left = run[i].n_records;
        input->piece = memory + i * share * (uint64_t)words;
        status = refill(merge, input, error);
    }
    if (status == PW_OK && n_runs > 0)
        build(merge, winner);
    free(winner);
    return status;
}

void pw_run_merge_close(struct pw_run_merge *merge)
{
    free(merge->input);
    free(merge->tree);
    memset(merge, 0, sizeof *merge);
}

const uint64_t *pw_run_merge_head(const struct pw_run_merge *merge)
{
    return merge->n_inputs == 0 || (merge->tree[0].rank & ENDED) ? NULL : merge->input[merge->tree[0].rank].record;
}

enum pw_status pw_run_merge_advance(struct pw_run_merge *merge, struct pw_error *error)
{
    uint32_t i = (uint32_t)merge->tree[0].rank;
    struct pw_run_input *input = &merge->input[i];
    enum pw_status status = PW_OK;
    input->record += merge->words;
    if (input->record == input->end)
        status = refill(merge, input, error);
    replay(merge, i);
    return status;
}
