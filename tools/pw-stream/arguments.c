#include "arguments.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

static const char *verb = "";

void pw_argument_verb(const char *name)
{
    verb = name;
}

int pw_argument_wrong(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)fprintf(stderr, "pw-stream: %s; see pw-stream help %s\n", text, verb);
    return 0;
}

/* The number at *text, which moves behind it; 0 when there is none. */
static int take_number(const char **text, uint64_t *value)
{
    char *end;
    if ((*text)[0] < '0' || (*text)[0] > '9')
        return 0;
    errno = 0;
    unsigned long long number = strtoull(*text, &end, 10);
    if (errno != 0)
        return 0;
    *text = end;
    *value = number;
    return 1;
}

int pw_argument_number(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
    const char *rest = text;
    if (!take_number(&rest, value) || *rest != '\0' || *value < least || *value > most)
        return pw_argument_wrong("%s %s: not a whole number from %llu to %llu", option, text, (unsigned long long)least,
                                 (unsigned long long)most);
    return 1;
}

int pw_argument_choose(const char *option, const char *text, const char *const *word)
{
    char all[128] = "";
    for (int i = 0; word[i] != NULL; i++) {
        if (strcmp(text, word[i]) == 0)
            return i;
        size_t used = strlen(all);
        (void)snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? ", " : "", word[i]);
    }
    (void)pw_argument_wrong("%s %s: one of %s", option, text, all);
    return -1;
}

int pw_argument_small(const char *option, const char *text, uint64_t least, uint64_t most, int *number)
{
    uint64_t value;
    if (!pw_argument_number(option, text, least, most, &value))
        return 0;
    *number = (int)value;
    return 1;
}

int pw_argument_index(const char *option, const char *text, int64_t *index)
{
    uint64_t value;
    if (!pw_argument_number(option, text, 0, INT64_MAX, &value))
        return 0;
    *index = (int64_t)value;
    return 1;
}

int pw_argument_time(const char *text, int64_t *time, uint64_t *n_times)
{
    const char *rest = text;
    uint64_t first = 0, end = PW_TIMES_ALL;
    *time = 0;
    *n_times = PW_TIMES_ALL;
    if (strcmp(text, "all") == 0)
        return 1;
    if (strchr(text, ':') == NULL) {
        *n_times = 0;
        return pw_argument_index("--time", text, time);
    }
    if ((*rest != ':' && !take_number(&rest, &first)) || *rest++ != ':' ||
        (*rest != '\0' && !take_number(&rest, &end)) || *rest != '\0' || first > INT64_MAX || end <= first)
        return pw_argument_wrong("--time %s: a number, all, or a range such as 2:5, whose end is not part of it", text);
    *time = (int64_t)first;
    *n_times = end == PW_TIMES_ALL ? PW_TIMES_ALL : end - first;
    return 1;
}

int pw_argument_real(const char *option, const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(*value))
        return pw_argument_wrong("%s %s: not a number", option, text);
    return 1;
}

int pw_argument_size(const char *option, const char *text, uint64_t *bytes)
{
    static const char units[] = "KMGTP";
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    const char *unit = *end > ' ' ? strchr(units, *end & ~0x20) : NULL;
    if (unit != NULL) {
        value = ldexp(value, 10 * (int)(unit - units + 1));
        end++;
        if (*end == 'i')
            end++;
    }
    if (end != text && (*end == 'B' || *end == 'b'))
        end++;
    if (end == text || *end != '\0' || errno != 0 || !(value >= 1) || value > 9e18)
        return pw_argument_wrong("%s %s: not a size like 512M or 4G", option, text);
    *bytes = (uint64_t)value;
    return 1;
}

/* Up to most numbers with commas between them; their count, 0 when the text is something else. */
static int take_list(const char *text, uint64_t *value, int most)
{
    int n = 0;
    for (;;) {
        if (n == most || !take_number(&text, &value[n]))
            return 0;
        n++;
        if (*text == '\0')
            return n;
        if (*text != ',' && *text != 'x')
            return 0;
        text++;
    }
}

int pw_argument_box(const char *option, const char *text, uint64_t least, uint64_t box[3])
{
    uint64_t value[3];
    int n = take_list(text, value, 3);
    for (int i = 0; i < n; i++)
        if (value[i] < least || value[i] > (uint64_t)1 << 40)
            n = 0;
    if (n == 0)
        return pw_argument_wrong("%s %s: not numbers from %llu as z,y,x or y,x, nor one for all axes", option, text,
                                 (unsigned long long)least);
    box[0] = n == 2 ? least : value[0];
    box[1] = n == 3 ? value[1] : value[0];
    box[2] = value[n - 1];
    return 1;
}

int pw_argument_shape(const char *option, const char *text, uint64_t shape[PW_MAX_RANK], int *rank)
{
    *rank = take_list(text, shape, PW_MAX_RANK);
    for (int i = 0; i < *rank; i++)
        if (shape[i] == 0)
            *rank = 0;
    if (*rank == 0)
        return pw_argument_wrong("%s %s: not 1 to %d whole numbers above 0 with commas between", option, text,
                                 PW_MAX_RANK);
    return 1;
}

int pw_argument_open(int option, const char *text, struct pw_open_options *open)
{
    uint64_t number;
    switch (option) {
    case PW_OPTION_SHAPE: return pw_argument_shape("--shape", text, open->raw_shape, &open->raw_rank);
    case PW_OPTION_OFFSET: return pw_argument_number("--offset", text, 0, INT64_MAX, &open->raw_offset_bytes);
    case PW_OPTION_DTYPE:
        open->raw_dtype = pw_dtype_parse(text);
        if (open->raw_dtype == PW_DTYPE_NONE)
            return pw_argument_wrong("--dtype %s: no such type; uint8, uint16, float32 and the like", text);
        if (text[0] == '>')
            open->raw_big_endian = 1;
        return 1;
    case PW_OPTION_ENDIAN:
        if (strcmp(text, "little") != 0 && strcmp(text, "big") != 0)
            return pw_argument_wrong("--endian %s: little or big", text);
        open->raw_big_endian = text[0] == 'b';
        return 1;
    case PW_OPTION_LEVEL:
        if (!pw_argument_number("--level", text, 0, PW_MAX_LEVELS - 1, &number))
            return 0;
        open->level = (int)number;
        return 1;
    case PW_OPTION_AXES: open->axes = text; return 1;
    case PW_OPTION_SERIES: open->series = text; return 1;
    case PW_OPTION_WELL: open->well = text; return 1;
    default: return -1;
    }
}

int pw_argument_open_check(const struct pw_open_options *open)
{
    if (open->raw_rank > 0 && open->raw_dtype == PW_DTYPE_NONE)
        return pw_argument_wrong("--shape describes a raw file, which also needs --dtype");
    if (open->raw_rank == 0 && open->raw_dtype != PW_DTYPE_NONE)
        return pw_argument_wrong("--dtype describes a raw file, which also needs --shape");
    return 1;
}

/* What getopt_long found wrong ('?' or ':'), in our words. */
static void say_wrong(int result, char **argv)
{
    const char *word = argv[optind - 1];
    if (result == ':')
        (void)pw_argument_wrong("%s needs a value", word);
    else if (word[0] == '-' && word[1] != '-' && optopt != 0)
        (void)pw_argument_wrong("no option -%c", optopt);
    else
        (void)pw_argument_wrong("no option %s, or not with a value", word);
}

int pw_argument_options(int argc, char **argv, const char *letters, const struct option *options,
                        pw_take_option_fn take, void *request)
{
    int option;
    while ((option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
        if (option == '?' || option == ':')
            say_wrong(option, argv);
        if (option == '?' || option == ':' || take(request, option, optarg) != 1)
            return PW_EXIT_USAGE;
    }
    return PW_EXIT_DONE;
}

struct image_request {
    struct pw_open_options open;
    int *has_flag;
};

static int take_image_option(void *context, int option, const char *text)
{
    struct image_request *request = context;
    if (option == 'f')
        return *request->has_flag = 1;
    return pw_argument_open(option, text, &request->open);
}

int pw_argument_image(int argc, char **argv, const char *flag, int *has_flag, struct pw_image **image)
{
    return pw_argument_image_unless(argc, argv, flag, has_flag, NULL, image);
}

int pw_argument_image_unless(int argc, char **argv, const char *flag, int *has_flag,
                             int (*first)(const char *path, int has_flag), struct pw_image **image)
{
    const struct option options[] = {{flag, no_argument, NULL, 'f'}, PW_OPEN_OPTIONS, {NULL, 0, NULL, 0}};
    struct image_request request = {.has_flag = has_flag};
    struct pw_error error = {0};
    pw_argument_verb(argv[0]);
    if (pw_argument_options(argc, argv, ":", options, take_image_option, &request) != PW_EXIT_DONE ||
        !pw_argument_open_check(&request.open))
        return PW_EXIT_USAGE;
    if (argc - optind != 1) {
        (void)pw_argument_wrong("%s takes one PATH", argv[0]);
        return PW_EXIT_USAGE;
    }
    *image = NULL;
    if (first != NULL && request.open.series == NULL && request.open.well == NULL) {
        int status = first(argv[optind], *has_flag);
        if (status >= 0)
            return status;
    }
    if (pw_image_open(argv[optind], &request.open, image, &error) == PW_OK)
        return PW_EXIT_DONE;
    (void)fprintf(stderr, "pw-stream: %s\n", error.message);
    return PW_EXIT_FAILED;
}
