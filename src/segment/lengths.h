/*
 * segment/lengths - lengths among the options of a function: "2", "1/2/2", "0.4um", "0.8/0.4/0.4um".
 *
 * One number for all axes of the image, or one for each, slowest first.  With "um" at the end they are micrometers, and
 * become voxels by the calibration of the image.
 *
 * Errors: PW_E_ARGUMENT naming the option and the text.  Threads: a pure function of its arguments.
 */
#ifndef PW_SEGMENT_LENGTHS_H
#define PW_SEGMENT_LENGTHS_H

#include "tile/volume.h"

/* Reads text, the option name of function, into voxels of z y x; 0 along z in an image of two axes. */
enum pw_status pw_lengths_read(const struct pw_volume *volume, const char *function, const char *name, const char *text,
                               double voxels[3], struct pw_error *error);

/* The size of a voxel along each axis in micrometers.  PW_E_ARGUMENT, for option name, when that is not known. */
enum pw_status pw_voxel_micrometers(const struct pw_volume *volume, const char *function, const char *name,
                                    double micrometers[3], struct pw_error *error);

#endif
