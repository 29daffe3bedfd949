/* How labels are merged: from the options, the segmenter and the halo. */
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "run/job.h"

static enum pw_status choose_connectivity(struct pw_job *job, struct pw_error *error)
{
    int asked = job->options->connectivity;
    if (asked < 0 || asked > job->volume.rank)
        return pw_fail(error, PW_E_ARGUMENT, "--connectivity %d is not 1..%d for this image", asked, job->volume.rank);
    job->sizes.rule.connectivity = asked != 0                         ? asked
                                   : job->segmenter.connectivity != 0 ? job->segmenter.connectivity
                                                                      : 1;
    return PW_OK;
}

/* Whether windows overlap along every axis that is cut. */
static int overlaps_everywhere(const struct pw_grid *grid)
{
    for (int i = 0; i < 3; i++)
        if (grid->count[i] > 1 && grid->halo[i] == 0)
            return 0;
    return 1;
}

static enum pw_merge choose_merge(const struct pw_job *job, const uint64_t halo[3])
{
    if (job->options->merge != PW_MERGE_AUTO)
        return job->options->merge;
    if (job->segmenter.components)
        return PW_MERGE_TOUCH;
    int has_halo = halo[0] != 0 || halo[1] != 0 || halo[2] != 0;
    return has_halo && overlaps_everywhere(&job->grid) ? PW_MERGE_WITNESS : PW_MERGE_FACE;
}

/* What the run says, else what the segmenter declares, as far as the run's own halo reaches. */
static uint64_t wanted_context(const struct pw_job *job, const uint64_t halo[3], int axis)
{
    const uint64_t *given = job->options->context;
    if (given[0] != 0 || given[1] != 0 || given[2] != 0)
        return given[axis];
    return pw_min_u64(job->segmenter.context[axis], halo[axis] > 0 ? halo[axis] - 1 : 0);
}

static enum pw_status choose_context(struct pw_job *job, const uint64_t halo[3], struct pw_error *error)
{
    static const char axis[3] = {'z', 'y', 'x'};
    for (int i = 0; i < 3; i++) {
        job->sizes.rule.context[i] = wanted_context(job, halo, i); /* without effect on an axis without a halo */
        if (job->grid.halo[i] > 0 && job->options->context[i] >= halo[i])
            return pw_fail(error, PW_E_ARGUMENT, "--context %llu along %c leaves nothing of a halo of %llu",
                           (unsigned long long)job->options->context[i], axis[i], (unsigned long long)halo[i]);
    }
    return PW_OK;
}

enum pw_status pw_job_choose_rule(struct pw_job *job, struct pw_error *error)
{
    struct pw_rule *rule = &job->sizes.rule;
    const struct pw_run_options *options = job->options;
    const uint64_t *halo = options->halo_given ? options->halo : job->segmenter.halo;
    rule->merge = choose_merge(job, halo);
    rule->metric = options->metric;
    rule->tau = options->tau;
    rule->min_contact = options->min_contact;
    if (!(rule->tau >= PW_TAU_LEAST && rule->tau <= 1 - PW_TAU_LEAST))
        return pw_fail(error, PW_E_ARGUMENT, "--tau %g is not from %g to %g", rule->tau, PW_TAU_LEAST,
                       1 - PW_TAU_LEAST);
    if (pw_rule_family(rule) == PW_FAMILY_OVERLAP && halo[0] == 0 && halo[1] == 0 && halo[2] == 0)
        return pw_fail(
            error, PW_E_ARGUMENT,
            "--merge %s compares tiles where their windows overlap and needs a --halo; --merge face does not",
            rule->merge == PW_MERGE_WITNESS ? "witness" : "overlap");
    if (pw_rule_family(rule) == PW_FAMILY_OVERLAP && job->segmenter.labels_core_only)
        return pw_fail(
            error, PW_E_ARGUMENT,
            "--merge %s: %s labels the core of each tile alone, and nothing where windows overlap; use touch",
            rule->merge == PW_MERGE_WITNESS ? "witness" : "overlap", job->segmenter.name);
    if (rule->merge == PW_MERGE_WITNESS && rule->metric != PW_METRIC_IOU)
        return pw_fail(error, PW_E_ARGUMENT, "--merge witness joins by iou; the other metrics are for --merge overlap");
    if (options->drop_covered && pw_rule_family(rule) != PW_FAMILY_OVERLAP)
        return pw_fail(error, PW_E_ARGUMENT,
                       "--unmatched drop-covered compares tiles where their windows overlap: with --merge overlap or "
                       "witness");
    int has_halo = halo[0] != 0 || halo[1] != 0 || halo[2] != 0;
    /* A stage that is kept may be merged by another rule. */
    job->sizes.keeps_rims = pw_rule_family(rule) == PW_FAMILY_OVERLAP || (has_halo && options->keep_stage != NULL);
    enum pw_status status = choose_connectivity(job, error);
    return status == PW_OK ? choose_context(job, halo, error) : status;
}

struct pw_box pw_job_kept_box(const struct pw_job *job, uint64_t tile)
{
    return job->sizes.keeps_rims ? pw_grid_reach(&job->grid, tile, job->sizes.rule.context)
                                 : pw_grid_core(&job->grid, tile);
}
