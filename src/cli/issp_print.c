/* Printers of psisweep issp. */
#include "issp.h"

#include <math.h>
#include <stdio.h>

static void print_claim(const struct psi_issp_claim *claim, const struct psi_claim_row *row)
{
    const struct psi_contrast *c = &claim->contrast;
    printf("%s  %s: %s\n", row->name, row->title, psi_verdict_name[c->verdict]);
    printf("    rule: %s; supported above %g, refuted below\n", row->contrast, c->delta);
    if (claim->missing) {
        printf("    says nothing without %s\n", claim->missing);
        return;
    }
    if (c->seeds == 0) {
        printf("    no seed has a value yet\n");
        return;
    }
    printf("    %.3g", c->mean);
    if (isfinite(c->low))
        printf(" [%.3g, %.3g]", c->low, c->high);
    printf(", %zu seed%s", c->seeds, c->seeds == 1 ? "" : "s");
    if (isfinite(c->p_holm))
        printf(", p %.2g for more than %g, %.2g for less, by Holm %.2g", c->p_up, c->delta,
               c->p_down, c->p_holm);
    else
        printf("; not tested with fewer than %d", PSI_VERDICT_SEEDS);
    printf("\n    ");
    psi_text_print(claim->words, stdout);
    printf(".\n");
}

enum psi_status psi_issp_print_text(const struct psi_issp_file *file, struct psi_error *err)
{
    struct psi_issp_table table[PSI_ISSP_TABLES];
    size_t tables;
    enum psi_status status = psi_issp_tables(file, table, &tables, err);
    if (!status) {
        psi_text_print(psi_results_path(file->results), stdout);
        printf(": %zu of %zu cells done", file->sweep->done, file->sweep->wanted);
        printf(file->sweep->failed ? ", %zu failed\n" : "\n", file->sweep->failed);
        for (int c = 0; c < PSI_CLAIMS; c++)
            print_claim(&file->claim[c], &psi_claims[c]);
    }
    for (size_t i = 0; !status && i < tables; i++) {
        struct psi_table t = {table[i].column, table[i].cell, table[i].columns, table[i].rows};
        if (table[i].detail)
            continue;
        printf("\n%s\n", table[i].title);
        psi_table_print(&t, stdout);
    }
    psi_issp_tables_clear(table, tables);
    return status;
}

static void json_claim(struct psi_json *json, const struct psi_issp_file *file, int which)
{
    const struct psi_issp_claim *claim = &file->claim[which];
    const struct psi_contrast *c = &claim->contrast;
    psi_json_object_begin(json);
    psi_json_key(json, "claim"), psi_json_string(json, psi_claims[which].name);
    psi_json_key(json, "title"), psi_json_string(json, psi_claims[which].title);
    psi_json_key(json, "verdict"), psi_json_string(json, psi_verdict_name[c->verdict]);
    psi_json_key(json, "contrast"), psi_json_string(json, psi_claims[which].contrast);
    psi_json_key(json, "delta"), psi_json_real(json, c->delta);
    psi_json_key(json, "mean"), psi_json_real(json, c->mean);
    psi_json_key(json, "low"), psi_json_real(json, c->low);
    psi_json_key(json, "high"), psi_json_real(json, c->high);
    psi_json_key(json, "p_up"), psi_json_real(json, c->seeds < 2 ? NAN : c->p_up);
    psi_json_key(json, "p_down"), psi_json_real(json, c->seeds < 2 ? NAN : c->p_down);
    psi_json_key(json, "p_holm"), psi_json_real(json, c->p_holm);
    psi_json_key(json, "says_nothing_without"), psi_json_string(json, claim->missing);
    psi_json_key(json, "words");
    psi_json_string(json, claim->words[0] ? claim->words : NULL);
    psi_json_key(json, "values");
    psi_json_array_begin(json);
    for (size_t i = 0; i < c->seeds; i++) {
        psi_json_object_begin(json);
        psi_json_key(json, "seed"), psi_json_integer(json, file->job->seed[claim->seed[i]]);
        psi_json_key(json, "value"), psi_json_real(json, claim->value[i]);
        psi_json_object_end(json);
    }
    psi_json_array_end(json);
    psi_json_object_end(json);
}

enum psi_status psi_issp_print_json(struct psi_json *json, const struct psi_issp_file *file,
                                    struct psi_error *err)
{
    struct psi_issp_table table[PSI_ISSP_TABLES];
    size_t tables;
    enum psi_status status = psi_issp_tables(file, table, &tables, err);
    if (!status) {
        psi_json_object_begin(json);
        psi_json_key(json, "file"), psi_json_string(json, psi_results_path(file->results));
        psi_json_key(json, "job"), psi_json_string(json, file->job->name);
        psi_json_key(json, "cells"), psi_json_integer(json, (int64_t)file->sweep->wanted);
        psi_json_key(json, "done"), psi_json_integer(json, (int64_t)file->sweep->done);
        psi_json_key(json, "failed"), psi_json_integer(json, (int64_t)file->sweep->failed);
        psi_json_key(json, "claims");
        psi_json_array_begin(json);
        for (int c = 0; c < PSI_CLAIMS; c++)
            json_claim(json, file, c);
        psi_json_array_end(json);
        psi_json_key(json, "tables");
        psi_json_object_begin(json);
        for (size_t i = 0; i < tables; i++) {
            struct psi_table t = {table[i].column, table[i].cell, table[i].columns, table[i].rows};
            psi_json_key(json, table[i].key), psi_json_table(json, &t);
        }
        psi_json_object_end(json);
        psi_json_object_end(json);
    }
    psi_issp_tables_clear(table, tables);
    return status;
}
