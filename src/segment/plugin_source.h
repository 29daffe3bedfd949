/*
 * segment/plugin_source - the shared object of a plugin, from a name or from C source.
 *
 *     --fn my_fn       my_fn.so in a directory of $PW_PLUGIN_PATH, then in $libdir/patchworks
 *     --fn my_fn.c     compiled with $CC (cc), and kept in $XDG_CACHE_HOME/patchworks (~/.cache/patchworks)
 *
 * A compiled object is kept under a name made of the source as the preprocessor gives it (headers included), the flags,
 * the compiler file and the machine: another of any of these is another object.  It appears by rename, so that any
 * number of processes may compile the same source, and one that changes while it is compiled is compiled again.  Directories and objects that belong to others, or that others may
 * write to, are not used; where there is no cache to use, the object is made in a temporary directory and removed once loaded.
 *
 * Environment: CC, PW_CFLAGS (more flags), PW_INCLUDE_DIR (where patchworks.h is), XDG_CACHE_HOME, HOME, TMPDIR.
 */
#ifndef PW_SEGMENT_PLUGIN_SOURCE_H
#define PW_SEGMENT_PLUGIN_SOURCE_H

#include "patchworks.h"

/* Directories that plugins are looked for in, with colons between them. */
void pw_plugin_path(char *out, size_t bytes);

/* What a compiler says is handed on as it is; NULL: dropped. */
struct pw_say {
    void (*line)(const char *line, void *user);
    void *user;
    pw_stop_fn stop; /* asked while it compiles; may be NULL */
    void *stop_user;
};

struct pw_compiled {
    char path[4400];      /* of the object */
    char directory[4352]; /* to be removed with it when it is temporary; "" else */
};

/*
 * Compiles source, or finds it compiled.
 * Errors: PW_E_NOT_FOUND (no such file, no compiler), PW_E_PLUGIN (does not compile: the message has the first
 * error, say has all), PW_E_IO, PW_E_CANCELLED.
 */
enum pw_status pw_plugin_compile(const char *source, const struct pw_say *say, struct pw_compiled *out,
                                 struct pw_error *error);

/* Removes what is temporary of it. */
void pw_compiled_release(struct pw_compiled *compiled);

#endif
