/*
 * store/tiff_ome - the pages of one or several files as OME-XML arranges them.
 *
 *     pw_tiff_ome_files(&ome, own_path, &set, error)    which files, and from which directory on
 *     ... open them, add their pages to the index ...
 *     pw_tiff_ome_stack(&stack, &index, &ome, &set, error)
 *     pw_tiff_ome_set_release(&set)
 *
 * Threads: pure functions.
 */
#ifndef PW_STORE_TIFF_OME_H
#define PW_STORE_TIFF_OME_H

#include "store/ome_xml.h"
#include "store/tiff_stack.h"

/* The files that the planes are in. */
struct pw_tiff_ome_set {
    char **path;
    uint32_t *first_ifd; /* the least directory of each that a plane is in */
    uint32_t n, capacity;
    uint32_t *file_of_data; /* of each TiffData, an index into path */
};

/*
 * The files of the set, in the order in which they are spoken of; names are relative to the
 * directory of own_path.  has_planes: own_path is a TIFF file and may be one of them, not the XML alone.
 * Errors: PW_E_NOMEM, PW_E_FORMAT (a name that leads elsewhere).
 */
enum pw_status pw_tiff_ome_files(const struct pw_ome *ome, const char *own_path, int has_planes,
                                 struct pw_tiff_ome_set *set, struct pw_error *error);
void pw_tiff_ome_set_release(struct pw_tiff_ome_set *set); /* safe on a zeroed one */

/*
 * Returns 1 when the description agrees with the pages of index, whose files are those of set in their order; 0 when
 * not, *stack being unchanged; or a negative enum pw_status.
 * A plane that nothing is said of is not stored, unless there are pages enough for all.
 */
int pw_tiff_ome_stack(struct pw_tiff_stack *stack, const struct pw_tiff_index *index, const struct pw_ome *ome,
                      const struct pw_tiff_ome_set *set, struct pw_error *error);

#endif
