/* Private to report. */
#ifndef PSISWEEP_REPORT_TEXT_H
#define PSISWEEP_REPORT_TEXT_H

#include <stdint.h>

/* How people see a character that would drive a terminal or break a line: "\n", "\x1b", "\u009b";
 * and the two of the basic plane that XML has not, "\ufffe" and "\uffff". Returns 0, and "", for
 * one that shows as itself. */
int psi_text_escape(uint32_t point, char escape[8]);

#endif
