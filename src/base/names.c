#include "base/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum pw_status pw_names_add(struct pw_names *names, const char *text, struct pw_error *error)
{
    if (names->n >= PW_NAMES_MAX)
        return pw_fail(error, PW_E_FORMAT, "more than %d names in a list", PW_NAMES_MAX);
    if (names->n == names->capacity) {
        int capacity = names->capacity == 0 ? 8 : 2 * names->capacity;
        char **grown = realloc(names->name, (size_t)capacity * sizeof *grown);
        if (grown == NULL)
            return pw_fail(error, PW_E_NOMEM, "out of memory for %d names", capacity);
        names->name = grown;
        names->capacity = capacity;
    }
    names->name[names->n] = pw_strdup(text, error);
    if (names->name[names->n] == NULL)
        return PW_E_NOMEM;
    names->n++;
    return PW_OK;
}

void pw_names_release(struct pw_names *names)
{
    for (int i = 0; i < names->n; i++)
        free(names->name[i]);
    free(names->name);
    memset(names, 0, sizeof *names);
}

int pw_names_find(const char *const *name, int n, const char *text)
{
    for (int i = 0; i < n; i++)
        if (strcmp(name[i], text) == 0)
            return i;
    return -1;
}

void pw_names_list(const char *const *name, int n, char *out, size_t capacity)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < n; i++) {
        size_t more = strlen(name[i]) + (i > 0 ? 2 : 0);
        if (used + more + sizeof ", ..." > capacity) {
            (void)snprintf(out + used, capacity - used, ", ...");
            return;
        }
        (void)snprintf(out + used, capacity - used, "%s%s", i > 0 ? ", " : "", name[i]);
        used += more;
    }
}
