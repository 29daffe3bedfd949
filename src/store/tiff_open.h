/*
 * store/tiff_open - what opening one TIFF file, a set of them, and a series of them share.
 *
 * Threads: used while one thread sets a source up.
 */
#ifndef PW_STORE_TIFF_OPEN_H
#define PW_STORE_TIFF_OPEN_H

#include "store/tiff_source.h"

/*
 * Adds the pages of the file at path to tiff->index, and sets tiff->fd when the file stays the only one (keep_fd).
 * reference: as pw_tiff_index_add().
 */
enum pw_status pw_tiff_add_file(struct pw_tiff_source *tiff, const char *path, uint32_t reference, int keep_fd,
                                struct pw_error *error);

/*
 * Arranges the pages of the file added last, when its description is no OME-XML of several files, into *stack: the
 * planes are counted from that file's first page.  Pages behind one another without directories are added.
 */
enum pw_status pw_tiff_arrange(struct pw_tiff_source *tiff, const char *path, struct pw_tiff_stack *stack,
                               struct pw_error *error);

/* The file added last has one page and n planes behind each other: makes n pages of it. */
enum pw_status pw_tiff_repeat_page(struct pw_tiff_source *tiff, const char *path, uint64_t n, struct pw_error *error);

/* Describes what index and stack are, chooses the level, and how it is read. */
enum pw_status pw_tiff_finish(struct pw_tiff_source *tiff, const struct pw_open_options *options,
                              struct pw_error *error);

/* Says in info's warning and note what the user should know: planes missing, a description not believed, and the like. */
void pw_tiff_warn(struct pw_tiff_source *tiff);

/*
 * Opens the set of several files that the OME-XML in the file at path speaks of.  Returns 1, 0 when it speaks of
 * none, or a negative enum pw_status.
 */
int pw_tiff_open_set(const char *path, const struct pw_open_options *options, struct pw_source **source,
                     struct pw_error *error);

#endif
