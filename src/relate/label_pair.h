/*
 * relate/label_pair - two label volumes of one shape, cut into the same tiles.
 *
 *     pw_label_pair_open(&pair, input, scratch_dir, error)      both are opened and checked
 *     pw_label_pair_plan(&pair, memory_bytes, threads, beside_bytes, error)   tiles that suit both and fit
 *     ... pair_reader.h ...
 *     pw_label_pair_close(&pair)                                safe on a zeroed pair
 *
 * Planning: the two may be stored in different chunks.  Of the tiles whose extents are
 * multiples of either's chunks, the one is taken for which the fewest voxels are
 * decoded, some of them several times, within the memory given.  beside_bytes is what else the
 * caller needs: it is part of the budget that the message of PW_E_BUDGET asks for.
 *
 * Errors: those of opening; PW_E_ARGUMENT for shapes that differ, PW_E_UNSUPPORTED for floating point,
 * each naming the file; PW_E_BUDGET with the memory that would do.
 * Threads: one at a time until it is planned; then any number read it.
 */
#ifndef PW_RELATE_LABEL_PAIR_H
#define PW_RELATE_LABEL_PAIR_H

#include "tile/grid.h"
#include "tile/loader.h"
#include "tile/volume.h"

struct pw_label_pair {
    struct pw_source *source[2];
    struct pw_volume volume[2];
    struct pw_grid grid;
    struct pw_load_plan load[2];
    uint64_t reader_bytes; /* of one thread's reader */
};

enum pw_status pw_label_pair_open(struct pw_label_pair *pair, const struct pw_label_input *const input[2],
                                  const char *scratch_dir, struct pw_error *error);
enum pw_status pw_label_pair_plan(struct pw_label_pair *pair, uint64_t memory_bytes, unsigned threads,
                                  uint64_t beside_bytes, struct pw_error *error);
void pw_label_pair_close(struct pw_label_pair *pair);

/* Bytes that a slot of side has at least. */
uint64_t pw_label_pair_slot_bytes(const struct pw_label_pair *pair, int side);

#endif
