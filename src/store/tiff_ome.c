#include "store/tiff_ome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "sys/file.h"

/* ------------------------------------------------------------------------ *
 * The files
 * ------------------------------------------------------------------------ */

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static enum pw_status add_file(struct pw_tiff_ome_set *set, const char *path, struct pw_error *error)
{
    if (set->n == set->capacity) {
        uint32_t capacity = set->capacity ? set->capacity * 2 : 4;
        char **paths = realloc(set->path, capacity * sizeof *paths);
        if (paths != NULL)
            set->path = paths;
        uint32_t *firsts = realloc(set->first_ifd, capacity * sizeof *firsts);
        if (firsts != NULL)
            set->first_ifd = firsts;
        if (paths == NULL || firsts == NULL)
            return pw_fail(error, PW_E_NOMEM, "out of memory: a set of %u files", capacity);
        set->capacity = capacity;
    }
    set->first_ifd[set->n] = UINT32_MAX;
    set->path[set->n] = pw_strdup(path, error);
    return set->path[set->n] != NULL ? (set->n++, PW_OK) : PW_E_NOMEM;
}

/* The number of the file at path in the set; sets of thousands are told in their order, so the last comes first. */
static enum pw_status number_of(struct pw_tiff_ome_set *set, const char *path, uint32_t *number, struct pw_error *error)
{
    for (uint32_t i = set->n; i > 0; i--)
        if (strcmp(set->path[i - 1], path) == 0) {
            *number = i - 1;
            return PW_OK;
        }
    *number = set->n;
    return add_file(set, path, error);
}

/* A name leads to a file beside the one with the XML, or below. */
static int leads_elsewhere(const char *name)
{
    if (name[0] == '/' || name[0] == '\0')
        return 1;
    for (const char *part = name; part != NULL; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return 1;
    }
    return 0;
}

enum pw_status pw_tiff_ome_files(const struct pw_ome *ome, const char *own_path, int has_planes,
                                 struct pw_tiff_ome_set *set, struct pw_error *error)
{
    char directory[4096], path[4096 + 300];
    enum pw_status status = PW_OK;
    memset(set, 0, sizeof *set);
    set->file_of_data = pw_alloc(ome->n_data + 1, sizeof *set->file_of_data, error);
    if (set->file_of_data == NULL)
        return PW_E_NOMEM;
    pw_file_parent(own_path, directory, sizeof directory);
    for (uint64_t i = 0; i < ome->n_data && status == PW_OK; i++) {
        const struct pw_ome_data *data = &ome->data[i];
        const char *name = data->file_name;
        int own = has_planes && (name == NULL || data->own || strcmp(name, last_part(own_path)) == 0);
        if (!own && name == NULL)
            return pw_fail(error, PW_E_FORMAT, "%s: a TiffData names no file", own_path);
        if (!own && leads_elsewhere(name))
            return pw_fail(error, PW_E_FORMAT, "%s: a TiffData names the file \"%s\", which is not beside it", own_path,
                           name);
        (void)snprintf(path, sizeof path, "%s/%s", directory, own ? "" : name);
        status = number_of(set, own ? own_path : path, &set->file_of_data[i], error);
        uint32_t *first = &set->first_ifd[set->file_of_data[i]];
        if (status == PW_OK && data->ifd < *first)
            *first = (uint32_t)data->ifd;
    }
    /* Without any TiffData the planes are all pages of the file itself. */
    if (status == PW_OK && ome->n_data == 0 && has_planes) {
        status = add_file(set, own_path, error);
        if (status == PW_OK)
            set->first_ifd[0] = 0;
    }
    return status;
}

void pw_tiff_ome_set_release(struct pw_tiff_ome_set *set)
{
    for (uint32_t i = 0; i < set->n; i++)
        free(set->path[i]);
    free(set->path);
    free(set->first_ifd);
    free(set->file_of_data);
    memset(set, 0, sizeof *set);
}

/* ------------------------------------------------------------------------ *
 * The planes
 * ------------------------------------------------------------------------ */

/* Planes along each axis, and their distance in DimensionOrder. */
struct planes {
    uint64_t size[PW_OME_AXES], step[PW_OME_AXES];
    uint64_t n;
};

static int count_planes(const struct pw_ome *ome, const struct pw_tiff_form *form, struct planes *planes)
{
    if (ome->width != form->width || ome->height != form->height || ome->size[PW_OME_C] % form->samples != 0)
        return 0;
    memcpy(planes->size, ome->size, sizeof planes->size);
    planes->size[PW_OME_C] /= form->samples;
    planes->n = 1;
    for (int i = 0; i < PW_OME_AXES; i++) {
        planes->step[ome->order[i]] = planes->n;
        if (!pw_mul_u64(planes->n, planes->size[ome->order[i]], &planes->n))
            return 0;
    }
    return planes->n > 0;
}

/* The page of a file whose directory has this number, or UINT64_MAX when it is not part of the image. */
static uint64_t page_numbered(const struct pw_tiff_index *index, uint32_t file, uint64_t wanted)
{
    uint64_t low = index->file[file].first_page, end = low + index->file[file].n_pages, high = end;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (index->page[middle].number < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && index->page[low].number == wanted ? low : UINT64_MAX;
}

static int place(const struct pw_ome_data *data, uint32_t file, const struct planes *planes,
                 const struct pw_tiff_index *index, uint64_t *page_of_plane)
{
    uint64_t plane = 0;
    for (int i = 0; i < PW_OME_AXES; i++) {
        if (data->first[i] >= planes->size[i])
            return 0;
        plane += data->first[i] * planes->step[i];
    }
    /* Some writers count what a plate or an experiment has. */
    uint64_t count = pw_min_u64(data->count != 0 ? data->count : planes->n, planes->n - plane);
    for (uint64_t i = 0; i < count; i++) {
        page_of_plane[plane + i] = page_numbered(index, file, data->ifd + i);
        if (page_of_plane[plane + i] == UINT64_MAX)
            return 0;
    }
    return 1;
}

static int place_all(const struct pw_ome *ome, const struct pw_tiff_ome_set *set, const struct planes *planes,
                     const struct pw_tiff_index *index, uint64_t *page_of_plane)
{
    uint64_t n_missing = 0;
    for (uint64_t i = 0; i < planes->n; i++)
        page_of_plane[i] = UINT64_MAX;
    for (uint64_t i = 0; i < ome->n_data; i++)
        if (!place(&ome->data[i], set->file_of_data[i], planes, index, page_of_plane))
            return 0;
    for (uint64_t i = 0; i < planes->n; i++) {
        if (ome->n_data == 0)
            page_of_plane[i] = page_numbered(index, 0, i);
        n_missing += page_of_plane[i] == UINT64_MAX;
    }
    /* An acquisition that ended early tells the planes it has; pages nobody speaks of are something else. */
    return n_missing == 0 || (ome->n_data > 0 && n_missing < planes->n && index->n_pages < planes->n);
}

static void describe(const struct pw_ome *ome, const struct planes *planes, struct pw_tiff_stack *stack)
{
    static const struct {
        char letter;
        int axis; /* of ome->scale */
    } axes[PW_OME_AXES] = {{'c', 1}, {'z', 2}, {'t', 0}};
    for (int i = PW_OME_AXES - 1; i >= 0; i--) {
        int axis = ome->order[i], told = axes[axis].axis;
        pw_tiff_stack_lead(stack, axes[axis].letter, planes->size[axis], ome->scale[told], ome->unit[told]);
    }
    pw_tiff_axis(&stack->y, 'y', ome->scale[3], ome->unit[3]);
    pw_tiff_axis(&stack->x, 'x', ome->scale[4], ome->unit[4]);
    stack->n_planes = planes->n;
}

int pw_tiff_ome_stack(struct pw_tiff_stack *stack, const struct pw_tiff_index *index, const struct pw_ome *ome,
                      const struct pw_tiff_ome_set *set, struct pw_error *error)
{
    struct planes planes;
    if (!count_planes(ome, &index->form, &planes))
        return 0;
    /* A number that no pages bear out must not become memory. */
    if (planes.n > index->n_pages && (ome->n_data == 0 || planes.n / 4096 > index->n_pages))
        return 0;
    uint64_t *page_of_plane = pw_alloc(planes.n, sizeof *page_of_plane, error);
    if (page_of_plane == NULL)
        return PW_E_NOMEM;
    if (!place_all(ome, set, &planes, index, page_of_plane)) {
        free(page_of_plane);
        return 0;
    }
    describe(ome, &planes, stack);
    stack->page_of_plane = page_of_plane;
    return 1;
}
