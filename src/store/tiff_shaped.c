/* tifffile's description: a JSON object with the shape of the array, and perhaps its axes. */
#include <string.h>

#include "base/checked.h"
#include "base/json.h"
#include "store/tiff_stack.h"

/* How the last axes of the shape must be, because pages are. */
static int page_shape(const struct pw_tiff_form *form, uint64_t out[3])
{
    int n = 0;
    if (form->planar)
        out[n++] = form->samples;
    out[n++] = form->height;
    out[n++] = form->width;
    if (!form->planar && form->samples > 1)
        out[n++] = form->samples;
    return n;
}

static char letter_of(const char *axes, int i, int n_lead)
{
    if (axes != NULL && axes[i] != 'Q') /* Q is an axis without a name */
        return (char)(axes[i] | 0x20);
    return i == n_lead - 1 ? 'z' : '\0';
}

static int use_shape(struct pw_tiff_stack *stack, const struct pw_tiff_index *index, const uint64_t *shape, int rank,
                     const char *axes)
{
    uint64_t tail[3], n_planes;
    int n_tail = page_shape(&index->form, tail), n_lead = rank - n_tail, n_long = 0;
    if (n_lead < 0 || memcmp(shape + n_lead, tail, (size_t)n_tail * sizeof *tail) != 0)
        return 0;
    if (!pw_product_u64(shape, n_lead, &n_planes) || n_planes == 0)
        return 0;
    for (int i = 0; i < n_lead; i++)
        n_long += shape[i] != 1;
    /* Further pages are arrays of their own; one page may have the others behind it, as ImageJ does it. */
    int one_page = n_planes > 1 && index->n_directories == 1 && pw_tiff_index_may_repeat(index, n_planes);
    if (n_long > PW_TIFF_LEAD_MAX || (n_planes > index->n_pages && !one_page))
        return 0;
    for (int i = 0; i < n_lead; i++)
        pw_tiff_stack_lead(stack, letter_of(axes, i, n_lead), shape[i], 0, "");
    pw_tiff_axis(&stack->y, 'y', 0, "");
    pw_tiff_axis(&stack->x, 'x', 0, "");
    stack->n_planes = n_planes;
    stack->one_page = one_page;
    return 1;
}

int pw_tiff_shaped_stack(struct pw_tiff_stack *stack, const struct pw_tiff_index *index)
{
    const char *text = index->description;
    uint64_t shape[PW_TIFF_SHAPE_MAX];
    int rank, told = 0;
    if (text[0] != '{' || strstr(text, "\"shape\"") == NULL)
        return 0;
    struct json_object *meta = NULL;
    if (pw_json_parse(text, strlen(text), "ImageDescription", &meta, NULL) != PW_OK)
        return 0;
    struct pw_json place = {meta, "ImageDescription"};
    if (json_object_is_type(meta, json_type_object) &&
        pw_json_u64_list(&place, "shape", PW_TIFF_SHAPE_MAX, shape, &rank, NULL) == PW_OK) {
        const char *letters = pw_json_text(meta, "axes");
        told =
            use_shape(stack, index, shape, rank, letters != NULL && strlen(letters) == (size_t)rank ? letters : NULL);
    }
    json_object_put(meta);
    return told;
}
