#include "lit.h"
#include "layer.h"
#include "psisweep/memory.h"

#include <stdlib.h>
#include <string.h>

/* Y = W X + b, then max(Y, 0) */
static void lit_forward(const struct psi_layer *layer, const struct psi_pass *pass,
                        const float *const *x, float *y)
{
    (void)x;
    pass->kernels->lit->multiply(pass->lit, pass->parameter + layer->weight,
                                 pass->parameter + layer->bias, layer->units, layer->relu,
                                 pass->batch, pass->work, y);
}

/* dY = dY where Y > 0; db = sum of dY over the batch; dW = dY X'; nobody asks for dX */
static void lit_backward(const struct psi_layer *layer, const struct psi_pass *pass,
                         const float *const *x, const float *y, float *dy, float decay,
                         float *gradient, const struct psi_input_gradient *dx)
{
    (void)x;
    (void)dx;
    pass->kernels->bias_relu_backward(dy, y, layer->units, pass->batch, layer->relu, decay,
                                      gradient + layer->bias);
    pass->kernels->lit->accumulate(pass->lit, dy, layer->units, pass->batch, decay, pass->work,
                                   gradient + layer->weight);
}

const struct psi_layer_type psi_layer_lit = {
    .name = "lit",
    .inputs = 1,
    .forward = lit_forward,
    .backward = lit_backward,
};

int psi_lit_allocate(struct psi_lit_input *lit, size_t inputs, size_t samples,
                     struct psi_error *err)
{
    size_t tiles = (inputs + PSI_LIT_TILE - 1) / PSI_LIT_TILE;
    size_t entries = inputs * sizeof *lit->by_sample;
    lit->inputs = inputs;
    lit->constant = psi_allocate(inputs, sizeof *lit->constant, "lit pixels", err);
    lit->scale = psi_allocate(inputs, sizeof *lit->scale, "lit pixels", err);
    lit->sample_end = psi_allocate(samples, tiles * sizeof *lit->sample_end, "lit pixels", err);
    lit->by_sample = psi_allocate(samples, entries, "lit pixels", err);
    lit->pixel_end = psi_allocate(inputs, sizeof *lit->pixel_end, "lit pixels", err);
    lit->by_pixel = psi_allocate(samples, entries, "lit pixels", err);
    return lit->constant && lit->scale && lit->sample_end && lit->by_sample && lit->pixel_end &&
           lit->by_pixel;
}

void psi_lit_clear(struct psi_lit_input *lit)
{
    free(lit->by_pixel);
    free(lit->pixel_end);
    free(lit->by_sample);
    free(lit->sample_end);
    free(lit->scale);
    free(lit->constant);
    *lit = (struct psi_lit_input){0};
}

void psi_lit_list_values(struct psi_lit_input *lit, const float *x, size_t samples)
{
    uint32_t at = 0, *end = lit->sample_end;
    lit->samples = samples;
    memset(lit->constant, 0, lit->inputs * sizeof *lit->constant);
    for (size_t first = 0; first < lit->inputs; first += PSI_LIT_TILE)
        for (size_t s = 0; s < samples; s++) {
            for (size_t f = first; f < lit->inputs && f < first + PSI_LIT_TILE; f++)
                if (x[f * samples + s] != 0)
                    lit->by_sample[at++] =
                        (struct psi_lit_entry){(uint32_t)(f - first), x[f * samples + s]};
            *end++ = at;
        }
    at = 0;
    for (size_t f = 0; f < lit->inputs; f++) {
        for (size_t s = 0; s < samples; s++)
            if (x[f * samples + s] != 0)
                lit->by_pixel[at++] = (struct psi_lit_entry){(uint32_t)s, x[f * samples + s]};
        lit->pixel_end[f] = at;
    }
}
