/*
 * store/zarr_consolidated - metadata of whole hierarchies in one place, kept true.
 *
 * Groups may hold copies of the metadata of all nodes below them (zarr v3: "consolidated_metadata" in zarr.json, as zarr-python
 * writes it; v2: .zmetadata).  Readers then look nowhere else: labels or levels that were added, and are not in there, do not
 * exist for them.
 *
 *     ... nodes were added or changed below node, or node itself ...
 *     status = pw_zarr_consolidate(node, error);
 *
 * Files are replaced in one step each.  Groups without such copies get none.
 *
 * Threads: one at a time for a hierarchy.
 */
#ifndef PW_STORE_ZARR_CONSOLIDATED_H
#define PW_STORE_ZARR_CONSOLIDATED_H

#include "patchworks.h"

/* Brings the copies in node and in the groups above it up to date with what is stored in node and below it. */
enum pw_status pw_zarr_consolidate(const char *node, struct pw_error *error);

#endif
