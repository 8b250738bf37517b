/* Do the estimators hold what they say? Simulated sweeps with a known threshold and width; prints
 * the Markdown tables of results/calibration.md.
 *   build/tools/bench_calibration [SWEEPS] */
#include "../tests/simulate.h"

#include <stdio.h>

/* A share that nothing may have defined. */
static const char *percent(double share, char text[16])
{
    snprintf(text, 16, isnan(share) ? "-" : "%.1f", 100 * share);
    return text;
}

static void bench_coverage(size_t sweeps)
{
    static const double deviation[] = {0.02, 0.05, 0.1, 0.2}, width[] = {0.02, 0.2, 0.5, 1};
    static const double noise[] = {0, 0.05};
    printf("| grid | seed SD | width | noise | pooled | its bias | its width | one grid step | "
           "censored fit | without | bootstrap | cells a seed | cost |\n"
           "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (int i = 0; i < 96; i++) {
        struct simulated truth = {deviation[i / 8 % 4], width[i / 2 % 4], noise[i % 2], i / 32};
        char text[16];
        struct coverage c = measure_coverage(&truth, sweeps);
        printf(
            "| %s | %g | %g | %g | %.1f | %+.4f | %.3f | %.0f | %s | %.0f | %.1f | %.1f | %.2f |\n",
            simulated_axis[truth.refined], truth.deviation, truth.width, truth.noise,
            100 * c.pooled, c.bias, c.width, 100 * c.same, percent(c.lognormal, text),
            100 * c.degenerate, 100 * c.bootstrap, c.cells, c.cost);
        fflush(stdout);
    }
}

static void bench_scaling(size_t sweeps)
{
    static const double width[][2] = {
        {0.4, 0.4}, {0.4, 0.4 * 0.7943282347}, {0.8, 0.2}, {0.8, 0.8}, {0.2, 0.2}};
    printf("\n| grid | noise | widths | Delta | its SD | supported | refuted | undecided | "
           "pairs lost |\n"
           "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (int i = 0; i < 20; i++) {
        struct simulated narrow = {0.05, width[i / 2 % 5][0], i % 2 ? 0.05 : 0, i / 10, 0.05};
        struct simulated wide = narrow;
        wide.width = width[i / 2 % 5][1];
        struct scaling_tally t = measure_scaling(&narrow, &wide, sweeps);
        printf("| %s | %g | %.3g to %.3g | %.3f | %.3f | %.1f | %.1f | %.1f | %.1f |\n",
               simulated_axis[narrow.refined], narrow.noise, narrow.width, wide.width, t.delta,
               t.deviation, 100 * t.verdict[PSI_VERDICT_SUPPORTED],
               100 * t.verdict[PSI_VERDICT_REFUTED], 100 * t.verdict[PSI_VERDICT_UNDECIDED],
               100 * t.lost);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    size_t sweeps = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000;
    bench_coverage(sweeps);
    bench_scaling(sweeps < 1000 ? sweeps : 1000);
    return 0;
}
