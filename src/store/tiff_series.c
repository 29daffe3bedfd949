/*
 * Many TIFF files that are one image: every file is one place along the axes that the numbers in the names count, and
 * has the axes of its own pages behind them.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/axis_names.h"
#include "store/file_series.h"
#include "store/tiff_open.h"

static int has_axis(const struct pw_tiff_stack *stack, char name)
{
    for (int i = 0; i < stack->rank; i++)
        if (stack->axis[i].name[0] == name)
            return 1;
    return 0;
}

/* What the names say, where no other axis is called so; else the first of z, t and c that is free. */
static char letter_for(const struct pw_tiff_stack *stack, const struct pw_tiff_stack *own, char hint)
{
    static const char letters[] = "ztc";
    if (hint != '\0' && !has_axis(stack, hint) && !has_axis(own, hint))
        return hint;
    for (const char *at = letters; *at != '\0'; at++)
        if (!has_axis(stack, *at) && !has_axis(own, *at))
            return *at;
    return '\0';
}

/* The axes of the series before those of a file. */
static enum pw_status lead(const struct pw_file_series *series, const struct pw_tiff_stack *own,
                           struct pw_tiff_stack *stack, const char *pattern, struct pw_error *error)
{
    *stack = (struct pw_tiff_stack){.y = own->y, .x = own->x};
    if (series->n_fields + own->rank > PW_TIFF_LEAD_MAX)
        return pw_fail(error, PW_E_UNSUPPORTED, "%s: %d numbers in the names and %d axes in a file are more than %d",
                       pattern, series->n_fields, own->rank, PW_TIFF_LEAD_MAX);
    for (int i = 0; i < series->n_fields; i++)
        pw_tiff_stack_lead(stack, letter_for(stack, own, series->hint[i]), series->size[i], 0, "");
    for (int i = 0; i < own->rank; i++) {
        stack->axis[stack->rank] = own->axis[i];
        stack->size[stack->rank++] = own->size[i];
    }
    if (!pw_mul_u64(series->n, own->n_planes, &stack->n_planes))
        return pw_fail(error, PW_E_RANGE, "%s: too many planes", pattern);
    return PW_OK;
}

/* The pages of the first file's planes, for every file. */
static enum pw_status repeat_pages(const struct pw_tiff_index *index, const struct pw_tiff_stack *own,
                                   struct pw_tiff_stack *stack, struct pw_error *error)
{
    if (own->page_of_plane == NULL && own->n_planes == index->file[0].n_pages)
        return PW_OK;
    stack->page_of_plane = pw_alloc(stack->n_planes, sizeof *stack->page_of_plane, error);
    if (stack->page_of_plane == NULL)
        return PW_E_NOMEM;
    for (uint64_t i = 0; i < stack->n_planes; i++) {
        uint64_t plane = i % own->n_planes;
        stack->page_of_plane[i] = index->file[i / own->n_planes].first_page +
                                  (own->page_of_plane != NULL ? own->page_of_plane[plane] : plane);
    }
    return PW_OK;
}

/* Adds file number i, whose pages must be as many as the first one's. */
static enum pw_status add_further(struct pw_tiff_source *tiff, const char *path, const struct pw_tiff_stack *own,
                                  struct pw_error *error)
{
    struct pw_tiff_index *index = &tiff->index;
    enum pw_status status = pw_tiff_add_file(tiff, path, 0, 0, error);
    if (status == PW_OK && own->one_page && index->file[index->n_files - 1].n_pages == 1)
        status = pw_tiff_repeat_page(tiff, path, own->n_planes, error);
    if (status == PW_OK && index->file[index->n_files - 1].n_pages != index->file[0].n_pages)
        status = pw_fail(error, PW_E_FORMAT, "%s: has %llu pages, %s has %llu", path,
                         (unsigned long long)index->file[index->n_files - 1].n_pages, index->file[0].path,
                         (unsigned long long)index->file[0].n_pages);
    return status;
}

static enum pw_status add_files(struct pw_tiff_source *tiff, const char *pattern, const struct pw_file_series *series,
                                struct pw_error *error)
{
    struct pw_tiff_stack own = {0};
    enum pw_status status = pw_tiff_add_file(tiff, series->path[0], 0, series->n == 1, error);
    if (status == PW_OK)
        status = pw_tiff_arrange(tiff, series->path[0], &own, error);
    for (uint64_t i = 1; i < series->n && status == PW_OK; i++)
        status = add_further(tiff, series->path[i], &own, error);
    if (status == PW_OK)
        status = lead(series, &own, &tiff->stack, pattern, error);
    if (status == PW_OK)
        status = repeat_pages(&tiff->index, &own, &tiff->stack, error);
    pw_tiff_stack_release(&own);
    return status;
}

static enum pw_status series_open(const char *path, const struct pw_open_options *options, struct pw_source **source,
                                  struct pw_error *error)
{
    struct pw_file_series series;
    struct stat info;
    enum pw_status status = pw_file_series_find(path, &series, error);
    int told = 0;
    if (status == PW_OK && stat(path, &info) == 0)
        told = pw_tiff_open_set(series.path[0], options, source, error);
    if (told != 0) {
        pw_file_series_release(&series);
        return told > 0 ? PW_OK : (enum pw_status)told;
    }
    struct pw_tiff_source *tiff = status == PW_OK ? pw_tiff_source_new(path, error) : NULL;
    if (status == PW_OK && tiff == NULL)
        status = PW_E_NOMEM;
    if (status == PW_OK && options != NULL && options->series != NULL && strcmp(options->series, "0") != 0)
        status = pw_fail(error, PW_E_ARGUMENT, "--series %s: the files of %s are one image", options->series, path);
    if (status == PW_OK)
        status = add_files(tiff, path, &series, error);
    pw_file_series_release(&series);
    if (status == PW_OK)
        status = pw_tiff_finish(tiff, options, error);
    if (status == PW_OK)
        *source = &tiff->base;
    else if (tiff != NULL)
        pw_tiff_source_close(&tiff->base);
    return status;
}

static int series_recognise(const char *path, const unsigned char *head, size_t n)
{
    (void)head;
    return n == 0 && pw_file_series_is_directory(path);
}

const struct pw_format pw_format_tiff_series = {
    .name = "a series of TIFF files", .recognise = series_recognise, .open = series_open, .has_series = 1};
