/* What no row of the key table can tell alone: arms that refer to each other, sections that depend
 * on each other; and the density axis made whole. */
#include "job_private.h"

#include "psisweep/prune.h"
#include "psisweep/spectrum.h"

#include <math.h>
#include <string.h>

static size_t find_arm(const struct psi_job *job, const char *name)
{
    size_t i = 0;
    while (i < job->arms && strcmp(job->arm[i].name, name) != 0) {
        i++;
    }
    return i < job->arms ? i : SIZE_MAX;
}

/* Does following `mask` or `like` from this arm come back to it, or never end? */
static int leads_back(const struct psi_job *job, size_t arm)
{
    size_t at = arm;
    for (size_t steps = 0; steps <= job->arms; steps++) {
        at = job->arm[at].mask_arm != SIZE_MAX ? job->arm[at].mask_arm : job->arm[at].like_arm;
        if (at == SIZE_MAX) {
            return 0;
        }
    }
    return 1;
}

static enum psi_status resolve(struct psi_job_reader *reader, const char *key, const char *name,
                               size_t line, size_t *arm)
{
    char shown[PSI_FOUND];
    *arm = name[0] ? find_arm(reader->job, name) : SIZE_MAX;
    if (*arm != SIZE_MAX || !name[0]) {
        return PSI_OK;
    }
    psi_job_escape_all(name, strlen(name), shown, sizeof shown);
    return psi_job_fail(reader, line, "%s: expected the name of an arm of this job, found \"%s\"",
                        key, shown);
}

/* What an arm's own keys ask for together. NULL = nothing is wrong. */
static const char *contradiction(const struct psi_arm *arm)
{
    int swaps = arm->change == PSI_CHANGE_PRESERVE || arm->change == PSI_CHANGE_DESTROY;
    if ((arm->scope == PSI_LIKE) != (arm->like[0] != '\0') && !arm->mask[0]) {
        return "scope: like and like: ARM go together";
    }
    if (arm->mask[0] && arm->schedule != PSI_ONE_SHOT) {
        return "an arm that takes another's mask cannot have a schedule of its own";
    }
    if (arm->schedule == PSI_ITERATIVE && arm->from < 1.0) {
        return "from: an iterative arm begins at the grid's highest density";
    }
    if (arm->schedule == PSI_POLYNOMIAL && arm->like[0]) {
        return "scope: like needs schedule: one-shot or iterative";
    }
    if (arm->schedule != PSI_ONE_SHOT && (arm->change || arm->ablate || arm->at)) {
        return "change, ablate and at: initial need schedule: one-shot";
    }
    if (arm->schedule != PSI_ONE_SHOT && arm->restart == PSI_TRANSPLANT) {
        return "restart: transplant needs schedule: one-shot";
    }
    if (psi_criteria[arm->criterion].structured && arm->scope != PSI_GLOBAL &&
        arm->scope != PSI_LAYER && !arm->mask[0]) {
        return "scope: a criterion of whole units takes global or layer";
    }
    if (arm->mask[0] && arm->like[0]) {
        return "mask and like exclude each other";
    }
    if (swaps && arm->at == PSI_AT_INITIAL) {
        return "preserve and destroy are about the trained modes: expected at: trained";
    }
    if (arm->ablate && arm->at == PSI_AT_INITIAL) {
        return "ablate takes out trained modes: expected at: trained";
    }
    if (arm->hold && arm->ablate != 1 + PSI_ABLATE_TOP) {
        return "hold: true needs ablate: top";
    }
    if (arm->rewind > 0 && arm->restart != PSI_RATE_REWIND && arm->restart != PSI_REWIND) {
        return "rewind: needs restart: rewind or rate-rewind";
    }
    return NULL;
}

/* Iterative arms among this one and those that its masks are drawn from; *chain = the last. */
static size_t count_chains(const struct psi_job *job, size_t arm, size_t *chain)
{
    const struct psi_arm *a = &job->arm[arm];
    size_t count = a->schedule == PSI_ITERATIVE;
    if (count) {
        *chain = arm;
    }
    size_t from = a->mask_arm != SIZE_MAX ? a->mask_arm : a->like_arm;
    return count + (from != SIZE_MAX ? count_chains(job, from, chain) : 0);
}

size_t psi_job_chain(const struct psi_job *job, size_t arm)
{
    size_t chain = SIZE_MAX;
    count_chains(job, arm, &chain);
    return chain;
}

size_t psi_job_chain_number(const struct psi_job *job, size_t arm)
{
    size_t number = 0;
    for (size_t i = 0; i < arm; i++) {
        number += job->arm[i].schedule == PSI_ITERATIVE;
    }
    return number;
}

enum psi_status psi_job_resolve_arm(struct psi_job_reader *reader, size_t arm, size_t line)
{
    struct psi_arm *a = &reader->job->arm[arm];
    enum psi_status status = resolve(reader, "mask", a->mask, line, &a->mask_arm);
    return status ? status : resolve(reader, "like", a->like, line, &a->like_arm);
}

enum psi_status psi_job_check_arm(struct psi_job_reader *reader, size_t arm, size_t line)
{
    const struct psi_job *job = reader->job;
    size_t chain;
    if (leads_back(job, arm)) {
        return psi_job_fail(reader, line,
                            "mask and like: expected arms that do not lead back to this one");
    }
    const char *wrong = contradiction(&job->arm[arm]);
    if (wrong) {
        return psi_job_fail(reader, line, "%s", wrong);
    }
    if (count_chains(job, arm, &chain) > 1) {
        return psi_job_fail(reader, line,
                            "mask and like: expected at most one iterative arm, found two");
    }
    return PSI_OK;
}

/* geometric steps: d = a^(1 - t) b^t between neighbours a and b of the grid, t = j / factor */
enum psi_status psi_job_refine(struct psi_job_reader *reader)
{
    struct psi_job *job = reader->job;
    double grid[PSI_DENSITIES_MAX];
    size_t factor = job->refine.factor, coarse = job->densities;
    size_t fine = (coarse - 1) * factor + 1;
    if (fine > PSI_DENSITIES_MAX) {
        return psi_job_fail_at(reader, "grid.refine",
                               "expected at most %d densities with those added, found %zu",
                               PSI_DENSITIES_MAX, fine);
    }
    memcpy(grid, job->density, coarse * sizeof *grid);
    for (size_t i = 0; i < fine; i++) {
        size_t at = i / factor;
        double t = (double)(i % factor) / (double)factor;
        job->density[i] =
            i % factor ? psi_job_canonical(pow(grid[at], 1 - t) * pow(grid[at + 1], t)) : grid[at];
    }
    for (size_t i = 1; i < fine; i++) {
        if (job->density[i] >= job->density[i - 1]) {
            return psi_job_fail_at(reader, "grid.refine", "densities %.9g and %.9g are too near",
                                   job->density[i - 1], job->density[i]);
        }
    }
    job->densities = fine;
    return PSI_OK;
}

int psi_job_on_grid(const struct psi_job *job, size_t density)
{
    return density % job->refine.factor == 0;
}

int psi_job_has(const struct psi_job *job, size_t arm, size_t density)
{
    return psi_job_on_grid(job, density) && job->density[density] <= job->arm[arm].from;
}

int psi_job_runs(const struct psi_job *job, size_t arm, size_t density)
{
    return psi_job_has(job, arm, density) && !psi_job_adapts(job, arm);
}

int psi_job_adapts(const struct psi_job *job, size_t arm)
{
    return job->adaptive && psi_job_chain(job, arm) == SIZE_MAX;
}

const struct psi_train_spec *psi_job_budget(const struct psi_job *job, const struct psi_arm *arm)
{
    int own = arm->at == PSI_AT_INITIAL || arm->restart == PSI_RATE_REWIND ||
              arm->restart == PSI_REWIND || arm->restart == PSI_REINITIALISE;
    int train = arm->budget == PSI_BUDGET_OWN ? own : arm->budget == PSI_BUDGET_TRAIN;
    return train ? &job->train : &job->retrain;
}

/* A list of the ladder's that names a budget or rate twice would run the same rung twice. */
static enum psi_status check_ladder(struct psi_job_reader *reader)
{
    const struct psi_rescue_spec *r = &reader->job->rescue;
    const struct {
        const char *path;
        const struct psi_budgets *list;
    } lists[] = {{"rescue.finetune", &r->finetune},
                 {"rescue.rates", &r->rates},
                 {"rescue.reinitialise", &r->reinitialise},
                 {"rescue.rewind", &r->rewind},
                 {"rescue.transplant", &r->transplant},
                 {"rescue.rewire", &r->rewire},
                 {"rescue.regrow", &r->regrow}};
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++) {
        const struct psi_budgets *list = lists[l].list;
        for (size_t i = 0; i < list->count; i++) {
            for (size_t j = 0; j < i; j++) {
                if (list->value[i] == list->value[j]) {
                    return psi_job_fail_at(reader, lists[l].path,
                                           "expected distinct values, found %zu twice",
                                           list->value[i]);
                }
            }
        }
    }
    return PSI_OK;
}

/* Rewinding ends before the dense training does, and the ladder has what it judges by. */
static enum psi_status check_study(struct psi_job_reader *reader)
{
    const struct psi_job *job = reader->job;
    for (size_t i = 0; i < job->arms; i++) {
        const struct psi_arm *arm = &job->arm[i];
        int rewinds = arm->restart == PSI_RATE_REWIND || arm->restart == PSI_REWIND;
        if (rewinds && arm->rewind >= (double)job->train.epochs) {
            return psi_job_fail_at(reader, "arms",
                                   "entry %zu: rewind: expected less than the %zu epochs of "
                                   "train, found %g",
                                   i + 1, job->train.epochs, arm->rewind);
        }
        if (rewinds && psi_job_budget(job, arm) != &job->train) {
            return psi_job_fail_at(reader, "arms",
                                   "entry %zu: budget: rewinding goes with train's, found retrain",
                                   i + 1);
        }
    }
    if (job->rescue.cells > 0 && job->data.validation == 0) {
        return psi_job_fail_at(reader, "data.validation",
                               "the rescue ladder is judged on it: expected at least 1, found 0");
    }
    if (job->rescue.rewind_epoch >= (double)job->train.epochs) {
        return psi_job_fail_at(reader, "rescue.rewind_epoch",
                               "expected less than the %zu epochs of train, found %g",
                               job->train.epochs, job->rescue.rewind_epoch);
    }
    return PSI_OK;
}

/* Something is left to decide, and nothing is compared at densities that are decided arm by arm. */
static enum psi_status check_adaptive(struct psi_job_reader *reader)
{
    const struct psi_job *job = reader->job;
    size_t adapts = 0;
    if (!job->adaptive)
        return PSI_OK;
    for (size_t i = 0; i < job->arms; i++) {
        const struct psi_arm *arm = &job->arm[i];
        adapts += (size_t)psi_job_adapts(job, i);
        if (arm->change == PSI_CHANGE_PRESERVE || arm->change == PSI_CHANGE_DESTROY) {
            return psi_job_fail_at(
                reader, "grid.adaptive",
                "arms that preserve or destroy modes (entry %zu) are compared at "
                "equal densities: expected false",
                i + 1);
        }
    }
    if (adapts == 0) {
        return psi_job_fail_at(reader, "grid.adaptive",
                               "every arm is iterative or takes the masks of one, and goes down "
                               "the whole axis: expected false");
    }
    return PSI_OK;
}

/* What no row alone can tell. The sizes of the data are known here only where the job gives them;
 * psi_dataset_create checks the rest. */
enum psi_status psi_job_check_together(struct psi_job_reader *reader)
{
    const struct psi_job *job = reader->job;
    const struct psi_data_spec *data = &job->data;
    const struct {
        const char *batch, *warmup;
        const struct psi_train_spec *spec;
    } stages[] = {{"train.batch", "train.warmup", &job->train},
                  {"retrain.batch", "retrain.warmup", &job->retrain}};
    if (!data->path && data->set != PSI_GLYPHS && data->set != PSI_PLANTED) {
        return psi_job_fail_at(reader, "data.path",
                               "required where data.set is mnist, idx or cifar10, but not given");
    }
    if (data->train > 0 && data->validation >= data->train) {
        return psi_job_fail_at(reader, "data.validation",
                               "expected fewer than the %zu samples of data.train, found %zu",
                               data->train, data->validation);
    }
    for (size_t i = 0; i < 2; i++) {
        const struct psi_train_spec *spec = stages[i].spec;
        if (data->train > 0 && spec->batch > data->train - data->validation) {
            return psi_job_fail_at(reader, stages[i].batch,
                                   "expected at most the %zu samples that data.train leaves beside "
                                   "data.validation, found %zu",
                                   data->train - data->validation, spec->batch);
        }
        if (spec->warmup > (double)spec->epochs) {
            return psi_job_fail_at(reader, stages[i].warmup,
                                   "expected at most the %zu epochs, found %g", spec->epochs,
                                   spec->warmup);
        }
    }
    enum psi_status status = check_study(reader);
    if (!status) {
        status = check_adaptive(reader);
    }
    return status ? status : check_ladder(reader);
}
