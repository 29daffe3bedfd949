/*
 * sys/worker_process - a long-lived child process, and the descriptors that lead to it.
 *
 *     start.argument = argv; start.environment = envp; start.control = 1; start.shared_fd = fd;
 *     pw_worker_process_start(&process, &start, error)
 *     ... talk over process.control, or process.input and process.output; read process.log ...
 *     pw_worker_process_stop(&process, seconds, ...)
 *
 * The child is the leader of a process group of its own, so that what it starts itself ends with it, and is killed when
 * the thread that has started it ends: that thread has to live as long as the child may.  It inherits standard input,
 * output and error, PW_WORKER_CONTROL_FD and PW_WORKER_SHARED_FD, and no other descriptor; signals are as in a new login.
 *
 * Threads: one process, one thread at a time.
 */
#ifndef PW_SYS_WORKER_PROCESS_H
#define PW_SYS_WORKER_PROCESS_H

#include <sys/types.h>

#include "patchworks.h"

enum {
    PW_WORKER_CONTROL_FD = 3, /* in the child: its end of a stream socket */
    PW_WORKER_SHARED_FD = 4   /* the shared memory */
};

struct pw_worker_start {
    char *const *argument; /* argument[0] is the path of the program */
    char *const *environment;
    int control;   /* a socket is made */
    int shared_fd; /* -1: none */
    int piped;     /* standard input and output are pipes of ours; else nothing, and the same as standard error */
};

/* Descriptors are ours, do not block and are -1 when there are none. */
struct pw_worker_process {
    pid_t pid; /* 0: none */
    int control;
    int input;  /* what we write is read by the child */
    int output; /* what it writes */
    int log;    /* its standard error, with standard output unless that is piped */
};

/* No process. */
void pw_worker_process_init(struct pw_worker_process *process);

/* Errors: PW_E_NOMEM, PW_E_IO: there is no more of something.  A program that cannot be run is one that ends with 127. */
enum pw_status pw_worker_process_start(struct pw_worker_process *process, const struct pw_worker_start *start,
                                       struct pw_error *error);

/* Closes what is written to it. */
void pw_worker_process_end_input(struct pw_worker_process *process);

/* Whether it has ended by itself. */
int pw_worker_process_has_ended(const struct pw_worker_process *process);

/*
 * Gives it seconds to end by itself, then kills its whole group, and comes back when it does nothing any more.  It is
 * still to be stopped.  Any number of threads.
 */
void pw_worker_process_kill(const struct pw_worker_process *process, double seconds);

/*
 * Closes what is written to it, gives it seconds to end by itself, then kills its whole group.  how gets "exit status
 * 3" or "killed by signal 9 (Killed)"; NULL when that does not matter.  The log stays open, to be read to its end.
 */
void pw_worker_process_stop(struct pw_worker_process *process, double seconds, char *how, size_t how_bytes);

/* Closes the log and everything else. */
void pw_worker_process_close(struct pw_worker_process *process); /* safe without a process */

#endif
