#include "segment/process_command.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "sys/data_dir.h"
#include "sys/worker_process.h"

static const char exec_prefix[] = "exec:", python_prefix[] = "py:";

int pw_process_command_is(const char *specification)
{
    return strncmp(specification, exec_prefix, strlen(exec_prefix)) == 0 ||
           strncmp(specification, python_prefix, strlen(python_prefix)) == 0;
}

void pw_plain_name(const char *text, char *out, size_t capacity)
{
    size_t n = 0;
    for (; text[n] != '\0' && n + 1 < capacity; n++) {
        char c = text[n];
        int plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        out[n] = c;
        if (!plain)
            out[n] = '_';
    }
    out[n] = '\0';
    if (n == 0)
        (void)snprintf(out, capacity, "labels");
}

/* ---- specifications ---------------------------------------------------- */

/* The program's name without its directory. */
static void name_program(struct pw_process_command *command, const char *text)
{
    char word[256];
    text += strspn(text, " \t");
    size_t n = strcspn(text, " \t\n;|&<>()");
    (void)snprintf(word, sizeof word, "%.*s", n < sizeof word ? (int)n : (int)sizeof word - 1, text);
    const char *slash = strrchr(word, '/');
    pw_plain_name(slash != NULL ? slash + 1 : word, command->name, sizeof command->name);
}

static int begins_with_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    return strncmp(text, word, n) == 0 && strchr(" \t", text[n]) != NULL;
}

/*
 * One program and its arguments: it takes the place of the shell, and is then itself what is killed when the host is.  What
 * is more than that (a pipeline, a list, a variable before it) needs the shell to stay.
 */
static int is_simple(const char *text)
{
    size_t word = strspn(text, " \t");
    char quote = '\0';
    if (memchr(text + word, '=', strcspn(text + word, " \t")) != NULL || begins_with_word(text + word, "exec"))
        return 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (quote == '\0' && strchr("|&;()`\n", *c) != NULL)
            return 0;
        if (*c == '\\' && quote != '\'' && c[1] != '\0')
            c++;
        else if (*c == quote)
            quote = '\0';
        else if (quote == '\0' && (*c == '\'' || *c == '"'))
            quote = *c;
    }
    return quote == '\0';
}

static enum pw_status init_exec(struct pw_process_command *command, const char *text, struct pw_error *error)
{
    static char shell[] = "/bin/sh", option[] = "-c";
    if (text[strspn(text, " \t")] == '\0')
        return pw_fail(error, PW_E_ARGUMENT, "--fn exec: needs a command: --fn 'exec:python3 worker.py'");
    if (asprintf(&command->text, "%s%s", is_simple(text) ? "exec " : "", text) < 0)
        command->text = NULL;
    command->params = pw_strdup("{}", error);
    if (command->text == NULL || command->params == NULL)
        return pw_fail(error, PW_E_NOMEM, "out of memory");
    command->argument[0] = shell;
    command->argument[1] = option;
    command->argument[2] = command->text;
    name_program(command, text);
    return PW_OK;
}

/* Where an option ends: a comma that is in no brackets and no quotes. */
static size_t option_length(const char *text)
{
    size_t n = 0;
    int depth = 0, quoted = 0;
    for (; text[n] != '\0' && (depth > 0 || quoted || text[n] != ','); n++) {
        if (quoted && text[n] == '\\' && text[n + 1] != '\0')
            n++;
        else if (text[n] == '"')
            quoted = !quoted;
        else if (!quoted)
            depth += (text[n] == '[' || text[n] == '{') - (text[n] == ']' || text[n] == '}');
    }
    return n;
}

/* JSON where it is JSON, else the text; a zero byte follows the n of text, for a number to have an end. */
static struct json_object *read_value(const char *text, size_t n)
{
    struct json_tokener *tokener = json_tokener_new_ex(PW_JSON_DEPTH_MAX);
    struct json_object *value = NULL;
    int is_json = 0;
    if (tokener != NULL && n > 0 && n < INT_MAX) {
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
        value = json_tokener_parse_ex(tokener, text, (int)n + 1);
        is_json = json_tokener_get_error(tokener) == json_tokener_success && json_tokener_get_parse_end(tokener) == n;
    }
    if (!is_json) {
        json_object_put(value);
        value = json_object_new_string_len(text, (int)n);
    }
    if (tokener != NULL)
        json_tokener_free(tokener);
    return value;
}

/* "key=value" of n bytes, in a buffer of its own. */
static enum pw_status read_option(struct json_object *params, const char *text, size_t n, struct pw_error *error)
{
    char *option = strndup(text, n);
    char *equals = option != NULL ? strchr(option, '=') : NULL;
    enum pw_status status = PW_OK;
    if (option == NULL)
        return pw_fail(error, PW_E_NOMEM, "out of memory");
    if (equals == NULL || equals == option)
        status = pw_fail(error, PW_E_ARGUMENT, "--fn py: \"%s\" is no option like key=value", option);
    else {
        *equals = '\0';
        if (json_object_object_get_ex(params, option, NULL))
            status = pw_fail(error, PW_E_ARGUMENT, "--fn py: %s is given twice", option);
        else
            (void)json_object_object_add(params, option, read_value(equals + 1, strlen(equals + 1)));
    }
    free(option);
    return status;
}

static enum pw_status read_options(struct pw_process_command *command, const char *text, struct pw_error *error)
{
    struct json_object *params = json_object_new_object();
    enum pw_status status = PW_OK;
    while (*text != '\0' && status == PW_OK) {
        size_t n = option_length(text);
        status = read_option(params, text, n, error);
        text += n + (text[n] == ',');
    }
    if (status == PW_OK) {
        command->params = pw_strdup(
            json_object_to_json_string_ext(params, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE), error);
        status = command->params != NULL ? PW_OK : PW_E_NOMEM;
    }
    json_object_put(params);
    return status;
}

/*
 * The colon before the function, and the length of its name, which ends the text or has a comma behind it: paths may have
 * colons and commas too.
 */
static char *function_colon(char *text, size_t *name)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";
    for (char *colon = strchr(text, ':'); colon != NULL; colon = strchr(colon + 1, ':')) {
        size_t n = 0;
        while (colon[1 + n] != '\0' && (strchr(plain, colon[1 + n]) != NULL || (unsigned char)colon[1 + n] >= 0x80))
            n++;
        *name = n;
        if (colon > text && n > 0 && (colon[1 + n] == '\0' || colon[1 + n] == ','))
            return colon;
    }
    return NULL;
}

static enum pw_status init_python(struct pw_process_command *command, const char *text, struct pw_error *error)
{
    /* The shell says in words why a program cannot be run. */
    static char shell[] = "/bin/sh", option[] = "-c", run[] = "exec \"$0\" \"$@\"", module[] = "-m",
                worker[] = "pwstream.worker", python[] = "python3";
    char *chosen = getenv("PW_PYTHON");
    command->is_python = 1;
    command->text = pw_strdup(text, error);
    if (command->text == NULL)
        return PW_E_NOMEM;
    size_t name;
    char *colon = function_colon(command->text, &name);
    if (colon == NULL)
        return pw_fail(error, PW_E_ARGUMENT, "--fn py:%s: use py:module:function or py:./file.py:function",
                       command->text);
    char *options = colon + 1 + name;
    if (*options == ',')
        *options++ = '\0';
    pw_plain_name(colon + 1, command->name, sizeof command->name);
    char *const argument[] = {shell,  option, run,           chosen != NULL && chosen[0] != '\0' ? chosen : python,
                              module, worker, command->text, NULL};
    memcpy(command->argument, argument, sizeof argument);
    return read_options(command, options, error);
}

enum pw_status pw_process_command_init(struct pw_process_command *command, const char *specification,
                                       struct pw_error *error)
{
    memset(command, 0, sizeof *command);
    if (strncmp(specification, exec_prefix, strlen(exec_prefix)) == 0)
        return init_exec(command, specification + strlen(exec_prefix), error);
    return init_python(command, specification + strlen(python_prefix), error);
}

void pw_process_command_release(struct pw_process_command *command)
{
    free(command->text);
    free(command->params);
    memset(command, 0, sizeof *command);
}

/* ---- environments ------------------------------------------------------ */

/* What is set for a worker, and must not come from an outer one. */
static int is_ours(const char *entry, const struct pw_worker_place *place)
{
    static const char *const name[] = {
        "PW_PROTO=",  "PW_CTL_FD=", "PW_SHM_FD=",       "PW_CTL_SOCK=",     "PW_SHM_PATH=",
        "PW_PARAMS=", "PW_IMAGE=",  "PW_WORKER_INDEX=", "PW_WORKER_COUNT=", "PYTHONPATH="};
    if (place->device != NULL && strncmp(entry, "CUDA_VISIBLE_DEVICES=", 21) == 0)
        return 1;
    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++)
        if (strncmp(entry, name[i], strlen(name[i])) == 0)
            return 1;
    return 0;
}

struct entries {
    char **list;
    size_t n, capacity;
    int failed;
};

__attribute__((format(printf, 2, 3))) static void add(struct entries *entries, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    int n = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (n < 0 || entries->n + 1 >= entries->capacity) {
        entries->failed = 1;
        if (n >= 0)
            free(text);
        return;
    }
    entries->list[entries->n++] = text;
}

static void add_channels(struct entries *entries, const struct pw_worker_place *place)
{
    if (place->is_bare)
        return;
    add(entries, "PW_PROTO=1");
    if (place->socket == NULL) {
        add(entries, "PW_CTL_FD=%d", PW_WORKER_CONTROL_FD);
        add(entries, "PW_SHM_FD=%d", PW_WORKER_SHARED_FD);
    } else {
        add(entries, "PW_CTL_SOCK=%s", place->socket);
        add(entries, "PW_SHM_PATH=%s", place->shared);
    }
}

/* The package goes before what the user has there, and PW_PYTHONPATH before both. */
static void add_python_path(struct entries *entries, const struct pw_process_command *command)
{
    char found[PATH_MAX];
    const char *user = getenv("PYTHONPATH"), *chosen = getenv("PW_PYTHONPATH");
    if (user != NULL && user[0] == '\0')
        user = NULL;
    if (command->is_python && (chosen == NULL || chosen[0] == '\0'))
        chosen = pw_data_dir_find("python", "pwstream/worker.py", found, sizeof found) ? found : NULL;
    if (command->is_python && chosen != NULL)
        add(entries, "PYTHONPATH=%s%s%s", chosen, user != NULL ? ":" : "", user != NULL ? user : "");
    else if (user != NULL)
        add(entries, "PYTHONPATH=%s", user);
}

enum pw_status pw_worker_environment(const struct pw_process_command *command, const struct pw_worker_place *place,
                                     char ***list, struct pw_error *error)
{
    struct entries entries = {.capacity = 24};
    for (char **e = environ; *e != NULL; e++)
        entries.capacity++;
    *list = entries.list = pw_alloc(entries.capacity, sizeof *entries.list, error);
    if (entries.list == NULL)
        return PW_E_NOMEM;
    for (char **e = environ; *e != NULL; e++)
        if (!is_ours(*e, place))
            add(&entries, "%s", *e);
    add_channels(&entries, place);
    add(&entries, "PW_WORKER_INDEX=%u", place->index);
    add(&entries, "PW_WORKER_COUNT=%u", place->count);
    add(&entries, "PW_PARAMS=%s", command->params);
    add(&entries, "PW_IMAGE=%s", place->image);
    if (place->device != NULL)
        add(&entries, "CUDA_VISIBLE_DEVICES=%.*s", (int)place->device_bytes, place->device);
    add_python_path(&entries, command);
    if (!entries.failed)
        return PW_OK;
    pw_worker_environment_free(entries.list);
    *list = NULL;
    return pw_fail(error, PW_E_NOMEM, "out of memory");
}

void pw_worker_environment_free(char **list)
{
    for (char **e = list; list != NULL && *e != NULL; e++)
        free(*e);
    free(list);
}
