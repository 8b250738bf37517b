#include "psisweep/dynamic.h"

int psi_gradual_is_due(const struct psi_gradual *gradual, size_t step)
{
    if (step < gradual->begin || step > gradual->end)
        return 0;
    return step == gradual->end || (step - gradual->begin) % gradual->interval == 0;
}

double psi_gradual_density(const struct psi_gradual *gradual, size_t step)
{
    if (step >= gradual->end)
        return gradual->density;
    if (step <= gradual->begin)
        return 1;
    double rest = (double)(gradual->end - step) / (double)(gradual->end - gradual->begin);
    return gradual->density + (1 - gradual->density) * rest * rest * rest;
}

enum psi_status psi_gradual_step(void *context, size_t step, struct psi_optimizer_state *state,
                                 struct psi_error *err)
{
    const struct psi_gradual *gradual = context;
    if (!psi_gradual_is_due(gradual, step))
        return PSI_OK;
    enum psi_status status =
        gradual->select(gradual->context, psi_gradual_density(gradual, step), gradual->mask, err);
    if (status == PSI_OK)
        psi_optimizer_mask(state, gradual->network, gradual->mask);
    return status;
}
