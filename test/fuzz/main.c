/*
 * main.c
 *	  A fuzz target without libFuzzer: runs over the files that it is given, and
 *	  over those files cut short and with one byte changed.
 */
#include "fuzz.h"

#include <string.h>

#define MAX_FILE 65536
#define MAX_CUTS 256 /* a file: its first beginnings, a byte more each */

static long inputs;

/* each input in memory of just its size */
static void
run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	CHECK(copy != NULL);
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	inputs++;
}

static void
run_variants(uint8_t *data, size_t size)
{
	static const uint8_t strange[] = {0, '"', '\\', '-', '0', '9', ',', '}', ']', 0x80, 0xff};
	size_t				 step = size / MAX_CUTS + 1;

	run(data, size);
	for (size_t i = 0; i < size; i += step)
	{
		uint8_t was = data[i];

		run(data, i);
		data[i] = strange[(i / step) % sizeof(strange)];
		run(data, size);
		data[i] = was;
	}
}

int
main(int argc, char **argv)
{
	static uint8_t data[MAX_FILE];
	const char	  *name;

	for (int i = 1; i < argc; i++)
	{
		FILE  *file = fopen(argv[i], "rb");
		size_t size;

		if (file == NULL)
		{
			perror(argv[i]);
			return 1;
		}
		size = fread(data, 1, sizeof(data), file);
		fclose(file);
		fprintf(stderr, "# %s\n", argv[i]); /* the last one named is the culprit */
		run_variants(data, size);
	}
	name = strrchr(argv[0], '/');
	printf("ok - %s: %ld inputs from %d files\n", name ? name + 1 : argv[0], inputs, argc - 1);
	return argc > 1 ? 0 : 1;
}
