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
                                   .low = c->low,
                                   .high = c->high,
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

enum psi_status psi_report_claims(const struct psi_fmin_file *file, FILE *page,
                                  struct psi_error *err)
{
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
        psi_html_claims(row, PSI_CLAIMS, page);
        status = put_tables(issp, page, err);
    }
    psi_issp_close(issp);
    free(issp);
    return status;
}
