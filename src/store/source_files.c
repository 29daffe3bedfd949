/* Which files a source is read from: nothing that is written may take their place. */
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "store/source.h"
#include "sys/same_file.h"

const char *pw_source_file(const struct pw_source *source, uint64_t i)
{
    return source->ops->file != NULL ? source->ops->file(source, i) : NULL;
}

static int has_file(const struct pw_source *source, const char *output)
{
    const char *file;
    for (uint64_t i = 0; (file = pw_source_file(source, i)) != NULL; i++)
        if (pw_file_is_within(file, output))
            return 1;
    return 0;
}

static int is_read_from(const struct pw_source *source, const char *output)
{
    return pw_file_is_within(source->path, output) || pw_file_is_within(source->info.path, output) ||
           (source->group[0] != '\0' && pw_file_is_within(source->group, output)) || has_file(source, output) ||
           pw_file_is_open_at(strcmp(source->info.path, "-") == 0 ? STDIN_FILENO : source->linear.fd, output);
}

enum pw_status pw_source_keep(const struct pw_source *source, const char *output, struct pw_error *error)
{
    if (source == NULL || strcmp(output, "-") == 0 || !is_read_from(source, output))
        return PW_OK;
    return pw_source_refuse_output(source->path, output, error);
}

enum pw_status pw_source_refuse_output(const char *input, const char *output, struct pw_error *error)
{
    return pw_fail(error, PW_E_EXISTS, "%s: the input %s is there, and an input is never replaced", output, input);
}
