/* Training and evaluation: loss, optimisers, learning-rate schedules, the epoch loop. */
#ifndef PSISWEEP_TRAIN_H
#define PSISWEEP_TRAIN_H

#include "psisweep/dataset.h"
#include "psisweep/network.h"
#include "psisweep/progress.h"
#include "psisweep/status.h"
#include <stddef.h>
#include <stdint.h>

enum psi_optimizer { PSI_SGD, PSI_ADAM };
enum psi_rate_schedule { PSI_CONSTANT, PSI_STEP, PSI_COSINE };

struct psi_train_spec {
    int optimizer;                /* enum psi_optimizer */
    double rate;                  /* learning rate at its highest */
    int schedule;                 /* enum psi_rate_schedule */
    double warmup;                /* epochs of linear rise from 0 before the schedule begins */
    double step_epochs;           /* step: every so many epochs ... */
    double step_factor;           /* ... the rate is multiplied by this */
    double momentum;              /* sgd: v = momentum v + g, w -= rate v (PyTorch's form) */
    double weight_decay;          /* g += weight_decay w, biases too (as torch.optim does, L2) */
    double beta1, beta2, epsilon; /* adam (Kingma & Ba 2015, as torch.optim.Adam) */
    size_t batch;                 /* samples a step; a last, smaller batch is dropped */
    size_t epochs;
};

/* Learning rate of step 0 .. steps-1, steps = epochs * steps_per_epoch. Warm-up: W steps, rounded,
 * step s of them at rate (s + 1) / W, so that none is wasted at 0. Cosine: half a period from rate
 * to 0 (Loshchilov & Hutter 2017) over the steps that the warm-up leaves. */
double psi_train_rate(const struct psi_train_spec *spec, size_t steps_per_epoch, size_t step);

struct psi_score {
    size_t samples;
    size_t correct;
    double accuracy;          /* correct / samples */
    double loss;              /* mean cross-entropy, natural log */
    size_t predicted_classes; /* number of distinct classes predicted */
};

/* Score the network as it stands on a split. Ties in the logits go to the lowest class; a
 * sample with a NaN among its logits counts as wrong and as no class. On an empty
 * split accuracy and loss are NaN. */
enum psi_status psi_evaluate(struct psi_network *network, const struct psi_dataset *dataset,
                             const struct psi_split *split, const struct psi_progress *progress,
                             struct psi_score *score, struct psi_error *err);

struct psi_optimizer_state;

/* Called between steps: before the first one, after every one, and so before every evaluation; not
 * any more once a loss was not finite. step = steps of the schedule that are done, first_step ..
 * all of them. It may read and write the network's parameters (a snapshot, a constraint), and the
 * mask that training was given; who changes the mask calls psi_optimizer_mask before returning. The
 * network may be used for passes: training keeps nothing in it but its parameters. Another status
 * than PSI_OK ends training with that status. */
struct psi_step_hook {
    enum psi_status (*call)(void *context, size_t step, struct psi_optimizer_state *state,
                            struct psi_error *err);
    void *context;
};

struct psi_training {
    const struct psi_train_spec *spec;
    const struct psi_dataset *dataset;
    const uint8_t *mask;  /* (weights) or NULL = dense; pruned weights and their optimiser state
                             are zero after every step */
    size_t first_step;    /* begin here, as if the steps before had been taken elsewhere: rates,
                             epochs and their order are those of step first_step on */
    uint64_t random_seed; /* the order of epoch e is the stream "<name>/epoch=<e>" */
    const char *random_name;
    const struct psi_progress *progress;
    const struct psi_step_hook *hook; /* or NULL */
    double *curve; /* (epochs + 1) or NULL: validation accuracy before the first step, at point
                      first_step / steps_per_epoch rounded down, and after each epoch from there
                      on; NaN at the points before, where there is no validation split, and after
                      a divergence */
};

/* Train network in place from its current parameters, optimiser state from zero. With a mask,
 * pruned weights are zeroed first. A loss that is not finite, on a batch or for the curve, ends
 * training: *diverged = 1, PSI_OK; parameters are then as the last step left them, and after
 * PSI_STOPPED or a failing hook too. PSI_USAGE where a batch is larger than the network or the
 * training split takes, and where first_step, unless 0, is not a step of the schedule. */
enum psi_status psi_train(struct psi_network *network, const struct psi_training *training,
                          int *diverged, struct psi_error *err);

/* What psi_train is made of, for tests and benchmarks. */

/* Mean cross-entropy of softmax(logits (classes, batch)) against label (batch), and its gradient
 * dlogits = (softmax - onehot) / batch; dlogits may alias logits, or be NULL. */
double psi_softmax_cross_entropy(const float *logits, const uint8_t *label, size_t classes,
                                 size_t batch, float *dlogits);

enum psi_status psi_optimizer_create(const struct psi_train_spec *spec, size_t parameters,
                                     struct psi_optimizer_state **out, struct psi_error *err);
void psi_optimizer_destroy(struct psi_optimizer_state *state);

/* Backward pass and update of one step at the given rate; mask as above. */
void psi_optimizer_step(struct psi_optimizer_state *state, struct psi_network *network,
                        const uint8_t *mask, size_t batch, float *dlogits, double rate);

/* Make a changed mask hold: pruned weights and their state become zero. So a weight that is grown
 * later, pruned since an earlier call or step, begins with weight and state zero. */
void psi_optimizer_mask(struct psi_optimizer_state *state, struct psi_network *network,
                        const uint8_t *mask);

/* For debugging: with -DPSI_DEBUG every step asserts it.
 * 1 when every pruned weight of parameter (weights first) is zero and, if state is given, its
 * optimiser state too. */
int psi_mask_holds(const uint8_t *mask, size_t weights, const float *parameter,
                   const struct psi_optimizer_state *state);

#endif
