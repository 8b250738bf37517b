/* What the build knows of itself; the Makefile passes the commit. */
#ifndef PSISWEEP_VERSION_H
#define PSISWEEP_VERSION_H

#define PSI_VERSION "0.1.0"

#ifndef PSI_COMMIT
#define PSI_COMMIT "no git"
#endif

#endif
