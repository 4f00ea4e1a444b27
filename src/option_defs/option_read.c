/*
 * option_read.c
 *	  How the text of an option becomes what is in effect, or an error.
 *
 * A value is never repeated in a message if it is a credential or could contain
 * one.
 */
#include "postgres.h"

#include "option_defs/option_table.h"

#include "commands/defrem.h"
#include "compat.h"
#include "lib/stringinfo.h"
#include "option_defs/option_value.h"
#include "option_defs/stream.h"
#include "utils/builtins.h"
#include "utils/guc.h"

TT_NORETURN static void invalid_value(const TtOptionDef *def, const char *value,
									  const char *complaint);

/* ---- reading a value ------------------------------------------------------ */

/* A comma-separated list of the catalogue's or of tt_option_table, made readable. */
static char *
readable_list(const char *list)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (const char *p = list; *p != '\0'; p++)
	{
		appendStringInfoChar(&buf, *p);
		if (*p == ',')
			appendStringInfoChar(&buf, ' ');
	}
	return buf.data;
}

/* What an option takes: the end of a hint. */
static const char *
valid_values(const TtOptionDef *def)
{
	switch (def->kind)
	{
		case V_BOOL:
			return "true or false";
		case V_EITHER:
		case V_WORD:
			return psprintf("one of: %s", readable_list(def->words));
		case V_WORDS:
			return psprintf("a comma-separated list of: %s", readable_list(def->words));
		case V_INTEGER:
			return psprintf("an integer from %d to %d", (int) def->min, (int) def->max);
		case V_SECONDS:
			return psprintf("whole seconds from %d to %d, or a number with unit such as 1min",
							(int) def->min, (int) def->max);
		case V_BYTES:
			return "a size from 1kB to 1GB, such as 64MB";
		case V_STREAM:
			return "the name of a stream, or report for a report of your own; "
				   "SELECT name FROM tiktok.streams lists the streams";
		case V_ACCOUNTS:
			return "a comma-separated list of ad account ids";
		case V_CENTERS:
			return "a comma-separated list of Business Center ids";
		case V_DATE:
			return "a day from 1970 to 9999, as YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ";
		case V_API_URL:
			return "a URL such as " PRODUCTION_URL;
		case V_PROXY:
			return "a URL such as http://proxy.example.com:3128";
		case V_FILE:
			return "an absolute path on the server";
		case V_CREDENTIAL:
			return "the text that TikTok issued";
		case V_DIMENSIONS:
			return "up to 8 comma-separated names, such as campaign_id,stat_time_day";
		case V_PATH:
			return "names separated by dots, such as metrics.spend";
	}
	return ""; /* not reached */
}

static void
invalid_value(const TtOptionDef *def, const char *value, const char *complaint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 (def->flags & (SECRET | HIDDEN)) != 0
				 ? errmsg("invalid value for option \"%s\"", def->name)
				 : errmsg("invalid value for option \"%s\": \"%s\"", def->name, value),
			 complaint != NULL ? errdetail_internal("%s", complaint) : 0,
			 errhint("\"%s\" (%s) takes %s.", def->name, def->about,
					 valid_values(def))));
}

static void
read_url(const TtOptionDef *def, const char *value, TtOptionSet *s)
{
	TtUrl		url;
	const char *complaint = tt_value_url(value, &url);
	char	   *base;

	if (complaint != NULL)
		invalid_value(def, value, complaint);
	if (def->kind == V_PROXY)
	{
		if (strcmp(url.path, "") != 0 && strcmp(url.path, "/") != 0)
			invalid_value(def, value, "The URL of a proxy ends behind host and port.");
		s->o.proxy = value;
		return;
	}
	/* scheme and host in small letters, so that others may compare them */
	base = psprintf("%s%s", value, value[strlen(value) - 1] == '/' ? "" : "/");
	for (char *p = base; p < base + (url.path - value); p++)
		*p = pg_ascii_tolower((unsigned char) *p);
	s->o.base_url = base;
	s->o.host = url.host;
}

static void
read_word(const TtOptionDef *def, const char *value, void *field)
{
	const char *complaint = NULL;

	if (strchr(value, ',') == NULL && tt_list_contains(def->words, value))
	{
		if (def->kind == V_WORD)
			*(const char **) field = value;
		else
			*(bool *) field = strncmp(def->words, value, strlen(value)) != 0;
		return;
	}
	if (strcmp(def->name, "report_type") == 0 && strcmp(value, "BC") == 0)
		complaint = "BC reports are about a Business Center, not about ad accounts.";
	invalid_value(def, value, complaint);
}

/* NULL, or what is wrong */
static const char *
read_words(const TtOptionDef *def, const char *value, int *field)
{
	List	   *given;
	const char *complaint = tt_value_names(value, true, TT_MAX_IDS, &given);
	const char *words = def->words;
	int			found = 0;

	*field = 0;
	for (int bit = 1; complaint == NULL; bit <<= 1)
	{
		size_t	  n = strcspn(words, ",");
		ListCell *lc;

		foreach(lc, given)
		{
			const char *word = lfirst(lc);

			if (strlen(word) != n || strncmp(word, words, n) != 0)
				continue;
			*field |= bit;
			found++;
		}
		if (words[n] == '\0')
			break;
		words += n + 1;
	}
	if (complaint == NULL && found < list_length(given))
		complaint = "The list has an element that is none of these.";
	return complaint;
}

static void
read_number(const TtOptionDef *def, const char *value, void *field)
{
	int	  unit = def->kind == V_SECONDS ? GUC_UNIT_S
				 : def->kind == V_BYTES ? GUC_UNIT_BYTE
										: 0;
	int64 number;

	if (!tt_value_integer(value, unit, def->min, def->max, &number))
		invalid_value(def, value, NULL);
	if (def->kind == V_BYTES)
		*(int64 *) field = number;
	else
		*(int *) field = (int) number;
}

void
tt_option_read(const TtOptionDef *def, const char *value, TtOptionSet *s)
{
	void	   *field = (char *) s + def->offset;
	const char *complaint = NULL;

	switch (def->kind)
	{
		case V_BOOL:
			if (!parse_bool(value, (bool *) field))
				invalid_value(def, value, NULL);
			return;
		case V_EITHER:
		case V_WORD:
			read_word(def, value, field);
			return;
		case V_INTEGER:
		case V_SECONDS:
		case V_BYTES:
			read_number(def, value, field);
			return;
		case V_API_URL:
		case V_PROXY:
			read_url(def, value, s);
			return;
		case V_DATE:
			if (!tt_value_date(value, (DateADT *) field))
				invalid_value(def, value, NULL);
			s->o.has_start_date = true;
			return;
		case V_ACCOUNTS:
			complaint = tt_value_accounts(value, &s->o.naccounts, &s->o.accounts);
			break;
		case V_CENTERS:
			complaint = tt_value_accounts(value, &s->o.ncenters, &s->o.centers);
			break;
		case V_DIMENSIONS:
			complaint = tt_value_names(value, false, TT_MAX_DIMENSIONS, (List **) field);
			break;
		case V_WORDS:
			complaint = read_words(def, value, field);
			break;
		case V_FILE:
			if (!is_absolute_path(value))
				complaint = "The path is not absolute.";
			*(const char **) field = value;
			break;
		case V_CREDENTIAL:
			complaint = tt_value_credential(value);
			*(const char **) field = value;
			break;
		case V_PATH:
			complaint = tt_value_path(value);
			*(const char **) field = value;
			break;
		case V_STREAM:
			/* tt_option_stream() knows more */
			*(const char **) field = value;
			break;
	}
	if (complaint != NULL)
		invalid_value(def, value, complaint);
}

/* ---- several options ------------------------------------------------------------- */

TtOptionSet *
tt_option_set_new(void)
{
	TtOptionSet *s = palloc0(sizeof(TtOptionSet));

	for (int i = 0; i < tt_option_count; i++)
	{
		const TtOptionDef *def = &tt_option_table[i];
		void			  *field = (char *) s + def->offset;

		if (def->initial == 0)
			continue;
		if (def->kind == V_BOOL || def->kind == V_EITHER)
			*(bool *) field = true;
		else if (def->kind == V_BYTES)
			*(int64 *) field = def->initial;
		else
			*(int *) field = (int) def->initial;
	}
	return s;
}

void
tt_option_read_list(List *options, TtOptionSet *s)
{
	ListCell *lc;

	foreach(lc, options)
	{
		DefElem			  *def = lfirst(lc);
		const TtOptionDef *option = tt_option_find(def->defname);

		if (option == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\"", def->defname)));
		tt_option_read(option, defGetString(def), s);
	}
}

bool
tt_option_given(List *options, const char *name)
{
	ListCell *lc;

	foreach(lc, options)
	{
		if (strcmp(((DefElem *) lfirst(lc))->defname, name) == 0)
			return true;
	}
	return false;
}

const TtStream *
tt_option_stream(const TtOptionSet *s)
{
	if (s->stream == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"stream\" is required for a foreign table"),
				 errhint("Add OPTIONS (stream 'campaigns'); SELECT name FROM tiktok.streams "
						 "lists the streams.")));
	if (strcmp(s->stream, "report") == 0)
		return tt_stream_own_report(s->report_type, s->data_level, s->dimensions, s->grain);
	return tt_stream_get(s->stream);
}
