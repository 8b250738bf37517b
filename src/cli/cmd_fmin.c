#include "cli.h"
int psi_cli_print_thresholds(const char *const *path, size_t paths, enum psi_format format){(void)path;(void)paths;(void)format;return 0;}
int psi_cli_fmin(int argc, char **argv){(void)argc;(void)argv;return 0;}
