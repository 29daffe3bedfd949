/*
 * store/tiff_entries - the current directory of a TIFF file as its bytes are, of either byte order and width.
 *
 * For what libtiff does not tell: values of tags whose types are not what they say, and what lies beyond the end of the
 * file, which it passes over.
 *
 * Threads: a handle belongs to one.  Errors: PW_E_IO, PW_E_TRUNCATED.
 */
#ifndef PW_STORE_TIFF_ENTRIES_H
#define PW_STORE_TIFF_ENTRIES_H

#include "store/tiff_handle.h"

/* One entry of a directory. */
struct pw_tiff_entry {
    uint16_t type;
    uint64_t count;
    uint64_t offset; /* of its values, where they do not fit into the entry */
    uint16_t number; /* the first value, if it is one of 16 bits in the entry */
};

/* 1: the directory has the tag; 0: it has not; negative: a status. */
int pw_tiff_entry_find(struct pw_tiff *handle, uint16_t tag, struct pw_tiff_entry *entry, struct pw_error *error);

/* That the file goes on to where the last directory says that no other follows: if not, others may have. */
enum pw_status pw_tiff_check_last(struct pw_tiff *handle, struct pw_error *error);

/* That the text of a tag which libtiff did not read does not lie beyond the end of the file. */
enum pw_status pw_tiff_check_text(struct pw_tiff *handle, uint16_t tag, const char *name, struct pw_error *error);

#endif
