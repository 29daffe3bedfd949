/* MetaMorph STK: all planes behind the one that the only directory speaks of. */
#include "base/error.h"
#include "store/tiff_stack.h"

int pw_tiff_stk_stack(struct pw_tiff_stack *stack, const struct pw_tiff_index *index)
{
    const struct pw_tiff_stk *stk = &index->own.stk;
    int one_page = index->n_directories == 1 && stk->n_planes > 1;
    if (!index->own.is_stk || stk->n_planes == 0 || (one_page ? !index->plain : stk->n_planes != index->n_pages))
        return 0;
    const char *unit = pw_tiff_unit(stk->unit);
    char axis = stk->z_distance <= 0 && stk->times_differ ? 't' : 'z';
    pw_tiff_stack_lead(stack, axis, stk->n_planes, axis == 'z' ? stk->z_distance : 0, unit);
    pw_tiff_axis(&stack->y, 'y', stk->y, unit);
    pw_tiff_axis(&stack->x, 'x', stk->x, unit);
    stack->n_planes = stk->n_planes;
    stack->one_page = one_page;
    return 1;
}

enum pw_status pw_tiff_stk_check(const struct pw_tiff_index *index, const struct pw_tiff_stack *stack, const char *path,
                                 struct pw_error *error)
{
    uint64_t n = index->own.stk.n_planes;
    if (!index->own.is_stk || n <= 1 || stack->one_page || index->n_pages >= n)
        return PW_OK;
    return pw_fail(error, PW_E_UNSUPPORTED,
                   "%s: a MetaMorph stack of %llu planes behind one directory, but not as uncompressed rows; "
                   "convert it with bioformats2raw",
                   path, (unsigned long long)n);
}
