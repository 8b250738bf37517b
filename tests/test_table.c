#include "psisweep/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TEXT(t)                     \
    {                               \
        PSI_TABLE_TEXT, .text = (t) \
    }
#define REAL(r)                     \
    {                               \
        PSI_TABLE_REAL, .real = (r) \
    }
#define INTEGER(i)                        \
    {                                     \
        PSI_TABLE_INTEGER, .integer = (i) \
    }
#define NONE                         \
    {                                \
        PSI_TABLE_NONE, .integer = 0 \
    }

static const struct psi_table_column columns[] = {
    {"arm", NULL, "arm", PSI_TABLE_TEXT, 0},    {"F_min", NULL, "f_min", PSI_TABLE_REAL, 0},
    {"SD", "decades", "sd", PSI_TABLE_REAL, 5}, {"seeds", NULL, "seeds", PSI_TABLE_INTEGER, 0},
    {"note", NULL, "note", PSI_TABLE_TEXT, 0},
};

/* Print and compare the exact bytes. */
static void assert_prints(void (*print)(const struct psi_table *, FILE *),
                          const struct psi_table_cell *cell, size_t rows, const char *expected)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    const struct psi_table table = {columns, cell, 5, rows};
    print(&table, file);
    assert_int_equal(ferror(file), 0);
    fclose(file);
    assert_string_equal(text, expected);
    assert_int_equal(size, strlen(expected));
    free(text);
}

static const struct psi_table_cell plain[] = {
    TEXT("magnitude"),
    REAL(0.0027391),
    REAL(0.081234567),
    INTEGER(10),
    TEXT(NULL),
    TEXT("f\xc3\xbcr"),
    REAL(NAN),
    REAL(INFINITY),
    INTEGER(-3),
    TEXT("low, \"so\""),
    TEXT(""),
    NONE,
    NONE,
    NONE,
    NONE,
};

/* Names that would drive a terminal, leave a script element, or are no UTF-8. */
static const struct psi_table_cell hostile[] = {
    TEXT("a\nb\tc\r\x1b[31m\x7f\xc2\x9b"),
    REAL(1e300),
    REAL(-0.0),
    INTEGER(INT64_MIN),
    TEXT("</script>\\ \xff \xe2\x82 \xed\xa0\x80 \xf0\x9f\x98\x80"),
};

static void test_people(void **state)
{
    (void)state;
    assert_prints(psi_table_print, plain, 3,
                  "arm          F_min  SD [decades]  seeds  note\n"
                  "magnitude  0.00274      0.081235     10  -\n"
                  "f\xc3\xbcr              -           inf     -3  low, \"so\"\n"
                  "                 -             -      -  -\n");
    assert_prints(psi_table_print, plain, 0, "arm  F_min  SD [decades]  seeds  note\n");
    assert_prints(psi_table_print, hostile, 1,
                  "arm                           F_min  SD [decades]                 seeds  note\n"
                  "a\\nb\\tc\\r\\x1b[31m\\x7f\\u009b  1e+300            -0  -9223372036854775808  "
                  "</script>\\ \xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd "
                  "\xf0\x9f\x98\x80\n");
}

static void test_json(void **state)
{
    (void)state;
    assert_prints(psi_table_print_json, plain, 3,
                  "[\n"
                  "  {\"arm\": \"magnitude\", \"f_min\": 0.0027391, \"sd\": 0.081234567, "
                  "\"seeds\": 10, \"note\": null},\n"
                  "  {\"arm\": \"f\xc3\xbcr\", \"f_min\": null, \"sd\": null, \"seeds\": -3, "
                  "\"note\": \"low, \\\"so\\\"\"},\n"
                  "  {\"arm\": \"\", \"f_min\": null, \"sd\": null, \"seeds\": null, "
                  "\"note\": null}\n"
                  "]\n");
    assert_prints(psi_table_print_json, plain, 0, "[]\n");
    assert_prints(psi_table_print_json, hostile, 1,
                  "[\n"
                  "  {\"arm\": \"a\\nb\\tc\\u000d\\u001b[31m\\u007f\\u009b\", \"f_min\": 1e+300, "
                  "\"sd\": -0, \"seeds\": -9223372036854775808, \"note\": "
                  "\"\\u003c/script>\\\\ \xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd"
                  "\xef\xbf\xbd \xf0\x9f\x98\x80\"}\n"
                  "]\n");
}

static void test_csv(void **state)
{
    (void)state;
    assert_prints(psi_table_print_csv, plain, 3,
                  "arm,f_min,sd,seeds,note\r\n"
                  "magnitude,0.0027391,0.081234567,10,\r\n"
                  "f\xc3\xbcr,,inf,-3,\"low, \"\"so\"\"\"\r\n"
                  ",,,,\r\n");
    assert_prints(psi_table_print_csv, plain, 0, "arm,f_min,sd,seeds,note\r\n");
    assert_prints(psi_table_print_csv, hostile, 1,
                  "arm,f_min,sd,seeds,note\r\n"
                  "\"a\nb\tc\r\x1b[31m\x7f\xc2\x9b\",1e+300,-0,-9223372036854775808,"
                  "</script>\\ \xff \xe2\x82 \xed\xa0\x80 \xf0\x9f\x98\x80\r\n");
}

/* The fmin command's document: a table and scalars, nested. */
static void test_json_writer(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    struct psi_json json = {.file = open_memstream(&text, &size)};

    const struct psi_table_cell cell[] = {TEXT("m"), REAL(0.5), TEXT("r"), REAL(NAN)};
    const struct psi_table narrow = {columns, cell, 2, 2};
    psi_json_object_begin(&json);
    psi_json_key(&json, "schema");
    psi_json_string(&json, "psisweep-fmin-1");
    psi_json_key(&json, "files");
    psi_json_array_begin(&json);
    for (int i = 0; i < 2; i++) {
        psi_json_object_begin(&json);
        psi_json_key(&json, "file");
        psi_json_string(&json, i ? NULL : "a\"b.h5");
        psi_json_key(&json, "level");
        psi_json_real(&json, 0.1);
        psi_json_key(&json, "arms");
        if (i)
            psi_json_array_begin(&json), psi_json_array_end(&json);
        else
            psi_json_table(&json, &narrow);
        psi_json_key(&json, "options");
        psi_json_object_begin(&json);
        psi_json_object_end(&json);
        psi_json_object_end(&json);
    }
    psi_json_array_end(&json);
    psi_json_key(&json, "count");
    psi_json_integer(&json, 2);
    psi_json_object_end(&json);
    fclose(json.file);
    assert_string_equal(text, "{\"schema\": \"psisweep-fmin-1\", \"files\": [\n"
                              "  {\"file\": \"a\\\"b.h5\", \"level\": 0.1, \"arms\": [\n"
                              "    {\"arm\": \"m\", \"f_min\": 0.5},\n"
                              "    {\"arm\": \"r\", \"f_min\": null}\n"
                              "  ], \"options\": {}},\n"
                              "  {\"file\": null, \"level\": 0.1, \"arms\": [], \"options\": {}}\n"
                              "], \"count\": 2}\n");
    free(text);
}

static void test_real_text(void **state)
{
    (void)state;
    static const struct {
        double real;
        const char *text;
    } rows[] = {
        {0, "0"},
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {0.1 + 0.2, "0.30000000000000004"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {123456789, "123456789"},
        {-2.5e-7, "-2.5e-07"},
        {-INFINITY, "-inf"},
        {-NAN, "nan"},
    };
    char text[PSI_REAL_TEXT];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        psi_real_text(rows[i].real, text);
        assert_string_equal(text, rows[i].text);
    }
}

/* Unicode 15, 3.9, tables 3-8 to 3-11: how many U+FFFD an ill-formed sequence gives. */
static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t point[9];
    } rows[] = {
        {"a\xc3\xa9\xe2\x82\xac\xf4\x8f\xbf\xbf", {'a', 0xe9, 0x20ac, 0x10ffff}},
        {"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41",
         {0xfffd, 0xfffd, 0xfffd, 0xfffd, 0xfffd, 0xfffd, 0xfffd, 0xfffd, 'A'}},
        {"\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41",
         {0xfffd, 0xfffd, 0xfffd, 0xfffd, 0xfffd, 0xfffd, 0xfffd, 0xfffd, 'A'}},
        {"\xf4\x91\x92\x93\xff\x41\x80\xbf\x42",
         {0xfffd, 0xfffd, 0xfffd, 0xfffd, 0xfffd, 'A', 0xfffd, 0xfffd, 'B'}},
        {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", {0xfffd, 0xfffd, 0xfffd, 0xfffd, 'A'}},
        {"\xf0\x9f\x98", {0xfffd}}, /* cut short by the end */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *text = rows[i].text;
        for (size_t j = 0; j < 9 && rows[i].point[j]; j++)
            assert_int_equal(psi_utf8_next(&text), rows[i].point[j]);
        assert_int_equal(psi_utf8_next(&text), 0);
        assert_ptr_equal(text, rows[i].text + strlen(rows[i].text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_people),    cmocka_unit_test(test_json),
        cmocka_unit_test(test_csv),       cmocka_unit_test(test_json_writer),
        cmocka_unit_test(test_real_text), cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
