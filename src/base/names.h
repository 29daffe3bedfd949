/*
 * base/names - a short list of names read from a file: channels, series, wells.
 *
 *     struct pw_names names = {0};
 *     status = pw_names_add(&names, "DAPI", error);
 *     ... names.name[0 .. names.n - 1] ...
 *     pw_names_release(&names);                        safe on a zeroed list
 *
 * Ownership: the texts are copied.  Errors: PW_E_NOMEM; PW_E_FORMAT beyond PW_NAMES_MAX.  Threads: no shared state.
 */
#ifndef PW_BASE_NAMES_H
#define PW_BASE_NAMES_H

#include "patchworks.h"

#define PW_NAMES_MAX 100000

struct pw_names {
    char **name;
    int n, capacity;
};

enum pw_status pw_names_add(struct pw_names *names, const char *text, struct pw_error *error);
void pw_names_release(struct pw_names *names);

/* The number of the first that is text, or -1. */
int pw_names_find(const char *const *name, int n, const char *text);

/* "DAPI, GFP, ..." for a message: as many as fit. */
void pw_names_list(const char *const *name, int n, char *out, size_t capacity);

#endif
