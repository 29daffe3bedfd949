/*
 * sys/rendezvous - a place in the file system where processes find each other that cannot inherit descriptors.
 *
 * A directory of our own (in /dev/shm where there is one, so that files in it are memory) with a socket for each
 * process that is expected.
 *
 * Threads: different sockets from different threads.
 */
#ifndef PW_SYS_RENDEZVOUS_H
#define PW_SYS_RENDEZVOUS_H

#include "patchworks.h"

struct pw_rendezvous {
    char dir[64]; /* "" : none */
    int lock;     /* by which it is known to be in use; -1: locks do not work here */
};

/* Also removes those that processes of the same user have left which were killed. */
enum pw_status pw_rendezvous_open(struct pw_rendezvous *rendezvous, struct pw_error *error);

/* Removes the directory with all that is in it; safe on a zeroed one. */
void pw_rendezvous_close(struct pw_rendezvous *rendezvous);

/* The path of name in the directory, into out of PW_RENDEZVOUS_PATH_BYTES. */
enum {
    PW_RENDEZVOUS_PATH_BYTES = 104
};
void pw_rendezvous_path(const struct pw_rendezvous *rendezvous, const char *name, char *out);

/* A socket that listens at path, in the place of an earlier one. */
enum pw_status pw_rendezvous_listen(const char *path, int *listener, struct pw_error *error);

/* Takes the first connection that comes within wait_ms; -1 when none has.  It does not block. */
int pw_rendezvous_accept(int listener, int wait_ms);

#endif
