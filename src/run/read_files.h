/*
 * run/read_files - the files that a run reads, as JSON that tells whether they are still the same.
 *
 *     put(print, "image", pw_files_of_image(source, path))     {"path": .., "files": {FILE: {"bytes": .., "modified_ns": ..}}}
 *     put(print, "files", pw_files_of_words("exec:python worker.py --model net.bin"))
 *     ... another run, later ...
 *     pw_files_differ(theirs, mine, text, sizeof text)
 *
 * A file is known by length and time of its last change; one that is code, or a model, by the checksum of its contents;
 * the directory of a store by that of its metadata.  What a function writes to, a log, is among the words of its
 * specification as well: a file that was not there at the beginning, is gone, or has only grown since is no difference.
 *
 * Threads: no shared state.
 */
#ifndef PW_RUN_READ_FILES_H
#define PW_RUN_READ_FILES_H

#include "base/json.h"
#include "store/source.h"

/* What source is read from, which was opened as path.  json_object_put() frees it, as all here. */
struct json_object *pw_files_of_image(const struct pw_source *source, const char *path);

/* The files that the words of a specification name. */
struct json_object *pw_files_of_words(const char *specification);

/* Of two results of pw_files_of_words(), whether a file is not what it was: text then says which. */
int pw_files_differ(struct json_object *theirs, struct json_object *mine, char *text, size_t capacity);

#endif
