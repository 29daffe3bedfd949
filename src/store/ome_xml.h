/*
 * store/ome_xml - what OME-XML says of one image: sizes, order, calibration, and
 * which directory of which file holds which plane.
 *
 *     struct pw_ome ome = {0};
 *     if (pw_ome_parse(text, NULL, &ome, error) == 1)
 *         ...
 *     pw_ome_release(&ome);
 *
 * The Pixels element of the Image and what is below it are all that is looked at.
 * Threads: pure functions.
 */
#ifndef PW_STORE_OME_XML_H
#define PW_STORE_OME_XML_H

#include "base/names.h"
#include "patchworks.h"

/* The axes that planes are counted along. */
enum pw_ome_axis {
    PW_OME_C,
    PW_OME_Z,
    PW_OME_T,
    PW_OME_AXES
};

/* A TiffData: planes from first on, in DimensionOrder, are the directories from ifd on. */
struct pw_ome_data {
    uint64_t first[PW_OME_AXES];
    uint64_t ifd;
    uint64_t count;  /* 0: all planes */
    char *file_name; /* NULL: of the file with the XML */
    int own;         /* that is a name of the file with the XML: its UUID stands with it */
};

struct pw_ome {
    uint64_t width, height;
    uint64_t size[PW_OME_AXES]; /* c counts samples */
    int order[PW_OME_AXES];     /* fastest first */
    double scale[5];            /* of t c z y x; 0: not told */
    const char *unit[5];
    char uuid[80]; /* of the file with the XML; "" when it has none */
    struct pw_ome_data *data;
    uint64_t n_data, data_capacity;
    struct pw_names images;        /* of all images in the text; "" where one has none */
    int image;                     /* this is that one */
    struct pw_names channels;      /* of this image; empty when none is named */
    struct pw_names channel_shows; /* their colours, as pw_image_info.channel_shows has them; likewise */
};

/*
 * Reads an image: series is its name or its number from 0, NULL the first.  Returns 1; 0 when the text is no OME-XML or
 * broken; or a negative enum pw_status, PW_E_ARGUMENT for a series that is not there.  *ome needs release in any case.
 */
int pw_ome_parse(const char *text, const char *series, struct pw_ome *ome, struct pw_error *error);
void pw_ome_release(struct pw_ome *ome); /* safe on a zeroed one */

#endif
