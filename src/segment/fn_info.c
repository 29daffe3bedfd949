/* What functions there are, and what each declares: for `pw-stream fn`. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "segment/builtin.h"
#include "segment/plugin_source.h"
#include "segment/process_command.h"
#include "sys/dynlib.h"
#include "sys/search_path.h"

/* ---- built-ins --------------------------------------------------------- */

static void tell_builtin(const struct pw_builtin *builtin, pw_fn_info_fn call, void *user)
{
    const struct pw_fn_info info = {
        .name = builtin->name,
        .description = builtin->summary,
        .halo = builtin->halo,
        .needs = "",
        .help = builtin->help != NULL ? builtin->help : "",
        .options = builtin->options,
    };
    call(&info, user);
}

/* ---- plugins ----------------------------------------------------------- */

struct text {
    char text[1536];
    size_t used;
};

static void add_line(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_line(struct text *t, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    if (t->used < sizeof t->text) {
        int n = vsnprintf(t->text + t->used, sizeof t->text - t->used, format, list);
        t->used += n > 0 ? (size_t)n : 0;
    }
    va_end(list);
}

static void add_types(struct text *t, uint32_t set)
{
    add_line(t, "takes");
    for (enum pw_dtype dtype = PW_BOOL; dtype <= PW_F64; dtype++)
        if (set & PW_DTYPE_BIT(dtype))
            add_line(t, " %s", pw_dtype_name(dtype));
    add_line(t, "\n");
}

static void describe_labels(const struct pw_plugin *p, struct text *t)
{
    if (p->flags & PW_SEGMENT_MASK)
        add_line(t, "gives a mask, whose components are the objects\n");
    else if (p->flags & PW_SEGMENT_COMPONENTS)
        add_line(t, "labels connected components, connectivity %u\n", p->connectivity != 0 ? p->connectivity : 1);
    else
        add_line(t, "labels instances, which may touch\n");
}

static void describe(const struct pw_plugin *p, struct text *t)
{
    describe_labels(p, t);
    if (p->context[0] != 0 || p->context[1] != 0 || p->context[2] != 0)
        add_line(t, "context %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", p->context[0], p->context[1], p->context[2]);
    if (p->scratch_bytes_per_voxel != 0 || p->scratch_bytes != 0)
        add_line(t, "allocates %" PRIu64 " bytes per voxel of the window, and %" PRIu64 " per thread\n",
                 p->scratch_bytes_per_voxel, p->scratch_bytes);
    if (p->flags & PW_SEGMENT_SERIAL)
        add_line(t, "runs in one thread at a time\n");
    if (p->channels == PW_CHANNELS_ALL)
        add_line(t, "works on all channels together\n");
    else if (p->channels > 1)
        add_line(t, "works on %u channels together\n", p->channels);
    if (p->dtypes != 0)
        add_types(t, p->dtypes);
    if (p->flags & PW_SEGMENT_FLOAT32)
        add_line(t, "other types come as float32\n");
    if (p->statistics != 0 || p->n_percentiles != 0)
        add_line(t, "reads statistics of the whole image first\n");
    if (p->configure != NULL)
        add_line(t, "what it needs may depend on its options\n");
}

/* shown: the path that messages and the user see. */
static enum pw_status tell_plugin(const char *name, const char *path, const char *shown, pw_fn_info_fn call, void *user,
                                  struct pw_error *error)
{
    struct pw_plugin plugin;
    struct text needs = {"", 0};
    char halo[80];
    void *handle;
    pw_function function = NULL;
    enum pw_status status = pw_dynlib_open(path, shown, "pw_plugin", &handle, &function, error);
    if (status != PW_OK)
        return status;
    pw_plugin_fn entry = (pw_plugin_fn)function;
    status = pw_plugin_copy(entry(), shown, &plugin, error);
    if (status == PW_OK) {
        (void)snprintf(halo, sizeof halo, "%" PRIu64 " %" PRIu64 " %" PRIu64 " (z y x)", plugin.halo[0], plugin.halo[1],
                       plugin.halo[2]);
        describe(&plugin, &needs);
        const struct pw_fn_info info = {
            .name = name != NULL          ? name
                    : plugin.name != NULL ? plugin.name
                                          : "",
            .path = shown,
            .description = plugin.description != NULL ? plugin.description : "",
            .halo = halo,
            .needs = needs.text,
            .help = plugin.help != NULL ? plugin.help : "",
            .options = plugin.options,
        };
        call(&info, user);
    }
    pw_dynlib_close(handle);
    return status;
}

struct telling {
    pw_fn_info_fn call;
    void *user;
};

/* One that does not load is told of too: it is what its name finds. */
static void tell_found(const char *name, const char *path, void *user)
{
    struct telling *telling = user;
    struct pw_error error = {0};
    if (pw_builtin_find(name, strlen(name)) != NULL)
        return; /* the built-in one is found first */
    if (tell_plugin(name, path, path, telling->call, telling->user, &error) == PW_OK)
        return;
    const struct pw_fn_info info = {
        .name = name, .path = path, .description = error.message, .halo = "", .needs = "", .help = ""};
    telling->call(&info, telling->user);
}

enum pw_status pw_fn_list(pw_fn_info_fn call, void *user, struct pw_error *error)
{
    char directories[8192];
    struct telling telling = {call, user};
    (void)error;
    for (int i = 0; pw_builtins[i] != NULL; i++)
        tell_builtin(pw_builtins[i], call, user);
    pw_plugin_path(directories, sizeof directories);
    pw_search_path_each(directories, ".so", tell_found, &telling);
    return PW_OK;
}

static enum pw_status tell_source(const char *source, pw_fn_info_fn call, const struct pw_say *say, void *user,
                                  struct pw_error *error)
{
    struct pw_compiled compiled;
    enum pw_status status = pw_plugin_compile(source, say, &compiled, error);
    if (status == PW_OK)
        status = tell_plugin(NULL, compiled.path, source, call, user, error);
    pw_compiled_release(&compiled);
    return status;
}

enum pw_status pw_fn_show(const char *name, pw_fn_info_fn call, void (*say)(const char *line, void *user), void *user,
                          struct pw_error *error)
{
    const struct pw_say speak = {say, user, NULL, NULL};
    char path[4608];
    size_t length;
    enum pw_fn_kind kind = pw_fn_kind(name, &length);
    const struct pw_builtin *builtin = kind == PW_FN_KIND_NAME ? pw_builtin_find(name, length) : NULL;
    if (pw_process_command_is(name))
        return pw_fail(error, PW_E_ARGUMENT,
                       "%s: a program says what it wants when it runs; pw-stream probe IMAGE --fn %s shows it", name,
                       name);
    if (name[length] != '\0')
        return pw_fail(error, PW_E_ARGUMENT, "%s: the name of a function alone, without options", name);
    if (builtin != NULL) {
        tell_builtin(builtin, call, user);
        return PW_OK;
    }
    if (kind == PW_FN_KIND_SOURCE)
        return tell_source(name, call, &speak, user, error);
    if (kind == PW_FN_KIND_OBJECT)
        return tell_plugin(NULL, name, name, call, user, error);
    enum pw_status status = pw_fn_find(name, length, path, sizeof path, error);
    return status == PW_OK ? tell_plugin(name, path, path, call, user, error) : status;
}
