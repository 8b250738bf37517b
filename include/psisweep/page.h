/* The report's page: one HTML file that asks for nothing outside itself, and needs no script.
 *
 * Printers return void; the caller asks ferror() once, at the end. Text may hold any bytes and
 * shows as itself.
 */
#ifndef PSISWEEP_PAGE_H
#define PSISWEEP_PAGE_H

#include "psisweep/status.h"
#include "psisweep/table.h"
#include <stdio.h>

/* Text within an element or an attribute: markup and control characters escaped. */
void psi_html_text(const char *text, FILE *file);
/* The same, with lines kept, for <pre>. */
void psi_html_lines(const char *text, FILE *file);

void psi_html_begin(const char *title, FILE *file);
void psi_html_end(FILE *file);
/* A heading; with an id, of prefix and name, that a link can point to; name "" = none. */
void psi_html_section(const char *prefix, const char *name, const char *title, FILE *file);
void psi_html_table(const struct psi_table *table, FILE *file);

/* What became of one claim of the abstract. Borrowed text. */
struct psi_html_claim {
    const char *claim;    /* "C1" */
    const char *question; /* what was asked of the data */
    double contrast;      /* Delta; NaN = not tested */
    double smallest;      /* delta, the smallest effect of interest */
    double low, high;     /* 95 % interval of Delta, as description */
    const char *verdict;  /* "supported", "refuted" or "undecided" */
    const char *sentence; /* why, in words */
};
void psi_html_claims(const struct psi_html_claim *claim, size_t claims, FILE *file);

/* A file that appears under its name only when it is whole. */
struct psi_output {
    char *path, *temporary;
    FILE *file;
};
enum psi_status psi_output_open(const char *dir, const char *name, struct psi_output *output,
                                struct psi_error *err);
/* keep 1: close and rename; 0: remove. What is wrong with the stream is told here. */
enum psi_status psi_output_close(struct psi_output *output, int keep, struct psi_error *err);

#endif
