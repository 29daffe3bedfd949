#include "store/tiff_kinds.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "store/tiff_form.h"

void pw_tiff_kinds_note(struct pw_tiff_kinds *kinds, const struct pw_tiff_form *form, uint32_t number)
{
    for (int i = 0; i < kinds->n; i++)
        if (pw_tiff_form_alike(&kinds->other[i].form, form))
            return;
    if (kinds->n == PW_TIFF_KINDS_MAX)
        return;
    kinds->other[kinds->n].form = *form;
    kinds->other[kinds->n++].number = number;
}

int pw_tiff_kinds_have_larger(const struct pw_tiff_kinds *kinds, const struct pw_tiff_form *first)
{
    for (int i = 0; i < kinds->n; i++)
        if ((uint64_t)kinds->other[i].form.width * kinds->other[i].form.height > (uint64_t)first->width * first->height)
            return 1;
    return 0;
}

static enum pw_status add_name(const struct pw_tiff_form *form, struct pw_names *names, struct pw_error *error)
{
    char text[128], samples[16] = "";
    enum pw_dtype dtype = pw_tiff_sample_dtype(form->kind, form->bits);
    if (form->samples > 1)
        (void)snprintf(samples, sizeof samples, " x %u", form->samples);
    (void)snprintf(text, sizeof text, "%u x %u%s %s", form->height, form->width, samples,
                   dtype != PW_DTYPE_NONE ? pw_dtype_name(dtype) : "of no element type");
    return pw_names_add(names, text, error);
}

enum pw_status pw_tiff_kinds_names(const struct pw_tiff_kinds *kinds, const struct pw_tiff_form *first,
                                   struct pw_names *names, struct pw_error *error)
{
    enum pw_status status = add_name(first, names, error);
    for (int i = 0; i < kinds->n && status == PW_OK; i++)
        status = add_name(&kinds->other[i].form, names, error);
    return status;
}

enum pw_status pw_tiff_kinds_choose(const struct pw_names *names, const char *path, const char *series, int *chosen,
                                    struct pw_error *error)
{
    char *end, list[200];
    *chosen = 0;
    if (series == NULL)
        return PW_OK;
    long number = strtol(series, &end, 10);
    if (end == series || *end != '\0')
        number = pw_names_find((const char *const *)names->name, names->n, series);
    *chosen = (int)number;
    if (number >= 0 && number < names->n)
        return PW_OK;
    pw_names_list((const char *const *)names->name, names->n, list, sizeof list);
    return pw_fail(error, PW_E_ARGUMENT,
                   "--series %s: %s has no OME-XML that tells of several, and %d kind%s of pages, from 0: %s", series,
                   path, names->n, names->n == 1 ? "" : "s", list);
}
