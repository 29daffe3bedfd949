#include "probe_report.h"

#include <json-c/json.h>
#include <math.h>
#include <string.h>

#include "run_report.h"

/* ---- text ----------------------------------------------------------------------- */

static const char *box_text(char out[72], const uint64_t box[3])
{
    (void)snprintf(out, 72, "%llu x %llu x %llu", (unsigned long long)box[0], (unsigned long long)box[1],
                   (unsigned long long)box[2]);
    return out;
}

/* "340 ms", "12.5 s", "4 min", "3.2 h" */
static const char *time_text(char out[32], double seconds)
{
    if (!(seconds >= 0))
        (void)snprintf(out, 32, "-");
    else if (seconds < 1)
        (void)snprintf(out, 32, "%.3g ms", seconds * 1e3);
    else if (seconds < 120)
        (void)snprintf(out, 32, "%.3g s", seconds);
    else if (seconds < 7200)
        (void)snprintf(out, 32, "%.3g min", seconds / 60);
    else
        (void)snprintf(out, 32, "%.3g h", seconds / 3600);
    return out;
}

static const char *halo_text(char out[72], const uint64_t halo[3])
{
    (void)snprintf(out, 72, "%llu,%llu,%llu", (unsigned long long)halo[0], (unsigned long long)halo[1],
                   (unsigned long long)halo[2]);
    return out;
}

static void print_score(FILE *out, const struct pw_match_group *group)
{
    if (isnan(group->score[0].f1))
        (void)fprintf(out, " %9s", "-");
    else
        (void)fprintf(out, " %9.4f", group->score[0].f1);
}

static void print_row(FILE *out, const struct pw_probe *probe, int k)
{
    const struct pw_probe_row *row = &probe->row[k];
    char a[72], b[32], c[32];
    (void)fprintf(out, "%c %-14s", k == probe->best ? '*' : ' ', halo_text(a, row->halo));
    if (row->refused[0] != '\0') {
        (void)fprintf(out, "  %s\n", row->refused);
        return;
    }
    (void)fprintf(out, " %9llu", (unsigned long long)row->n_objects);
    print_score(out, &row->alike.all);
    print_score(out, &row->alike.crossing);
    (void)fprintf(out, " %11s %11s", time_text(b, row->seconds_per_tile), pw_report_size(c, row->tile_bytes));
    if (row->process_bytes > 0)
        (void)fprintf(out, " %11s", pw_report_size(c, row->process_bytes));
    (void)fprintf(out, "\n");
}

static void print_full(FILE *out, const struct pw_probe *probe)
{
    const struct pw_plan *full = &probe->full;
    double seconds = 0;
    char a[72], b[72], c[32];
    for (int i = 0; i < PW_PASS_COUNT; i++)
        seconds += probe->pass_seconds[i];
    if (probe->best >= 0 && memcmp(full->halo, probe->row[probe->best].halo, sizeof full->halo) != 0)
        (void)fprintf(
            out, "a run takes no narrower one than the function declares, with which labels do not depend on tiles\n");
    (void)fprintf(out, "the whole image with halo %s: %llu tiles of %s, about %s", halo_text(a, full->halo),
                  (unsigned long long)full->n_tiles, box_text(b, full->tile), time_text(c, seconds));
    for (int i = 0; i < PW_PASS_COUNT; i++)
        (void)fprintf(out, "%s %s %s", i == 0 ? ":" : ",", pw_pass_name((enum pw_pass)i),
                      time_text(c, probe->pass_seconds[i]));
    (void)fprintf(out, "\n  %s of memory", pw_report_size(c, full->planned_bytes));
    (void)fprintf(out, ", %s of disk for the stage\n", pw_report_size(c, full->stage_bytes_estimate));
}

static void print_verdict(FILE *out, const struct pw_probe *probe)
{
    char a[72];
    if (probe->n_crossing == 0)
        (void)fprintf(
            out, "no object of the part crosses a seam: another part (--at), or a larger one (--crop), tells more\n");
    else if (probe->best >= 0)
        (void)fprintf(out, "halo %s suffices: from there on every F1 is %g or more\n",
                      halo_text(a, probe->row[probe->best].halo), probe->enough);
    else
        (void)fprintf(out, "no halo of these suffices: with the widest, F1 is below %g\n", probe->enough);
}

void pw_probe_print(FILE *out, const struct pw_probe *probe)
{
    char a[72], b[72], c[32];
    int processes = 0;
    for (int k = 0; k < probe->n_rows; k++)
        processes |= probe->row[k].process_bytes > 0;
    (void)fprintf(out, "function  %s, declares halo %s\n", probe->part.segmenter, halo_text(a, probe->declared));
    (void)fprintf(out, "part      %s voxels (z y x)", box_text(a, probe->part.volume_shape));
    (void)fprintf(out, " from %s on; as one tile %llu objects in %s\n", halo_text(b, probe->part.roi_start),
                  (unsigned long long)probe->n_objects, time_text(c, probe->whole_seconds));
    (void)fprintf(out, "tiles     %s voxels; %llu of the objects cross a seam\n\n", box_text(a, probe->tile),
                  (unsigned long long)probe->n_crossing);
    (void)fprintf(out, "  %-14s %9s %9s %9s %11s %11s%s\n", "halo z,y,x", "objects", "F1 all", "F1 seams", "time/tile",
                  "memory/tile", processes ? "     process" : "");
    for (int k = 0; k < probe->n_rows; k++)
        print_row(out, probe, k);
    (void)fprintf(out, "\n");
    print_verdict(out, probe);
    if (probe->has_full)
        print_full(out, probe);
}

/* ---- JSON ----------------------------------------------------------------------- */

static void put_count(struct json_object *object, const char *key, uint64_t value)
{
    (void)json_object_object_add(object, key, json_object_new_uint64(value));
}

/* null where there is no number: JSON has no NaN. */
static void put_real(struct json_object *object, const char *key, double value)
{
    (void)json_object_object_add(object, key, isfinite(value) ? json_object_new_double(value) : NULL);
}

static void put_box(struct json_object *object, const char *key, const uint64_t box[3])
{
    struct json_object *list = json_object_new_array();
    for (int i = 0; i < 3; i++)
        (void)json_object_array_add(list, json_object_new_uint64(box[i]));
    (void)json_object_object_add(object, key, list);
}

static void put_group(struct json_object *object, const char *key, const struct pw_match_group *group)
{
    struct json_object *entry = json_object_new_object();
    put_count(entry, "whole", group->truth_objects);
    put_count(entry, "tiled", group->predicted_objects);
    put_real(entry, "f1", group->score[0].f1);
    (void)json_object_object_add(object, key, entry);
}

static struct json_object *row_object(const struct pw_probe_row *row)
{
    struct json_object *object = json_object_new_object();
    put_box(object, "halo", row->halo);
    if (row->refused[0] != '\0') {
        (void)json_object_object_add(object, "refused", json_object_new_string(row->refused));
        return object;
    }
    put_count(object, "n_objects", row->n_objects);
    put_count(object, "n_tiles", row->n_tiles);
    put_group(object, "all", &row->alike.all);
    put_group(object, "crossing", &row->alike.crossing);
    (void)json_object_object_add(object, "is_enough", json_object_new_boolean(row->is_enough));
    put_real(object, "seconds", row->seconds);
    put_real(object, "seconds_per_tile", row->seconds_per_tile);
    put_count(object, "tile_bytes", row->tile_bytes);
    put_count(object, "process_bytes", row->process_bytes);
    return object;
}

static struct json_object *full_object(const struct pw_probe *probe)
{
    struct json_object *object = json_object_new_object(), *seconds = json_object_new_object();
    put_box(object, "tile", probe->full.tile);
    put_box(object, "halo", probe->full.halo);
    put_count(object, "n_tiles", probe->full.n_tiles);
    for (int i = 0; i < PW_PASS_COUNT; i++)
        put_real(seconds, pw_pass_name((enum pw_pass)i), probe->pass_seconds[i]);
    (void)json_object_object_add(object, "seconds", seconds);
    put_count(object, "planned_bytes", probe->full.planned_bytes);
    put_count(object, "stage_bytes_estimate", probe->full.stage_bytes_estimate);
    return object;
}

void pw_probe_print_json(FILE *out, const struct pw_probe *probe)
{
    struct json_object *object = json_object_new_object(), *rows = json_object_new_array();
    (void)json_object_object_add(object, "segmenter", json_object_new_string(probe->part.segmenter));
    put_box(object, "declared_halo", probe->declared);
    put_box(object, "start", probe->part.roi_start);
    put_box(object, "shape", probe->part.volume_shape);
    put_box(object, "tile", probe->tile);
    put_count(object, "n_objects", probe->n_objects);
    put_count(object, "n_crossing", probe->n_crossing);
    put_real(object, "enough", probe->enough);
    for (int k = 0; k < probe->n_rows; k++)
        (void)json_object_array_add(rows, row_object(&probe->row[k]));
    (void)json_object_object_add(object, "halos", rows);
    (void)json_object_object_add(object, "sufficient_halo", NULL);
    if (probe->best >= 0 && probe->n_crossing > 0)
        put_box(object, "sufficient_halo", probe->row[probe->best].halo);
    (void)json_object_object_add(object, "full_run", probe->has_full ? full_object(probe) : NULL);
    (void)fprintf(out, "%s\n",
                  json_object_to_json_string_ext(object, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_PRETTY |
                                                             JSON_C_TO_STRING_NOSLASHESCAPE));
    (void)json_object_put(object);
}
