/*
 * store/tiff_kinds - the kinds of pages in a file whose pages are not all alike, and that nothing else tells apart.
 *
 * Pages of one size and type are an image.  A thumbnail before a stack, or a table of colours behind it, is another, which
 * --series reads: 0 is that of the first page, 1 that of the first page which is unlike it, and so on.
 *
 * Threads: used while one thread sets the source up.
 */
#ifndef PW_STORE_TIFF_KINDS_H
#define PW_STORE_TIFF_KINDS_H

#include "base/names.h"
#include "store/tiff_blocks.h"

enum {
    PW_TIFF_KINDS_MAX = 16 /* beside the first; further ones are not listed */
};

struct pw_tiff_kinds {
    struct {
        struct pw_tiff_form form;
        uint32_t number; /* of its first directory */
    } other[PW_TIFF_KINDS_MAX];
    int n;
};

/* Whether the pages of another kind are larger than those with the form `first`, which may then be a thumbnail. */
int pw_tiff_kinds_have_larger(const struct pw_tiff_kinds *kinds, const struct pw_tiff_form *first);

/* Notes a page that is unlike the first. */
void pw_tiff_kinds_note(struct pw_tiff_kinds *kinds, const struct pw_tiff_form *form, uint32_t number);

/* Appends the names of all kinds, the first with the form `first`: "512 x 512 uint16". */
enum pw_status pw_tiff_kinds_names(const struct pw_tiff_kinds *kinds, const struct pw_tiff_form *first,
                                   struct pw_names *names, struct pw_error *error);

/* The kind that series says, by its number or name; NULL: 0.  PW_E_ARGUMENT names path and those there are. */
enum pw_status pw_tiff_kinds_choose(const struct pw_names *names, const char *path, const char *series, int *chosen,
                                    struct pw_error *error);

#endif
