/*
 * The face rule's candidates: on the face between two cores, how many voxels of a label face voxels of another,
 * and how many voxels each label has there.
 */
#include "base/checked.h"
#include "merge/seam.h"

static void count_sizes(struct pw_contacts *contacts, const struct pw_runs *strip, int mine)
{
    for (uint64_t i = 0; i < strip->n_runs; i++)
        pw_contacts_add(contacts, mine ? strip->label[i] : 0, mine ? 0 : strip->label[i],
                        strip->run[i].end - strip->run[i].start);
}

static void count_row(struct pw_contacts *contacts, const struct pw_runs *a, const struct pw_runs *b, uint64_t row)
{
    uint64_t i = a->row[row], j = b->row[row];
    while (i < a->row[row + 1] && j < b->row[row + 1]) {
        uint64_t from = pw_max_u64(a->run[i].start, b->run[j].start);
        uint64_t to = pw_min_u64(a->run[i].end, b->run[j].end);
        if (from < to && a->value[i] == b->value[j])
            pw_contacts_add(contacts, a->label[i], b->label[j], (uint32_t)(to - from));
        if (a->run[i].end < b->run[j].end)
            i++;
        else
            j++;
    }
}

enum pw_status pw_seam_face(struct pw_seam *seam, struct pw_error *error)
{
    struct pw_seams *seams = seam->seams;
    int high = seam->offset[seam->face_axis] > 0;
    enum pw_status status = pw_seam_strip(seam, &seam->mine, PW_FACE(seam->face_axis, high), &seams->mine, error);
    if (status == PW_OK)
        status = pw_seam_strip(seam, &seam->theirs, PW_FACE(seam->face_axis, !high), &seams->theirs, error);
    if (status != PW_OK || seams->mine.n_runs == 0 || seams->theirs.n_runs == 0)
        return status;
    pw_contacts_clear(&seams->contacts);
    count_sizes(&seams->contacts, &seams->mine, 1);
    count_sizes(&seams->contacts, &seams->theirs, 0);
    for (uint64_t row = 0; row < seams->mine.shape[1]; row++)
        count_row(&seams->contacts, &seams->mine, &seams->theirs, row);
    return pw_contacts_log(&seams->contacts, (uint32_t)seam->mine.tile, (uint32_t)seam->theirs.tile, seams->edges,
                           error);
}
