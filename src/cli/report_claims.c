/* The page's verdicts on the claims, and the tables that they rest on. */
#include "issp.h"
#include "report.h"

#include "psisweep/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SENTENCE = PSI_CLAIM_WORDS + 64 };

static void claim_row(const struct psi_issp_file *file, enum psi_claim which,
                      struct psi_html_claim *row, char sentence[SENTENCE])
{
    const struct psi_issp_claim *claim = &file->claim[which];
    const struct psi_contrast *c = &claim->contrast;
    if (claim->missing)
        snprintf(sentence, SENTENCE, "says nothing without %s", claim->missing);
    else
        snprintf(sentence, SENTENCE, "%s", c->seeds ? claim->words : "no seed has a value yet");
    *row = (struct psi_html_claim){.claim = psi_claims[which].name,
                                   .question = psi_claims[which].title,
                                   .contrast = claim->missing || !c->seeds ? NAN : c->mean,
                                   .smallest = psi_claims[which].delta,
                                   .low = claim->missing ? NAN : c->low,
                                   .high = claim->missing ? NAN : c->high,
                                   .verdict = psi_verdict_name[c->verdict],
                                   .sentence = sentence};
}

static enum psi_status put_tables(const struct psi_issp_file *file, FILE *page,
                                  struct psi_error *err)
{
    struct psi_issp_table table[PSI_ISSP_TABLES];
    size_t tables;
    enum psi_status status = psi_issp_tables(file, table, &tables, err);
    for (size_t i = 0; !status && i < tables; i++) {
        struct psi_table t = {table[i].column, table[i].cell, table[i].columns, table[i].rows};
        if (table[i].detail)
            continue;
        fputs("<details><summary>", page);
        psi_html_text(table[i].title, page);
        fputs("</summary>\n", page);
        psi_html_table(&t, page);
        fputs("</details>\n", page);
    }
    psi_issp_tables_clear(table, tables);
    return status;
}

/* One claim an arm. */
static void put_widths(const struct psi_fmin_scaling *s, FILE *page)
{
    const struct psi_claim_row *c1 = &psi_claims[PSI_C1];
    struct psi_html_claim row = {.claim = c1->name,
                                 .question = c1->title,
                                 .contrast = NAN,
                                 .low = NAN,
                                 .high = NAN,
                                 .smallest = c1->delta,
                                 .verdict = psi_verdict_name[PSI_VERDICT_UNDECIDED],
                                 .sentence = s->why};
    fprintf(page, "<p class=\"lead\">%s.", c1->contrast);
    if (!s->why[0])
        fprintf(page, " The networks are x%.3g apart in %s.", s->ratio,
                s->by_hidden ? "hidden units" : "parameters");
    fputs("</p>\n", page);
    if (s->why[0])
        psi_html_claims(&row, 1, page);
    for (size_t i = 0; i < s->arms; i++) {
        const struct psi_contrast *c = &s->claim[i].contrast;
        char question[PSI_NAME + 64], words[PSI_SHARPNESS_TEXT];
        snprintf(question, sizeof question, "%s: %s", c1->title,
                 s->narrow->job->arm[s->arm[i].narrow].name);
        psi_scaling_words(&s->claim[i], words, sizeof words);
        row.question = question;
        row.contrast = c->seeds ? c->mean : NAN;
        row.low = c->low;
        row.high = c->high;
        row.verdict = psi_verdict_name[c->verdict];
        row.sentence = words;
        psi_html_claims(&row, 1, page);
    }
}

enum psi_status psi_report_widths(const struct psi_fmin_file *file, size_t files, FILE *page,
                                  struct psi_error *err)
{
    struct psi_fmin_scaling *scaling = psi_allocate(1, sizeof *scaling, "width scaling", err);
    if (!scaling)
        return PSI_MEMORY;
    enum psi_status status = psi_fmin_compare(file, files, scaling, err);
    if (!status)
        put_widths(scaling, page);
    free(scaling->also);
    free(scaling);
    return status;
}

enum psi_status psi_report_claims(const struct psi_fmin_file *file, int several, FILE *page,
                                  struct psi_error *err)
{
    int first = several ? PSI_C2 : PSI_C1; /* C1 is then about all of them */
    struct psi_issp_file *issp = psi_allocate(1, sizeof *issp, "claims", err);
    struct psi_html_claim row[PSI_CLAIMS];
    char sentence[PSI_CLAIMS][SENTENCE];
    if (!issp)
        return PSI_MEMORY;
    enum psi_status status = psi_issp_open(psi_results_path(file->results), issp, err);
    if (!status)
        status = psi_issp_judge(issp, err);
    if (!status) {
        for (int c = 0; c < PSI_CLAIMS; c++)
            claim_row(issp, (enum psi_claim)c, &row[c], sentence[c]);
        psi_html_claims(row + first, (size_t)(PSI_CLAIMS - first), page);
        status = put_tables(issp, page, err);
    }
    psi_issp_close(issp);
    free(issp);
    return status;
}
