/*
 * progress_bar - how far a run is, on standard error.
 */
#ifndef PROGRESS_BAR_H
#define PROGRESS_BAR_H

#include "patchworks.h"

enum pw_progress_when {
    PW_PROGRESS_AUTO,
    PW_PROGRESS_ALWAYS,
    PW_PROGRESS_NEVER,
    PW_PROGRESS_JSON
};

struct pw_progress_bar {
    enum pw_progress_when when; /* AUTO has been decided before the run */
    int in_place;               /* standard error is a terminal: the line is drawn over */
    int drawn;                  /* a line is on the screen */
    int last_pass;
    double last_seconds;
};

/* The value of --progress; returns 1, or 0 after a message. */
int pw_progress_bar_option(const char *text, enum pw_progress_when *when);

/* A fresh bar: auto shows on a terminal, unless quiet. */
void pw_progress_bar_begin(struct pw_progress_bar *bar, enum pw_progress_when when, int quiet);

/* A pw_progress_fn whose user is a struct pw_progress_bar; asks to stop after a signal. */
int pw_progress_bar_show(const struct pw_progress *progress, void *bar);

/* A pw_message_fn whose user is the same: a line of its own, above the bar. */
void pw_progress_bar_say(const char *line, void *bar);

/* Removes the line, before something else is printed. */
void pw_progress_bar_clear(struct pw_progress_bar *bar);

/* "measure" "segment" "resolve" "emit" */
const char *pw_pass_name(enum pw_pass pass);

#endif
