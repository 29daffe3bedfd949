/*
 * sys/child - running a program to its end and keeping what it prints.
 *
 * For short work such as a compiler's.  Standard input is empty; standard output and standard error come together,
 * and what is longer than the buffer is read and dropped.  Any thread.
 */
#ifndef PW_SYS_CHILD_H
#define PW_SYS_CHILD_H

#include <stddef.h>

#include "patchworks.h"

/* Asked now and then while the child runs: anything but 0 has it killed, with all that it has started.  NULL: never. */
struct pw_child_watch {
    int (*stop)(void *user);
    void *user;
};

/*
 * argv[0] is looked for in $PATH.  *exit_code gets its exit status, or 128 + the number of the signal that ended it.
 * output (capacity bytes) gets a text that ends in 0; *output_bytes what it would be in full.
 * Errors: PW_E_NOT_FOUND (no such program), PW_E_IO, PW_E_CANCELLED.
 */
enum pw_status pw_child_run(char *const argv[], const struct pw_child_watch *watch, int *exit_code, char *output,
                            size_t capacity, size_t *output_bytes, struct pw_error *error);

/* The same, and every byte that it prints to standard output goes to take() instead; output keeps standard error. */
enum pw_status pw_child_read(char *const argv[], const struct pw_child_watch *watch,
                             void (*take)(void *user, const char *bytes, size_t n), void *user, int *exit_code,
                             char *output, size_t capacity, struct pw_error *error);

#endif
