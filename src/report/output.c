#include "figure.h"

#include "psisweep/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char *psi_report_path(const char *dir, const char *name, const char *suffix, struct psi_error *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s%s", dir, name, suffix) >= 0)
        return path;
    psi_fail(err, PSI_MEMORY, "no memory for a path");
    return NULL;
}

static void output_free(struct psi_output *output)
{
    free(output->path);
    free(output->temporary);
    *output = (struct psi_output){NULL, NULL, NULL};
}

enum psi_status psi_output_open(const char *dir, const char *name, struct psi_output *output,
                                struct psi_error *err)
{
    enum psi_status status = PSI_MEMORY;
    *output = (struct psi_output){NULL, NULL, NULL};
    if (!(output->path = psi_report_path(dir, name, "", err)) ||
        !(output->temporary = psi_report_path(dir, name, ".tmp", err)))
        goto out;
    if ((output->file = fopen(output->temporary, "we")))
        return PSI_OK;
    status = psi_fail(err, PSI_IO, "%s: cannot write: %s", output->path, strerror(errno));
out:
    output_free(output);
    return status;
}

enum psi_status psi_output_close(struct psi_output *output, int keep, struct psi_error *err)
{
    enum psi_status status = PSI_OK;
    if (!output->file)
        return PSI_OK;
    errno = 0;
    int bad = fflush(output->file) != 0 || ferror(output->file);
    int why = errno;
    if (fclose(output->file) != 0 && !bad) {
        bad = 1;
        why = errno;
    }
    if (keep && !bad && rename(output->temporary, output->path) != 0) {
        bad = 1;
        why = errno;
    }
    if (keep && bad)
        status = psi_fail(err, PSI_IO, "%s: cannot write: %s", output->path,
                          why ? strerror(why) : "the disk may be full");
    if (!keep || bad)
        remove(output->temporary);
    output_free(output);
    return status;
}
