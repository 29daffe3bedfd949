/*
 * tile/load_modes - the two halves of loading, for stored chunks and for uncompressed
 * files.  loader.c chooses between them; see loader.h for what each half does.
 */
#ifndef PW_TILE_LOAD_MODES_H
#define PW_TILE_LOAD_MODES_H

#include "tile/loader.h"

/* load_chunks.c */
enum pw_status pw_begin_chunks(struct pw_loader *loader, struct pw_slot *slot, struct pw_error *error);
enum pw_status pw_finish_chunks(struct pw_loader *loader, struct pw_slot *slot, struct pw_load_scratch *scratch,
                                struct pw_error *error);

/* load_linear.c; plan chooses between reading rows and mapping. */
void pw_plan_linear(struct pw_load_plan *plan, const struct pw_volume *volume, const struct pw_grid *grid,
                    enum pw_io_engine engine);
enum pw_status pw_map_linear(struct pw_loader *loader, struct pw_error *error);
enum pw_status pw_begin_linear(struct pw_loader *loader, struct pw_slot *slot, struct pw_error *error);
void pw_finish_linear(struct pw_loader *loader, struct pw_slot *slot);
void pw_release_linear(struct pw_loader *loader, struct pw_slot *slot);

#endif
