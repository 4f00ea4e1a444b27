/*
 * fuzz.h
 *	  What every fuzz target has, and what the shim (shim.c) offers those that are
 *	  linked with code written for a backend.
 */
#ifndef TT_FUZZ_H
#define TT_FUZZ_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* what must be so, whatever the input */
#define CHECK(condition)                                                            \
	do                                                                              \
	{                                                                               \
		if (!(condition))                                                           \
		{                                                                           \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                           \
	} while (0)

/*
 * The shim.  Every palloc is a malloc of its own, so that the sanitizers see its
 * ends.
 */
extern void shim_reset(void); /* frees them */
extern void shim_keep(void);  /* those made so far survive shim_reset() */

/* Run what may ereport(ERROR); false if it did. */
extern bool shim_try(void (*run)(void *), void *arg);

/* what GetDatabaseEncoding() returns; UTF8 at first */
extern int shim_encoding;

#endif /* TT_FUZZ_H */
