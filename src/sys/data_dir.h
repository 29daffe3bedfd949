/*
 * sys/data_dir - where the files are that belong to this library.
 *
 * It is looked for from where the library (or the program that it is part of) lies, so that an installation can be
 * moved, and a build in its source tree works without one.
 */
#ifndef PW_SYS_DATA_DIR_H
#define PW_SYS_DATA_DIR_H

#include <stddef.h>

/*
 * The directory called name ("python") that has the file probe ("pwstream/worker.py") in it: share/patchworks/NAME of the
 * installation, or NAME of the source tree.  Returns 1, or 0 when there is none.  Any thread.
 */
int pw_data_dir_find(const char *name, const char *probe, char *out, size_t capacity);

#endif
