/*
 * store/foreign - files of formats that patchworks does not read, by their first bytes.
 *
 * For error messages only: "this is HDF5" helps where "not recognised" does not.
 */
#ifndef PW_STORE_FOREIGN_H
#define PW_STORE_FOREIGN_H

#include <stddef.h>

#define PW_FOREIGN_HEAD_BYTES 512 /* as much of the file as recognition looks at */

struct pw_foreign {
    const char *name; /* "HDF5" */
    const char *hint; /* what the user can do; a phrase */
};

/* What head, the first n bytes of a file, belongs to; NULL when unknown. */
const struct pw_foreign *pw_foreign_find(const unsigned char *head, size_t n);

#endif
