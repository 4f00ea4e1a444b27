/*
 * tap.h
 *	  What unit tests print (TAP), and random numbers that are the same in every
 *	  run.
 */
#ifndef TT_TEST_TAP_H
#define TT_TEST_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int tests;
static int failures;

static inline void
ok(bool good, const char *format, ...)
{
	va_list args;

	printf("%sok %d - ", good ? "" : "not ", ++tests);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	failures += !good;
}

static inline void
is_text(const char *got, const char *expected, const char *what)
{
	ok(strcmp(got, expected) == 0, "%s: %s", what, expected);
	if (strcmp(got, expected) != 0)
		printf("# got %s\n", got);
}

static inline int
random_below(int n)
{
	static uint32_t random_state = 1;

	random_state = random_state * 1664525u + 1013904223u;
	return (int) ((random_state >> 8) % (uint32_t) n);
}
/* the last line, and the exit code */
static inline int
done_testing(void)
{
	printf("1..%d\n", tests);
	return failures > 0;
}

#endif /* TT_TEST_TAP_H */
