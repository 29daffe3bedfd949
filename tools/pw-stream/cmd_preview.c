/*
 * pw-stream preview - a picture to look at: one plane in grey, the outlines of the labels over it in colour.
 *
 * The picture has at most --max-size pixels a side; a plane that is much smaller is enlarged by a whole factor.
 * A pixel is outline when it has a label and one of its four neighbours has another (or none).
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "patchworks.h"
#include "png_file.h"
#include "preview_picture.h"
#include "preview_plane.h"

#define DEFAULT_MAX_SIDE 2048
#define LARGEST_MAX_SIDE 8192 /* 12 bytes a pixel: 768 MiB */
#define COMFORTABLE_SIDE 640  /* smaller planes are enlarged towards this */

struct request {
    struct pw_preview_choice choice; /* of the image; the labels differ in their path */
    const char *labels;
    const char *output;
    uint64_t max_side;
};

static int usage(const char *message, const char *value)
{
    fprintf(stderr, "pw-stream: preview: %s%s%s (see pw-stream help preview)\n", message, value[0] == '\0' ? "" : ": ",
            value);
    return 64;
}

/* A whole number from 0 to INT64_MAX; 0 when text is something else. */
static int parse_index(const char *text, int64_t *index)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return 0;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0')
        return 0;
    *index = value;
    return 1;
}

enum {
    OPT_CHANNEL = 256,
    OPT_TIME,
    OPT_LEVEL,
    OPT_Z,
    OPT_MAX_SIZE
};

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"channel", required_argument, NULL, OPT_CHANNEL},
    {"time", required_argument, NULL, OPT_TIME},
    {"level", required_argument, NULL, OPT_LEVEL},
    {"z", required_argument, NULL, OPT_Z},
    {"max-size", required_argument, NULL, OPT_MAX_SIZE},
    {NULL, 0, NULL, 0},
};

/* Returns 0, or 64 after a message. */
static int parse_options(int argc, char **argv, struct request *request)
{
    int64_t max_side = DEFAULT_MAX_SIDE;
    int option, which = 0;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":o:", long_options, &which)) != -1) {
        int64_t *number = NULL;
        switch (option) {
        case 'o': request->output = optarg; break;
        case OPT_CHANNEL: number = &request->choice.channel; break;
        case OPT_TIME: number = &request->choice.time; break;
        case OPT_LEVEL: number = &request->choice.level; break;
        case OPT_Z: number = &request->choice.z; break;
        case OPT_MAX_SIZE: number = &max_side; break;
        case ':': return usage("the option needs a value", argv[optind - 1]);
        default: return usage("unknown option", argv[optind - 1]);
        }
        if (number != NULL && !parse_index(optarg, number))
            return usage("not a whole number", optarg);
    }
    if (max_side < 1 || max_side > LARGEST_MAX_SIDE)
        return usage("--max-size is from 1 to 8192", "");
    if (argc - optind < 1 || argc - optind > 2)
        return usage("IMAGE [LABELS] -o OUT.png is needed", "");
    if (request->output == NULL)
        return usage("-o OUT.png is needed", "");
    request->choice.path = argv[optind];
    request->labels = argc - optind == 2 ? argv[optind + 1] : NULL;
    request->max_side = request->choice.picture_side = (uint64_t)max_side;
    return 0;
}

/* The picture's size: reduced by a whole factor to max_side, or enlarged by one to at most COMFORTABLE_SIDE. */
static void choose_size(const struct request *request, const struct pw_preview_plane *plane, uint64_t *height,
                        uint64_t *width)
{
    uint64_t h = plane->full_height, w = plane->full_width, longer = h > w ? h : w;
    uint64_t comfortable = request->max_side < COMFORTABLE_SIDE ? request->max_side : COMFORTABLE_SIDE;
    uint64_t down = longer / request->max_side + (longer % request->max_side != 0);
    uint64_t up = longer < comfortable ? comfortable / longer : 1;
    *height = (h / down + (h % down != 0)) * up;
    *width = (w / down + (w % down != 0)) * up;
}

static enum pw_status open_labels(const struct request *request, const struct pw_preview_plane *image,
                                  struct pw_preview_plane *labels, struct pw_error *error)
{
    struct pw_preview_choice choice = request->choice;
    choice.path = request->labels;
    choice.channel = choice.time = -1;
    enum pw_status status = pw_preview_open(&choice, labels, error);
    if (status != PW_OK)
        return status;
    if (labels->full_height == image->full_height && labels->full_width == image->full_width)
        return PW_OK;
    error->status = PW_E_ARGUMENT;
    (void)snprintf(error->message, sizeof error->message,
                   "%s: labels of %" PRIu64 " x %" PRIu64 " do not belong to the image of %" PRIu64 " x %" PRIu64
                   " in %s",
                   request->labels, labels->full_height, labels->full_width, image->full_height, image->full_width,
                   request->choice.path);
    return PW_E_ARGUMENT;
}

static enum pw_status draw(const struct request *request, struct pw_error *error)
{
    struct pw_preview_plane image = {0}, labels = {0};
    struct pw_picture picture = {0};
    uint64_t height = 0, width = 0;
    enum pw_status status = pw_preview_open(&request->choice, &image, error);
    if (status != PW_OK)
        goto out;
    choose_size(request, &image, &height, &width);
    status = pw_picture_init(&picture, height, width, request->labels != NULL, error);
    if (status == PW_OK)
        status = pw_preview_sample(&image, height, width, pw_picture_put_grey, &picture, error);
    if (status == PW_OK && request->labels != NULL) {
        status = open_labels(request, &image, &labels, error);
        if (status == PW_OK)
            status = pw_preview_sample(&labels, height, width, pw_picture_put_label, &picture, error);
    }
    if (status != PW_OK)
        goto out;
    pw_picture_stretch(&picture);
    status = pw_png_write(request->output, (uint32_t)height, (uint32_t)width, pw_picture_row, &picture, error);
out:
    pw_picture_release(&picture);
    pw_preview_close(&labels);
    pw_preview_close(&image);
    return status;
}

int pw_cmd_preview(int argc, char **argv)
{
    struct request request = {.choice = {.level = -1, .channel = -1, .time = -1, .z = -1}};
    struct pw_error error = {0};
    int wrong = parse_options(argc, argv, &request);
    if (wrong != 0)
        return wrong;
    if (draw(&request, &error) == PW_OK)
        return 0;
    fprintf(stderr, "pw-stream: %s\n", error.message);
    return 1;
}
