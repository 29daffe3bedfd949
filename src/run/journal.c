#include "run/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "codec/codec.h"
#include "merge/record_reader.h"
#include "run/fingerprint.h"
#include "run/kept_stage.h"
#include "segment/frames_segmenter.h"
#include "sys/file.h"
#include "sys/tree.h"

#define SUFFIX ".part"
#define FINGERPRINT_FILE "fingerprint.json"
#define PUBLISHED_FILE "published"

enum {
    PATH_BYTES = 4096 + 64
};

static int has_file(const char *directory, const char *name)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%.4000s/%s", directory, name);
    return access(path, F_OK) == 0;
}

/* ---- where --------------------------------------------------------------- */

static int goes_nowhere(const struct pw_run_options *options)
{
    return options->output != NULL && strcmp(options->output, "-") == 0;
}

/* NULL, or why a run like this cannot be resumed. */
static const char *why_not(const struct pw_job *job)
{
    const struct pw_run_options *options = job->options;
    if (options->in_place || job->segmenter.ops == &pw_given_segment_ops)
        return "labels that are only merged are merged from the beginning";
    if (strcmp(options->input, "-") == 0 || (options->segmenter != NULL && pw_frames_is(options->segmenter)))
        return "what came from standard input is gone";
    if (goes_nowhere(options))
        return "what went to standard output is gone";
    if (options->segment != NULL || options->plugin != NULL)
        return "a callback cannot be compared with that of another program run";
    return NULL;
}

/* The output without a slash at its end; without an output the image and what its labels are called. */
static void name_output(const struct pw_job *job, char *out, size_t capacity)
{
    const struct pw_run_options *options = job->options;
    const char *image = job->source != NULL && job->source->group[0] != '\0' ? job->source->group : options->input;
    const char *path = options->output != NULL ? options->output : image;
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    if (options->output != NULL)
        (void)snprintf(out, capacity, "%.*s", (int)pw_min_u64(n, capacity - 1), path);
    else
        (void)snprintf(out, capacity, "%.*s.%s", (int)pw_min_u64(n, capacity - 1), path,
                       options->label_name != NULL ? options->label_name : job->segmenter.name);
}

/* A scratch directory may be that of several outputs of one name: their places tell them apart. */
static void place_in_scratch(const struct pw_job *job, const char *output, char *out, size_t capacity)
{
    char parent[4096], absolute[4096];
    const char *slash = strrchr(output, '/'), *place = parent;
    pw_file_parent(output, parent, sizeof parent);
    if (realpath(parent, absolute) != NULL)
        place = absolute;
    (void)snprintf(out, capacity, "%.3800s/%.200s.%08x", job->scratch_dir, slash != NULL ? slash + 1 : output,
                   pw_crc32c(0, place, strlen(place)));
}

static enum pw_status choose_path(struct pw_job *job, struct pw_error *error)
{
    char output[4096], place[4096];
    const struct pw_run_options *options = job->options;
    if (options->keep_stage != NULL) {
        (void)snprintf(place, sizeof place, "%s", job->kept_path);
    } else {
        name_output(job, output, sizeof output);
        (void)snprintf(place, sizeof place, "%s", output);
        if (options->scratch_dir != NULL)
            place_in_scratch(job, output, place, sizeof place);
    }
    int n = snprintf(job->journal.path, sizeof job->journal.path, "%.4080s" SUFFIX, place);
    if (n < 0 || (size_t)n >= sizeof job->journal.path || strlen(place) > 4080)
        return pw_fail(error, PW_E_ARGUMENT, "%s: the path is too long", place);
    return PW_OK;
}

/* A run that had begun to bring its output into view may find it there, and puts its own in its place. */
static void may_replace(struct pw_job *job)
{
    job->own_options = *job->options;
    job->own_options.overwrite = 1;
    job->options = &job->own_options;
}

enum pw_status pw_journal_find(struct pw_job *job, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    struct pw_journal *journal = &job->journal;
    const char *reason = why_not(job);
    if (reason != NULL && options->resume)
        return pw_fail(error, PW_E_ARGUMENT, "--resume: %s", reason);
    journal->can_resume = reason == NULL;
    if (!journal->can_resume && options->keep_stage == NULL)
        return PW_OK;
    enum pw_status status = choose_path(job, error);
    if (status != PW_OK)
        return status;
    journal->is_there = has_file(journal->path, FINGERPRINT_FILE);
    if (!journal->is_there && options->resume && options->keep_stage != NULL &&
        has_file(job->kept_path, FINGERPRINT_FILE)) { /* the run had come as far as to keep its stage */
        (void)snprintf(journal->path, sizeof journal->path, "%s", job->kept_path);
        journal->is_there = journal->is_kept = 1;
    }
    if (options->resume && journal->is_there && has_file(journal->path, PUBLISHED_FILE))
        may_replace(job);
    journal->resumes = options->resume && journal->is_there;
    return PW_OK;
}

/* ---- whether -------------------------------------------------------------- */

static enum pw_status check_plan(struct pw_job *job, struct pw_error *error)
{
    struct pw_journal *journal = &job->journal;
    char path[PATH_BYTES], difference[512] = "";
    struct json_object *mine = pw_fingerprint_of(job);
    (void)snprintf(path, sizeof path, "%.4096s/%s", journal->path, FINGERPRINT_FILE);
    int same = pw_fingerprint_is(path, mine, difference, sizeof difference);
    json_object_put(mine);
    if (journal->resumes && !same)
        return pw_fail(error, PW_E_ARGUMENT,
                       "--resume: %s is of another run: %s; --overwrite instead of --resume begins anew", journal->path,
                       difference);
    if (journal->resumes || job->options->overwrite || (same && !journal->can_resume))
        return PW_OK;
    if (same)
        return pw_fail(error, PW_E_EXISTS,
                       "%s: this run has been begun before; --resume goes on from there, --overwrite begins anew",
                       journal->path);
    uint64_t n_tiles = pw_stage_count(journal->path);
    if (n_tiles == 0)
        return PW_OK;
    return pw_fail(
        error, PW_E_EXISTS,
        "%s holds %llu finished tile%s of another run: %s; that run goes on with --resume, --overwrite drops "
        "what it has done",
        journal->path, (unsigned long long)n_tiles, n_tiles == 1 ? "" : "s", difference);
}

enum pw_status pw_journal_check(struct pw_job *job, struct pw_error *error)
{
    struct pw_journal *journal = &job->journal;
    if (journal->path[0] == '\0')
        return PW_OK;
    if (!journal->is_there) {
        if (access(journal->path, F_OK) == 0)
            return pw_fail(error, PW_E_EXISTS,
                           "%s: is in the way; a directory of this name is made while the run goes on", journal->path);
        return PW_OK;
    }
    enum pw_status status = pw_tree_try_lock(journal->path, &journal->lock, error);
    journal->has_lock = status == PW_OK;
    return status == PW_OK ? check_plan(job, error) : status;
}

/* ---- the logs ------------------------------------------------------------- */

static enum pw_status write_plan(const struct pw_job *job, const char *directory, struct pw_error *error)
{
    char path[PATH_BYTES];
    struct json_object *print = pw_fingerprint_of(job);
    const char *text = json_object_to_json_string_ext(print, JSON_C_TO_STRING_PRETTY);
    (void)snprintf(path, sizeof path, "%.4096s/%s", directory, FINGERPRINT_FILE);
    enum pw_status status = pw_tree_put_file(path, text, strlen(text), 0, error);
    json_object_put(print);
    return status;
}

/* A new directory comes into view with its plan in it.  The old one goes before, as it may be what fills the disk. */
static enum pw_status make_directory(struct pw_job *job, struct pw_error *error)
{
    struct pw_journal *journal = &job->journal;
    char parent[4096], name[256], made[PW_TREE_PATH_BYTES];
    const char *slash = strrchr(journal->path, '/');
    int lock;
    if (journal->is_there)
        pw_tree_discard(journal->path);
    pw_file_parent(journal->path, parent, sizeof parent);
    (void)snprintf(name, sizeof name, "%.240s", slash != NULL ? slash + 1 : journal->path);
    enum pw_status status = pw_tree_make_hidden(parent, name, made, &lock, error);
    if (status != PW_OK)
        return status;
    status = write_plan(job, made, error);
    if (status == PW_OK)
        status = pw_tree_publish(made, journal->path, 0, error);
    if (status != PW_OK)
        pw_tree_remove(made);
    pw_journal_release(job); /* of the old one */
    journal->lock = lock;
    journal->has_lock = 1;
    return status;
}

static enum pw_status open_edges(struct pw_job *job, struct pw_error *error)
{
    enum pw_rule_family family = pw_rule_family(&job->sizes.rule);
    char path[PATH_BYTES];
    if (job->options->keep_stage == NULL || job->journal.is_kept)
        return pw_edge_file_open(&job->edges, job->scratch_dir, family, error);
    (void)snprintf(path, sizeof path, "%.4096s/%s", job->journal.path, PW_EDGE_FILE);
    (void)unlink(path); /* those of a resumed run are found again */
    return pw_edge_file_keep(&job->edges, job->journal.path, family, error);
}

static enum pw_status open_stage(struct pw_job *job, struct pw_error *error)
{
    struct pw_journal *journal = &job->journal;
    uint64_t n_tiles = job->grid.n_tiles;
    if (journal->path[0] == '\0')
        return pw_stage_open(&job->stage, job->scratch_dir, n_tiles, error);
    if (journal->is_kept)
        return pw_stage_open_kept(&job->stage, journal->path, n_tiles, error);
    if (journal->resumes)
        return pw_stage_resume(&job->stage, journal->path, n_tiles, error);
    enum pw_status status = make_directory(job, error);
    journal->has_begun = status == PW_OK;
    return status == PW_OK ? pw_stage_keep(&job->stage, journal->path, n_tiles, error) : status;
}

enum pw_status pw_journal_begin(struct pw_job *job, struct pw_error *error)
{
    enum pw_status status = open_stage(job, error);
    job->journal.has_begun |= status == PW_OK;
    return status == PW_OK ? open_edges(job, error) : status;
}

static uint64_t count_tiles(const struct pw_stage *stage)
{
    uint64_t n = 0;
    for (uint64_t tile = 0; stage->entry != NULL && tile < stage->n_tiles; tile++)
        n += (uint64_t)pw_stage_has(stage, tile);
    return n;
}

uint64_t pw_journal_memory_bytes(const struct pw_job *job)
{
    struct pw_record_limits limits;
    if (!job->options->resume)
        return 0;
    pw_job_record_limits(job, &limits);
    return pw_stage_memory_bytes(job->grid.n_tiles) + pw_record_bytes_max(&limits);
}

enum pw_status pw_journal_match(struct pw_job *job, struct pw_seams *seams, struct pw_error *error)
{
    struct pw_record_reader reader;
    struct pw_stage seen = job->stage; /* grows tile by tile, so that each seam is matched once */
    job->journal.n_resumed = count_tiles(&job->stage);
    if (job->journal.n_resumed == 0)
        return PW_OK;
    seen.entry = pw_alloc(job->grid.n_tiles, sizeof *seen.entry, error);
    if (seen.entry == NULL)
        return PW_E_NOMEM;
    seams->stage = &seen;
    enum pw_status status = pw_record_reader_init(&reader, &job->grid, &job->stage, error);
    for (uint64_t tile = 0; tile < job->grid.n_tiles && status == PW_OK; tile++) {
        if (!pw_stage_has(&job->stage, tile))
            continue;
        seen.entry[tile] = job->stage.entry[tile];
        if (seen.entry[tile].n_labels == 0)
            continue;
        status = pw_record_reader_load(&reader, tile, error);
        if (status == PW_OK)
            status = pw_seams_match(seams, reader.record, error);
    }
    pw_record_reader_release(&reader);
    free(seen.entry);
    seams->stage = &job->stage;
    return status;
}

/* ---- the end -------------------------------------------------------------- */

enum pw_status pw_journal_publish(struct pw_job *job, struct pw_error *error)
{
    char path[PATH_BYTES];
    if (!job->journal.has_begun || !job->journal.can_resume)
        return PW_OK;
    (void)snprintf(path, sizeof path, "%.4096s/%s", job->journal.path, PUBLISHED_FILE);
    return pw_tree_put_file(path, "", 0, 0, error);
}

static void leave(struct pw_job *job, struct pw_run_result *result, struct pw_error *error)
{
    struct pw_journal *journal = &job->journal;
    size_t used = strlen(error->message);
    (void)snprintf(result->partial, sizeof result->partial, "%s", journal->path);
    result->n_partial_tiles = journal->n_done;
    (void)snprintf(error->message + used, sizeof error->message - used, "; %.400s has %llu of %llu tiles, for --resume",
                   journal->path, (unsigned long long)journal->n_done, (unsigned long long)job->grid.n_tiles);
}

void pw_journal_end(struct pw_job *job, enum pw_status status, struct pw_run_result *result, struct pw_error *error)
{
    struct pw_journal *journal = &job->journal;
    char path[PATH_BYTES];
    if (!journal->has_begun)
        return;
    if (status != PW_OK && journal->can_resume && journal->n_done > 0) {
        leave(job, result, error);
    } else if (!journal->is_kept) {
        pw_tree_discard(journal->path);
    } else {
        (void)snprintf(path, sizeof path, "%.4096s/%s", journal->path, PUBLISHED_FILE);
        (void)unlink(path);
    }
}

void pw_journal_release(struct pw_job *job)
{
    if (job->journal.has_lock)
        (void)close(job->journal.lock);
    job->journal.has_lock = 0;
}
