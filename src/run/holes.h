/*
 * run/holes - which regions of the background are holes of one object, over the whole volume.
 *
 * A region of the background is connected by faces.  It is a hole of an object when it does not touch the border
 * of what is segmented (on axes longer than 1), and all labelled voxels that it touches by a face are of that object.  Regions cross
 * tiles: those of each core are joined as objects are (merge/seams, merge/resolve), and what they touch is put together
 * by sorting.
 *
 *     pw_holes_find -> pw_reshape(job, &pw_fill_step) -> pw_holes_release
 *
 * Memory: pw_holes_memory_bytes() and what sorting takes; disk in proportion to the regions.
 */
#ifndef PW_RUN_HOLES_H
#define PW_RUN_HOLES_H

#include "merge/id_map.h"
#include "run/job.h"

struct pw_holes {
    struct pw_id_map map;    /* of the regions of each core; 0: touches the border of the volume */
    struct pw_scratch owner; /* of each number of the map: 8 bytes, the object whose hole it is, or 0 */
};

/* Finds the holes of the objects that job->stage and job->map have.  Release holes on errors too. */
enum pw_status pw_holes_find(struct pw_job *job, struct pw_holes *holes, struct pw_error *error);
void pw_holes_release(struct pw_holes *holes);

/* The object whose hole each of the n regions of tile's core is, or 0. */
enum pw_status pw_holes_read(const struct pw_holes *holes, uint64_t tile, uint64_t *owner, uint64_t n,
                             struct pw_error *error);

uint64_t pw_holes_memory_bytes(const struct pw_job *job);

#endif
