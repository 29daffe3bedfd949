#include "sys/dynlib.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

enum pw_status pw_dynlib_open(const char *path, const char *name, const char *symbol, void **handle,
                              pw_function *function, struct pw_error *error)
{
    char local[4096];
    *handle = NULL;
    if (strchr(path, '/') == NULL) {
        /* dlopen searches the system's directories for a bare name; a user means the file. */
        (void)snprintf(local, sizeof local, "./%s", path);
        path = local;
    }
    if (access(path, R_OK) != 0)
        return pw_fail_errno(error, PW_E_IO, errno, "%s", name);
    *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (*handle == NULL)
        return pw_fail(error, PW_E_PLUGIN, "%s: cannot be loaded: %s", name, dlerror());
    void *address = dlsym(*handle, symbol);
    if (address == NULL) {
        (void)pw_fail(error, PW_E_PLUGIN, "%s: does not export %s(); see patchworks.h", name, symbol);
        pw_dynlib_close(*handle);
        *handle = NULL;
        return PW_E_PLUGIN;
    }
    memcpy(function, &address, sizeof *function); /* POSIX guarantees it; ISO C has no cast for it */
    return PW_OK;
}

void pw_dynlib_close(void *handle)
{
    if (handle != NULL)
        (void)dlclose(handle);
}

enum pw_status pw_dynlib_symbols(const char *const *places, const char *const *names, size_t count, void **address,
                                 struct pw_error *error)
{
    void *handle = NULL;
    char why[400] = "";
    for (; handle == NULL && *places != NULL; places++) {
        handle = dlopen(*places, RTLD_LAZY | RTLD_LOCAL);
        if (handle == NULL && why[0] == '\0')
            (void)snprintf(why, sizeof why, "%s", dlerror());
    }
    if (handle == NULL)
        return pw_fail(error, PW_E_NOT_FOUND, "%s", why);
    for (size_t i = 0; i < count; i++)
        if ((address[i] = dlsym(handle, names[i])) == NULL) {
            (void)dlclose(handle);
            return pw_fail(error, PW_E_NOT_FOUND, "%s: has no %s", places[-1], names[i]);
        }
    return PW_OK;
}
