/*
 * qc/seam_verdict - whether the seams of an axis are worse than the planes inside of tiles, and which halo would do.
 *
 * Threads: a pure function.
 */
#ifndef PW_QC_SEAM_VERDICT_H
#define PW_QC_SEAM_VERDICT_H

#include "qc/seam_pass.h"

/*
 * Fills the verdict of axis a from what was counted on its seams and control planes.  extents: how many labels are 0, 1,
 * 2 .. longest voxels long along the axis.
 */
void pw_seam_verdict(const struct pw_seam_pass *pass, const uint64_t *extents, uint64_t longest, int a,
                     struct pw_axis_quality *axis);

#endif
