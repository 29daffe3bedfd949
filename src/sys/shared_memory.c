#include "sys/shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"

enum pw_status pw_shared_memory_open(struct pw_shared_memory *memory, const char *path, struct pw_error *error)
{
    memset(memory, 0, sizeof *memory);
    memory->fd = -1;
    if (path == NULL) {
        memory->fd = memfd_create("patchworks-tiles", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        return memory->fd >= 0 ? PW_OK : pw_fail_errno(error, PW_E_NOMEM, errno, "cannot make shared memory");
    }
    if (strlen(path) >= sizeof memory->path)
        return pw_fail(error, PW_E_ARGUMENT, "%s: too long for a file of shared memory", path);
    memory->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (memory->fd < 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot make shared memory", path);
    (void)snprintf(memory->path, sizeof memory->path, "%s", path);
    return PW_OK;
}

enum pw_status pw_shared_memory_size(struct pw_shared_memory *memory, uint64_t bytes, struct pw_error *error)
{
    const char *name = memory->path[0] != '\0' ? memory->path : "shared memory";
    size_t size;
    if (!pw_to_size(bytes, &size) || bytes > INT64_MAX)
        return pw_fail(error, PW_E_NOMEM, "%s: %llu bytes do not fit an address space", name,
                       (unsigned long long)bytes);
    if (ftruncate(memory->fd, (off_t)bytes) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot have %llu bytes", name, (unsigned long long)bytes);
    /* A file system that is full would be noticed by a signal in the middle of a tile: the space is taken now. */
    int full = memory->path[0] != '\0' ? posix_fallocate(memory->fd, 0, (off_t)bytes) : 0;
    if (full != 0)
        return pw_fail_errno(error, PW_E_IO, full, "%s: cannot have %llu bytes", name, (unsigned long long)bytes);
    if (memory->path[0] == '\0' && fcntl(memory->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s: cannot be sealed", name);
    void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
    if (data == MAP_FAILED)
        return pw_fail_errno(error, PW_E_NOMEM, errno, "%s: cannot map %llu bytes", name, (unsigned long long)bytes);
    memory->data = data;
    memory->bytes = size;
    return PW_OK;
}

void pw_shared_memory_close(struct pw_shared_memory *memory)
{
    if (memory->fd < 0)
        return;
    if (memory->data != NULL)
        (void)munmap(memory->data, memory->bytes);
    (void)close(memory->fd);
    if (memory->path[0] != '\0')
        (void)unlink(memory->path);
    memory->fd = -1;
    memory->data = NULL;
    memory->bytes = 0;
}
