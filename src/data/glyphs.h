/* Private to the glyphs set: the shapes that are drawn. */
#ifndef PSI_DATA_GLYPHS_H
#define PSI_DATA_GLYPHS_H

enum { PSI_GLYPH_DIGITS = 10, PSI_GLYPH_POINTS = 12, PSI_GLYPH_STROKES = 4, PSI_GLYPH_STYLES = 3 };

/* A smooth curve through points in the unit square, x to the right, y down; a corner is where one
 * stroke ends and the next begins. */
struct psi_glyph_stroke {
    int points;
    float xy[PSI_GLYPH_POINTS][2];
};

/* One way to write a digit. */
struct psi_glyph {
    int strokes;
    struct psi_glyph_stroke stroke[PSI_GLYPH_STROKES];
};

/* The styles of a digit: borrowed, *count of them. */
const struct psi_glyph *psi_glyph_styles(int digit, int *count);

#endif
