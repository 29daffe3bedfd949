#include "sys/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

extern char **environ;

enum {
    LOOK_UP_MS = 100 /* how often whoever may want to stop is asked */
};

/* What is kept of a text that may be longer. */
struct keeper {
    char *text;
    size_t capacity, used, bytes;
};

static void keep(void *user, const char *bytes, size_t n)
{
    struct keeper *k = user;
    size_t room = k->capacity - 1 - k->used;
    size_t kept = n < room ? n : room;
    memcpy(k->text + k->used, bytes, kept);
    k->used += kept;
    k->bytes += n;
    k->text[k->used] = '\0';
}

struct stream {
    int fd; /* -1: at its end */
    void (*take)(void *user, const char *bytes, size_t n);
    void *user;
};

/* Reads what there is; the stream ends with its end or an error. */
static void read_some(struct stream *stream)
{
    char bytes[16384];
    ssize_t n = read(stream->fd, bytes, sizeof bytes);
    if (n > 0) {
        stream->take(stream->user, bytes, (size_t)n);
    } else if (n == 0 || errno != EINTR) {
        (void)close(stream->fd);
        stream->fd = -1;
    }
}

static int is_stopped(const struct pw_child_watch *watch)
{
    return watch != NULL && watch->stop != NULL && watch->stop(watch->user) != 0;
}

/* Both at once: a child that fills one pipe while the other is read would wait for ever.  Returns 0 when stopped. */
static int read_all(struct stream stream[2], const struct pw_child_watch *watch)
{
    while (stream[0].fd >= 0 || stream[1].fd >= 0) {
        struct pollfd wait[2] = {{stream[0].fd, POLLIN, 0}, {stream[1].fd, POLLIN, 0}};
        if (poll(wait, 2, watch != NULL ? LOOK_UP_MS : -1) < 0 && errno != EINTR)
            break;
        if (is_stopped(watch))
            return 0;
        for (int i = 0; i < 2; i++)
            if (stream[i].fd >= 0 && wait[i].revents != 0)
                read_some(&stream[i]);
    }
    return 1;
}

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            (void)close(pair[i]);
    pair[0] = pair[1] = -1;
}

/* In a group of its own when it is watched: then it is stopped here, and not by the terminal. */
static int spawn(char *const argv[], const struct pw_child_watch *watch, int out, int err, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    if (watch != NULL)
        (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    int result = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (result == 0)
        result = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (result == 0)
        result = posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    if (result == 0)
        result = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return result;
}

static enum pw_status run(char *const argv[], const struct pw_child_watch *watch, struct stream stream[2],
                          int *exit_code, struct pw_error *error)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1}, status = 0, done;
    if (watch != NULL && watch->stop == NULL)
        watch = NULL;
    pid_t pid = -1;
    int result = pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0 ? errno : 0;
    if (result == 0)
        result = spawn(argv, watch, out[1], err[1], &pid);
    if (result != 0) {
        close_pair(out);
        close_pair(err);
        return pw_fail_errno(error, PW_E_IO, result, "%s: cannot be run", argv[0]);
    }
    (void)close(out[1]);
    (void)close(err[1]);
    stream[0].fd = out[0];
    stream[1].fd = err[0];
    done = read_all(stream, watch);
    if (!done) {
        (void)kill(-pid, SIGKILL);
        for (int i = 0; i < 2; i++)
            if (stream[i].fd >= 0)
                (void)close(stream[i].fd);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be waited for", argv[0]);
    if (!done)
        return pw_fail(error, PW_E_CANCELLED, "stopped");
    *exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return PW_OK;
}

enum pw_status pw_child_run(char *const argv[], const struct pw_child_watch *watch, int *exit_code, char *output,
                            size_t capacity, size_t *output_bytes, struct pw_error *error)
{
    struct keeper keeper = {output, capacity, 0, 0};
    struct stream stream[2] = {{-1, keep, &keeper}, {-1, keep, &keeper}};
    output[0] = '\0';
    enum pw_status status = run(argv, watch, stream, exit_code, error);
    *output_bytes = keeper.bytes;
    return status;
}

enum pw_status pw_child_read(char *const argv[], const struct pw_child_watch *watch,
                             void (*take)(void *user, const char *bytes, size_t n), void *user, int *exit_code,
                             char *output, size_t capacity, struct pw_error *error)
{
    struct keeper keeper = {output, capacity, 0, 0};
    struct stream stream[2] = {{-1, take, user}, {-1, keep, &keeper}};
    output[0] = '\0';
    return run(argv, watch, stream, exit_code, error);
}
