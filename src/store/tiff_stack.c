#include "store/tiff_stack.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The spellings of ImageJ, OME-XML (as UTF-8 and as a character reference) and people. */
static const struct {
    const char *spelling, *unit;
} units[] = {
    {"\xc2\xb5m", "micrometer"},
    {"\xce\xbcm", "micrometer"},
    {"&#181;m", "micrometer"},
    {"&#xb5;m", "micrometer"},
    {"\\u00b5m", "micrometer"},
    {"\xb5m", "micrometer"},
    {"um", "micrometer"},
    {"micron", "micrometer"},
    {"microns", "micrometer"},
    {"micrometer", "micrometer"},
    {"micrometre", "micrometer"},
    {"nm", "nanometer"},
    {"nanometer", "nanometer"},
    {"pm", "picometer"},
    {"\xc3\x85", "angstrom"},
    {"&#197;", "angstrom"},
    {"angstrom", "angstrom"},
    {"mm", "millimeter"},
    {"millimeter", "millimeter"},
    {"cm", "centimeter"},
    {"centimeter", "centimeter"},
    {"m", "meter"},
    {"meter", "meter"},
    {"in", "inch"},
    {"inch", "inch"},
    {"s", "second"},
    {"sec", "second"},
    {"second", "second"},
    {"ms", "millisecond"},
    {"min", "minute"},
    {"h", "hour"},
};

const char *pw_tiff_unit(const char *text)
{
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcasecmp(text, units[i].spelling) == 0)
            return units[i].unit;
    return "";
}

void pw_tiff_axis(struct pw_axis *axis, char name, double scale, const char *unit)
{
    memset(axis, 0, sizeof *axis);
    axis->name[0] = name;
    axis->kind = name == 't' || name == 'c' ? name : name != '\0' && strchr("zyx", name) != NULL ? 's' : '?';
    axis->scale = 1.0;
    if (!isfinite(scale) || scale <= 0 || unit[0] == '\0')
        return;
    axis->scale = scale;
    (void)snprintf(axis->unit, sizeof axis->unit, "%s", unit);
}

void pw_tiff_stack_lead(struct pw_tiff_stack *stack, char name, uint64_t size, double scale, const char *unit)
{
    if (size == 1)
        return;
    stack->size[stack->rank] = size;
    pw_tiff_axis(&stack->axis[stack->rank], name, scale, unit);
    stack->rank++;
}

void pw_tiff_stack_plain(struct pw_tiff_stack *stack, uint64_t n)
{
    memset(stack, 0, sizeof *stack);
    pw_tiff_stack_lead(stack, 'z', n, 0, "");
    pw_tiff_axis(&stack->y, 'y', 0, "");
    pw_tiff_axis(&stack->x, 'x', 0, "");
    stack->n_planes = n;
    stack->plain_pages = 1;
}

void pw_tiff_stack_init(struct pw_tiff_stack *stack, const struct pw_tiff_index *index)
{
    memset(stack, 0, sizeof *stack);
    if (pw_tiff_lsm_stack(stack, index) || pw_tiff_stk_stack(stack, index))
        return;
    if (index->description == NULL || (!pw_tiff_imagej_stack(stack, index) && !pw_tiff_shaped_stack(stack, index)))
        pw_tiff_stack_plain(stack, index->n_pages);
}

void pw_tiff_stack_release(struct pw_tiff_stack *stack)
{
    free(stack->page_of_plane);
    memset(stack, 0, sizeof *stack);
}
