#include "psisweep/status.h"

#include <stdarg.h>
#include <stdio.h>

enum psi_status psi_fail(struct psi_error *err, enum psi_status status, const char *format, ...)
{
    if (err) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(err->text, sizeof err->text, format, arguments);
        va_end(arguments);
        err->status = status;
    }
    return status;
}

const char *const psi_status_names[PSI_STATUSES + 1] = {
    [PSI_OK] = "ok",
    [PSI_USAGE] = "usage",
    [PSI_DATA] = "data",
    [PSI_IO] = "io",
    [PSI_MEMORY] = "memory",
    [PSI_NUMERIC] = "numeric",
    [PSI_ENVIRONMENT] = "environment",
    [PSI_STOPPED] = "stopped",
    [PSI_OVERTIME] = "overtime",
    [PSI_LOST] = "lost",
    [PSI_SIGABRT] = "sigabrt",
    [PSI_SIGBUS] = "sigbus",
    [PSI_SIGFPE] = "sigfpe",
    [PSI_SIGILL] = "sigill",
    [PSI_SIGSEGV] = "sigsegv",
};
