/*
 * sys/tree - directories that are made, made durable, replaced and removed as a whole.
 *
 *     pw_tree_make_hidden(parent, name, path, &lock, error)    parent/.NAME.pw-XXXXXX, new and empty
 *     ... fill it ...
 *     pw_tree_sync(path, error)                                its files and directories are on the disk
 *     pw_tree_publish(path, final, overwrite, error)           and appear as final, in one step
 *     pw_tree_remove(path)                                     or go away
 *
 * Paths hold at most PW_TREE_PATH_BYTES with the ending zero.  Symbolic links are
 * never followed into what is removed.  Errors name the path.  Any thread.
 */
#ifndef PW_SYS_TREE_H
#define PW_SYS_TREE_H

#include "patchworks.h"

#define PW_TREE_PATH_BYTES 4096

/*
 * *lock is a descriptor that the caller closes when the directory is published or
 * removed.  It holds a lock, by which a later call for the same name tells the directories
 * that killed processes have left (it removes them) from those in use.
 * Errors: PW_E_NOT_FOUND (no parent), PW_E_ARGUMENT (too long a path), PW_E_IO.
 */
enum pw_status pw_tree_make_hidden(const char *parent, const char *name, char path[PW_TREE_PATH_BYTES], int *lock,
                                   struct pw_error *error);

/*
 * Where a directory cannot be exchanged with another in one step, an earlier one is moved aside while the new one takes its
 * place.  When a killed process has left nothing at path and one aside, it gets its name back.  Called before it is asked
 * whether something is at path.
 */
void pw_tree_recover(const char *path);

/* Removes what killed processes have left of hidden directories for parent/name, after pw_tree_recover(). */
void pw_tree_remove_stale(const char *parent, const char *name);

/* flock(2) on a directory; where locks do not work at all it goes on without.  Closing *lock gives it back. */
enum pw_status pw_tree_lock(const char *path, int *lock, struct pw_error *error);

/* The same without waiting: PW_E_EXISTS when another process holds it. */
enum pw_status pw_tree_try_lock(const char *path, int *lock, struct pw_error *error);

/* A directory that is there already is fine. */
enum pw_status pw_tree_make(const char *path, struct pw_error *error);

/*
 * Writes n bytes to a new file beside path and renames it there: old or new, never
 * half, also after a power failure when durable (else that is left to pw_tree_sync()).
 */
enum pw_status pw_tree_put_file(const char *path, const void *data, size_t n, int durable, struct pw_error *error);

/* Syncs the files and directories below path, and path. */
enum pw_status pw_tree_sync(const char *path, struct pw_error *error);

/* Syncs the entries of one directory. */
enum pw_status pw_tree_sync_directory(const char *path, struct pw_error *error);

/*
 * Renames made to final.  Without overwrite an existing final is PW_E_EXISTS.  With it
 * the two are exchanged in one step where the file system can, else the old one is moved
 * aside first; made is then the name of the old one, for pw_tree_remove().
 */
enum pw_status pw_tree_publish(const char *made, const char *final, int overwrite, struct pw_error *error);

/* Takes path out of view in one step, and removes it then. */
void pw_tree_discard(const char *path);

/* Removes path and all below it, as far as possible. */
void pw_tree_remove(const char *path);

#endif
