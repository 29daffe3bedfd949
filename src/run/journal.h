/*
 * run/journal - the stage of a run under a name on disk, so that a run which came to no end can go on.
 *
 * While pass 1 goes on, its log of records (merge/stage.h) lies in a directory beside the output, OUTPUT.part, or
 * DIR.part where the stage is to be kept in DIR:
 *
 *   fingerprint.json   what the records depend on (run/fingerprint.h), written before the first of them
 *   records            the stage log
 *   published          only while the output comes into view
 *
 * It goes when the run is done, and stays when it is killed or fails after a tile was finished.  A run that resumes
 * takes over the records that are whole, compares their tiles with each other again, and runs the others.
 *
 *     pw_journal_find      where it would be; before the output is looked at
 *     pw_journal_check     whether it may be used, or replaced
 *     pw_journal_begin     pass 1: makes it, or takes over what is there; opens job->stage
 *     pw_journal_match     candidates of the tiles that are there
 *     pw_journal_publish   the output is about to come into view
 *     pw_journal_end       removes it, or leaves it and says so
 *
 * Threads: one.
 */
#ifndef PW_RUN_JOURNAL_H
#define PW_RUN_JOURNAL_H

#include "merge/seams.h"
#include "run/job.h"

/*
 * Sets job->journal.  Without a path: results that go to a pipe or come from one, labels that are merged in place or only
 * merged, and callbacks, of which nothing is known that could be compared.
 */
enum pw_status pw_journal_find(struct pw_job *job, struct pw_error *error);

/* Errors: PW_E_EXISTS when another run is at it, or tiles are in it, of this run or of another, and neither --resume nor
 * --overwrite was said; PW_E_ARGUMENT with what differs when --resume was, and it is that of another plan.  Makes nothing. */
enum pw_status pw_journal_check(struct pw_job *job, struct pw_error *error);

enum pw_status pw_journal_begin(struct pw_job *job, struct pw_error *error);
enum pw_status pw_journal_match(struct pw_job *job, struct pw_seams *seams, struct pw_error *error);
enum pw_status pw_journal_publish(struct pw_job *job, struct pw_error *error);

/* After all passes, with what they came to: error's message then says what is left.  Nothing to do without a journal. */
void pw_journal_end(struct pw_job *job, enum pw_status status, struct pw_run_result *result, struct pw_error *error);

/* Gives its lock back. */
void pw_journal_release(struct pw_job *job);

/* Bytes that pw_journal_match() takes beside the stage and the seams. */
uint64_t pw_journal_memory_bytes(const struct pw_job *job);

#endif
