/*
 * pw-stream preview - a picture to look at: one plane in grey, the outlines of the labels over it in colour.
 *
 * The picture has at most --max-size pixels a side; a plane that is much smaller is enlarged by a whole factor.
 * A pixel is outline when it has a label and one of its four neighbours has another (or none).
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
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
    int overwrite;
};

enum {
    OPT_OVERWRITE = 256,
    OPT_CHANNEL,
    OPT_TIME,
    OPT_Z,
    OPT_MAX_SIZE
};

static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"overwrite", no_argument, NULL, OPT_OVERWRITE},
    {"channel", required_argument, NULL, OPT_CHANNEL},
    {"time", required_argument, NULL, OPT_TIME},
    {"z", required_argument, NULL, OPT_Z},
    {"max-size", required_argument, NULL, OPT_MAX_SIZE},
    PW_OPEN_OPTIONS,
    {NULL, 0, NULL, 0},
};

static int take_option(void *context, int option, const char *text)
{
    struct request *request = context;
    switch (option) {
    case 'o': request->output = text; return 1;
    case OPT_OVERWRITE: return request->overwrite = 1;
    case OPT_CHANNEL: return pw_argument_index("--channel", text, &request->choice.channel);
    case OPT_TIME: return pw_argument_index("--time", text, &request->choice.time);
    case OPT_Z: return pw_argument_index("--z", text, &request->choice.z);
    case OPT_MAX_SIZE:
        return pw_argument_number("--max-size", text, 1, LARGEST_MAX_SIDE, &request->choice.picture_side);
    default: break;
    }
    int taken = pw_argument_open(option, text, &request->choice.open);
    if (option == PW_OPTION_LEVEL)
        request->choice.level = request->choice.open.level;
    return taken;
}

/* Returns 0 after a message. */
static int parse_options(int argc, char **argv, struct request *request)
{
    if (pw_argument_options(argc, argv, ":o:", long_options, take_option, request) != PW_EXIT_DONE)
        return 0;
    if (argc - optind < 1 || argc - optind > 2)
        return pw_argument_wrong("preview needs IMAGE [LABELS] -o OUT.png");
    if (request->output == NULL)
        return pw_argument_wrong("preview needs -o OUT.png");
    request->choice.path = argv[optind];
    request->labels = argc - optind == 2 ? argv[optind + 1] : NULL;
    return pw_argument_open_check(&request->choice.open);
}

/* The picture's size: reduced by a whole factor to max_side, or enlarged by one to at most COMFORTABLE_SIDE. */
static void choose_size(const struct request *request, const struct pw_preview_plane *plane, uint64_t *height,
                        uint64_t *width)
{
    uint64_t h = plane->full_height, w = plane->full_width, longer = h > w ? h : w;
    uint64_t side = request->choice.picture_side, comfortable = side < COMFORTABLE_SIDE ? side : COMFORTABLE_SIDE;
    uint64_t down = longer / side + (longer % side != 0);
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
    memset(&choice.open, 0, sizeof choice.open); /* --shape and the like describe the image */
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
    enum pw_status status = pw_png_check(request->output, request->overwrite, error);
    if (status == PW_OK)
        status = pw_preview_open(&request->choice, &image, error);
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
    struct request request = {
        .choice = {.picture_side = DEFAULT_MAX_SIDE, .level = -1, .channel = -1, .time = -1, .z = -1}};
    struct pw_error error = {0};
    pw_argument_verb("preview");
    if (!parse_options(argc, argv, &request))
        return PW_EXIT_USAGE;
    return draw(&request, &error) == PW_OK ? PW_EXIT_DONE : pw_command_fail(&error);
}
