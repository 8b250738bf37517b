#include "report.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

static void put_row(const char *name, const char *value, FILE *page)
{
    fputs("<tr><th>", page);
    psi_html_text(name, page);
    fputs("</th><td><bdi>", page);
    psi_html_text(value, page);
    fputs("</bdi></td></tr>\n", page);
}

static void put_facts(const struct psi_fmin_file *file, FILE *page)
{
    char text[PSI_REPORT_LABEL];
    fputs("<div class=\"scroll\"><table><tbody>\n", page);
    put_row("file", psi_results_path(file->results), page);
    put_row("made by", psi_results_source(file->results), page);
    put_row("numerics", psi_results_numerics(file->results), page);
    snprintf(text, sizeof text, "%016llx",
             (unsigned long long)psi_results_data_digest(file->results));
    put_row("digest of the data", text, page);
    snprintf(text, sizeof text, "%zu", psi_results_test_samples(file->results));
    put_row("test samples", text, page);
    snprintf(text, sizeof text, "%.4g", psi_results_chance(file->results));
    put_row("chance accuracy A0", text, page);
    fputs("</tbody></table></div>\n", page);
}

enum { COLUMNS = 8, START_TEXT = 32 };

static void put_launches(const struct psi_launch *launch, size_t launches, FILE *page)
{
    static const struct psi_table_column column[COLUMNS] = {
        {.title = "launch", .unit = "UTC", .kind = PSI_TABLE_TEXT},
        {.title = "ranks", .kind = PSI_TABLE_INTEGER},
        {.title = "host", .kind = PSI_TABLE_TEXT},
        {.title = "Slurm job", .kind = PSI_TABLE_TEXT},
        {.title = "MPI", .kind = PSI_TABLE_TEXT},
        {.title = "HDF5", .kind = PSI_TABLE_TEXT},
        {.title = "BLAS", .kind = PSI_TABLE_TEXT},
        {.title = "numerics", .kind = PSI_TABLE_TEXT},
    };
    struct psi_table_cell cell[PSI_LAUNCHES][COLUMNS];
    char start[PSI_LAUNCHES][START_TEXT];
    for (size_t i = 0; i < launches; i++) {
        const struct psi_launch *l = &launch[i];
        const char *const text[COLUMNS] = {start[i], NULL,    l->host, l->slurm_job,
                                           l->mpi,   l->hdf5, l->blas, l->numerics};
        time_t seconds = isfinite(l->start) ? (time_t)l->start : 0;
        struct tm utc;
        if (!gmtime_r(&seconds, &utc) || !strftime(start[i], START_TEXT, "%Y-%m-%d %H:%M", &utc))
            start[i][0] = '\0';
        for (int c = 0; c < COLUMNS; c++)
            cell[i][c] = (struct psi_table_cell){
                text[c] && *text[c] ? PSI_TABLE_TEXT : PSI_TABLE_NONE, .text = text[c]};
        cell[i][1] = (struct psi_table_cell){PSI_TABLE_INTEGER, .integer = l->ranks};
    }
    psi_html_table(&(struct psi_table){column, &cell[0][0], COLUMNS, launches}, page);
}

enum psi_status psi_report_provenance(const struct psi_fmin_file *file, FILE *page,
                                      struct psi_error *err)
{
    struct psi_launch launch[PSI_LAUNCHES];
    size_t launches;
    enum psi_status status = psi_results_launches(file->results, launch, &launches, err);
    if (status)
        return status;
    put_facts(file, page);
    put_launches(launch, launches, page);
    fputs("<details class=\"job\"><summary>The job, every key with its value</summary><pre>", page);
    psi_html_lines(file->job->source, page);
    fputs("</pre></details>\n", page);
    return PSI_OK;
}
