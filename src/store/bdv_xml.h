/*
 * store/bdv_xml - the XML file that BigDataViewer and BigStitcher have of a specimen.
 *
 *     struct pw_bdv_xml xml;
 *     if (pw_bdv_xml_read(path, &xml, error) == PW_OK)
 *         ... xml.data, xml.voxel ...
 *
 * Only its first megabyte is looked at; the setups of views and where their voxels are stand in it.
 *
 * Threads: no shared state.  Errors: PW_E_IO.  What is not told stays empty.
 */
#ifndef PW_STORE_BDV_XML_H
#define PW_STORE_BDV_XML_H

#include "store/source.h"

struct pw_bdv_xml {
    char loader[32];    /* "bdv.hdf5", "bdv.n5" .. */
    char data[4096];    /* the file or directory with the voxels; "" when none is named */
    double voxel[3];    /* of the first setup, z y x; 0: not told */
    char unit[32];      /* of that */
    int beyond_channel; /* setups differ by tile, angle or illumination */
};

enum pw_status pw_bdv_xml_read(const char *path, struct pw_bdv_xml *xml, struct pw_error *error);

extern const struct pw_format pw_format_bdv_xml; /* opens the HDF5 file that is named */

#endif
