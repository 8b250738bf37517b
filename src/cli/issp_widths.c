/* Claim C1, which is about several files: the narrowest network against the widest, arm by arm. */
#include "fmin.h"
#include "issp.h"

#include "psisweep/memory.h"

#include <stdio.h>
#include <stdlib.h>

struct psi_issp_widths {
    struct psi_fmin_file *file; /* (files) */
    size_t files;
    struct psi_fmin_scaling scaling;
};

enum psi_status psi_issp_widths_create(const char *const *path, size_t files,
                                       struct psi_issp_widths **out, struct psi_error *err)
{
    struct psi_issp_widths *widths = psi_allocate(1, sizeof *widths, "files", err);
    enum psi_status status = PSI_MEMORY;
    if (!widths)
        return status;
    if ((widths->file = psi_allocate(files, sizeof *widths->file, "files", err)))
        status = PSI_OK;
    for (size_t i = 0; !status && i < files; i++) {
        widths->files++;
        status = psi_fmin_open(path[i], &widths->file[i], err);
    }
    if (!status)
        status = psi_fmin_compare(widths->file, files, &widths->scaling, err);
    if (!status)
        *out = widths;
    else
        psi_issp_widths_destroy(widths);
    return status;
}

void psi_issp_widths_destroy(struct psi_issp_widths *widths)
{
    if (!widths)
        return;
    for (size_t i = 0; i < widths->files; i++)
        psi_fmin_close(&widths->file[i]);
    free(widths->file);
    free(widths->scaling.also);
    free(widths);
}

static const char *arm_name(const struct psi_fmin_scaling *s, size_t claim)
{
    return s->narrow->job->arm[s->arm[claim].narrow].name;
}

void psi_issp_widths_text(const struct psi_issp_widths *widths)
{
    const struct psi_fmin_scaling *s = &widths->scaling;
    printf("\nC1  %s, over these files\n    rule: %s, seeds paired by value; supported above %g, "
           "refuted below; each arm is a claim\n",
           psi_claims[PSI_C1].title, psi_claims[PSI_C1].contrast, psi_claims[PSI_C1].delta);
    if (s->why[0])
        printf("    undecided: %s\n", s->why);
    for (size_t i = 0; i < s->arms; i++) {
        char words[PSI_SHARPNESS_TEXT];
        psi_scaling_words(&s->claim[i], words, sizeof words);
        printf("    ");
        psi_text_print(arm_name(s, i), stdout);
        printf(": %s\n", words);
    }
}

void psi_issp_widths_json(struct psi_json *json, const struct psi_issp_widths *widths)
{
    const struct psi_fmin_scaling *s = &widths->scaling;
    psi_json_object_begin(json);
    psi_json_key(json, "narrow"), psi_json_string(json, psi_results_path(s->narrow->results));
    psi_json_key(json, "wide"), psi_json_string(json, psi_results_path(s->wide->results));
    psi_json_key(json, "not_compared_because");
    psi_json_string(json, s->why[0] ? s->why : NULL);
    psi_json_key(json, "arms");
    psi_json_array_begin(json);
    for (size_t i = 0; i < s->arms; i++) {
        const struct psi_contrast *c = &s->claim[i].contrast;
        char words[PSI_SHARPNESS_TEXT];
        psi_scaling_words(&s->claim[i], words, sizeof words);
        psi_json_object_begin(json);
        psi_json_key(json, "arm"), psi_json_string(json, arm_name(s, i));
        psi_json_key(json, "verdict"), psi_json_string(json, psi_verdict_name[c->verdict]);
        psi_json_key(json, "delta"), psi_json_real(json, c->delta);
        psi_json_key(json, "mean"), psi_json_real(json, c->mean);
        psi_json_key(json, "low"), psi_json_real(json, c->low);
        psi_json_key(json, "high"), psi_json_real(json, c->high);
        psi_json_key(json, "seeds"), psi_json_integer(json, (int64_t)c->seeds);
        psi_json_key(json, "p_up"), psi_json_real(json, c->p_up);
        psi_json_key(json, "p_down"), psi_json_real(json, c->p_down);
        psi_json_key(json, "p_holm"), psi_json_real(json, c->p_holm);
        psi_json_key(json, "words"), psi_json_string(json, words);
        psi_json_object_end(json);
    }
    psi_json_array_end(json);
    psi_json_object_end(json);
}
