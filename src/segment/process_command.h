/*
 * segment/process_command - what has to be run for "exec:COMMAND" or "py:module:function,key=value".
 *
 *     pw_process_command_init(&command, "exec:python3 worker.py", error)
 *     pw_worker_environment(&command, &place, &list, error) ... start ... pw_worker_environment_free(list)
 *     pw_process_command_release(&command)
 *
 * Threads: pure functions, but for reading the environment.
 */
#ifndef PW_SEGMENT_PROCESS_COMMAND_H
#define PW_SEGMENT_PROCESS_COMMAND_H

#include "patchworks.h"

struct pw_process_command {
    char *text;        /* owned: the command, or the module and the function */
    char *argument[8]; /* into text, or constants; NULL at the end */
    char *params;      /* owned: a JSON object of what stands after a function */
    char name[64];     /* of the function, or of the program */
    int is_python;
};

/* What a worker is told about itself. */
struct pw_worker_place {
    unsigned index, count;
    const char *image;  /* PW_IMAGE */
    const char *device; /* of CUDA_VISIBLE_DEVICES; NULL: as it is */
    size_t device_bytes;
    const char *socket; /* with a file of shared memory: its socket and that file; NULL: descriptors */
    const char *shared;
    int is_bare; /* frames over pipes: it is told nothing of the protocol */
};

/* Whether a specification is one of these. */
int pw_process_command_is(const char *specification);

/* Errors: PW_E_ARGUMENT. */
enum pw_status pw_process_command_init(struct pw_process_command *command, const char *specification,
                                       struct pw_error *error);
void pw_process_command_release(struct pw_process_command *command); /* safe on a zeroed one */

/* The environment of a worker, a list of strings that ends with NULL.  Errors: PW_E_NOMEM. */
enum pw_status pw_worker_environment(const struct pw_process_command *command, const struct pw_worker_place *place,
                                     char ***list, struct pw_error *error);
void pw_worker_environment_free(char **list); /* NULL is allowed */

/* text as a label image's name: letters, digits, - and _; "labels" when nothing is left. */
void pw_plain_name(const char *text, char *out, size_t capacity);

#endif
