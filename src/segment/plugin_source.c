#include "segment/plugin_source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "sys/cache_dir.h"
#include "sys/child.h"
#include "sys/search_path.h"

enum {
    WORDS_MAX = 64,
    SAID_BYTES = 64 << 10,
    BUILDS_MAX = 3 /* of a source that changes meanwhile */
};

void pw_plugin_path(char *out, size_t bytes)
{
    const char *own = getenv("PW_PLUGIN_PATH");
    (void)snprintf(out, bytes, "%s:%s", own != NULL ? own : "", PW_PLUGIN_DIR);
}

/* ---- the command ------------------------------------------------------- */

struct command {
    char words[2048]; /* $CC and $PW_CFLAGS, cut up */
    char include[4300];
    char source[4300]; /* the path, such that no compiler takes it for an option */
    char *argv[WORDS_MAX];
    int n;
};

static enum pw_status add_words(struct command *c, const char *text, size_t *used, struct pw_error *error)
{
    size_t n = strlen(text);
    if (*used + n + 1 > sizeof c->words)
        return pw_fail(error, PW_E_ARGUMENT, "$CC and $PW_CFLAGS are longer than %zu characters", sizeof c->words - 1);
    char *at = memcpy(c->words + *used, text, n + 1);
    *used += n + 1;
    for (char *save = NULL, *word = strtok_r(at, " \t\n", &save); word != NULL; word = strtok_r(NULL, " \t\n", &save)) {
        if (c->n > WORDS_MAX - 16)
            return pw_fail(error, PW_E_ARGUMENT, "$CC and $PW_CFLAGS have more than %d words", WORDS_MAX - 16);
        c->argv[c->n++] = word;
    }
    return PW_OK;
}

static int has_header(const char *directory)
{
    char path[4300];
    (void)snprintf(path, sizeof path, "%s/patchworks.h", directory);
    return access(path, R_OK) == 0;
}

/* Beside the program that runs, installed or in its build directory; else where it was installed. */
static void find_header(char *out, size_t bytes)
{
    static const char *const near[] = {"/../include", "/include"};
    const char *named = getenv("PW_INCLUDE_DIR");
    char program[4096];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    (void)snprintf(out, bytes, "%s", named != NULL ? named : PW_HEADER_DIR);
    if (named != NULL || n <= 0)
        return;
    program[n] = '\0';
    char *slash = strrchr(program, '/');
    for (size_t i = 0; slash != NULL && i < sizeof near / sizeof *near; i++) {
        char directory[4200];
        *slash = '\0';
        (void)snprintf(directory, sizeof directory, "%s%s", program, near[i]);
        if (has_header(directory)) {
            (void)snprintf(out, bytes, "%s", directory);
            return;
        }
    }
}

static enum pw_status make_command(struct command *c, struct pw_error *error)
{
    static const char *const flags[] = {"-std=gnu11", "-O3", "-shared", "-fPIC", "-pthread"};
    const char *compiler = getenv("CC"), *more = getenv("PW_CFLAGS");
    size_t used = 0;
    memset(c, 0, sizeof *c);
    enum pw_status status = add_words(c, compiler != NULL && compiler[0] != '\0' ? compiler : "cc", &used, error);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        c->argv[c->n++] = (char *)(uintptr_t)flags[i];
    if (status == PW_OK)
        status = add_words(c, more != NULL ? more : "", &used, error);
    (void)snprintf(c->include, sizeof c->include, "-I");
    find_header(c->include + 2, sizeof c->include - 2);
    c->argv[c->n++] = c->include;
    return status;
}

/* ---- the key ----------------------------------------------------------- */

/* FNV-1a, twice with different beginnings: names in a directory of the user's own, not a defence. */
struct key {
    uint64_t hash[2];
};

static void mix(void *user, const char *bytes, size_t n)
{
    struct key *key = user;
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < n; i++)
            key->hash[k] = (key->hash[k] ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
}

static void mix_text(struct key *key, const char *text)
{
    mix(key, text, strlen(text) + 1);
}

/* Another compiler under the same name is another file. */
static void mix_compiler(struct key *key, const char *name)
{
    const char *directories = getenv("PATH");
    char path[4200], text[128];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s", name);
    if (strchr(name, '/') == NULL && directories != NULL)
        (void)pw_search_path_find(directories, name, "", path, sizeof path);
    if (stat(path, &st) != 0)
        return;
    (void)snprintf(text, sizeof text, "%lld %lld %lld", (long long)st.st_size, (long long)st.st_mtime,
                   (long long)st.st_ino);
    mix_text(key, text);
}

static void begin_key(struct key *key, const struct command *c)
{
    struct utsname host;
    *key = (struct key){{UINT64_C(0xcbf29ce484222325), UINT64_C(0x84222325cbf29ce4)}};
    if (uname(&host) == 0)
        mix_text(key, host.machine);
    mix_compiler(key, c->argv[0]);
    for (int i = 0; i < c->n; i++)
        mix_text(key, c->argv[i]);
}

/* ---- running the compiler ---------------------------------------------- */

static struct pw_child_watch watch_of(const struct pw_say *say)
{
    return (struct pw_child_watch){say != NULL ? say->stop : NULL, say != NULL ? say->stop_user : NULL};
}

/* "-x.c" would be an option, and "@x.c" a file of them. */
static void put_source(struct command *c, const char *source, int at)
{
    const char *before = source[0] == '-' || source[0] == '@' ? "./" : "";
    (void)snprintf(c->source, sizeof c->source, "%s%.4200s", before, source);
    c->argv[at] = c->source;
}

static void say_lines(const struct pw_say *say, char *text)
{
    if (say == NULL || say->line == NULL)
        return;
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
        say->line(line, say->user);
}

/* The first line that says "error:", as compilers do, else the first. */
static enum pw_status refuse(const char *source, int code, const struct pw_say *say, char *said, struct pw_error *error)
{
    const char *line = said;
    for (const char *at = said; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        size_t n = strcspn(at, "\n");
        if (memmem(at, n, "error:", strlen("error:")) != NULL) {
            line = at;
            break;
        }
    }
    (void)pw_fail(error, PW_E_PLUGIN, "%s: does not compile (%d): %.*s", source, code, (int)strcspn(line, "\n"), line);
    say_lines(say, said);
    return PW_E_PLUGIN;
}

static enum pw_status preprocess(struct command *c, const char *source, struct key *key, const struct pw_say *say,
                                 char *said, struct pw_error *error)
{
    int code = 0, n = c->n;
    const struct pw_child_watch watch = watch_of(say);
    begin_key(key, c);
    c->argv[n] = (char *)(uintptr_t) "-E";
    put_source(c, source, n + 1);
    c->argv[n + 2] = NULL;
    enum pw_status status = pw_child_read(c->argv, &watch, mix, key, &code, said, SAID_BYTES, error);
    if (status == PW_OK && code != 0)
        status = refuse(source, code, say, said, error);
    return status;
}

static enum pw_status compile(struct command *c, const char *source, const char *object, const struct pw_say *say,
                              char *said, struct pw_error *error)
{
    int code = 0, n = c->n;
    size_t bytes;
    c->argv[n] = (char *)(uintptr_t) "-o";
    c->argv[n + 1] = (char *)(uintptr_t)object;
    const struct pw_child_watch watch = watch_of(say);
    put_source(c, source, n + 2);
    c->argv[n + 3] = (char *)(uintptr_t) "-lm";
    c->argv[n + 4] = NULL;
    enum pw_status status = pw_child_run(c->argv, &watch, &code, said, SAID_BYTES, &bytes, error);
    if (status == PW_OK && code != 0)
        status = refuse(source, code, say, said, error);
    else if (status == PW_OK)
        say_lines(say, said); /* warnings */
    return status;
}

/* ---- the cache --------------------------------------------------------- */

/*
 * Compiled beside its place and renamed there: whole, or not there at all.  The compiler reads the source once more than
 * the key does; when an editor has saved another one meanwhile, *changed is set, and nothing is made.
 */
static enum pw_status compile_into(struct command *c, const char *source, const struct key *key, const char *directory,
                                   const char *object, int *changed, const struct pw_say *say, char *said,
                                   struct pw_error *error)
{
    char hidden[4400];
    struct key after;
    (void)snprintf(hidden, sizeof hidden, "%s/.made-XXXXXX", directory);
    int fd = mkstemp(hidden);
    if (fd < 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot make a file", directory);
    (void)close(fd);
    enum pw_status status = compile(c, source, hidden, say, said, error);
    if (status == PW_OK)
        status = preprocess(c, source, &after, say, said, error);
    *changed = status == PW_OK && memcmp(&after, key, sizeof after) != 0;
    if (status == PW_OK && !*changed && (chmod(hidden, 0700) != 0 || rename(hidden, object) != 0))
        status = pw_fail_errno(error, PW_E_IO, errno, "%s", object);
    if (status != PW_OK || *changed)
        (void)unlink(hidden);
    return status;
}

static enum pw_status make_temporary(struct pw_compiled *out, struct pw_error *error)
{
    const char *temporary = getenv("TMPDIR");
    (void)snprintf(out->directory, sizeof out->directory, "%.4000s/pw-fn-XXXXXX",
                   temporary != NULL && temporary[0] != '\0' ? temporary : "/tmp");
    if (mkdtemp(out->directory) != NULL)
        return PW_OK;
    int code = errno;
    enum pw_status status = pw_fail_errno(error, PW_E_IO, code, "%s: cannot make a directory", out->directory);
    out->directory[0] = '\0';
    return status;
}

static enum pw_status build_once(struct command *c, const char *source, int *changed, const struct pw_say *say,
                                 char *said, struct pw_compiled *out, struct pw_error *error)
{
    char cache[4300];
    struct key key;
    *changed = 0;
    enum pw_status status = preprocess(c, source, &key, say, said, error);
    if (status != PW_OK)
        return status;
    int has_cache = pw_cache_dir(cache, sizeof cache);
    if (!has_cache && out->directory[0] == '\0' && (status = make_temporary(out, error)) != PW_OK)
        return status;
    (void)snprintf(out->path, sizeof out->path, "%s/%016" PRIx64 "%016" PRIx64 ".so",
                   has_cache ? cache : out->directory, key.hash[0], key.hash[1]);
    if (has_cache && pw_cache_is_own_file(out->path))
        return PW_OK;
    return compile_into(c, source, &key, has_cache ? cache : out->directory, out->path, changed, say, said, error);
}

static enum pw_status build(struct command *c, const char *source, const struct pw_say *say, char *said,
                            struct pw_compiled *out, struct pw_error *error)
{
    int changed = 1;
    enum pw_status status = PW_OK;
    for (int i = 0; i < BUILDS_MAX && changed && status == PW_OK; i++)
        status = build_once(c, source, &changed, say, said, out, error);
    return status == PW_OK && changed ? pw_fail(error, PW_E_PLUGIN, "%s: changes while it is compiled", source)
                                      : status;
}

enum pw_status pw_plugin_compile(const char *source, const struct pw_say *say, struct pw_compiled *out,
                                 struct pw_error *error)
{
    struct command *command;
    char *said;
    memset(out, 0, sizeof *out);
    if (access(source, R_OK) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s", source);
    command = pw_alloc(1, sizeof *command, error);
    said = pw_alloc(SAID_BYTES, 1, error);
    enum pw_status status = command != NULL && said != NULL ? make_command(command, error) : PW_E_NOMEM;
    if (status == PW_OK)
        status = build(command, source, say, said, out, error);
    free(command);
    free(said);
    if (status != PW_OK)
        pw_compiled_release(out);
    return status;
}

void pw_compiled_release(struct pw_compiled *compiled)
{
    if (compiled->directory[0] == '\0')
        return;
    (void)unlink(compiled->path);
    (void)rmdir(compiled->directory);
    compiled->directory[0] = '\0';
}
