#include "store/axis_names.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

void pw_axis_name(struct pw_axis *axis, char letter)
{
    memset(axis->name, 0, sizeof axis->name);
    axis->name[0] = letter;
    axis->kind = letter == 't' || letter == 'c' ? letter : letter != '\0' && strchr("zyx", letter) != NULL ? 's' : '?';
}

/* "z, y, x" for a message. */
static const char *names_of(const struct pw_image_info *info, char *text, size_t capacity)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < info->rank && used < capacity; i++) {
        int n = snprintf(text + used, capacity - used, "%s%llu %s", i ? ", " : "", (unsigned long long)info->shape[i],
                         info->axis[i].name[0] != '\0' ? info->axis[i].name : "?");
        used += n > 0 ? (size_t)n : 0;
    }
    return text;
}

enum pw_status pw_axes_rename(struct pw_source *source, const char *letters, struct pw_error *error)
{
    struct pw_image_info *info = &source->info;
    char text[300], lower[PW_MAX_RANK + 1] = "";
    size_t n = strlen(letters);
    if (n != (size_t)info->rank)
        return pw_fail(error, PW_E_ARGUMENT, "%s: axes %.20s are %zu, the image has %d: %s", source->path, letters, n,
                       info->rank, names_of(info, text, sizeof text));
    for (size_t i = 0; i < n; i++) {
        char letter = (char)(letters[i] | 0x20);
        letter = letter == 's' ? 'c' : letter;
        if (strchr("tczyx", letter) == NULL || strchr(lower, letter) != NULL)
            return pw_fail(error, PW_E_ARGUMENT, "%s: axes %.20s: each is one of t c z y x, and once", source->path,
                           letters);
        lower[i] = letter;
        pw_axis_name(&info->axis[i], letter);
    }
    return PW_OK;
}
