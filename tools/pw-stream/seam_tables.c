#include "seam_tables.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>

static const char axis_name[3] = {'z', 'y', 'x'};

/* NaN where there is nothing to divide by. */
static double share(double n, uint64_t of)
{
    return of == 0 ? NAN : n / (double)of;
}

/* ---- text -------------------------------------------------------------- */

static void rate(FILE *out, const char *name, uint64_t n, uint64_t of, uint64_t inside, uint64_t inside_of)
{
    char text[2][48];
    uint64_t pair[2][2] = {{n, of}, {inside, inside_of}};
    for (int i = 0; i < 2; i++)
        if (pair[i][1] == 0)
            (void)snprintf(text[i], sizeof text[i], "-");
        else
            (void)snprintf(text[i], sizeof text[i], "%6.2f %% of %" PRIu64, 100 * share((double)pair[i][0], pair[i][1]),
                           pair[i][1]);
    (void)fprintf(out, "  %-24s %-26s %s\n", name, text[0], text[1]);
}

static void number(FILE *out, const char *name, double value, double inside)
{
    char text[2][48];
    double pair[2] = {value, inside};
    for (int i = 0; i < 2; i++)
        (void)snprintf(text[i], sizeof text[i], isnan(pair[i]) ? "-" : "%6.4f", pair[i]);
    (void)fprintf(out, "  %-24s %-26s %s\n", name, text[0], text[1]);
}

static void planes_text(FILE *out, const struct pw_plane_figures *s, const struct pw_plane_figures *c)
{
    rate(out, "objects cut", s->n_cut, s->n_objects, c->n_cut, c->n_objects);
    rate(out, "labels with a partner", s->n_matched, s->n_labels, c->n_matched, c->n_labels);
    rate(out, "labels fused", s->n_fused, s->n_labels, c->n_fused, c->n_labels);
    rate(out, "contacts joined", s->n_joined, s->n_contacts, c->n_joined, c->n_contacts);
    number(out, "agreement of joined", share(s->agreement_sum, s->n_joined), share(c->agreement_sum, c->n_joined));
    number(out, "agreement of foreground", share((double)s->voxels_both, s->voxels_either),
           share((double)c->voxels_both, c->voxels_either));
}

static void overlaps_text(FILE *out, const struct pw_overlap_figures *o)
{
    if (o->n_overlaps == 0)
        return;
    (void)fprintf(out, "  where windows overlap:   %.2f %% of %" PRIu64 " labels agree, by %.4f; foreground by %.4f\n",
                  100 * share((double)o->n_matched, o->n_labels), o->n_labels, share(o->agreement_sum, o->n_matched),
                  share((double)o->voxels_both, o->voxels_either));
}

static void axis_text(FILE *out, const struct pw_seams_result *result, int a)
{
    const struct pw_axis_quality *axis = &result->axis[a];
    char head[64];
    (void)snprintf(head, sizeof head, "across %c", axis_name[a]);
    (void)fprintf(out, "\n%-26s %" PRIu64 " seams%*s %" PRIu64 " planes inside tiles\n", head, axis->seams.n_planes, 14,
                  "", axis->control.n_planes);
    planes_text(out, &axis->seams, &axis->control);
    overlaps_text(out, &axis->overlaps);
    number(out, "objects begin, per layer", axis->near_density, axis->inner_density);
    if (!isnan(axis->chi_square))
        (void)fprintf(out,
                      "  places modulo the tile:  chi-square %.1f with %d degrees of freedom, %" PRIu64 " objects\n",
                      axis->chi_square, axis->degrees, axis->n_folded);
    (void)fprintf(out,
                  "  99 of 100 labels are up to %" PRIu64 " long: suggested halo %" PRIu64 " (it is %" PRIu64 ")\n",
                  axis->label_extent, axis->suggested_halo, result->halo[a]);
    if (isnan(axis->cut_z))
        (void)fputs("  nothing to compare with inside tiles\n", out);
    else
        (void)fprintf(out, "  %s: more objects cut by %+.1f standard errors",
                      axis->is_worse ? "WORSE than inside" : "no worse", axis->cut_z);
    if (!isnan(axis->cut_z) && !isnan(axis->fused_z))
        (void)fprintf(out, ", more labels fused by %+.1f", axis->fused_z);
    if (!isnan(axis->cut_z))
        (void)fputs("\n", out);
}

static void worst_text(FILE *out, const struct pw_seams_result *result)
{
    if (result->n_worst > 0)
        (void)fputs("\nworst seams (between tiles; plane, in voxels z,y,x)\n", out);
    for (int i = 0; i < result->n_worst; i++) {
        const struct pw_seam_quality *w = &result->worst[i];
        const struct pw_plane_figures *f = &w->plane;
        (void)fprintf(out,
                      "  %" PRIu64 " and %" PRIu64 ", across %c at %" PRIu64 ",%" PRIu64 ",%" PRIu64 ": cut %" PRIu64
                      " of %" PRIu64 " objects, fused %" PRIu64 " and matched %" PRIu64 " of %" PRIu64 " labels\n",
                      w->tile[0], w->tile[1], axis_name[w->axis], w->start[0], w->start[1], w->start[2], f->n_cut,
                      f->n_objects, f->n_fused, f->n_matched, f->n_labels);
    }
}

void pw_seam_tables_text(FILE *out, const struct pw_seams_result *result)
{
    (void)fprintf(out, "%" PRIu64 " objects, merged by %s\n", result->n_objects, result->merge);
    (void)fprintf(out,
                  "tiles of %" PRIu64 " x %" PRIu64 " x %" PRIu64 " voxels, %" PRIu64 " x %" PRIu64 " x %" PRIu64
                  " of them (z y x)\n",
                  result->tile[0], result->tile[1], result->tile[2], result->grid[0], result->grid[1], result->grid[2]);
    for (int a = 0; a < 3; a++)
        if (result->grid[a] > 1)
            axis_text(out, result, a);
    worst_text(out, result);
    (void)fprintf(out, "\n%s\n",
                  result->seams.n_planes == 0 ? "there are no seams"
                  : result->is_worse          ? "seams are worse than the inside of tiles"
                                              : "seams are no worse than the inside of tiles");
}

/* ---- json -------------------------------------------------------------- */

typedef struct json_object json;

static void put(json *object, const char *key, json *value)
{
    (void)json_object_object_add(object, key, value);
}

static void put_count(json *object, const char *key, uint64_t value)
{
    put(object, key, json_object_new_uint64(value));
}

static void put_real(json *object, const char *key, double value)
{
    put(object, key, isfinite(value) ? json_object_new_double(value) : NULL); /* JSON has no NaN */
}

static void put_list(json *object, const char *key, const uint64_t *value, int n)
{
    json *list = json_object_new_array();
    for (int i = 0; i < n; i++)
        (void)json_object_array_add(list, json_object_new_uint64(value[i]));
    put(object, key, list);
}

static json *planes_json(const struct pw_plane_figures *f)
{
    json *o = json_object_new_object();
    put_count(o, "n_planes", f->n_planes);
    put_count(o, "n_labels", f->n_labels);
    put_count(o, "n_matched", f->n_matched);
    put_count(o, "n_fused", f->n_fused);
    put_count(o, "n_contacts", f->n_contacts);
    put_count(o, "n_joined", f->n_joined);
    put_count(o, "voxels_both", f->voxels_both);
    put_count(o, "voxels_either", f->voxels_either);
    put_count(o, "n_objects", f->n_objects);
    put_count(o, "n_cut", f->n_cut);
    put_real(o, "matched_rate", share((double)f->n_matched, f->n_labels));
    put_real(o, "fused_rate", share((double)f->n_fused, f->n_labels));
    put_real(o, "cut_rate", share((double)f->n_cut, f->n_objects));
    put_real(o, "mean_agreement", share(f->agreement_sum, f->n_joined));
    put_real(o, "foreground_agreement", share((double)f->voxels_both, f->voxels_either));
    return o;
}

static json *overlaps_json(const struct pw_overlap_figures *f)
{
    json *o = json_object_new_object();
    put_count(o, "n_overlaps", f->n_overlaps);
    put_count(o, "n_labels", f->n_labels);
    put_count(o, "n_matched", f->n_matched);
    put_count(o, "voxels_both", f->voxels_both);
    put_count(o, "voxels_either", f->voxels_either);
    put_real(o, "matched_rate", share((double)f->n_matched, f->n_labels));
    put_real(o, "mean_agreement", share(f->agreement_sum, f->n_matched));
    put_real(o, "foreground_agreement", share((double)f->voxels_both, f->voxels_either));
    return o;
}

static json *name_json(int axis)
{
    return json_object_new_string_len(&axis_name[axis], 1);
}

static json *axis_json(const struct pw_axis_quality *axis, int a)
{
    json *o = json_object_new_object(), *density = json_object_new_object();
    put(o, "axis", name_json(a));
    put(o, "seams", planes_json(&axis->seams));
    put(o, "control", planes_json(&axis->control));
    put(o, "overlaps", overlaps_json(&axis->overlaps));
    put_real(o, "cut_z", axis->cut_z);
    put_real(o, "fused_z", axis->fused_z);
    put(o, "is_worse", json_object_new_boolean(axis->is_worse));
    put_count(density, "n_objects", axis->n_folded);
    put_real(density, "chi_square", axis->chi_square);
    put(density, "degrees", json_object_new_int(axis->degrees));
    put_real(density, "near", axis->near_density);
    put_real(density, "inner", axis->inner_density);
    put_real(density, "ratio", axis->near_density / axis->inner_density);
    put(o, "density", density);
    put_count(o, "label_extent", axis->label_extent);
    put_count(o, "suggested_halo", axis->suggested_halo);
    return o;
}

static json *seam_json(const struct pw_seam_quality *seam)
{
    json *o = json_object_new_object();
    put(o, "axis", name_json(seam->axis));
    put_list(o, "tiles", seam->tile, 2);
    put_list(o, "start", seam->start, 3);
    put_list(o, "shape", seam->shape, 3);
    put_count(o, "time", seam->time);
    put(o, "plane", planes_json(&seam->plane));
    put(o, "overlap", overlaps_json(&seam->overlap));
    put_real(o, "badness", seam->badness);
    return o;
}

void pw_seam_tables_json(FILE *out, const struct pw_seams_result *result)
{
    json *o = json_object_new_object(), *axes = json_object_new_array(), *worst = json_object_new_array();
    put(o, "merge", json_object_new_string(result->merge));
    put_count(o, "n_objects", result->n_objects);
    put_list(o, "volume", result->volume, 3);
    put_list(o, "tile", result->tile, 3);
    put_list(o, "halo", result->halo, 3);
    put_list(o, "grid", result->grid, 3);
    for (int a = 0; a < 3; a++)
        if (result->grid[a] > 1)
            (void)json_object_array_add(axes, axis_json(&result->axis[a], a));
    put(o, "axes", axes);
    put(o, "seams", planes_json(&result->seams));
    put(o, "control", planes_json(&result->control));
    put(o, "overlaps", overlaps_json(&result->overlaps));
    for (int i = 0; i < result->n_worst; i++)
        (void)json_object_array_add(worst, seam_json(&result->worst[i]));
    put(o, "worst", worst);
    put(o, "is_worse", json_object_new_boolean(result->is_worse));
    (void)fprintf(out, "%s\n",
                  json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                        JSON_C_TO_STRING_NOSLASHESCAPE));
    (void)json_object_put(o);
}
