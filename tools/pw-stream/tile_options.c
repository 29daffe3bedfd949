#include "tile_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"

/* The number at *text, which moves behind it; value stays as it is when there is none. */
static int take_bound(const char **text, uint64_t *value)
{
    char *end;
    if ((*text)[0] < '0' || (*text)[0] > '9')
        return 0;
    errno = 0;
    *value = strtoull(*text, &end, 10);
    if (errno != 0) /* more than any image has: refused when it is compared with it */
        *value = UINT64_MAX;
    *text = end;
    return 1;
}

/* "10:20", "10:", ":20", ":" at *text, which moves behind it. */
static int take_range(const char **text, uint64_t *start, uint64_t *end)
{
    *start = *end = 0;
    (void)take_bound(text, start);
    if (**text != ':')
        return 0;
    ++*text;
    int has_end = take_bound(text, end);
    return !has_end || *end > 0;
}

/* z0:z1,y0:y1,x0:x1, or without z. */
static int take_roi(struct pw_run_options *options, const char *text)
{
    uint64_t start[3] = {0}, end[3] = {0};
    const char *at = text;
    int n = 0, good = 1;
    while (good && n < 3) {
        good = take_range(&at, &start[n], &end[n]);
        n++;
        if (*at != ',')
            break;
        at++;
    }
    if (!good || *at != '\0' || at[-1] == ',' || n < 2)
        return pw_argument_wrong("--roi %s: not z0:z1,y0:y1,x0:x1 or y0:y1,x0:x1, whose ends are above 0", text);
    for (int i = 0; i < 3; i++) {
        int from = i - (3 - n);
        options->roi_start[i] = from >= 0 ? start[from] : 0;
        options->roi_end[i] = from >= 0 ? end[from] : 0;
    }
    return 1;
}

static int take_skip_empty(struct pw_run_options *options, const char *text)
{
    options->skip_empty = strcmp(text, "auto") == 0 ? PW_SKIP_AUTO : PW_SKIP_NONE;
    if (options->skip_empty == PW_SKIP_AUTO || strcmp(text, "none") == 0)
        return 1;
    options->skip_empty = PW_SKIP_ABOVE;
    if (text[0] != '\0' && strspn(text, "+-.0123456789eE") == strlen(text))
        return pw_argument_real("--skip-empty", text, &options->skip_level);
    return pw_argument_wrong("--skip-empty %s: auto, a number or none", text);
}

int pw_tile_options_take(struct pw_run_options *options, int option, const char *text)
{
    switch (option) {
    case PW_OPTION_ROI: return take_roi(options, text);
    case PW_OPTION_MAXIMA: options->maxima = strcmp(text, "auto") == 0 ? NULL : text; return 1;
    case PW_OPTION_MASK: options->mask = text; return 1;
    case PW_OPTION_RESUME: options->resume = 1; return 1;
    case PW_OPTION_SKIP_EMPTY: return take_skip_empty(options, text);
    default: return -1;
    }
}
