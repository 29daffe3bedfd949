/* Whether a stage can be kept where the user wants it: --overwrite takes away earlier stages, and nothing else. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/json.h"
#include "run/kept_stage.h"
#include "sys/same_file.h"
#include "sys/tree.h"

static enum pw_status take_path(struct pw_job *job, struct pw_error *error)
{
    const char *path = job->options->keep_stage;
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    int length = snprintf(job->kept_path, sizeof job->kept_path, "%.*s", (int)pw_min_u64(n, 8192), path);
    if (n == 0 || length < 0 || (size_t)length >= sizeof job->kept_path)
        return pw_fail(error, PW_E_ARGUMENT, "--keep-stage: the path is %s", n == 0 ? "empty" : "too long");
    return PW_OK;
}

/* Files that a kept stage may have, and what a process that was killed left of one of them. */
static int is_own_file(const char *name)
{
    static const char *const own[] = {".",        "..", "records", "candidates", PW_KEPT_PLAN_FILE, "fingerprint.json",
                                      "published"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strcmp(name, own[i]) == 0)
            return 1;
    return name[0] == '.' && strstr(name, ".pw-") != NULL;
}

static int has_own_files_only(const char *path)
{
    DIR *directory = opendir(path);
    int own = directory != NULL;
    for (struct dirent *entry; own && (entry = readdir(directory)) != NULL;)
        own = is_own_file(entry->d_name);
    if (directory != NULL)
        (void)closedir(directory);
    return own;
}

static int is_stage(const char *path)
{
    char plan[4096 + sizeof "/" PW_KEPT_PLAN_FILE];
    struct json_object *object = NULL;
    (void)snprintf(plan, sizeof plan, "%.4095s/%s", path, PW_KEPT_PLAN_FILE);
    int is = has_own_files_only(path) && pw_json_load(plan, &object, NULL) == PW_OK &&
             pw_json_get(object, "patchworks_stage") != NULL;
    json_object_put(object);
    return is;
}

enum pw_status pw_kept_check(struct pw_job *job, struct pw_error *error)
{
    const struct pw_run_options *options = job->options;
    struct stat st;
    enum pw_status status = take_path(job, error);
    if (status != PW_OK)
        return status;
    if (options->output != NULL && pw_file_is_same_name(options->output, job->kept_path))
        return pw_fail(error, PW_E_ARGUMENT, "--keep-stage %s: the labels go there", job->kept_path);
    pw_tree_recover(job->kept_path);
    if (lstat(job->kept_path, &st) != 0)
        return PW_OK;
    if (!options->overwrite && !options->resume)
        return pw_fail(error, PW_E_EXISTS, "--keep-stage %s: exists; use --overwrite", job->kept_path);
    return is_stage(job->kept_path)
               ? PW_OK
               : pw_fail(error, PW_E_EXISTS,
                         "--keep-stage %s: exists and is not a kept stage, which is all that is overwritten",
                         job->kept_path);
}
