/*
 * label/measure - what is known of each label of a tile: voxels, box, coordinate sums, and of each channel the least
 * and greatest value, the sum and the sum of squares.
 *
 * Everything is exact, so that parts may be put together in any order: integers are whole numbers, floats are counted
 * in multiples of the smallest number of their type (label/wide.h).
 *
 *     struct pw_measure_form form;
 *     pw_measure_form_init(&form, dtype, n_channels);            what a record consists of
 *     pw_measure_init(&measure, &form, capacity, memory, take, context)
 *     pw_measure_block(&measure, &block, channels, error)        any number of blocks of the same origin
 *     pw_measure_flush(&measure, error)                          hands all records to take, and forgets them
 *
 * A record is form.words words; its coordinates are relative to the block.  One label may get several records when there
 * are more labels than the measure has room for: they can be combined.
 *
 * Memory: pw_measure_memory_bytes(), lent by the caller.  Threads: a measure belongs to one thread.
 */
#ifndef PW_LABEL_MEASURE_H
#define PW_LABEL_MEASURE_H

#include "label/runs.h"
#include "patchworks.h"

/* Words of a record, before those of the channels.  Blocks have fewer than 2^32 voxels. */
enum {
    PW_MEASURE_VOXELS = 0, /* number of voxels, and in the upper half the index in the block of the first */
    PW_MEASURE_BOX = 1,    /* z, y, x: the least coordinate, and in the upper half the greatest */
    PW_MEASURE_SUM = 4,    /* z, y, x: sum of the coordinates */
    PW_MEASURE_PLACE_WORDS = 7
};

/* Bits of the word of flags that channels of floats have. */
enum pw_measure_flag {
    PW_MEASURE_NAN = 1,
    PW_MEASURE_INFINITY = 2,
    PW_MEASURE_MINUS_INFINITY = 4
};

/*
 * The words of a channel: least and greatest value as keys (unsigned numbers in the order of the values; two halves of
 * one word, or two words), flags of floats, sum, sum of squares.
 */
struct pw_measure_form {
    enum pw_dtype dtype; /* of all channels; PW_DTYPE_NONE without any */
    uint32_t n_channels;
    int extreme_words, flag_words, sum_words, square_words;
    int exponent;      /* sums count multiples of 2^exponent, squares of 4^exponent */
    int has_sign;      /* of the sum */
    int channel_words; /* all of them together */
    uint64_t words;    /* of a record */
};

void pw_measure_form_init(struct pw_measure_form *form, enum pw_dtype dtype, uint32_t n_channels);

/* Adds the place words, or the words of n channels, of other to record, both of one label and one block. */
void pw_measure_combine_place(uint64_t *record, const uint64_t *other);
void pw_measure_combine_channels(const struct pw_measure_form *form, uint32_t n, uint64_t *words,
                                 const uint64_t *other);

/* The labels of a block, or of some rows of some planes of it, as runs; one of label and value is given. */
struct pw_measure_block {
    uint64_t shape[3];           /* of the block: coordinates and indices count from its first voxel */
    uint64_t first[2], count[2]; /* planes, and rows in each, whose runs are here */
    uint64_t first_x;            /* where the runs count from */
    const struct pw_run *run;
    const uint64_t *row; /* count[0]*count[1]+1 entries */
    const uint32_t *label;
    const uint64_t *value;
};

/* The voxels of one channel of the block, from its first voxel on. */
struct pw_measure_channel {
    const void *voxels;
    size_t stride_bytes[3]; /* along z y x; 0 where all are the same */
};

/* Takes n records: the label of each, and its words. */
typedef enum pw_status (*pw_measure_take_fn)(void *context, const uint64_t *label, const uint64_t *words, uint64_t n,
                                             struct pw_error *error);

struct pw_measure {
    const struct pw_measure_form *form;
    uint32_t capacity, used; /* records */
    uint32_t n_slots;        /* of the hash table, a power of two */
    uint32_t *slot;          /* record number + 1; 0: free */
    uint64_t *label;
    uint64_t *words;
    void *row; /* gathered voxels, when they do not lie side by side */
    pw_measure_take_fn take;
    void *context;
};

uint64_t pw_measure_memory_bytes(const struct pw_measure_form *form, uint32_t capacity);
void pw_measure_init(struct pw_measure *measure, const struct pw_measure_form *form, uint32_t capacity, void *memory,
                     pw_measure_take_fn take, void *context);

/* Errors: those of take. */
enum pw_status pw_measure_block(struct pw_measure *measure, const struct pw_measure_block *block,
                                const struct pw_measure_channel *channel, struct pw_error *error);
enum pw_status pw_measure_flush(struct pw_measure *measure, struct pw_error *error);

#endif
