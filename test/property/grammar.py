"""Random queries, each with one right answer.

A query is text with placeholders {0}, {1} … for its values, so that the same
query can run with constants and as a prepared statement.  Tables are named
without schema: the search path decides whether they are foreign tables or
local copies.  What is left out, because its answer depends on the plan: LIMIT
without a total order (other than to count rows), accounts that the token may
not read, and reports by day or hour without a lower bound, of the query or by
the option start_date.
"""
import dataclasses

SPARK = 0.12                      # how often something unusual is put in


@dataclasses.dataclass
class Query:
    """sql with placeholders; values: (type, SQL text); ordered: rows compare in order."""
    sql: str
    values: list
    ordered: bool
    settings: list
    shape: str

    def plain(self):
        return self.sql.format(*(value for _, value in self.values))

    def prepared(self, name):
        """PREPARE and EXECUTE, each value as a parameter."""
        if not self.values:
            return f'PREPARE {name} AS {self.sql.format()}', f'EXECUTE {name}'
        types = ', '.join(type_ for type_, _ in self.values)
        names = [f'${i + 1}' for i in range(len(self.values))]
        values = ', '.join(value for _, value in self.values)
        return (f'PREPARE {name} ({types}) AS {self.sql.format(*names)}',
                f'EXECUTE {name} ({values})')


@dataclasses.dataclass
class Table:
    """A stream: its key, its columns with types, and values that occur in it."""
    name: str
    key: list
    types: dict
    pushed: set
    pool: dict
    time: str = None              # stat_time_day or stat_time_hour
    metrics: tuple = ()           # by which the API orders

    def ids(self):
        return [c for c in self.types if self.types[c] == 'bigint' and c in self.pushed
                and c != 'advertiser_id']


def literal(text, type_):
    quoted = "'" + text.replace("'", "''") + "'"
    if '\\' in quoted:
        quoted = 'E' + quoted.replace('\\', '\\\\')
    quoted = quoted.replace('{', '{{').replace('}', '}}')
    return f'{quoted}::{type_}'


class Generator:
    """Makes queries over the tables from a random.Random."""

    def __init__(self, random, tables, accounts, days, bounded=False):
        self.random, self.tables, self.accounts = random, tables, accounts
        self.bounded = bounded    # by start_date: reports by day need no lower bound
        self.days = days          # the days that copies of hourly tables hold, as text
        self.values, self.n = [], 0

    # ------------------------------------------------------------- values

    def chance(self, p=SPARK):
        return self.random.random() < p

    def value(self, type_, text):
        """A placeholder, a bare constant, or a constant dressed up."""
        text = text.replace('{{', '{').replace('}}', '}')
        roll = self.random.random()
        if roll < 0.5:
            self.values.append((type_, text))
            return f'{{{len(self.values) - 1}}}'
        text = text.replace('{', '{{').replace('}', '}}')
        if roll < 0.58:
            return f'(SELECT {text})'
        if roll < 0.63:
            return f'coalesce(NULL::{type_}, {text})'
        if roll < 0.66 and type_ in ('bigint', 'integer', 'date', 'timestamp', 'timestamptz'):
            return f'greatest({text}, {text})'
        if roll < 0.68:
            return f'(SELECT max(v) FROM (VALUES ({text}), ({text})) AS x (v))'
        return text

    def constant(self, table, column):
        """(type, SQL) of a value for a column: one that occurs, or a strange one."""
        type_ = table.types[column]
        if column == 'advertiser_id':
            return 'bigint', f"'{self.random.choice(self.accounts)}'::bigint"
        if self.chance(0.04):
            return type_, f'NULL::{type_}'
        if type_ == 'bigint' and self.chance():
            return self.random.choice((
                ('bigint', "'9223372036854775807'::bigint"), ('bigint', '0::bigint'),
                ('bigint', "'-9223372036854775808'::bigint"), ('integer', '2147483647'),
                ('integer', '-1'), ('smallint', '7::smallint'), ('bigint', '1::bigint')))
        if type_ == 'text' and self.chance():
            return 'text', literal(self.random.choice((
                '', "it's", '"', '\\', 'Ünïcode ✨', '夏', "a' OR '1'='1", '{"a": 1}', ' ', '%',
                'null', '-', '\n', 'traffic', 'x' * 600)), 'text')
        pool = table.pool.get(column)
        if not pool:
            return type_, f'NULL::{type_}'
        return type_, literal(self.random.choice(pool), type_)

    def array(self, table, column, sizes=(0, 1, 1, 2, 3, 3, 5, 12)):
        """An array for = ANY: elements that occur, NULLs, repeats, nothing."""
        type_ = table.types[column]
        found = [self.constant(table, column)[1] for _ in range(self.random.choice(sizes))]
        if found and self.chance():
            found.append(f'NULL::{type_}')
        if found and self.chance():
            found.append(found[0])
        return f'{type_}[]', f"ARRAY[{', '.join(found)}]::{type_}[]"

    # --------------------------------------------------------- conditions

    def equal(self, table, alias, column):
        """column = value in one of its many spellings."""
        name = f'{alias}.{column}'
        roll = self.random.random()
        if roll < 0.3:
            return f'{name} = {self.value(*self.constant(table, column))}'
        if roll < 0.42:
            return f'{self.value(*self.constant(table, column))} = {name}'
        if roll < 0.62:
            some = [self.value(*self.constant(table, column))
                    for _ in range(self.random.choice((1, 2, 3, 6)))]
            return f"{name} IN ({', '.join(some)})"
        if roll < 0.82:
            return f'{name} = ANY ({self.value(*self.array(table, column))})'
        if roll < 0.86:
            one, two = self.constant(table, column)[1], self.constant(table, column)[1]
            return self.random.choice((
                f'{name} = ALL ({self.value(*self.array(table, column, (1, 1, 2)))})',
                f'{name} IN (VALUES ({one}), ({two}))',
                f'{name} BETWEEN SYMMETRIC {one} AND {two}',
                f'{name} IS NOT DISTINCT FROM {one}',
                f'({alias}.advertiser_id, {name}) IN (({self.accounts[0]}, {one}), '
                f'({self.accounts[1]}, {two}))',
                f'({alias}.advertiser_id, {name}) >= ({self.accounts[0]}, {one})',
                f'{name} = CASE WHEN {name} IS NULL THEN {one} ELSE {two} END',
                f'{name} = (SELECT {one} WHERE {self.random.choice(("true", "false"))})',
                f'{name}::text = ({one})::text'))
        if roll < 0.94:
            parts = [f'{name} = {self.value(*self.constant(table, column))}'
                     for _ in range(self.random.choice((2, 3)))]
            return f"({' OR '.join(parts)})"
        return f'{name} IN (SELECT unnest({self.array(table, column)[1]}))'

    def id_condition(self, table, alias):
        ids = table.ids()
        if not ids:
            return self.local_condition(table, alias)
        column = self.random.choice(ids)
        if self.chance(0.15):
            local = self.random.choice(('l_campaigns', 'l_adgroups', 'l_ads', 'l_ids'))
            return self.random.choice((
                f'{alias}.{column} IN (SELECT id FROM {local})',
                f'{alias}.{column} = ANY (ARRAY(SELECT id FROM {local}))',
                f'EXISTS (SELECT FROM {local} WHERE {local}.id = {alias}.{column})',
                f'{alias}.{column} NOT IN (SELECT id FROM {local} WHERE id IS NOT NULL)',
                f'{alias}.{column} = (SELECT min(id) FROM {local})'))
        return self.equal(table, alias, column)

    def account_condition(self, table, alias):
        name = f'{alias}.advertiser_id'
        if self.chance(0.12):
            return self.random.choice((
                f'{name} IN (SELECT advertiser_id FROM l_accounts)',
                f'{name} = ANY (ARRAY(SELECT advertiser_id FROM l_accounts))',
                f'{name} = (SELECT min(advertiser_id) FROM l_accounts WHERE advertiser_id > 10)',
                f'{name} = ANY (NULL::bigint[])', f'{name} IS NOT NULL',
                f'{name} = 0', f'{name} = -5', f'{name} = NULL::bigint',
                f'{name}::text = {literal(str(self.random.choice(self.accounts)), "text")}',
                f'{name} <> {self.random.choice(self.accounts)}',
                f'{name} > {self.random.choice(self.accounts)}'))
        return self.equal(table, alias, 'advertiser_id')

    def moment(self, type_, hourly):
        """(type, SQL) of a day or time, mostly within the data."""
        days = self.days['hour' if hourly else 'day']
        day = self.random.choice(days)
        if type_ == 'date':
            return 'date', f"'{day}'::date"
        hour = self.random.choice(('00:00:00', '00:00:00', '23:59:59.999999', '05:00:00', '12:30:00',
                                   '00:00:00.000001'))
        if type_ == 'timestamp':
            return 'timestamp', f"'{day} {hour}'::timestamp"
        zone = self.random.choice(('', 'Z', '+14', '-12', '+05:45'))
        return 'timestamptz', f"'{day} {hour}{zone}'::timestamptz"

    def strange_moment(self):
        return self.random.choice((
            ('date', "'infinity'::date"), ('date', "'-infinity'::date"),
            ('timestamp', "'infinity'::timestamp"), ('timestamptz', "'-infinity'::timestamptz"),
            ('date', "'0044-03-15 BC'::date"), ('date', "'9999-12-31'::date"),
            ('date', "'5874897-12-31'::date"), ('date', "'4713-01-01 BC'::date"),
            ('timestamp', "'294276-12-31 23:59:59'::timestamp"),
            ('timestamptz', "'1999-12-31 23:59:59-08'::timestamptz"),
            ('date', 'NULL::date'), ('timestamptz', 'NULL::timestamptz')))

    def day_form(self, table, alias):
        """A condition of any form that is true on some of the days only."""
        name, hourly = f'{alias}.{table.time}', table.time == 'stat_time_hour'
        days = self.days['hour' if hourly else 'day']
        some = sorted(self.random.choice(days) for _ in range(4))
        a, b, c, d = (self.value('date', f"'{day}'::date") for day in some)
        number = self.random.choice([column for column in table.types
                                     if table.types[column] == 'bigint'] or [table.time])
        roll = self.random.choice((0, 1, 7, 30))
        range_ = self.random.choice(('[)', '[]', '(]', '()'))
        other = self.local_condition(table, alias) if self.chance(0.5) else 'true'
        dated = table.types[table.time] == 'date'
        range_type = 'daterange' if dated else 'tsrange'
        span = f'{roll}' if dated else f"interval '{roll} days'"
        instants = [self.value('timestamptz', f"'{day} {hour}'::timestamptz") for day, hour in
                    ((some[0], '21:00+05'), (some[1], '03:00-11'))]
        found = self.random.choice((
            f'({name} BETWEEN {a} AND {b} OR {name} BETWEEN {c} AND {d})',
            f'({name} BETWEEN {a} AND {b} OR {name} = {d})',
            f'(({name} >= {a} AND {name} < {b} AND {other}) OR ({name} = {c} AND {other}))',
            f'(({name} >= {a} AND ({name} = {b} OR {name} < {a})) OR {name} = {c} AND {d} > {a})',
            f'{name} BETWEEN SYMMETRIC {d} AND {a}',
            f'({name}, {alias}.{number}) >= ({a}, {alias}.{number}) AND '
            f'({d}, {alias}.{number}) >= ({name}, {alias}.{number})',
            f'({name}, {alias}.advertiser_id) > ({a}, {self.accounts[0]}) AND {name} < {d}',
            f"date_trunc('{self.random.choice(('day', 'week', 'month', 'quarter'))}', {name}) = {a}",
            f"date_trunc('week', {name}) BETWEEN {a} AND {d}",
            f"date_trunc('month', {name}) IN ({a}, '2026-06-01', NULL)",
            f'extract(year FROM {name}) = 2026 AND extract(month FROM {name}) = 6',
            f"date_part('isoyear', {name}) = 2026 AND date_part('week', {name}) IN (24, 25)",
            f"to_char({name}, 'YYYY-MM-DD') = to_char({a}, 'YYYY-MM-DD')",
            f"{name} >= {a} AND {name} <@ {range_type}(NULL, {d})",
            f"{name} <@ {range_type}({a}, {d}, '{range_}')",
            f"{range_type}({a}, {d}, '{range_}') @> {name} AND {other}",
            f"{name} <@ ({range_type}({a}, {b}) + {range_type}({b}, {c}))",
            f"{name} + interval '{roll} days' BETWEEN {a} AND {d}",
            f"{name} - interval '{roll} days 5 hours' >= {a} AND {name} < {d}",
            f"{name} - date '2026-06-01' < {span} AND {name} >= {a}",
            f'{name}::date - {roll} BETWEEN {a} AND {d}',
            f'{name}::timestamptz BETWEEN {instants[0]} AND {instants[1]}',
            f'{name} >= {instants[0]} AND {name} <= {instants[1]}',
            f'{name}::timestamptz::date = {a}',
            f'NOT ({name} < {a} OR {name} > {d} OR NOT ({other}))',
            f'({name} >= {a} AND {name} <= {d}) IS TRUE',
            f'{name}::date IS NOT DISTINCT FROM {a}',
            f'({name} = {a} OR {name} = NULL::date OR ({name} > {b} AND NULL))',
            f'({name} = {a} AND {alias}.advertiser_id = {self.accounts[0]} AND {other} OR '
            f'{name} = {b} AND {alias}.advertiser_id IN ({self.accounts[1]}, {self.accounts[2]}))'))
        if hourly:                # of months, the copies have some days only
            found += f" AND {name} >= '{days[0]}'"
        return found

    def anchor(self, table, alias):
        """A range of a few days in a form that is documented to be pushed."""
        name, hourly = f'{alias}.{table.time}', table.time == 'stat_time_hour'
        if self.chance(0.4):
            return self.day_form(table, alias)
        days = self.days['hour' if hourly else 'day']
        first = self.random.randrange(len(days))
        last = min(first + self.random.choice((0, 0, 1, 2) if hourly else (0, 0, 1, 3, 6, 40)),
                   len(days) - 1)
        low, high = f"'{days[first]}'::date", f"'{days[last]}'::date"
        forms = [f'{name} BETWEEN {self.value("date", low)} AND {self.value("date", high)}',
                 f'{name} >= {self.value("date", low)} AND {name} < {self.value("date", high)} + 1',
                 f'{self.value("date", low)} <= {name} AND {self.value("date", high)} >= {name}']
        if hourly:
            low, high = f"'{days[first]} 00:00'::timestamp", f"'{days[last]} 23:00'::timestamp"
            forms += [f"date_trunc('day', {name}) = {self.value('timestamp', low)}",
                      f'{name}::date = {self.value("date", chr(39) + days[first] + chr(39) + "::date")}',
                      f"date_trunc('day', {name}) BETWEEN {self.value('timestamp', low)} AND "
                      f"{self.value('timestamp', high)}",
                      f'{name} >= {self.value("timestamp", low)} AND '
                      f'{name} <= {self.value("timestamp", high)}']
        else:
            some = ', '.join(f"'{self.random.choice(days)}'::date"
                             for _ in range(self.random.choice((1, 2, 4))))
            forms += [f'{name} = {self.value("date", low)}', f'{name} IN ({some})',
                      f'{name} = ANY ({self.value("date[]", "ARRAY[" + some + "]")})',
                      f'({name} = {self.value("date", low)} OR {name} = {self.value("date", high)})',
                      f'{name} = {self.value("timestamp", low[:-6] + "::timestamp")}',
                      f'{name} >= {self.value("timestamptz", low[:-6] + "::timestamptz")} AND '
                      f'{name} <= {self.value("timestamptz", high[:-6] + "::timestamptz")}']
        return self.random.choice(forms)

    def time_condition(self, table, alias):
        """Any further condition on the time of a report."""
        name, hourly = f'{alias}.{table.time}', table.time == 'stat_time_hour'
        operator = self.random.choice(('=', '<', '<=', '>', '>=', '<>', '=', '>=', '<='))
        type_ = self.random.choice(('date', 'date', 'timestamp', 'timestamptz'))
        moment = self.strange_moment() if self.chance(0.15) else self.moment(type_, hourly)
        value = self.value(*moment)
        roll = self.random.random()
        if roll < 0.15 and hourly:
            return f"date_trunc('day', {name}) {operator} {value}"
        if roll < 0.3 and hourly:
            return f'{name}::date {operator} {value}'
        if roll < 0.4:
            return f'{value} {operator} {name}'
        if roll < 0.5:
            some = ', '.join(self.moment(type_, hourly)[1] for _ in range(3))
            return f'{name} = ANY (ARRAY[{some}])'
        if roll < 0.56:
            return f'{name} IN (SELECT day FROM l_days)'
        if roll < 0.6:
            return f"to_char({name}, 'DD') > '10'"
        if roll < 0.64:
            return f'extract(dow FROM {name}) <> 0'
        if roll < 0.68:
            return f"date_trunc('{self.random.choice(('week', 'month', 'Day', 'hour'))}', {name}) " \
                   f'{operator} {value}'
        return f'{name} {operator} {value}'

    def local_condition(self, table, alias):
        """A condition on any column."""
        column = self.random.choice(list(table.types))
        name, type_ = f'{alias}.{column}', table.types[column]
        if type_ in ('jsonb', 'text[]'):
            return f'{name} IS {self.random.choice(("", "NOT "))}NULL'
        if column == 'advertiser_id':
            return self.account_condition(table, alias)
        if column == table.time:
            return self.time_condition(table, alias)
        roll = self.random.random()
        if roll < 0.1:
            return f'{name} IS {self.random.choice(("", "NOT "))}NULL'
        if type_ == 'boolean':
            return self.random.choice((name, f'NOT {name}', f'{name} IS TRUE', f'{name} IS NOT TRUE',
                                       f'{name} = {self.value(*self.constant(table, column))}',
                                       f'{name} <> false'))
        if roll < 0.2 and type_ == 'text':
            return self.random.choice((f"{name} LIKE '%a%'", f'length({name}) > 8',
                                       f"{name} ~* '[u-z]'", f"lower({name}) = {name}",
                                       f"{name} || '' = {self.value(*self.constant(table, column))}"))
        if roll < 0.55:
            return self.equal(table, alias, column)
        operator = self.random.choice(('<', '<=', '>', '>=', '<>', '=',
                                       'IS DISTINCT FROM', 'IS NOT DISTINCT FROM'))
        one, two = self.constant(table, column), self.constant(table, column)
        if roll < 0.65:
            return f'{name} BETWEEN {self.value(*one)} AND {self.value(*two)}'
        return f'{name} {operator} {self.value(*one)}'

    def condition(self, table, alias):
        roll = self.random.random()
        if roll < 0.28:
            found = self.id_condition(table, alias)
        elif roll < 0.42:
            found = self.account_condition(table, alias)
        elif roll < 0.6 and table.time:
            found = self.time_condition(table, alias)
        elif roll < 0.8 and table.pushed:
            column = self.random.choice(sorted(table.pushed))
            found = self.local_condition(dataclasses.replace(
                table, types={column: table.types[column]}), alias)
        else:
            found = self.local_condition(table, alias)
        roll = self.random.random()
        if roll < 0.07:
            return f'NOT ({found})'
        if roll < 0.17:
            return f'({found} OR {self.local_condition(table, alias)})'
        if roll < 0.19:
            return f'({found} OR {self.random.choice(("false", "true", "NULL"))})'
        if roll < 0.21:
            return f'({found} AND {self.random.choice(("true", "1 = 1", "NULL", "false"))})'
        if roll < 0.23:
            return f'({found}) IS {self.random.choice(("TRUE", "NOT TRUE", "NOT FALSE", "UNKNOWN"))}'
        return found

    def where(self, table, alias, more=(0, 1, 1, 2, 2, 3), anchored=True):
        """The conditions of a scan, with the bound that reports by time need."""
        found = [self.condition(table, alias) for _ in range(self.random.choice(more))]
        if table.time and anchored:
            if self.bounded and table.time == 'stat_time_day' and self.chance(0.2):
                # further requests would be for days after the data
                found.append(f"{alias}.{table.time} < '2026-07-02'")
            else:
                found.append(self.anchor(table, alias))
        self.random.shuffle(found)
        return ' AND '.join(found) or 'true'

    # -------------------------------------------------------------- parts

    def alias(self):
        self.n += 1
        return f't{self.n}'

    def table(self, test=lambda t: True):
        return self.random.choice([t for t in self.tables if test(t)])

    def some_columns(self, table, alias, most=4):
        some = self.random.sample(list(table.types), min(len(table.types),
                                                         self.random.randint(1, most)))
        return ', '.join(f'{alias}.{c}' for c in some)

    def keys(self, table, alias):
        return ', '.join(f'{alias}.{c}' for c in table.key)

    def total_order(self, table, alias):
        """The key in some order, perhaps behind another column: no ties."""
        key = self.random.sample(table.key, len(table.key))
        if self.chance(0.5):
            key.insert(0, self.random.choice(
                [c for c in table.types if table.types[c] not in ('jsonb', 'text[]')]))
        ways = ('', ' DESC', ' ASC NULLS FIRST', ' DESC NULLS LAST', ' NULLS LAST')
        return ', '.join(f'{alias}.{c}{self.random.choice(ways)}' for c in dict.fromkeys(key))

    def limit(self, most=15):
        """LIMIT, OFFSET, or both."""
        n = self.random.choice((0, 1, 1, 2, 3, 5, most, most, 1000))
        count = self.value('bigint', f'{n}::bigint')
        skip = self.value('bigint', f'{self.random.choice((0, 1, 2, 7, 1000))}::bigint')
        return self.random.choice((
            f'LIMIT {count}', f'LIMIT {count}', f'LIMIT {count} OFFSET {skip}', f'OFFSET {skip}',
            f'FETCH FIRST {n} ROWS ONLY', 'LIMIT NULL', 'LIMIT ALL OFFSET 1', f'LIMIT {n} + 1'))
