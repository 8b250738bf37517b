/* GraSP (Wang, Zhang & Grosse 2020, Picking winning tickets before training by preserving gradient
 * flow): removing w changes the gradient's squared norm in proportion to -w (H g), so that the
 * weights of the highest -w (H g) go, which harms gradient flow least or helps it, and those of the
 * highest w (H g) survive: score = w (H g). g and H are of the mean loss of all samples; g and the
 * vector products are over prunable weights alone, as in the authors' code, which has the softmax
 * at a temperature of 200 besides; here it is 1. */
#include "score.h"
#include "psisweep/memory.h"

#include <stdlib.h>

static enum psi_status sum_gradient(struct psi_batches *batches, double *gradient,
                                    struct psi_error *err)
{
    size_t weights = psi_network_weights(batches->input->network);
    enum psi_status status = PSI_OK;
    for (size_t batch; status == PSI_OK && (batch = psi_batches_next(batches)) > 0;) {
        psi_batches_gradient(batches, batch);
        for (size_t i = 0; i < weights; i++)
            gradient[i] += (double)batches->gradient[i];
        status = psi_batches_stop(batches, err);
    }
    return status;
}

/* product += H gradient, each batch with its share of the samples; own (trained) is scratch */
static enum psi_status sum_product(struct psi_batches *batches, const double *gradient, double *own,
                                   double *product, struct psi_error *err)
{
    struct psi_network *network = batches->input->network;
    enum psi_status status = PSI_OK;
    for (size_t batch; status == PSI_OK && (batch = psi_batches_next(batches)) > 0;) {
        status = psi_network_hessian_vector(network, batches->label, batch, gradient, own, err);
        for (size_t i = 0; status == PSI_OK && i < psi_network_weights(network); i++)
            product[i] += own[i] * (double)batch / (double)batches->samples;
        if (status == PSI_OK)
            status = psi_batches_stop(batches, err);
    }
    return status;
}

enum psi_status psi_score_grasp(const struct psi_score_input *input, double *score,
                                struct psi_error *err)
{
    struct psi_network *network = input->network;
    const float *weight = psi_network_parameter(network);
    size_t weights = psi_network_weights(network), trained = psi_network_trained(network);
    struct psi_batches batches;
    enum psi_status status = psi_batches_open(&batches, input, err);
    if (status != PSI_OK)
        return status;
    double *gradient = psi_allocate(trained, sizeof *gradient, "gradients", err);
    double *own = psi_allocate(trained, sizeof *own, "gradients", err);
    double *product = psi_allocate(weights, sizeof *product, "gradients", err);
    status = PSI_MEMORY;
    if (!gradient || !own || !product)
        goto out;
    if ((status = sum_gradient(&batches, gradient, err)) != PSI_OK)
        goto out;
    /* what is pruned already does not move, whatever its gradient */
    for (size_t i = 0; i < weights; i++)
        gradient[i] = weight[i] != 0 ? gradient[i] : 0;
    if ((status = sum_product(&batches, gradient, own, product, err)) != PSI_OK)
        goto out;
    for (size_t i = 0; i < weights; i++)
        score[i] = (double)weight[i] * product[i];
out:
    free(product);
    free(own);
    free(gradient);
    psi_batches_close(&batches);
    return status;
}
