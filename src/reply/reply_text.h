/*
 * reply_text.h
 *	  Text of the API: without JSON's escapes, and as an error message shows it.
 */
#ifndef TT_REPLY_TEXT_H
#define TT_REPLY_TEXT_H

#include "postgres.h"

/*
 * A string's content without its escapes: written to "to", which needs no more
 * room than there was; returns the length.  NUL and lone surrogates become
 * U+FFFD, since no text can hold them.
 */
extern int tt_reply_unescape(char *to, const char *from, const char *end);

/*
 * The same for the text of an array or object, which stays JSON: only \u escapes
 * of characters above ASCII (and NUL) are replaced.  So json, jsonb and text get
 * what strings get, and databases of other encodings can convert it.
 */
extern int tt_reply_unescape_json(char *to, const char *from, const char *end);

/*
 * UTF-8 as an error message can show it: at most max bytes, "..." if it is
 * longer, control characters as spaces, in the server's encoding.
 */
extern char *tt_reply_clip(const char *text, int length, int max);

#endif /* TT_REPLY_TEXT_H */
