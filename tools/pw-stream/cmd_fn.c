/* pw-stream fn: what functions there are, what one takes, a start for one of the user's own. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "commands.h"
#include "fn_template.h"

static void list_one(const struct pw_fn_info *info, void *user)
{
    (void)user;
    (void)printf("%-16s %s%s%s%s\n", info->name, info->description, info->path != NULL ? "  [" : "",
                 info->path != NULL ? info->path : "", info->path != NULL ? "]" : "");
}

static const char *type_name(enum pw_fn_option_type type)
{
    switch (type) {
    case PW_FN_NUMBER: return "number";
    case PW_FN_INTEGER: return "integer";
    case PW_FN_FLAG: return "flag";
    case PW_FN_NUMBERS: return "numbers";
    case PW_FN_TEXT: break;
    }
    return "text";
}

static void show_options(const struct pw_fn_option *option)
{
    if (option == NULL) {
        (void)printf("options  any, unchecked\n");
        return;
    }
    (void)printf("options%s\n", option->name == NULL ? "  none" : "");
    for (; option->name != NULL; option++) {
        const char *otherwise = option->otherwise == NULL ? "required" : option->otherwise;
        (void)printf("  %-14s %-8s %-10s %s\n", option->name, type_name(option->type),
                     otherwise[0] != '\0' ? otherwise : "-", option->help != NULL ? option->help : "");
    }
}

/* Each line of text, indented. */
static void show_lines(const char *title, const char *text)
{
    if (text[0] == '\0')
        return;
    (void)printf("%s\n", title);
    for (const char *line = text; *line != '\0'; line += *line == '\n') {
        size_t n = strcspn(line, "\n");
        (void)printf("  %.*s\n", (int)n, line);
        line += n;
    }
}

static void show_one(const struct pw_fn_info *info, void *user)
{
    (void)user;
    (void)printf("%s: %s\n", info->name, info->description);
    if (info->path != NULL)
        (void)printf("from     %s\n", info->path);
    (void)printf("halo     %s\n", info->halo);
    show_options(info->options);
    show_lines("declares", info->needs);
    show_lines("about", info->help);
}

static void say(const char *line, void *user)
{
    (void)user;
    (void)fprintf(stderr, "%s\n", line);
}

static int report(enum pw_status status, const struct pw_error *error)
{
    if (status == PW_OK)
        return PW_EXIT_DONE;
    (void)fprintf(stderr, "pw-stream: %s\n", error->message);
    return status == PW_E_ARGUMENT ? PW_EXIT_USAGE : PW_EXIT_FAILED;
}

/* ---- fn new ------------------------------------------------------------ */

/* The name of the function in path: what is between the last slash and ".c"; 0 when that is no C name. */
static int name_of(const char *path, char *name, size_t bytes)
{
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
    size_t n = strlen(base);
    if (n < 3 || n - 2 >= bytes || strcmp(base + n - 2, ".c") != 0)
        return 0;
    memcpy(name, base, n - 2);
    name[n - 2] = '\0';
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n - 2;
}

static void write_line(FILE *out, const char *line, const char *name)
{
    static const char mark[] = "@NAME@";
    for (const char *at; (at = strstr(line, mark)) != NULL; line = at + strlen(mark))
        (void)fprintf(out, "%.*s%s", (int)(at - line), line, name);
    (void)fputs(line, out);
}

static int fail_on(const char *path)
{
    (void)fprintf(stderr, "pw-stream: %s: %s\n", path, strerror(errno));
    return PW_EXIT_FAILED;
}

static int make_new(const char *path)
{
    char name[200];
    if (!name_of(path, name, sizeof name)) {
        (void)pw_argument_wrong("fn new %s: a file name of letters, digits, - and _ that ends in .c", path);
        return PW_EXIT_USAGE;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out == NULL)
        return fail_on(path);
    for (int i = 0; pw_fn_template[i] != NULL; i++)
        write_line(out, pw_fn_template[i], name);
    int failed = ferror(out);
    if (fclose(out) != 0 || failed) {
        int status = fail_on(path);
        (void)unlink(path);
        return status;
    }
    (void)printf("%s: try pw-stream run IMAGE --fn %s%s -o labels.zarr\n", path, strchr(path, '/') ? "" : "./", path);
    return PW_EXIT_DONE;
}

int pw_cmd_fn(int argc, char **argv)
{
    static const struct option none[] = {{NULL, 0, NULL, 0}};
    struct pw_error error = {0};
    pw_argument_verb("fn");
    if (pw_argument_options(argc, argv, ":", none, NULL, NULL) != PW_EXIT_DONE)
        return PW_EXIT_USAGE;
    const char *what = optind < argc ? argv[optind] : "", *name = optind + 1 < argc ? argv[optind + 1] : NULL;
    int n = argc - optind;
    if (strcmp(what, "list") == 0 && n == 1)
        return report(pw_fn_list(list_one, NULL, &error), &error);
    if (strcmp(what, "show") == 0 && n == 2)
        return report(pw_fn_show(name, show_one, say, NULL, &error), &error);
    if (strcmp(what, "new") == 0 && n == 2)
        return make_new(name);
    (void)pw_argument_wrong("fn: list, show NAME or new FILE.c");
    return PW_EXIT_USAGE;
}
