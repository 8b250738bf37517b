#include "psisweep/page.h"

#include "figure.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void put_text(const char *text, int lines, FILE *file)
{
    const char *from = text;
    for (uint32_t point; (point = psi_utf8_next(&text)) != 0; from = text) {
        char escape[8];
        if (point == '&' || point == '<' || point == '>' || point == '"' || point == '\'')
            fprintf(file, "&#%u;", (unsigned)point);
        else if (lines && point == '\n')
            fputc('\n', file);
        else if (psi_text_escape(point, escape))
            fputs(escape, file);
        else if (point == 0xfffd)
            fputs("\xef\xbf\xbd", file);
        else
            fwrite(from, 1, (size_t)(text - from), file);
    }
}

void psi_html_text(const char *text, FILE *file)
{
    put_text(text, 0, file);
}

void psi_html_lines(const char *text, FILE *file)
{
    put_text(text, 1, file);
}

static void put_colours(const unsigned colour[PSI_ALL_COLOURS], FILE *file)
{
    for (int c = 0; c < PSI_ALL_COLOURS; c++)
        fprintf(file, "--c%d:#%06x;", c, colour[c]);
}

static const char style[] =
    "*{box-sizing:border-box}"
    "body{margin:0 auto;max-width:1240px;padding:1.5rem 1rem 4rem;background:var(--paper);"
    "color:var(--ink);font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',"
    "sans-serif;overflow-wrap:anywhere}"
    "h1{font-size:1.7rem;line-height:1.2;margin:.5rem 0}"
    "h2{font-size:1.3rem;margin:2.8rem 0 .6rem;border-bottom:1px solid var(--line);"
    "padding-bottom:.3rem}"
    "h3{font-size:1.05rem;margin:0 0 .4rem}p,ul{margin:.5rem 0}"
    "a{color:var(--link)}.lead{color:var(--soft);max-width:85ch}"
    "nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;padding:0;list-style:none}"
    ".scroll{overflow-x:auto}"
    "table{border-collapse:collapse;font-size:.88rem;width:100%;font-variant-numeric:tabular-nums}"
    "th,td{text-align:left;padding:.32rem .7rem .32rem 0;border-bottom:1px solid var(--line);"
    "vertical-align:top;overflow-wrap:normal}th{color:var(--soft);font-weight:600}"
    ".number{text-align:right}"
    "figure{margin:1.6rem 0 2.2rem;padding:1rem;border:1px solid var(--line);border-radius:8px;"
    "background:var(--card)}"
    "figcaption{font-size:.9rem;color:var(--soft);margin-top:.6rem;max-width:105ch}"
    ".files{white-space:nowrap}.files a{margin-left:.6rem}"
    ".legend{display:flex;flex-wrap:wrap;gap:.15rem 1.1rem;padding:0;list-style:none;"
    "font-size:.84rem;margin:.2rem 0 .7rem}.legend "
    "svg{width:22px;height:12px;vertical-align:-1px}.panel .legend{font-size:.78rem;margin:0 0 "
    ".6rem;justify-content:center}"
    ".panels{display:grid;gap:.6rem 1.2rem}"
    ".one{grid-template-columns:minmax(0,460px)}"
    ".some{grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr))}"
    ".many{grid-template-columns:repeat(auto-fill,minmax(min(100%,290px),1fr))}"
    ".panel{break-inside:avoid;max-width:460px}"
    ".panel p{margin:.2rem 0 0;font-size:.85rem;font-weight:600;text-align:center}"
    ".panel>svg{display:block;width:100%;height:auto}"
    ".absent{color:var(--soft);font-size:.92rem}"
    ".claim{border-left:4px solid var(--c19);padding:.1rem 0 .1rem .9rem;margin:1rem 0}"
    ".supported{border-color:var(--c2)}.refuted{border-color:var(--c1)}"
    ".verdict{font-weight:700}"
    "details{margin:.6rem 0}summary{cursor:pointer;color:var(--soft)}"
    "pre{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:6px;"
    "padding:.8rem;font-size:.78rem;line-height:1.4}"
    ".words{font-size:.92rem;padding-left:1.4rem}.words li{margin:.25rem 0}"
    "@media (max-width:700px){.scroll td,.scroll th{white-space:nowrap}}"
    "@media print{:root{color-scheme:light}body{max-width:none;padding:0;font-size:10pt}"
    "figure{border:0;padding:0;background:none}"
    "nav,.files{display:none}h2,h3,.legend,summary{break-after:avoid}tr,.claim,.legend{break-"
    "inside:avoid}"
    "figcaption{break-before:avoid}"
    ".scroll{overflow:visible}table{font-size:7.5pt}.scroll td,.scroll th{padding-right:.3rem}"
    "details:not(.job)::details-content{content-visibility:visible;block-size:auto}"
    ".many{grid-template-columns:repeat(3,1fr)}.some{grid-template-columns:repeat(2,1fr)}"
    "pre{white-space:pre-wrap}}";

/* The marks of gnuplot's SVG terminal, by the names that its drawings call them. */
static const char marks[] =
    "<svg width=\"0\" height=\"0\" style=\"position:absolute\" aria-hidden=\"true\"><defs>\n"
    "<circle id=\"gpDot\" r=\"0.5\" stroke-width=\"0.5\" stroke=\"currentColor\"/>\n"
    "<path id=\"gpPt1\" stroke-width=\"0.4\" stroke=\"currentColor\" d=\"M-1,-1 L1,1 M1,-1 "
    "L-1,1\"/>\n"
    "<circle id=\"gpPt5\" stroke-width=\"0.3\" stroke=\"currentColor\" fill=\"none\" cx=\"0\" "
    "cy=\"0\" r=\"1\"/>\n"
    "<circle id=\"gpPt6\" fill=\"currentColor\" cx=\"0\" cy=\"0\" r=\"1.1\"/>\n"
    "<path id=\"gpPt8\" fill=\"currentColor\" d=\"M0,-1.33 L-1.33,0.67 L1.33,0.67 z\"/>\n"
    "<path id=\"gpPt10\" fill=\"currentColor\" d=\"M0,1.33 L-1.33,-0.67 L1.33,-0.67 z\"/>\n"
    "<path id=\"gpPt12\" fill=\"currentColor\" d=\"M0,-1.41 L1.41,0 L0,1.41 L-1.41,0 z\"/>\n"
    "</defs></svg>\n";

void psi_html_begin(const char *title, FILE *file)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          /* belt and braces: nothing here asks for anything, and nothing could */
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'\">\n<title>",
          file);
    psi_html_text(title, file);
    fputs("</title>\n<style>\n:root{color-scheme:light dark;--paper:#fff;--card:#fcfcfd;"
          "--ink:#1b1f24;--soft:#57606a;--line:#d8dee4;--link:#0b5cad;",
          file);
    put_colours(psi_colour_light, file);
    fputs("}\n@media screen and (prefers-color-scheme:dark){:root{--paper:#101317;--card:#151a1f;"
          "--ink:#e6e8eb;--soft:#a3acb6;--line:#2d343c;--link:#7cb7f5;",
          file);
    put_colours(psi_colour_dark, file);
    fprintf(file, "}}\n%s\n</style>\n</head>\n<body>\n%s", style, marks);
}

void psi_html_end(FILE *file)
{
    fputs("</body>\n</html>\n", file);
}

void psi_html_section(const char *prefix, const char *name, const char *title, FILE *file)
{
    if (*name)
        fprintf(file, "<h2 id=\"%s%s\">", prefix, name);
    else
        fputs("<h2>", file);
    psi_html_text(title, file);
    fputs("</h2>\n", file);
}

static void put_cell(const struct psi_table_column *column, const struct psi_table_cell *cell,
                     FILE *file)
{
    fputs(column->kind == PSI_TABLE_TEXT ? "<td><bdi>" : "<td class=\"number\"><bdi>", file);
    if (cell->kind == PSI_TABLE_TEXT && cell->text)
        psi_html_text(cell->text, file);
    else if (cell->kind == PSI_TABLE_INTEGER)
        fprintf(file, "%lld", (long long)cell->integer);
    else if (cell->kind == PSI_TABLE_REAL && !isnan(cell->real))
        fprintf(file, "%.*g", column->digits ? column->digits : 3, cell->real);
    else
        fputs("–", file);
    fputs("</bdi></td>", file);
}

void psi_html_table(const struct psi_table *table, FILE *file)
{
    fputs("<div class=\"scroll\" tabindex=\"0\"><table>\n<thead><tr>", file);
    for (size_t c = 0; c < table->columns; c++) {
        fputs(table->column[c].kind == PSI_TABLE_TEXT ? "<th>" : "<th class=\"number\">", file);
        psi_html_text(table->column[c].title, file);
        if (table->column[c].unit) {
            fputs(" [", file);
            psi_html_text(table->column[c].unit, file);
            fputs("]", file);
        }
        fputs("</th>", file);
    }
    fputs("</tr></thead>\n<tbody>\n", file);
    for (size_t row = 0; row < table->rows; row++) {
        fputs("<tr>", file);
        for (size_t c = 0; c < table->columns; c++)
            put_cell(&table->column[c], &table->cell[row * table->columns + c], file);
        fputs("</tr>\n", file);
    }
    fputs("</tbody></table></div>\n", file);
}

void psi_html_claims(const struct psi_html_claim *claim, size_t claims, FILE *file)
{
    for (size_t i = 0; i < claims; i++) {
        const struct psi_html_claim *c = &claim[i];
        fputs("<div class=\"claim ", file);
        psi_html_text(c->verdict, file);
        fputs("\"><p><b>", file);
        psi_html_text(c->claim, file);
        fputs("</b> ", file);
        psi_html_text(c->question, file);
        fputs("</p>\n<p><span class=\"verdict\">", file);
        psi_html_text(c->verdict, file);
        fputs("</span>: ", file);
        if (!isnan(c->contrast))
            fprintf(file, "Δ = %.3g", c->contrast);
        else
            fputs("no Δ", file);
        if (!isnan(c->low))
            fprintf(file, ", 95 %% interval %.3g to %.3g", c->low, c->high);
        fprintf(file, "; smallest effect of interest δ = %.3g. ", c->smallest);
        psi_html_text(c->sentence, file);
        fputs("</p></div>\n", file);
    }
}
