/*
 * second_ids.c
 *	  What requests of some endpoints have to name: something of the account, such
 *	  as a store, and values of conditions that the endpoint requires.
 *
 * Pure C.
 */
#include "request/request.h"

#include <stdlib.h>

static int
most_per_request(const TtQuery *query)
{
	return query->stream->endpoint->second->most;
}

int
tt_second_groups(const TtQuery *query, TtSecondGroup **groups)
{
	bool token = query->stream->endpoint->account_param == TT_ACCOUNT_TOKEN;
	int	 naccounts = token ? 1 : query->naccounts;
	int	 n = 0;

	*groups = malloc(sizeof(TtSecondGroup) * ((size_t) query->nsecond + 1));
	if (*groups == NULL)
		return -1;
	for (int account = 0; account < naccounts; account++)
	{
		int64_t		   id = token ? 0 : query->accounts[account];
		TtSecondGroup *group = NULL;

		for (int i = 0; i < query->nsecond; i++)
		{
			if (query->second[i].account != id)
				continue;
			if (group == NULL || group->second.n == most_per_request(query))
			{
				group = &(*groups)[n++];
				group->account = token ? -1 : account;
				group->second.first = i;
				group->second.n = 0;
			}
			group->second.n++;
		}
	}
	return n;
}

/* How many requests take all values of a required condition. */
static int
batches(const TtCondition *condition)
{
	int limit = tt_filter_limit(condition->filter);

	return limit == 0 ? 1 : (condition->nvalues + limit - 1) / limit;
}

int64_t
tt_required_count(const TtQuery *query)
{
	int64_t n = 1;

	for (int i = 0; i < query->nrequired; i++)
		n *= batches(&query->required[i]);
	return n;
}

int
tt_required_values(const TtQuery *query, const TtUnit *unit, int i, const char ***values)
{
	const TtCondition *condition = &query->required[i];
	int				   limit = tt_filter_limit(condition->filter);
	int64_t			   number = unit->required;
	int				   first;

	/* the last condition's values change first */
	for (int k = query->nrequired - 1; k > i; k--)
		number /= batches(&query->required[k]);
	first = (int) (number % batches(condition)) * limit;
	*values = condition->values + first;
	return limit > 0 && condition->nvalues - first > limit ? limit : condition->nvalues - first;
}
