#include "segment/process_start.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "sys/host.h"

/* A machine that is short of memory may kill one; that is no reason to give up at once. */
#define STARTS_MAX 3

/* ---- what it is told --------------------------------------------------- */

static struct json_object *list_of(const uint64_t box[3])
{
    struct json_object *list = json_object_new_array();
    for (int i = 0; i < 3; i++)
        (void)json_object_array_add(list, json_object_new_uint64(box[i]));
    return list;
}

static struct json_object *voxel_of(const struct pw_segment_image *image)
{
    struct json_object *list = json_object_new_array();
    for (int i = 0; i < 3; i++)
        (void)json_object_array_add(list, json_object_new_double(image->voxel[i]));
    return list;
}

static char *text_of(struct json_object *object, struct pw_error *error)
{
    const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    return text != NULL ? pw_strdup(text, error) : NULL;
}

/* As text without the braces around it: the end of each tile's line. */
static char *rest_of(struct pw_process_pool *pool, struct json_object *object, struct pw_error *error)
{
    char *text = text_of(object, error), *rest = NULL;
    if (text == NULL)
        return NULL;
    text[strlen(text) - 1] = '\0';
    if (asprintf(&rest, "%s,\"params\":%s", text + 1, pool->command.params) < 0)
        rest = NULL;
    free(text);
    return rest;
}

enum pw_status pw_process_describe_image(struct pw_process_pool *pool, struct pw_error *error)
{
    const struct pw_segment_image *image = &pool->image;
    struct json_object *whole = json_object_new_object(), *each = json_object_new_object();
    (void)json_object_object_add(whole, "shape", list_of(image->shape));
    (void)json_object_object_add(whole, "rank", json_object_new_int(image->rank));
    (void)json_object_object_add(whole, "dtype", json_object_new_string(pw_dtype_code(image->dtype)));
    (void)json_object_object_add(whole, "channels", json_object_new_uint64(image->channels));
    (void)json_object_object_add(whole, "voxel", voxel_of(image));
    (void)json_object_object_add(whole, "unit", json_object_new_string(image->unit));
    (void)json_object_object_add(each, "volume", list_of(image->shape));
    (void)json_object_object_add(each, "rank", json_object_new_int(image->rank));
    (void)json_object_object_add(each, "voxel", voxel_of(image));
    (void)json_object_object_add(each, "unit", json_object_new_string(image->unit));
    pool->image_text = text_of(whole, error);
    pool->rest = rest_of(pool, each, error);
    json_object_put(whole);
    json_object_put(each);
    if (pool->image_text == NULL || pool->rest == NULL)
        return pw_fail(error, PW_E_NOMEM, "out of memory");
    if (strlen(pool->rest) > PW_WORKER_LINE_BYTES - 1024)
        return pw_fail(error, PW_E_ARGUMENT, "--fn: options of more than %d bytes", PW_WORKER_LINE_BYTES - 1024);
    return PW_OK;
}

/* Device index % n of a list "0,1". */
static const char *choose_device(const char *devices, unsigned index, size_t *n)
{
    unsigned count = 1;
    *n = 0;
    if (devices == NULL || devices[0] == '\0')
        return NULL;
    for (const char *c = devices; *c != '\0'; c++)
        count += *c == ',';
    for (unsigned skip = index % count; skip > 0; skip--)
        devices = strchr(devices, ',') + 1;
    *n = strcspn(devices, ",");
    return devices;
}

/* ---- its hello --------------------------------------------------------- */

static int is_alike(const struct pw_hello *a, const struct pw_hello *b)
{
    return a->in_dtype == b->in_dtype && a->out_dtype == b->out_dtype && a->components == b->components &&
           a->connectivity == b->connectivity && a->channels == b->channels &&
           memcmp(a->halo, b->halo, sizeof a->halo) == 0;
}

static enum pw_status take_hello(struct pw_process_pool *pool, struct pw_process *process, const char *line, size_t n,
                                 struct pw_error *error)
{
    struct pw_hello hello;
    enum pw_status status = pw_hello_parse(line, n, &hello, error);
    if (status != PW_OK)
        return status;
    if (pool->has_hello && !is_alike(&hello, &pool->hello))
        return pw_fail(error, PW_E_SEGMENTER, "its hello is not that of the first worker");
    if (!pool->has_hello) { /* the first starts before there are threads */
        pool->hello = hello;
        pool->has_hello = 1;
    }
    if (hello.name[0] != '\0')
        pw_process_log_name(&process->log, hello.name, process->index);
    return PW_OK;
}

/* ---- starting ---------------------------------------------------------- */

/* Waits until the worker has connected to the socket at path; with a listener there already. */
static enum pw_link_end await_connection(struct pw_process *process, int listener, const struct pw_patience *patience)
{
    double began = pw_host_seconds();
    for (;;) {
        process->os.control = pw_rendezvous_accept(listener, 20);
        if (process->os.control >= 0)
            return PW_LINK_GOOD;
        if (pw_worker_process_has_ended(&process->os))
            return PW_LINK_CLOSED;
        if (pw_patience_is_over(patience))
            return PW_LINK_CANCELLED;
        if (patience->seconds > 0 && pw_host_seconds() - began > patience->seconds)
            return PW_LINK_LATE;
    }
}

static enum pw_status launch(struct pw_process_pool *pool, struct pw_process *process, const char *socket,
                             struct pw_error *error)
{
    struct pw_worker_place place = {.index = process->index, .count = pool->n, .image = pool->image_text};
    place.device = choose_device(pool->options->devices, process->index, &place.device_bytes);
    place.is_bare = pool->is_npy;
    place.socket = socket;
    place.shared = pool->memory.path;
    char **environment;
    enum pw_status status = pw_worker_environment(&pool->command, &place, &environment, error);
    if (status != PW_OK)
        return status;
    int inherits = !pool->is_npy && socket == NULL;
    struct pw_worker_start start = {
        .argument = pool->command.argument,
        .environment = environment,
        .control = inherits,
        .shared_fd = inherits ? pool->memory.fd : -1,
        .piped = pool->is_npy,
    };
    status = pw_keeper_start(&pool->keeper, &process->os, &start, error);
    pw_worker_environment_free(environment);
    if (status != PW_OK)
        return status;
    pw_process_log_begin(&process->log, process->os.log);
    process->os.log = -1;
    pw_keeper_wake(&pool->keeper);
    return PW_OK;
}

/* says_why: it is the worker's message that is wrong, or that says what is; what it wrote besides explains nothing. */
static enum pw_link_end shake_hands(struct pw_process_pool *pool, struct pw_process *process, int listener,
                                    const struct pw_patience *patience, int *says_why, struct pw_error *error)
{
    const char *line = NULL;
    size_t n = 0;
    enum pw_link_end end = listener >= 0 ? await_connection(process, listener, patience) : PW_LINK_GOOD;
    pw_link_begin(&process->link, process->os.control);
    if (end == PW_LINK_GOOD)
        end = pw_link_hello(&process->link, patience, &line, &n);
    if (end == PW_LINK_GOOD) {
        end = take_hello(pool, process, line, n, error) == PW_OK ? PW_LINK_GOOD : PW_LINK_BABBLE;
        *says_why = end != PW_LINK_GOOD && n > 0 && line[0] == '{';
        pw_link_hello_taken(&process->link, n);
        return end;
    }
    if (end == PW_LINK_LATE)
        (void)pw_fail(error, PW_E_SEGMENTER, "no hello within %g s", patience->seconds);
    else if (end == PW_LINK_BABBLE)
        (void)pw_fail(error, PW_E_SEGMENTER, "%.600s", process->link.why);
    else if (end == PW_LINK_CANCELLED)
        (void)pw_fail(error, PW_E_CANCELLED, "stopped");
    return end;
}

/* After a failure: ends the process and completes error; returns whether a signal was its end. */
static int explain(struct pw_process_pool *pool, struct pw_process *process, enum pw_link_end end, int says_why,
                   struct pw_error *error)
{
    char how[80], tail[600], reason[sizeof error->message];
    process->link.fd = -1;
    pw_worker_process_stop(&process->os, end == PW_LINK_CLOSED ? 1.0 : 0, how, sizeof how);
    pw_process_log_end(&process->log);
    pw_worker_process_close(&process->os);
    pw_process_log_tail(&process->log, tail, sizeof tail);
    if (end == PW_LINK_CANCELLED)
        return 0;
    if (end == PW_LINK_CLOSED)
        (void)snprintf(reason, sizeof reason, "%s before its hello", how);
    else
        (void)snprintf(reason, sizeof reason, "%s", error->message);
    (void)pw_fail(error, PW_E_SEGMENTER, "--fn %s: the worker does not start: %s%s", pool->function, reason,
                  says_why ? "" : tail);
    return end == PW_LINK_CLOSED && strncmp(how, "killed", 6) == 0;
}

static enum pw_status start_once(struct pw_process_pool *pool, struct pw_process *process,
                                 const struct pw_patience *patience, int *was_killed, struct pw_error *error)
{
    char name[32], path[PW_RENDEZVOUS_PATH_BYTES];
    int listener = -1;
    enum pw_status status = PW_OK;
    *was_killed = 0;
    if (pool->rendezvous.dir[0] != '\0') {
        (void)snprintf(name, sizeof name, "worker.%u", process->index);
        pw_rendezvous_path(&pool->rendezvous, name, path);
        status = pw_rendezvous_listen(path, &listener, error);
    }
    if (status == PW_OK)
        status = launch(pool, process, listener >= 0 ? path : NULL, error);
    if (status == PW_OK && pool->is_npy)
        pw_link_begin(&process->link, -1);
    if (status == PW_OK && !pool->is_npy) {
        struct pw_error why = {0};
        int says_why = 0;
        enum pw_link_end end = shake_hands(pool, process, listener, patience, &says_why, &why);
        if (end != PW_LINK_GOOD) {
            *was_killed = explain(pool, process, end, says_why, &why);
            status = why.status != PW_OK ? why.status : PW_E_CANCELLED;
            if (error != NULL)
                *error = why;
        }
    }
    if (listener >= 0)
        (void)close(listener);
    return status;
}

enum pw_status pw_process_start(struct pw_process_pool *pool, struct pw_process *process,
                                const struct pw_patience *patience, struct pw_error *error)
{
    enum pw_status status = PW_OK;
    int was_killed = 1;
    for (int i = 0; i < STARTS_MAX && was_killed; i++)
        status = start_once(pool, process, patience, &was_killed, error);
    return status;
}
