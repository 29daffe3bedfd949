/*
 * sys/stamp - whether what is stored somewhere is still the same, without reading it.
 *
 * A stamp is made of the name, size, inode and times of change of a file, or of all files below a directory; the time that
 * the kernel sets (ctime) is among them, which no program can set back.  Files that were changed in the last tick of
 * the clock could be changed once more under the same time: see pw_stamp_is_settled().  Any thread.
 */
#ifndef PW_SYS_STAMP_H
#define PW_SYS_STAMP_H

#include "patchworks.h"

struct pw_stamp {
    uint64_t files;
    uint64_t bytes;
    uint64_t sum;       /* of a hash for each file: the order in which they are found does not matter */
    uint64_t newest_ns; /* the last change */
};

/* Of the file, or the files below the directory, at path.  Errors: PW_E_IO. */
enum pw_status pw_stamp_take(const char *path, struct pw_stamp *stamp, struct pw_error *error);

int pw_stamp_equal(const struct pw_stamp *a, const struct pw_stamp *b);

/* Whether the last change is long enough ago that a later one would show. */
int pw_stamp_is_settled(const struct pw_stamp *stamp);

#endif
