"""Days on which clocks change: an hour that comes twice, an hour that is not there.

Invariants: written down from the law of each zone, so that no machine's time
zone database matters; an account whose zone is not here (all Etc/GMT±n, which
most accounts have) knows no such day.
"""
import datetime
import functools

# zone → (law, local hour of the change in spring, local hour that autumn repeats)
RULES = {'America/New_York': ('US', 2, 1), 'America/Los_Angeles': ('US', 2, 1),
         'Europe/Berlin': ('EU', 2, 2), 'Europe/London': ('EU', 1, 1)}
# law → for spring and autumn: (month, first possible day of the Sunday)
SUNDAYS = {'US': ((3, 8), (11, 1)), 'EU': ((3, 25), (10, 25))}


@functools.lru_cache(None)
def days(law, year):
    """The ordinals of the days in spring and in autumn."""
    found = []
    for month, first in SUNDAYS[law]:
        day = datetime.date(year, month, first)
        found.append(day.toordinal() + (6 - day.weekday()) % 7)
    return tuple(found)


def hours(rule, day, some):
    """Those of the given hours that a day has, the repeated one twice."""
    law, missing, repeated = rule
    spring, autumn = days(law, datetime.date.fromordinal(day).year)
    if day == spring:
        return [h for h in some if h != missing]
    if day == autumn:
        return [h for hour in some for h in ([hour] * 2 if hour == repeated else [hour])]
    return some
