/*
 * reply.c
 *	  One page of a reply: its envelope, and of each row the values that the
 *	  scan wants.
 *
 * A page is read in one pass, with PostgreSQL's JSON lexer and without a tree
 * in memory.  What is wanted is a trie of keys: one for the envelope, one for
 * the rows.  A value that no node names is checked for syntax and forgotten.
 * (The lexer, json_lex(), is driven by the recursive descent below rather than
 * by pg_parse_json(), whose callbacks cannot stop it in PostgreSQL 15 and which
 * copies every key and every value.  What is
 * nearly all of a page is spared the lexer: next_plain(), expect_key().)
 *
 * Invariants: everything here is UTF-8, the server's encoding is decode.c's
 * business (only message and request_id are made fit for an error message).
 * Nothing the server sends makes this file ereport: a page that cannot be read
 * gives a phrase.  Recursion ends at MAX_DEPTH.  Values are copied out of the
 * body into the current memory context, the body itself is not written to.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "reply/reply.h"
#include "reply/reply_text.h"

#define MAX_DEPTH	64	   /* levels of nesting */
#define MAX_ROWS	100000 /* of one page: TikTok's have 1,000 */
#define MAX_MESSAGE 1000   /* bytes kept of a message */
#define MAX_SNIPPET 100	   /* bytes shown of what is wrong */
#define MAX_NEAR	40	   /* bytes shown of where in JSON it is */

/* memory for short values is cut from pieces of this size */
#define ARENA_SIZE (32 * 1024)

/* parts of the envelope that are more than values */
typedef enum NodeRole
{
	ROLE_NONE,
	ROLE_DATA,
	ROLE_LIST,
	ROLE_PAGE_INFO
} NodeRole;

/* a key; its children are the wanted keys of the object that is its value */
typedef struct TtNode
{
	const char	   *key;
	int				length;
	const char	   *lead; /* how it is written: "key":  NULL: not so simply */
	int				lead_length;
	NodeRole		role;
	int				nslots; /* where the value goes, if it is wanted itself */
	int			   *slots;
	int				nchildren;
	struct TtNode **children; /* by length, then bytes */

	/*
	 * Rows repeat their keys in the same order, so the key that came first and
	 * the one that came next the last time are expected to come again, see
	 * expect_key().  Hints only: they may be stale, never wrong.
	 */
	struct TtNode *first;
	struct TtNode *next;
} TtNode;

struct TtPaths
{
	const char *list_key;
	bool		single; /* it is no list, but an object: one row */
	bool		whole;	/* which is data itself */
	int			nslots;
	TtNode	   *envelope;
	TtNode	   *row;
};

/* slots of the envelope */
typedef enum EnvelopeSlot
{
	ENV_CODE,
	ENV_MESSAGE,
	ENV_REQUEST_ID,
	ENV_DATA_REQUEST_ID,
	ENV_PAGE,
	ENV_PAGE_SIZE,
	ENV_TOTAL_NUMBER,
	ENV_TOTAL_PAGE,
	ENV_HAS_MORE,
	ENV_CURSOR,
	ENV_THROTTLE,
	ENV_COUNT
} EnvelopeSlot;

static const char *const envelope_paths[ENV_COUNT] = {
	[ENV_CODE] = "code",
	[ENV_MESSAGE] = "message",
	[ENV_REQUEST_ID] = "request_id",
	[ENV_DATA_REQUEST_ID] = "data.request_id",
	[ENV_PAGE] = "data.page_info.page",
	[ENV_PAGE_SIZE] = "data.page_info.page_size",
	[ENV_TOTAL_NUMBER] = "data.page_info.total_number",
	[ENV_TOTAL_PAGE] = "data.page_info.total_page",
	[ENV_HAS_MORE] = "data.has_more",
	[ENV_CURSOR] = "data.cursor",
	[ENV_THROTTLE] = "data.extra_info.search_ads_throttle",
};

/* a page being read */
typedef struct Parse
{
	JsonLexContext *lex;
	const char	   *error; /* set once, by whoever returns false first */
	int				depth;
	const TtPaths  *paths;
	TtReply		   *reply;
	int				max_rows; /* that fit into reply->values */
	char		   *arena;
	size_t			arena_left;
} Parse;

static bool read_value(Parse *p, TtNode *node, TtValue *values);


/* ----------
 * Paths
 * ----------
 */

/* by length first: unlike keys mostly differ there */
static int
compare_key(const TtNode *node, const char *key, int length)
{
	if (node->length != length)
		return node->length < length ? -1 : 1;
	return memcmp(node->key, key, length);
}

/* the place of a key among the children; *found if it is one of them */
static int
search_child(const TtNode *node, const char *key, int length, bool *found)
{
	int low = 0;
	int high = node->nchildren;

	*found = false;
	while (low < high)
	{
		int middle = (low + high) / 2;
		int order = compare_key(node->children[middle], key, length);

		if (order == 0)
		{
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* whether JSON may write the key as it is, without an escape */
static bool
is_plain(const char *key, int length)
{
	for (int i = 0; i < length; i++)
	{
		if (key[i] == '"' || key[i] == '\\' || (unsigned char) key[i] < ' ')
			return false;
	}
	return true;
}

/* the child of that key, made if there is none */
static TtNode *
add_child(TtNode *node, const char *key, int length)
{
	bool	found;
	int		place = search_child(node, key, length, &found);
	TtNode *child;

	if (found)
		return node->children[place];

	/* room for 2, 4, 8, … children */
	if (node->nchildren == 0)
		node->children = palloc(2 * sizeof(TtNode *));
	else if (node->nchildren >= 2 && (node->nchildren & (node->nchildren - 1)) == 0)
		node->children = repalloc(node->children, 2 * node->nchildren * sizeof(TtNode *));
	memmove(&node->children[place + 1], &node->children[place],
			(node->nchildren - place) * sizeof(TtNode *));

	child = palloc0(sizeof(TtNode));
	child->key = pnstrdup(key, length);
	child->length = length;
	if (is_plain(key, length))
	{
		child->lead = psprintf("\"%.*s\":", length, key);
		child->lead_length = length + 3;
	}
	node->children[place] = child;
	node->nchildren++;
	return child;
}

/* the node at the end of a path such as a.b.c */
static TtNode *
add_path(TtNode *root, const char *path)
{
	TtNode *node = root;

	for (;;)
	{
		int length = strcspn(path, ".");

		node = add_child(node, path, length);
		if (path[length] == '\0')
			return node;
		path += length + 1;
	}
}

static TtNode *
create_trie(int npaths, const char *const *paths)
{
	TtNode *root = palloc0(sizeof(TtNode));

	for (int i = 0; i < npaths; i++)
	{
		TtNode *node = add_path(root, paths[i]);

		if (node->nslots == 0)
			node->slots = palloc(sizeof(int));
		else
			node->slots = repalloc(node->slots, (node->nslots + 1) * sizeof(int));
		node->slots[node->nslots++] = i;
	}
	return root;
}

TtPaths *
tt_paths_create(const char *list_key, int npaths, const char *const *paths)
{
	TtPaths *result = palloc(sizeof(TtPaths));
	TtNode	*data;

	result->list_key = pstrdup(list_key == NULL ? "" : list_key);
	result->single = false;
	result->whole = list_key == NULL;
	result->nslots = npaths;
	result->row = create_trie(npaths, paths);
	result->envelope = create_trie(ENV_COUNT, envelope_paths);

	data = add_path(result->envelope, "data");
	data->role = list_key == NULL ? ROLE_LIST : ROLE_DATA;
	if (list_key == NULL)
		return result;
	add_child(data, "page_info", strlen("page_info"))->role = ROLE_PAGE_INFO;
	add_child(data, list_key, strlen(list_key))->role = ROLE_LIST;
	return result;
}

TtPaths *
tt_paths_create_single(const char *key, int npaths, const char *const *paths)
{
	TtPaths *result = tt_paths_create(key, npaths, paths);

	result->single = true;
	return result;
}


/* ----------
 * The parser.  Its functions return false when p->error is set.
 * ----------
 */

static const char invalid_token[] = "invalid token";

static bool
fail(Parse *p, const char *what)
{
	JsonLexContext *lex = p->lex;
	const char	   *end = lex->input + lex->input_length;
	const char	   *at = lex->token_start ? lex->token_start : end;

	/* a body cut short is the likeliest mistake, and worth saying so */
	if (at == end || (*at == '"' && lex->token_terminator == end && what == invalid_token))
		p->error = psprintf("invalid JSON: it ends unfinished at byte %zu",
							(size_t) lex->input_length);
	else
		p->error = psprintf("invalid JSON at byte %zu: %s at \"%s\"",
							(size_t) (at - lex->input + 1), what,
							tt_reply_clip(at, Min(end - at, 2 * MAX_NEAR), MAX_NEAR));
	return false;
}

/*
 * To the next token, if it is one that says so by itself and is nearly all of a
 * page: punctuation, or a string in which nothing is escaped.
 */
static bool
next_plain(JsonLexContext *lex)
{
	const char *start = lex->token_terminator;
	const char *end = lex->input + lex->input_length;
	const char *s = start;

	if (s == end)
		return false;
	switch (*s++)
	{
		case ',':
			lex->token_type = JSON_TOKEN_COMMA;
			break;
		case ':':
			lex->token_type = JSON_TOKEN_COLON;
			break;
		case '{':
			lex->token_type = JSON_TOKEN_OBJECT_START;
			break;
		case '}':
			lex->token_type = JSON_TOKEN_OBJECT_END;
			break;
		case '"':
			while (s < end && *s != '"' && *s != '\\' && (unsigned char) *s >= ' ')
				s++;
			if (s == end || *s++ != '"')
				return false;
			lex->token_type = JSON_TOKEN_STRING;
			break;
		default:
			return false;
	}
	lex->prev_token_terminator = lex->token_terminator;
	lex->token_start = lex->token_terminator;
	lex->token_terminator += s - start;
	return true;
}

/* to the next token */
static bool
next(Parse *p)
{
	if (next_plain(p->lex))
		return true;
	switch (json_lex(p->lex))
	{
		case JSON_SUCCESS:
			return true;
		case JSON_ESCAPING_INVALID:
			return fail(p, "invalid escape");
		case JSON_ESCAPING_REQUIRED:
			return fail(p, "control character in the string");
		case JSON_UNICODE_ESCAPE_FORMAT:
			return fail(p, "invalid \\u escape");
		default:
			return fail(p, invalid_token);
	}
}

/* one level down, at a bracket or brace */
static bool
enter(Parse *p)
{
	CHECK_FOR_INTERRUPTS();
	if (++p->depth > MAX_DEPTH)
	{
		p->error = psprintf("nested deeper than %d levels", MAX_DEPTH);
		return false;
	}
	return true;
}

/* and up again */
static bool
leave(Parse *p)
{
	p->depth--;
	return next(p);
}

static char *
allocate(Parse *p, size_t size)
{
	char *result;

	if (size > p->arena_left)
	{
		if (size > ARENA_SIZE / 4)
			return palloc(size);
		p->arena = palloc(ARENA_SIZE);
		p->arena_left = ARENA_SIZE;
	}
	result = p->arena;
	p->arena += size;
	p->arena_left -= size;
	return result;
}

/* hand the text from start to end over to the slots of a node */
static void
store(Parse *p, const TtNode *node, TtValue *values, TtValueKind kind,
	  const char *start, const char *end)
{
	TtValue value = {kind, 0, NULL};

	if (kind != TT_VALUE_NULL)
	{
		value.text = allocate(p, end - start + 1);
		if (kind == TT_VALUE_STRING)
			value.length = tt_reply_unescape(value.text, start, end);
		else if (kind == TT_VALUE_JSON)
			value.length = tt_reply_unescape_json(value.text, start, end);
		else
		{
			memcpy(value.text, start, end - start);
			value.length = end - start;
		}
		value.text[value.length] = '\0';
	}
	for (int i = 0; i < node->nslots; i++)
		values[node->slots[i]] = value;
}

/* the child that came at this place the last time; previous: the one before it */
static TtNode *
expected_child(const TtNode *node, const TtNode *previous)
{
	return previous ? previous->next : node->first;
}

/*
 * The expected child, if the text behind the lexer's token is its key as it is
 * mostly written; then the lexer is moved behind the colon.  That leaves out no
 * check: a key that is_plain(), in quotes, and a colon are two tokens wherever
 * they stand, and half of a page is such.
 */
static TtNode *
expect_key(Parse *p, const TtNode *node, const TtNode *previous)
{
	JsonLexContext *lex = p->lex;
	TtNode		   *child = node ? expected_child(node, previous) : NULL;

	if (child == NULL || child->lead == NULL ||
		lex->input + lex->input_length - lex->token_terminator < child->lead_length ||
		memcmp(lex->token_terminator, child->lead, child->lead_length) != 0)
		return NULL;
	lex->token_terminator += child->lead_length;
	return child;
}

/* the child that a key names, or NULL */
static TtNode *
find_child(TtNode *node, TtNode *previous, const char *key, int length)
{
	TtNode *child = expected_child(node, previous);
	char   *unescaped = NULL;
	bool	found;
	int		place;

	if (child != NULL && compare_key(child, key, length) == 0)
		return child;

	if (memchr(key, '\\', length) != NULL)
	{
		unescaped = palloc(length);
		length = tt_reply_unescape(unescaped, key, key + length);
		key = unescaped;
	}
	place = search_child(node, key, length, &found);
	if (unescaped != NULL)
		pfree(unescaped);
	if (!found)
		return NULL;

	child = node->children[place];
	if (previous)
		previous->next = child;
	else
		node->first = child;
	return child;
}

/* the key at the lexer and its colon; *child: the node that it names, or NULL */
static bool
read_key(Parse *p, TtNode *node, TtNode *previous, TtNode **child)
{
	JsonLexContext *lex = p->lex;

	if (lex->token_type != JSON_TOKEN_STRING)
		return fail(p, "expected a key");
	if (node != NULL && node->nchildren > 0)
		*child = find_child(node, previous, lex->token_start + 1,
							lex->token_terminator - lex->token_start - 2);
	if (!next(p))
		return false;
	return lex->token_type == JSON_TOKEN_COLON || fail(p, "expected \":\"");
}

/* behind an element: to the next one, if there is one more */
static bool
next_element(Parse *p, bool *more)
{
	if (p->lex->token_type == JSON_TOKEN_COMMA)
		return next(p);
	if (p->lex->token_type != JSON_TOKEN_ARRAY_END)
		return fail(p, "expected \",\" or \"]\"");
	*more = false;
	return true;
}

static bool
read_object(Parse *p, TtNode *node, TtValue *values)
{
	JsonLexContext *lex = p->lex;
	TtNode		   *previous = NULL;

	if (!enter(p))
		return false;
	do
	{
		TtNode *child = expect_key(p, node, previous);

		if (child == NULL)
		{
			bool at_start = (lex->token_type == JSON_TOKEN_OBJECT_START);

			if (!next(p))
				return false;
			if (at_start && lex->token_type == JSON_TOKEN_OBJECT_END)
				break;
			if (!read_key(p, node, previous, &child))
				return false;
		}
		if (child != NULL)
			previous = child;
		if (!next(p) || !read_value(p, child, values))
			return false;
	} while (lex->token_type == JSON_TOKEN_COMMA);
	if (lex->token_type != JSON_TOKEN_OBJECT_END)
		return fail(p, "expected \",\" or \"}\"");
	return leave(p);
}

/* an array none of whose elements is wanted by itself */
static bool
read_array(Parse *p)
{
	bool more;

	if (!enter(p) || !next(p))
		return false;
	more = (p->lex->token_type != JSON_TOKEN_ARRAY_END);
	while (more)
	{
		if (!read_value(p, NULL, NULL) || !next_element(p, &more))
			return false;
	}
	return leave(p);
}

/* room for one more row, all of whose values are missing so far; NULL: too many */
static TtValue *
add_row(Parse *p)
{
	TtReply *reply = p->reply;
	Size	 row_size = Max(reply->nslots, 1) * sizeof(TtValue);
	TtValue *row;

	if (reply->nrows == p->max_rows)
	{
		int max_rows = Min(Max(64, 2 * p->max_rows), MAX_ROWS);

		if (reply->nrows == MAX_ROWS || max_rows * row_size > MaxAllocSize)
		{
			p->error = psprintf("more than %d rows", reply->nrows);
			return NULL;
		}
		if (reply->values == NULL)
			reply->values = palloc(max_rows * row_size);
		else
			reply->values = repalloc(reply->values, max_rows * row_size);
		p->max_rows = max_rows;
	}
	row = tt_reply_value(reply, reply->nrows, 0);
	memset(row, 0, reply->nslots * sizeof(TtValue));
	reply->nrows++;
	return row;
}

static bool
read_rows(Parse *p)
{
	JsonLexContext *lex = p->lex;
	bool			more;

	p->reply->has_list = true;
	if (!enter(p) || !next(p))
		return false;
	more = (lex->token_type != JSON_TOKEN_ARRAY_END);
	while (more)
	{
		TtValue *row;

		if (lex->token_type == JSON_TOKEN_END)
			return fail(p, "");
		if (lex->token_type != JSON_TOKEN_OBJECT_START)
		{
			p->error = psprintf("element %d of data.%s is not an object",
								p->reply->nrows + 1, p->paths->list_key);
			return false;
		}
		row = add_row(p);
		if (row == NULL || !read_object(p, p->paths->row, row) ||
			!next_element(p, &more))
			return false;
	}
	return leave(p);
}

/* an answer in another form must not pass for an empty one */
static bool
fail_list(Parse *p)
{
	p->error = psprintf("data%s%s is not an %s", p->paths->whole ? "" : ".", p->paths->list_key,
						p->paths->single ? "object" : "array");
	return false;
}

/* an object that is the only row; data without anything in it is none */
static bool
read_single_row(Parse *p)
{
	const char *start = p->lex->token_start;
	TtValue	   *row = add_row(p);

	p->reply->has_list = true;
	p->reply->has_data |= p->paths->whole;
	if (row == NULL || !read_object(p, p->paths->row, row))
		return false;
	if (p->paths->whole && memchr(start, '"', p->lex->prev_token_terminator - start) == NULL)
		p->reply->nrows = 0;
	return true;
}

/*
 * An array or object that has a part in the envelope.  Twice the same key means
 * that something is wrong with the reply, and rows may be missing.
 */
static bool
read_role(Parse *p, const TtNode *node)
{
	TtReply *reply = p->reply;
	bool	 is_object = (p->lex->token_type == JSON_TOKEN_OBJECT_START);

	if ((node->role == ROLE_DATA && reply->has_data) ||
		(node->role == ROLE_LIST && reply->has_list))
	{
		p->error = psprintf("the key \"%s\" comes twice", node->key);
		return false;
	}
	if (node->role == ROLE_LIST && is_object != p->paths->single)
		return fail_list(p);
	if (node->role == ROLE_DATA)
		reply->has_data = is_object;
	else if (node->role == ROLE_PAGE_INFO)
		reply->has_page_info = is_object;
	return true;
}

/* the value at the lexer, and on to the token behind it */
static bool
read_value(Parse *p, TtNode *node, TtValue *values)
{
	JsonLexContext *lex = p->lex;
	JsonTokenType	token = lex->token_type;
	const char	   *start = lex->token_start;
	const char	   *end = lex->token_terminator;
	TtValueKind		kind;

	switch (token)
	{
		case JSON_TOKEN_OBJECT_START:
		case JSON_TOKEN_ARRAY_START:
			if (node != NULL && node->role != ROLE_NONE && !read_role(p, node))
				return false;
			if (token == JSON_TOKEN_OBJECT_START)
			{
				if (node != NULL && node->role == ROLE_LIST ? !read_single_row(p)
															: !read_object(p, node, values))
					return false;
			}
			else if (node != NULL && node->role == ROLE_LIST)
			{
				if (!read_rows(p))
					return false;
			}
			else if (!read_array(p))
				return false;
			if (node != NULL && node->nslots > 0)
				store(p, node, values, TT_VALUE_JSON, start, lex->prev_token_terminator);
			return true;

		case JSON_TOKEN_STRING:
			kind = TT_VALUE_STRING;
			start++;
			end--;
			break;
		case JSON_TOKEN_NUMBER:
			kind = TT_VALUE_NUMBER;
			break;
		case JSON_TOKEN_TRUE:
		case JSON_TOKEN_FALSE:
			kind = TT_VALUE_BOOL;
			break;
		case JSON_TOKEN_NULL:
			kind = TT_VALUE_NULL;
			break;
		default:
			return fail(p, "expected a value");
	}
	if (node != NULL && node->role == ROLE_LIST && kind != TT_VALUE_NULL)
		return fail_list(p);
	if (node != NULL && node->nslots > 0)
		store(p, node, values, kind, start, end);
	return next(p);
}


/* ----------
 * The envelope
 * ----------
 */

/* yes, in any of the spellings seen; or what it is about */
static bool
is_true(const TtValue *value)
{
	switch (value->kind)
	{
		case TT_VALUE_BOOL:
		case TT_VALUE_STRING:
			return pg_strcasecmp(value->text, "true") == 0 || strcmp(value->text, "1") == 0;
		case TT_VALUE_NUMBER:
			return strcmp(value->text, "1") == 0;
		case TT_VALUE_JSON:
		{
			const char *inside = value->text + 1;

			inside += strspn(inside, " \t\r\n");
			return *inside != ']' && *inside != '}';
		}
		default:
			return false;
	}
}

static int64
int_or_minus_one(const TtValue *value)
{
	int64 result;

	return tt_reply_int(value, &result) ? result : -1;
}

static char *
text_or_empty(const TtValue *value, int max)
{
	if (value->text == NULL)
		return pstrdup("");
	return tt_reply_clip(value->text, value->length, max);
}

static void
fill_envelope(TtReply *reply, const TtValue *values)
{
	const TtValue *request_id = &values[ENV_REQUEST_ID];
	const TtValue *cursor = &values[ENV_CURSOR];

	if (request_id->text == NULL)
		request_id = &values[ENV_DATA_REQUEST_ID];

	reply->has_code = tt_reply_int(&values[ENV_CODE], &reply->code);
	reply->message = text_or_empty(&values[ENV_MESSAGE], MAX_MESSAGE);
	reply->request_id = text_or_empty(request_id, MAX_SNIPPET);
	reply->page = int_or_minus_one(&values[ENV_PAGE]);
	reply->page_size = int_or_minus_one(&values[ENV_PAGE_SIZE]);
	reply->total_number = int_or_minus_one(&values[ENV_TOTAL_NUMBER]);
	reply->total_page = int_or_minus_one(&values[ENV_TOTAL_PAGE]);
	reply->more = values[ENV_HAS_MORE].kind > TT_VALUE_NULL ? is_true(&values[ENV_HAS_MORE]) : -1;
	if (cursor->kind == TT_VALUE_STRING || cursor->kind == TT_VALUE_NUMBER)
		reply->cursor = pnstrdup(cursor->text, cursor->length);
	reply->ads_throttled = is_true(&values[ENV_THROTTLE]);
}

/* what is no JSON object at all: proxies and gateways answer in HTML, or not */
static const char *
not_json(const char *body, size_t length)
{
	if (length == 0)
		return "empty";
	if (strchr("[\"-0123456789", body[0]) != NULL)
		return psprintf("not a JSON object: \"%s\"", tt_reply_clip(body, length, MAX_SNIPPET));
	return psprintf("not JSON: \"%s\"", tt_reply_clip(body, length, MAX_SNIPPET));
}

TtReply *
tt_reply_parse(const TtPaths *paths, const char *body, size_t length, const char **error)
{
	Parse	parse = {0};
	TtValue envelope[ENV_COUNT] = {{0}};
	int		valid;

	*error = NULL;
	if (length > MaxAllocSize)
	{
		*error = "larger than 1 GB";
		return NULL;
	}
	if (length >= 3 && memcmp(body, "\xEF\xBB\xBF", 3) == 0)
	{
		body += 3;
		length -= 3;
	}
	while (length > 0 && strchr(" \t\r\n", body[0]) != NULL && body[0] != '\0')
	{
		body++;
		length--;
	}
	valid = pg_encoding_verifymbstr(PG_UTF8, body, length);
	if (valid != (int) length)
	{
		*error = psprintf("not valid UTF-8 at byte %d", valid + 1);
		return NULL;
	}
	if (length == 0 || body[0] != '{')
	{
		*error = not_json(body, length);
		return NULL;
	}

	parse.lex = TT_MAKE_JSON_LEX((char *) body, length, PG_UTF8, false);
	parse.paths = paths;
	parse.reply = palloc0(sizeof(TtReply));
	parse.reply->nslots = paths->nslots;
	if (!next(&parse) || !read_object(&parse, paths->envelope, envelope) ||
		(parse.lex->token_type != JSON_TOKEN_END && !fail(&parse, "expected the end")))
	{
		*error = parse.error;
		return NULL;
	}
	fill_envelope(parse.reply, envelope);
	return parse.reply;
}

/* text is what a page gave as TT_VALUE_JSON, perhaps converted since */
bool
tt_reply_array(const char *text, int length, int *nelems, TtValue **elems)
{
	Parse  parse = {0};
	int	   slot = 0;
	TtNode node = {.nslots = 1, .slots = &slot};
	int	   max = 8;

	bool more;

	*nelems = 0;
	*elems = palloc(max * sizeof(TtValue));
	parse.lex = TT_MAKE_JSON_LEX((char *) text, length, PG_UTF8, false);
	if (!next(&parse) || parse.lex->token_type != JSON_TOKEN_ARRAY_START || !enter(&parse) ||
		!next(&parse))
		return false;
	more = (parse.lex->token_type != JSON_TOKEN_ARRAY_END);
	while (more)
	{
		if (*nelems == max)
		{
			max *= 2;
			*elems = repalloc(*elems, max * sizeof(TtValue));
		}
		if (!read_value(&parse, &node, &(*elems)[*nelems]) ||
			!next_element(&parse, &more))
			return false;
		(*nelems)++;
	}
	return leave(&parse) && parse.lex->token_type == JSON_TOKEN_END;
}
