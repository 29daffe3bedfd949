/* The table of built-in segmentation functions. */
#include "segment/builtin.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

const struct pw_builtin *const pw_builtins[] = {
    &pw_builtin_threshold, &pw_builtin_otsu,  &pw_builtin_local,
    &pw_builtin_dog,       &pw_builtin_log,   &pw_builtin_watershed,
    &pw_builtin_label,     &pw_builtin_given, NULL,
};

const struct pw_builtin *pw_builtin_find(const char *name, size_t length)
{
    for (int i = 0; pw_builtins[i] != NULL; i++)
        if (strlen(pw_builtins[i]->name) == length && memcmp(pw_builtins[i]->name, name, length) == 0)
            return pw_builtins[i];
    return NULL;
}

void pw_builtin_names(char *out, size_t bytes)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; pw_builtins[i] != NULL && used < bytes; i++)
        used += (size_t)snprintf(out + used, bytes - used, "%s%s", i > 0 ? ", " : "", pw_builtins[i]->name);
}

enum pw_status pw_builtin_connectivity(struct pw_segmenter *segmenter, const struct pw_fn_values *values,
                                       const struct pw_run_options *run, struct pw_error *error)
{
    long long value = 0;
    int asked = run->connectivity;
    enum pw_status status = pw_fn_integer(values, "connectivity", &value, error);
    if (status != PW_OK)
        return status;
    if (pw_fn_text(values, "connectivity") != NULL && (value < 1 || value > segmenter->rank))
        return pw_fail(error, PW_E_ARGUMENT, "--fn %s: connectivity=%lld in an image of %d dimensions; it is 1..%d",
                       values->name, value, segmenter->rank, segmenter->rank);
    /* What joins tiles joins voxels too, unless the specification says otherwise. */
    segmenter->connectivity = value != 0 ? (int)value : asked == 0 || asked > segmenter->rank ? 1 : asked;
    segmenter->components = 1;
    return PW_OK;
}
