/* pw-stream compare: how alike two label volumes are, for people, as JSON, and as exit status. */
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "label_options.h"

static const char *const sameness_name[] = {"identical", "same partition", "different"};

enum {
    OPT_JSON = 256,
    OPT_IOU,
    OPT_CROSSING
};

static const struct option long_options[] = {
    {"json", no_argument, NULL, OPT_JSON},
    {"iou", required_argument, NULL, OPT_IOU},
    {"crossing", required_argument, NULL, OPT_CROSSING},
    PW_LABEL_OPTIONS,
    {NULL, 0, NULL, 0},
};

/* ---- text -------------------------------------------------------------- */

static void print_ratio(double value, int width)
{
    if (isnan(value))
        (void)printf(" %*s", width, "-");
    else
        (void)printf(" %*.6f", width, value);
}

static void print_group(const char *name, const struct pw_match_group *group, int n)
{
    (void)printf("\n%s: %" PRIu64 " in A, %" PRIu64 " in B\n", name, group->truth_objects, group->predicted_objects);
    if (n > 0)
        (void)printf("  %-8s %12s %10s %10s %10s %10s %10s\n", "IoU", "matched", "precision", "recall", "F1",
                     "mean IoU", "PQ");
    for (int k = 0; k < n; k++) {
        const struct pw_match_score *s = &group->score[k];
        (void)printf("  %-8.6g %12" PRIu64, s->threshold, s->matched_truth);
        print_ratio(s->precision, 10);
        print_ratio(s->recall, 10);
        print_ratio(s->f1, 10);
        print_ratio(s->mean_iou, 10);
        print_ratio(s->panoptic_quality, 10);
        (void)printf("\n");
    }
}

static void print_text(const struct pw_compare_result *r)
{
    (void)printf("%s\n\n", sameness_name[r->sameness]);
    (void)printf("voxels    %" PRIu64 " (%" PRIu64 " x %" PRIu64 " x %" PRIu64 ")", r->voxels, r->shape[0], r->shape[1],
                 r->shape[2]);
    if (r->times > 1)
        (void)printf(" at %" PRIu64 " time points", r->times);
    if (r->different_voxels > 0)
        (void)printf(", %" PRIu64 " with different ids, the first at z y x %" PRIu64 " %" PRIu64 " %" PRIu64,
                     r->different_voxels, r->first_different[0], r->first_different[1], r->first_different[2]);
    if (r->different_voxels > 0 && r->times > 1)
        (void)printf(" of time point %" PRIu64, r->first_different_time);
    (void)printf("\nexact     %" PRIu64 " objects are the same voxels in both\n", r->exact_objects);
    (void)printf("split     %" PRIu64 " objects of A touch several of B\n", r->split_objects);
    (void)printf("merged    %" PRIu64 " objects of B touch several of A\n", r->merged_objects);
    (void)printf("missed    %" PRIu64 " objects of A lie on background of B\n", r->missed_objects);
    (void)printf("spurious  %" PRIu64 " objects of B lie on background of A\n", r->spurious_objects);
    print_group("objects", &r->all, r->n_thresholds);
    if (r->has_crossing) {
        print_group("objects that cross tiles", &r->crossing, r->n_thresholds);
        print_group("objects inside one tile", &r->interior, r->n_thresholds);
    }
    (void)printf("\nvariation of information (bits):  split");
    print_ratio(r->vi_split, 0);
    (void)printf(", merge");
    print_ratio(r->vi_merge, 0);
    (void)printf("\nadapted Rand error:");
    print_ratio(r->rand_error, 0);
    (void)printf(", precision");
    print_ratio(r->rand_precision, 0);
    (void)printf(", recall");
    print_ratio(r->rand_recall, 0);
    (void)printf("\n");
}

/* ---- JSON -------------------------------------------------------------- */

static void put_count(struct json_object *object, const char *key, uint64_t value)
{
    (void)json_object_object_add(object, key, json_object_new_uint64(value));
}

/* null where there is nothing to divide by: JSON has no NaN. */
static void put_real(struct json_object *object, const char *key, double value)
{
    (void)json_object_object_add(object, key, isfinite(value) ? json_object_new_double(value) : NULL);
}

static void put_place(struct json_object *object, const char *key, const uint64_t place[3])
{
    struct json_object *array = json_object_new_array();
    for (int i = 0; i < 3; i++)
        (void)json_object_array_add(array, json_object_new_uint64(place[i]));
    (void)json_object_object_add(object, key, array);
}

static void put_group(struct json_object *object, const char *key, const struct pw_match_group *group, int n)
{
    struct json_object *entry = json_object_new_object(), *scores = json_object_new_array();
    put_count(entry, "truth_objects", group->truth_objects);
    put_count(entry, "predicted_objects", group->predicted_objects);
    for (int k = 0; k < n; k++) {
        const struct pw_match_score *s = &group->score[k];
        struct json_object *score = json_object_new_object();
        put_real(score, "iou", s->threshold);
        put_count(score, "matched_truth", s->matched_truth);
        put_count(score, "matched_predicted", s->matched_predicted);
        put_real(score, "precision", s->precision);
        put_real(score, "recall", s->recall);
        put_real(score, "f1", s->f1);
        put_real(score, "mean_iou", s->mean_iou);
        put_real(score, "panoptic_quality", s->panoptic_quality);
        (void)json_object_array_add(scores, score);
    }
    (void)json_object_object_add(entry, "scores", scores);
    (void)json_object_object_add(object, key, entry);
}

static void print_json(const struct pw_compare_result *r)
{
    struct json_object *object = json_object_new_object();
    (void)json_object_object_add(object, "result", json_object_new_string(sameness_name[r->sameness]));
    put_place(object, "shape", r->shape);
    put_count(object, "times", r->times);
    put_count(object, "voxels", r->voxels);
    put_count(object, "different_voxels", r->different_voxels);
    if (r->different_voxels > 0)
        put_place(object, "first_different", r->first_different);
    else
        (void)json_object_object_add(object, "first_different", NULL);
    if (r->different_voxels > 0)
        put_count(object, "first_different_time", r->first_different_time);
    put_count(object, "exact_objects", r->exact_objects);
    put_count(object, "split_objects", r->split_objects);
    put_count(object, "merged_objects", r->merged_objects);
    put_count(object, "missed_objects", r->missed_objects);
    put_count(object, "spurious_objects", r->spurious_objects);
    put_group(object, "all", &r->all, r->n_thresholds);
    if (r->has_crossing) {
        put_group(object, "crossing", &r->crossing, r->n_thresholds);
        put_group(object, "interior", &r->interior, r->n_thresholds);
    }
    put_real(object, "vi_split", r->vi_split);
    put_real(object, "vi_merge", r->vi_merge);
    put_real(object, "rand_error", r->rand_error);
    put_real(object, "rand_precision", r->rand_precision);
    put_real(object, "rand_recall", r->rand_recall);
    (void)printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_PRETTY));
    (void)json_object_put(object);
}

/* ---- the verb ---------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* "0.5,0.75": ascending and each once, whatever the order given. */
static int take_thresholds(const char *text, struct pw_compare_options *options)
{
    const char *at = text;
    int n = 0, kept = 0;
    for (;;) {
        char *end;
        double value = strtod(at, &end);
        if (end == at || !(value > 0 && value <= 1) || (*end != ',' && *end != '\0'))
            return pw_argument_wrong("--iou %s: not numbers above 0, at most 1, with commas between", text);
        if (n == PW_COMPARE_THRESHOLDS_MAX)
            return pw_argument_wrong("--iou %s: more than %d thresholds", text, PW_COMPARE_THRESHOLDS_MAX);
        options->threshold[n++] = value;
        if (*end == '\0')
            break;
        at = end + 1;
    }
    qsort(options->threshold, (size_t)n, sizeof options->threshold[0], by_value);
    for (int k = 0; k < n; k++)
        if (kept == 0 || options->threshold[k] > options->threshold[kept - 1])
            options->threshold[kept++] = options->threshold[k];
    options->n_thresholds = kept;
    return 1;
}

struct request {
    struct pw_compare_options options;
    struct pw_label_options labels;
    int json;
};

static int take_option(void *context, int option, const char *text)
{
    struct request *request = context;
    switch (option) {
    case OPT_JSON: return request->json = 1;
    case OPT_IOU: return take_thresholds(text, &request->options);
    case OPT_CROSSING: return pw_argument_box("--crossing", text, 1, request->options.crossing);
    default: return pw_label_options_take(option, text, &request->labels);
    }
}

static int parse(int argc, char **argv, struct request *request)
{
    struct pw_compare_options *options = &request->options;
    const struct pw_label_options *labels = &request->labels;
    pw_compare_options_init(options);
    pw_label_options_init(&request->labels);
    if (pw_argument_options(argc, argv, ":", long_options, take_option, request) != PW_EXIT_DONE ||
        !pw_argument_open_check(&labels->open))
        return PW_EXIT_USAGE;
    if (argc - optind != 2) {
        (void)pw_argument_wrong("compare takes two label volumes, A (the truth) and B");
        return PW_EXIT_USAGE;
    }
    pw_label_options_input(labels, argv[optind], &options->truth);
    pw_label_options_input(labels, argv[optind + 1], &options->predicted);
    options->memory_bytes = labels->memory_bytes;
    options->threads = labels->threads;
    options->scratch_dir = labels->scratch_dir;
    return PW_EXIT_DONE;
}

int pw_cmd_compare(int argc, char **argv)
{
    struct request request = {0};
    struct pw_compare_result result;
    struct pw_error error = {0};
    pw_argument_verb(argv[0]);
    int status = parse(argc, argv, &request);
    if (status != PW_EXIT_DONE)
        return status;
    if (pw_compare(&request.options, &result, &error) != PW_OK)
        return pw_command_fail(&error);
    (request.json ? print_json : print_text)(&result);
    return result.sameness == PW_LABELS_DIFFERENT ? PW_EXIT_DIFFERENT : PW_EXIT_DONE;
}
