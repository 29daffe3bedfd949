/* A segmenter whose labels do not depend on the tiles needs all of its halo for that. */
#include "base/error.h"
#include "run/choose_tile.h"

static const char axis[3] = {'z', 'y', 'x'};

enum pw_status pw_job_check_halo(const struct pw_job *job, struct pw_error *error)
{
    const struct pw_segmenter *segmenter = &job->segmenter;
    const uint64_t *halo = pw_tile_halo(job);
    for (int i = 0; i < 3 && segmenter->halo_is_exact && !job->options->halo_any; i++) {
        unsigned long long needed = segmenter->halo[i];
        if (needed == 0 || job->grid.count[i] == 1)
            continue;
        if (halo[i] < needed)
            return pw_fail(
                error, PW_E_ARGUMENT,
                "--halo %llu along %c: %s needs %llu for labels that do not depend on the tiles; leave it out",
                (unsigned long long)halo[i], axis[i], segmenter->text, needed);
        if (job->grid.halo[i] < needed)
            return pw_fail(error, PW_E_ARGUMENT,
                           "--tile %llu along %c: a tile 1 thick has no halo, and %s needs %llu; use 2 or more",
                           (unsigned long long)job->grid.tile[i], axis[i], segmenter->text, needed);
    }
    return PW_OK;
}
