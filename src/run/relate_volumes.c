/* pw_relate(): one pass over both volumes, then the tables that follow from the sums. */
#include <string.h>

#include "base/error.h"
#include "relate/relation.h"
#include "run/pass_pairs.h"

void pw_relate_options_init(struct pw_relate_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
    options->child.channel = options->child.time = -1;
    options->parent.channel = options->parent.time = -1;
}

static enum pw_status check(const struct pw_relate_options *options, struct pw_error *error)
{
    if (options->child.path == NULL || options->parent.path == NULL)
        return pw_fail(error, PW_E_ARGUMENT, "relate needs two label volumes, children and parents");
    if (options->output == NULL)
        return pw_fail(error, PW_E_ARGUMENT, "relate needs an output; use -o");
    if (!(options->min_fraction >= 0 && options->min_fraction <= 1))
        return pw_fail(error, PW_E_ARGUMENT, "a fraction of %g is not from 0 to 1", options->min_fraction);
    if (options->counts != NULL && strcmp(options->counts, options->output) == 0)
        return pw_fail(error, PW_E_ARGUMENT, "%s: the tables of children and of parents need different files",
                       options->output);
    enum pw_status status = pw_text_table_check(options->output, NULL, options->overwrite, error);
    return status == PW_OK && options->counts != NULL
               ? pw_text_table_check(options->counts, NULL, options->overwrite, error)
               : status;
}

static enum pw_status write_tables(const struct pw_relate_options *options, struct pw_pairs_pass *pass,
                                   struct pw_relate_result *result, struct pw_error *error)
{
    struct pw_table *children = NULL, *parents = NULL;
    enum pw_status status = pw_text_table_open(options->output, NULL, options->overwrite, pw_child_columns,
                                               PW_CHILD_COLUMNS, &children, error);
    if (status == PW_OK && options->counts != NULL)
        status = pw_text_table_open(options->counts, NULL, options->overwrite, pw_parent_columns, PW_PARENT_COLUMNS,
                                    &parents, error);
    if (status == PW_OK)
        status = pw_relation_make(&pass->sums, options->min_fraction, pass->rest_bytes, pass->scratch_dir, children,
                                  parents, result, error);
    if (status == PW_OK && parents != NULL)
        status = pw_table_commit(parents, error);
    if (status == PW_OK)
        status = pw_table_commit(children, error);
    pw_table_close(parents);
    pw_table_close(children);
    return status;
}

enum pw_status pw_relate(const struct pw_relate_options *options, struct pw_relate_result *result,
                         struct pw_error *error)
{
    struct pw_pairs_pass pass = {0};
    struct pw_pairs_request request = {
        .input = {&options->child, &options->parent},
        .wants_size = {0, 1},
        .memory_bytes = options->memory_bytes,
        .threads = options->threads,
        .scratch_dir = options->scratch_dir,
    };
    enum pw_status status = check(options, error);
    if (status == PW_OK)
        status = pw_pairs_open(&pass, &request, error);
    if (status == PW_OK)
        status = pw_pairs_run(&pass, error);
    if (status == PW_OK)
        status = write_tables(options, &pass, result, error);
    pw_pairs_close(&pass);
    return status;
}
