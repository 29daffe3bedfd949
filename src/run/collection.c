/* pw_collection_list(): what a store of several images holds. */
#include <string.h>
#include <sys/stat.h>

#include "store/kv.h"
#include "store/zarr_collection.h"

static int may_be_zarr(const char *path)
{
    struct stat st;
    if (strcmp(path, "-") == 0)
        return 0;
    return pw_kv_is_zip(path) || (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && pw_zarr_node_exists(path));
}

enum pw_status pw_collection_list(const char *path, enum pw_collection_kind *kind, pw_member_fn each, void *user,
                                  struct pw_error *error)
{
    const struct pw_kv *kv = NULL;
    struct pw_names paths = {0}, names = {0};
    *kind = PW_ONE_IMAGE;
    if (!may_be_zarr(path))
        return PW_OK;
    enum pw_status status = pw_kv_open(path, &kv, error);
    if (status == PW_OK)
        status = pw_zarr_list_members(kv, path, kind, &paths, &names, error);
    if (status == PW_E_NOT_FOUND) /* whoever opens it says what is wrong */
        status = PW_OK;
    for (int i = 0; i < paths.n && i < names.n && status == PW_OK; i++)
        if (each != NULL && each(paths.name[i], names.name[i], user) != 0)
            break;
    pw_names_release(&paths);
    pw_names_release(&names);
    pw_kv_close(kv);
    return status;
}
