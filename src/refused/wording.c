/*
 * wording.c
 *	  What a message of the API names, and what it only lists as valid.
 */
#include "postgres.h"

#include "refused/refused_private.h"

#include <ctype.h>

#include "utils/formatting.h"

bool
tt_message_names(const char *message, const char *word, bool *quoted)
{
	size_t n = strlen(word);

	*quoted = false;
	for (const char *p = strstr(message, word); p != NULL; p = strstr(p + 1, word))
	{
		char before = p > message ? p[-1] : ' ';
		char after = p[n];

		if (isalnum((unsigned char) before) || before == '_' ||
			isalnum((unsigned char) after) || after == '_')
			continue;
		*quoted = before != '\0' && strchr("'\"`[", before) != NULL;
		return true;
	}
	return false;
}

/*
 * What a message says before it lists what is valid ("metrics.2: Must be one
 * of: spend, ..."): the names of that list are not refused.
 */
const char *
tt_message_before_valid(const char *message)
{
	static const char *const lists[] = {
		"be one of", "not one of", "expected one of", "valid metrics", "valid values",
		"valid fields", "valid options", "supported metrics", "supported values",
		"supported fields", "allowed metrics", "allowed values", "allowed fields",
		"available metrics", "permitted values", "choose from"};
	char *text = pstrdup(message);
	char *lower = asc_tolower(message, strlen(message));

	for (int i = 0; i < lengthof(lists); i++)
		for (char *p = strstr(lower, lists[i]); p != NULL; p = strstr(p + 1, lists[i]))
		{
			/* "invalid metrics: cpm", "not supported metrics: cpm" */
			if ((p > lower && isalnum((unsigned char) p[-1])) ||
				(p - lower >= 4 && strncmp(p - 4, "not ", 4) == 0))
				continue;
			text[p - lower] = '\0';
			break;
		}
	return text;
}
