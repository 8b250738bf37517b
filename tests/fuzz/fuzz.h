/* A fuzz target: what reads files that others have made, given any bytes. Linked with libfuzzer.c
 * for `make fuzz`, which searches by coverage (clang), and with driver.c for the tests, which
 * replays the kept corpus and mutations of it (any compiler). */
#ifndef PSI_TESTS_FUZZ_H
#define PSI_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Read one input. Returns 1 where it is taken, 0 where it is refused as it should be: a status that
 * fits and one line of text. All else ends the process. */
int psi_fuzz_one(const uint8_t *data, size_t size);

/* How many mutations of the whole corpus the tests try, where all of it is taken. */
extern const size_t psi_fuzz_mutations;

/* assert that no build leaves out */
#define FUZZ_CHECK(condition) \
    ((condition)              \
         ? (void)0            \
         : (fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition), abort()))

#endif
