/*
 * signals - stopping cleanly, and progress on demand.
 *
 * SIGINT, SIGTERM and SIGHUP ask the run to stop: tiles in flight are drained, files
 * removed, then the same signal ends the process, so that a shell sees what
 * happened.  A second one, of whichever kind, ends it at once.  SIGUSR1 asks for one line of progress.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

void pw_signals_catch(void);

/* The signal that asked to stop, 0 when none did. */
int pw_signals_stopped(void);

/* The same, as a pw_stop_fn. */
int pw_signals_stop(void *unused);

/* Whether SIGUSR1 came since the last call. */
int pw_signals_asked(void);

/* Ends the process by the signal that asked to stop; returns when none did. */
void pw_signals_end(void);

#endif
