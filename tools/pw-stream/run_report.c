#include "run_report.h"

#include <json-c/json.h>
#include <math.h>
#include <string.h>

#include "progress_bar.h"

/* "512.0 MiB" */
const char *pw_report_size(char out[32], uint64_t bytes)
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = (double)bytes;
    int i = 0;
    while (value >= 1024 && i < 5) {
        value /= 1024;
        i++;
    }
    (void)snprintf(out, 32, i == 0 ? "%.0f %s" : "%.1f %s", value, unit[i]);
    return out;
}

static void box_line(FILE *out, const char *name, const uint64_t box[3], const char *unit)
{
    (void)fprintf(out, "%-12s %llu x %llu x %llu %s\n", name, (unsigned long long)box[0], (unsigned long long)box[1],
                  (unsigned long long)box[2], unit);
}

void pw_report_plan(FILE *out, const struct pw_plan *plan)
{
    char a[32], b[32];
    box_line(out, "volume", plan->volume_shape, "voxels (z y x)");
    if (plan->times > 1)
        (void)fprintf(out, "%-12s %llu, each a volume of its own\n", "times", (unsigned long long)plan->times);
    if (memcmp(plan->roi_shape, plan->volume_shape, sizeof plan->roi_shape) != 0) {
        box_line(out, "of it", plan->roi_shape, "voxels");
        box_line(out, "  from", plan->roi_start, "on");
    }
    if (plan->mask[0] != '\0')
        (void)fprintf(out, "%-12s %s\n", "mask", plan->mask);
    box_line(out, "tile", plan->tile, "voxels");
    box_line(out, "halo", plan->halo, "voxels");
    (void)fprintf(out, "%-12s %llu x %llu x %llu = %llu\n", "tiles", (unsigned long long)plan->grid[0],
                  (unsigned long long)plan->grid[1], (unsigned long long)plan->grid[2],
                  (unsigned long long)plan->n_tiles);
    (void)fprintf(out, "%-12s %s\n", "segmenter", plan->segmenter);
    (void)fprintf(out, "%-12s %s\n", "merge", plan->merge);
    (void)fprintf(out, "%-12s %u slots, %u threads, input by %s\n", "ring", plan->ring_depth, plan->threads, plan->io);
    (void)fprintf(out, "%-12s %s", "output", plan->output_format);
    if (plan->output_chunk[2] != 0)
        (void)fprintf(out, ", chunk %llu x %llu x %llu", (unsigned long long)plan->output_chunk[0],
                      (unsigned long long)plan->output_chunk[1], (unsigned long long)plan->output_chunk[2]);
    if (plan->output_shard[2] != 0)
        (void)fprintf(out, ", shard %llu x %llu x %llu", (unsigned long long)plan->output_shard[0],
                      (unsigned long long)plan->output_shard[1], (unsigned long long)plan->output_shard[2]);
    (void)fprintf(out, "\n%-12s %s, of which the plan takes %s:\n", "memory", pw_report_size(a, plan->budget_bytes),
                  pw_report_size(b, plan->planned_bytes));
    for (int i = 0; i < plan->n_parts; i++)
        (void)fprintf(out, "  %12s  %4llu x %s\n", pw_report_size(a, plan->part[i].bytes),
                      (unsigned long long)plan->part[i].count, plan->part[i].name);
    (void)fprintf(out, "  %12s  total of the larger pass\n", pw_report_size(a, plan->planned_bytes));
    (void)fprintf(out, "%-12s stage about %s, at most %s", "disk", pw_report_size(a, plan->stage_bytes_estimate),
                  pw_report_size(b, plan->stage_bytes_maximum));
    (void)fprintf(out, "; joining about %s, at most %s", pw_report_size(a, plan->resolve_bytes_estimate),
                  pw_report_size(b, plan->resolve_bytes_maximum));
    if (plan->table_bytes_estimate > 0)
        (void)fprintf(out, "; table about %s", pw_report_size(a, plan->table_bytes_estimate));
    (void)fputc('\n', out);
}

const char *pw_report_count(char text[PW_COUNT_BYTES], uint64_t n, const char *noun)
{
    const char *ending = n == 1 ? "" : noun[strlen(noun) - 1] == 's' ? "es" : "s";
    (void)snprintf(text, PW_COUNT_BYTES, "%llu %s%s", (unsigned long long)n, noun, ending);
    return text;
}

static double total_seconds(const struct pw_run_result *result)
{
    double sum = 0;
    for (int i = 0; i < PW_PASS_COUNT; i++)
        sum += result->seconds[i];
    return sum;
}

/* What became of tiles and labels that is not in the usual two lines, where there is any. */
static void report_special(FILE *out, const struct pw_run_result *result)
{
    char a[PW_COUNT_BYTES];
    if (result->n_resumed_tiles > 0)
        (void)fprintf(out, "%s done before\n", pw_report_count(a, result->n_resumed_tiles, "tile"));
    if (!isnan(result->skip_level))
        (void)fprintf(out, "%s skipped: nothing above %.9g; %llu of them not read%s\n",
                      pw_report_count(a, result->n_skipped_tiles, "tile"), result->skip_level,
                      (unsigned long long)result->n_unread_tiles,
                      result->skip_is_guess ? "; the level is a guess from samples; dimmer objects there are lost, "
                                              "--skip-empty LEVEL says better"
                                            : "");
    if (result->n_masked_tiles > 0)
        (void)fprintf(out, "%s left out: outside of the mask\n", pw_report_count(a, result->n_masked_tiles, "tile"));
    if (result->n_leftovers > 0)
        (void)fprintf(out, "%s without a partner left out\n", pw_report_count(a, result->n_leftovers, "label"));
    if (result->n_failed_tiles > 0)
        (void)fprintf(out, "%s left empty, where the segmenter failed\n",
                      pw_report_count(a, result->n_failed_tiles, "tile"));
    if (result->n_worker_restarts > 0)
        (void)fprintf(out, "%s replaced\n", pw_report_count(a, result->n_worker_restarts, "worker process"));
}

void pw_report_summary(FILE *out, const struct pw_run_result *result)
{
    char a[PW_COUNT_BYTES], b[PW_COUNT_BYTES], c[PW_COUNT_BYTES];
    if (result->was_done) {
        (void)fprintf(out, "nothing to do: merged in place already, %s in %s\n",
                      pw_report_count(a, result->n_objects, "object"), result->output);
        return;
    }
    (void)fprintf(out, "%s, %s", pw_report_count(a, result->n_objects, "object"),
                  pw_report_count(b, result->foreground_voxels, "voxel"));
    if (!isnan(result->threshold))
        (void)fprintf(out, ", above %.9g", result->threshold);
    (void)fprintf(out, "\n%s (%llu empty), %s in them, %s\n", pw_report_count(a, result->n_tiles, "tile"),
                  (unsigned long long)result->n_empty_tiles, pw_report_count(b, result->n_tile_labels, "label"),
                  pw_report_count(c, result->n_edges, "join"));
    report_special(out, result);
    if (result->n_dropped > 0)
        (void)fprintf(out, "%s left out, %s\n", pw_report_count(a, result->n_dropped, "object"),
                      pw_report_count(b, result->dropped_voxels, "voxel"));
    (void)fprintf(out, "%.2f s:", total_seconds(result));
    for (int i = 0; i < PW_PASS_COUNT; i++)
        if (i != PW_PASS_MEASURE || result->seconds[i] > 0.001)
            (void)fprintf(out, " %s %.2f", pw_pass_name((enum pw_pass)i), result->seconds[i]);
    (void)fprintf(out, "; read %s, wrote %s", pw_report_size(a, result->bytes_read),
                  pw_report_size(b, result->bytes_written));
    (void)fprintf(out, "; stage %s, joining %s", pw_report_size(a, result->stage_bytes),
                  pw_report_size(b, result->resolve_bytes));
    (void)fprintf(out, ", peak memory %s\n", pw_report_size(a, result->peak_memory_bytes));
    if (result->warning[0] != '\0')
        (void)fprintf(out, "warning: %s\n", result->warning);
    (void)fprintf(out, "labels (%s) in %s\n", pw_dtype_name(result->dtype),
                  strcmp(result->output, "-") == 0 ? "standard output" : result->output);
}

static void add_number(struct json_object *object, const char *key, uint64_t value)
{
    (void)json_object_object_add(object, key, json_object_new_uint64(value));
}

void pw_report_summary_json(FILE *out, const struct pw_run_result *result)
{
    struct json_object *object = json_object_new_object(), *seconds = json_object_new_object();
    add_number(object, "n_objects", result->n_objects);
    add_number(object, "foreground_voxels", result->foreground_voxels);
    add_number(object, "n_dropped", result->n_dropped);
    add_number(object, "dropped_voxels", result->dropped_voxels);
    add_number(object, "n_tiles", result->n_tiles);
    add_number(object, "n_empty_tiles", result->n_empty_tiles);
    add_number(object, "n_resumed_tiles", result->n_resumed_tiles);
    add_number(object, "n_skipped_tiles", result->n_skipped_tiles);
    add_number(object, "n_unread_tiles", result->n_unread_tiles);
    add_number(object, "n_masked_tiles", result->n_masked_tiles);
    add_number(object, "n_failed_tiles", result->n_failed_tiles);
    add_number(object, "n_worker_restarts", result->n_worker_restarts);
    add_number(object, "n_tile_labels", result->n_tile_labels);
    add_number(object, "n_edges", result->n_edges);
    add_number(object, "n_leftovers", result->n_leftovers);
    add_number(object, "bytes_read", result->bytes_read);
    add_number(object, "bytes_written", result->bytes_written);
    add_number(object, "stage_bytes", result->stage_bytes);
    add_number(object, "resolve_bytes", result->resolve_bytes);
    add_number(object, "peak_memory_bytes", result->peak_memory_bytes);
    /* JSON has no NaN or infinity: a run without a threshold has null. */
    (void)json_object_object_add(object, "threshold",
                                 isfinite(result->threshold) ? json_object_new_double(result->threshold) : NULL);
    (void)json_object_object_add(object, "skip_is_guess", json_object_new_boolean(result->skip_is_guess));
    (void)json_object_object_add(object, "skip_level",
                                 isfinite(result->skip_level) ? json_object_new_double(result->skip_level) : NULL);
    for (int i = 0; i < PW_PASS_COUNT; i++)
        (void)json_object_object_add(seconds, pw_pass_name((enum pw_pass)i),
                                     json_object_new_double(result->seconds[i]));
    (void)json_object_object_add(object, "seconds", seconds);
    (void)json_object_object_add(object, "dtype", json_object_new_string(pw_dtype_name(result->dtype)));
    (void)json_object_object_add(object, "warning",
                                 result->warning[0] != '\0' ? json_object_new_string(result->warning) : NULL);
    (void)json_object_object_add(object, "output", json_object_new_string(result->output));
    (void)fprintf(out, "%s\n",
                  json_object_to_json_string_ext(object, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
    (void)json_object_put(object);
}
