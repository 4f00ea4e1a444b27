/*
 * shim.c
 *	  As much of a PostgreSQL server as src/reply.c, reply_text.c, decode.c and
 *	  option_value.c need: memory, errors and encodings.  The JSON lexer and the
 *	  UTF-8 functions are PostgreSQL's own, from libpgcommon.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "fuzz.h"

/* ---- memory ---- */

/* in front of each piece: a list of those that shim_reset() frees */
typedef union Piece
{
	struct
	{
		union Piece *next;
		union Piece *previous;
		size_t		 size;
	} link;
	long double align; /* as malloc aligns */
} Piece;

MemoryContext CurrentMemoryContext = NULL;
MemoryContext TopMemoryContext = NULL;

static Piece pieces = {.link = {&pieces, &pieces, 0}};

static void
link_piece(Piece *piece)
{
	piece->link.next = pieces.link.next;
	piece->link.previous = &pieces;
	pieces.link.next->link.previous = piece;
	pieces.link.next = piece;
}

static void
unlink_piece(Piece *piece)
{
	piece->link.next->link.previous = piece->link.previous;
	piece->link.previous->link.next = piece->link.next;
}

void *
palloc(Size size)
{
	Piece *piece;

	CHECK(size <= MaxAllocSize);
	piece = malloc(sizeof(Piece) + size);
	CHECK(piece != NULL);
	piece->link.size = size;
	link_piece(piece);
	return piece + 1;
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void
pfree(void *pointer)
{
	Piece *piece = (Piece *) pointer - 1;

	unlink_piece(piece);
	free(piece);
}

void *
repalloc(void *pointer, Size size)
{
	Piece *piece = (Piece *) pointer - 1;
	void  *result = palloc(size);

	memcpy(result, pointer, Min(size, piece->link.size));
	pfree(pointer);
	return result;
}

char *
pnstrdup(const char *text, Size length)
{
	char *result;

	length = strnlen(text, length);
	result = palloc(length + 1);
	memcpy(result, text, length);
	result[length] = '\0';
	return result;
}

char *
pstrdup(const char *text)
{
	return pnstrdup(text, strlen(text));
}

void
shim_keep(void)
{
	static Piece *kept = NULL; /* where LeakSanitizer still finds them */

	while (pieces.link.next != &pieces)
	{
		Piece *piece = pieces.link.next;

		unlink_piece(piece);
		piece->link.next = kept;
		kept = piece;
	}
}

void
shim_reset(void)
{
	while (pieces.link.next != &pieces)
		pfree(pieces.link.next + 1);
}


/* ---- errors ---- */

ErrorContextCallback *error_context_stack = NULL;
volatile sig_atomic_t InterruptPending = false;

static jmp_buf *catcher = NULL;

bool
shim_try(void (*run)(void *), void *arg)
{
	jmp_buf	 here;
	jmp_buf *outer = catcher;

	CHECK(error_context_stack == NULL);
	if (setjmp(here) == 0)
	{
		catcher = &here;
		run(arg);
		catcher = outer;
		CHECK(error_context_stack == NULL);
		return true;
	}
	catcher = outer;
	error_context_stack = NULL;
	return false;
}

bool
errstart(int elevel, const char *domain)
{
	CHECK(elevel == ERROR && catcher != NULL);
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	for (ErrorContextCallback *c = error_context_stack; c != NULL; c = c->previous)
		c->callback(c->arg);
	longjmp(*catcher, 1);
}

int
errcode(int sqlerrcode)
{
	return 0;
}

/* messages are put together, so that what they quote is read, and forgotten */
static void
format(const char *fmt, va_list args)
{
	char buffer[4096];

	vsnprintf(buffer, sizeof(buffer), fmt, args);
}

int
errmsg(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	format(fmt, args);
	va_end(args);
	return 0;
}

int
errcontext_msg(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	format(fmt, args);
	va_end(args);
	return 0;
}

int
set_errcontext_domain(const char *domain)
{
	return 0;
}

void
ProcessInterrupts(void)
{
}

/*
 * Assert() of a server's headers that was built with assertions: by the name that the
 * linker knows, since its other arguments differ between PostgreSQL 15 and 16.
 */
void assertion_failed(const char *condition) __asm__("ExceptionalCondition");

void
assertion_failed(const char *condition)
{
	fprintf(stderr, "assertion failed: %s\n", condition);
	abort();
}

/* ---- encodings ---- */

int shim_encoding = PG_UTF8;

int
GetDatabaseEncoding(void)
{
	return shim_encoding;
}

int
pg_encoding_mbcliplen(int encoding, const char *text, int length, int limit)
{
	int clipped = 0;

	while (clipped < length && text[clipped] != '\0')
	{
		int character = pg_encoding_mblen(encoding, text + clipped);

		if (clipped + character > limit || clipped + character > length)
			break;
		clipped += character;
	}
	return clipped;
}
