#include "sys/rendezvous.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/tree.h"

#define NAME_BEGIN "patchworks-"

/*
 * Whether name is that of a directory that its process can have left.  A process that is not seen may be one of another
 * container, so the lock has the last word.
 */
static int may_be_stale(const char *name, const char *path)
{
    struct stat st;
    if (strncmp(name, NAME_BEGIN, strlen(NAME_BEGIN)) != 0)
        return 0;
    long pid = strtol(name + strlen(NAME_BEGIN), NULL, 10);
    return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
           st.st_uid == geteuid();
}

static void remove_stale(const char *parent)
{
    DIR *dir = opendir(parent);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        char path[320];
        int lock;
        (void)snprintf(path, sizeof path, "%s/%s", parent, e->d_name);
        if (!may_be_stale(e->d_name, path) || pw_tree_try_lock(path, &lock, NULL) != PW_OK)
            continue;
        pw_tree_remove(path);
        (void)close(lock);
    }
    if (dir != NULL)
        (void)closedir(dir);
}

enum pw_status pw_rendezvous_open(struct pw_rendezvous *rendezvous, struct pw_error *error)
{
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    remove_stale(parent);
    (void)snprintf(rendezvous->dir, sizeof rendezvous->dir, "%s/" NAME_BEGIN "%ld-XXXXXX", parent, (long)getpid());
    if (mkdtemp(rendezvous->dir) != NULL) {
        (void)pw_tree_try_lock(rendezvous->dir, &rendezvous->lock, NULL);
        return PW_OK;
    }
    int failed = errno;
    rendezvous->dir[0] = '\0';
    return pw_fail_errno(error, PW_E_IO, failed, "%s: cannot make a directory for workers", parent);
}

void pw_rendezvous_close(struct pw_rendezvous *rendezvous)
{
    if (rendezvous->dir[0] == '\0')
        return;
    DIR *dir = opendir(rendezvous->dir);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            (void)unlinkat(dirfd(dir), e->d_name, 0);
    if (dir != NULL)
        (void)closedir(dir);
    (void)rmdir(rendezvous->dir);
    if (rendezvous->lock >= 0)
        (void)close(rendezvous->lock);
    rendezvous->dir[0] = '\0';
}

void pw_rendezvous_path(const struct pw_rendezvous *rendezvous, const char *name, char *out)
{
    (void)snprintf(out, PW_RENDEZVOUS_PATH_BYTES, "%s/%.32s", rendezvous->dir, name);
}

enum pw_status pw_rendezvous_listen(const char *path, int *listener, struct pw_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return pw_fail(error, PW_E_ARGUMENT, "%s: too long for a socket", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    *listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*listener < 0)
        return pw_fail_errno(error, PW_E_NOMEM, errno, "cannot make a socket");
    (void)unlink(path);
    if (bind(*listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(*listener, 1) == 0)
        return PW_OK;
    int failed = errno;
    (void)close(*listener);
    *listener = -1;
    return pw_fail_errno(error, PW_E_IO, failed, "%s: cannot listen there", path);
}

int pw_rendezvous_accept(int listener, int wait_ms)
{
    struct pollfd wait = {.fd = listener, .events = POLLIN};
    if (poll(&wait, 1, wait_ms) <= 0)
        return -1;
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}
