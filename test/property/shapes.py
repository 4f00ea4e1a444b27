"""The shapes of queries: joins, limits, aggregates, sub-selects … around the
conditions of grammar.py."""
from grammar import Query
from joins import Joins

PLANNER = ('enable_hashjoin', 'enable_mergejoin', 'enable_nestloop', 'enable_material',
           'enable_memoize', 'enable_hashagg', 'enable_async_append', 'enable_sort')
ZONES = ('UTC', 'America/Los_Angeles', 'Asia/Kolkata', 'Pacific/Kiritimati', 'Etc/GMT+12',
         'Europe/Berlin')
LOCAL_ID = {'campaign_id': 'l_campaigns', 'adgroup_id': 'l_adgroups', 'ad_id': 'l_ads'}


class Shapes(Joins):
    """Makes whole queries."""

    def query(self):
        """The next query."""
        self.values, self.n, self.ordered = [], 0, False
        shapes = [name for name in dir(self) if name.startswith('shape_')]
        shape = self.random.choice(shapes + ['shape_rows'] * 3 + ['shape_limit'] * 2)
        sql = getattr(self, shape)()
        settings = []
        if self.chance(0.3):
            settings.append(('timezone', self.random.choice(ZONES)))
        if self.chance(0.3):
            # days that a join gives can only come through a nested loop
            settings += [(name, 'off') for name in self.random.sample(PLANNER, 2)
                         if (shape, name) != ('shape_join_days', 'enable_nestloop')]
        if shape.startswith('shape_batched'):
            settings += self.batched_settings()
        return Query(sql, self.values, self.ordered, settings, shape[6:])

    # -------------------------------------------------------------- one table

    def shape_rows(self):
        t, a = self.table(), self.alias()
        columns = self.random.choice((self.some_columns(t, a), self.keys(t, a), f'{a}.*'))
        if self.chance():
            columns = f'{a}::text IS NULL, {self.keys(t, a)}'
        return f'SELECT {columns} FROM {t.name} {a} WHERE {self.where(t, a)}'

    def shape_limit(self):
        t, a = self.table(), self.alias()
        self.ordered = True
        return (f'SELECT {self.keys(t, a)}, {self.some_columns(t, a)} FROM {t.name} {a} '
                f'WHERE {self.where(t, a)} ORDER BY {self.total_order(t, a)} {self.limit()}')

    def shape_unordered_limit(self):
        t, a = self.table(), self.alias()
        return (f'SELECT count(*), count(k) FROM (SELECT {a}.{t.key[-1]} AS k FROM {t.name} {a} '
                f'WHERE {self.where(t, a)} {self.limit()}) s')

    def shape_metric_order(self):
        """ORDER BY a metric LIMIT: ties change which rows, never which values."""
        t, a = self.table(lambda t: t.metrics), self.alias()
        metric = self.random.choice(t.metrics)
        way = self.random.choice(('', 'DESC', 'DESC', 'DESC NULLS LAST', 'ASC NULLS FIRST'))
        account = f'{a}.advertiser_id = {self.value("bigint", str(self.random.choice(self.accounts)) + "::bigint")}'
        where = self.where(t, a, (0, 0, 0, 1))
        self.ordered = True
        return (f'SELECT {a}.{metric} FROM {t.name} {a} WHERE {account} AND {where} '
                f'ORDER BY {a}.{metric} {way} {self.limit(40)}')

    def shape_extremes(self):
        """min and max, which PostgreSQL may take from an order."""
        t, a = self.table(lambda t: t.metrics), self.alias()
        m = self.random.choice(t.metrics)
        what = self.random.choice((f'max({a}.{m})', f'min({a}.{m})', f'min({a}.{m}), max({a}.{m})',
                                   f'max({a}.{m}), count(*)'))
        account = self.value('bigint', f'{self.random.choice(self.accounts)}::bigint')
        where = self.where(t, a, (0, 0, 1))
        return f'SELECT {what} FROM {t.name} {a} WHERE {a}.advertiser_id = {account} AND {where}'

    def shape_count(self):
        """count(*) that may come from the totals."""
        t, a = self.table(), self.alias()
        parts = [self.anchor(t, a)] if t.time else []
        if self.chance(0.7):
            parts.append(self.account_condition(t, a))
        if self.chance(0.5) and t.ids():
            parts.append(self.id_condition(t, a))
        if self.chance(0.2):
            parts.append(self.condition(t, a))
        what = self.random.choice(('count(*)', 'count(*)', 'count(*)', 'count(*) + 1, count(*)',
                                   'count(*) AS n, 5', f'count({a}.{t.key[-1]})',
                                   "count(*) FILTER (WHERE true), count(*)"))
        return f"SELECT {what} FROM {t.name} {a} WHERE {' AND '.join(parts) or 'true'}"

    def shape_aggregate(self):
        t, a = self.table(), self.alias()
        group = self.random.choice([c for c in t.types if t.types[c] not in ('jsonb', 'text[]')])
        numbers = [c for c in t.types if t.types[c] in ('bigint', 'numeric')]
        n = self.random.choice(numbers)
        having = self.random.choice(('', '', ' HAVING count(*) > 1', f' HAVING max({a}.{n}) > 5'))
        what = f'count(*), count({a}.{n}), sum({a}.{n}), min({a}.{n}), max({a}.{n})'
        if self.chance(0.3):
            return f'SELECT {what} FROM {t.name} {a} WHERE {self.where(t, a)}{having}'
        where = self.where(t, a)
        sets = self.random.choice((f'{a}.{group}', f'{a}.{group}', f'ROLLUP ({a}.{group})',
                                   f'GROUPING SETS (({a}.{group}), ())'))
        return f'SELECT {a}.{group}, {what} FROM {t.name} {a} WHERE {where} GROUP BY {sets}{having}'

    def shape_distinct(self):
        t, a = self.table(), self.alias()
        c = self.random.choice([c for c in t.types if t.types[c] not in ('jsonb', 'text[]')])
        if self.chance(0.4):
            return f'SELECT DISTINCT {a}.{c} FROM {t.name} {a} WHERE {self.where(t, a)}'
        where = self.where(t, a)
        self.ordered = True
        if self.chance(0.4):
            return (f'SELECT DISTINCT {a}.{c} FROM {t.name} {a} WHERE {where} '
                    f'ORDER BY 1 {self.limit()}')
        return (f'SELECT DISTINCT ON ({a}.{c}) {a}.{c}, {self.keys(t, a)} FROM {t.name} {a} '
                f'WHERE {where} ORDER BY {a}.{c}, {self.keys(t, a)} {self.limit()}')

    def shape_window(self):
        t, a = self.table(), self.alias()
        where = self.where(t, a)
        self.ordered = True
        return (f'SELECT {self.keys(t, a)}, row_number() OVER w, count(*) OVER (), '
                f'lag({a}.{t.key[-1]}) OVER w FROM {t.name} {a} WHERE {where} '
                f'WINDOW w AS (ORDER BY {self.keys(t, a)}) ORDER BY {self.keys(t, a)} '
                f'{self.limit()}')

    def shape_ties(self):
        t, a = self.table(), self.alias()
        c = self.random.choice([c for c in t.types if t.types[c] not in ('jsonb', 'text[]')])
        n = self.random.choice((1, 2, 5))
        return (f'SELECT {a}.{c}, {self.keys(t, a)} FROM {t.name} {a} WHERE {self.where(t, a)} '
                f'ORDER BY {a}.{c} FETCH FIRST {n} ROWS WITH TIES')

    def shape_srf(self):
        t, a = self.table(), self.alias()
        where = self.where(t, a)
        return (f'SELECT count(*) FROM (SELECT {a}.{t.key[-1]}, generate_series(1, 3) '
                f'FROM {t.name} {a} WHERE {where} {self.limit()}) s')

    # ----------------------------------------------------------- many tables

    def shape_join_local(self):
        t, a = self.table(), self.alias()
        kind = self.random.choice(('JOIN', 'JOIN', 'JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN'))
        where = self.where(t, a)
        choices = [(f'l_accounts', 'advertiser_id', 'advertiser_id')]
        choices += [(LOCAL_ID.get(c, 'l_ids'), 'id', c) for c in t.ids()]
        choices += [('l_days', 'day', t.time)] if t.time == 'stat_time_day' else []
        local, one, other = self.random.choice(choices)
        side = self.random.choice((f'l.{one} = {a}.{other}', f'{a}.{other} = l.{one}'))
        # conditions within the join: an outer join keeps the other side's rows
        return (f'SELECT l.{one}, l.tag, {self.keys(t, a)} FROM {local} l {kind} '
                f'(SELECT * FROM {t.name} {a} WHERE {where}) {a} ON {side}')

    def shape_join_days(self):
        """A join column is the only bound of the days (which does not reach into a UNION ALL)."""
        t, a = self.table(lambda t: t.time == 'stat_time_day' and t.name != 'parted'), self.alias()
        account = self.random.choice(self.accounts)
        return (f'SELECT l.tag, {self.keys(t, a)} FROM l_days l JOIN {t.name} {a} '
                f'ON {a}.{t.time} = l.day WHERE {a}.advertiser_id = {account} AND '
                f'{self.where(t, a, (0, 0, 1), anchored=False)}')

    def shape_join_two(self):
        t, u, a, b = self.table(), self.table(), self.alias(), self.alias()
        shared = [c for c in t.types if c in u.types and c.endswith('_id')
                  and t.types[c] == u.types[c] and c != 'advertiser_id']
        on = [f'{a}.advertiser_id = {b}.advertiser_id']
        if shared:
            on.append(f'{a}.{self.random.choice(shared)} = {b}.{shared[0]}')
        kind = self.random.choice(('JOIN', 'JOIN', 'LEFT JOIN', 'FULL JOIN'))
        one, two = self.where(t, a, (1, 2)), self.where(u, b, (1, 2))
        return (f'SELECT count(*), min({a}.{t.key[-1]}), count({b}.advertiser_id) FROM '
                f'(SELECT * FROM {t.name} {a} WHERE {one}) {a} {kind} '
                f'(SELECT * FROM {u.name} {b} WHERE {two}) {b} ON {" AND ".join(on)}')

    def shape_semi(self):
        t, u, a, b = self.table(), self.table(lambda t: not t.time), self.alias(), self.alias()
        shared = [c for c in t.types if c in u.types and c.endswith('_id')
                  and t.types[c] == u.types[c]]
        if not shared:
            return self.shape_rows()
        c = self.random.choice(shared)
        inner = f'FROM {u.name} {b} WHERE {self.where(u, b, (0, 1))}'
        test = self.random.choice((
            f'{a}.{c} IN (SELECT {b}.{c} {inner})',
            f'EXISTS (SELECT {inner} AND {b}.{c} = {a}.{c})',
            f'NOT EXISTS (SELECT {inner} AND {b}.{c} = {a}.{c})',
            f'{a}.{c} = ANY (ARRAY(SELECT {b}.{c} {inner}))',
            f'{a}.{c} = (SELECT min({b}.{c}) {inner})'))
        return (f'SELECT {self.keys(t, a)} FROM {t.name} {a} '
                f'WHERE {test} AND {self.where(t, a, (0, 1))}')

    def shape_exists(self):
        t, a = self.table(), self.alias()
        return (f'SELECT EXISTS (SELECT FROM {t.name} {a} WHERE {self.where(t, a)}), '
                f'(SELECT count(*) FROM l_accounts)')

    def shape_lateral(self):
        t, a = self.table(), self.alias()
        order = f'{a}.' + f', {a}.'.join(self.random.sample(t.key, len(t.key)))
        limit = self.random.choice(('LIMIT l.n', 'LIMIT 3', 'LIMIT l.n OFFSET 1', 'LIMIT 1', ''))
        link = self.random.choice((f'{a}.advertiser_id = l.advertiser_id',
                                   f'{a}.advertiser_id = l.advertiser_id',
                                   f'{a}.advertiser_id IN (l.advertiser_id, {self.accounts[0]})',
                                   f'{a}.advertiser_id = ANY (ARRAY[l.advertiser_id, NULL])'))
        kind = self.random.choice(('CROSS JOIN LATERAL', 'LEFT JOIN LATERAL'))
        on = ' ON true' if kind.startswith('LEFT') else ''
        where = self.where(t, a, (0, 1))
        return (f'SELECT l.tag, s.* FROM l_accounts l {kind} (SELECT {self.keys(t, a)} '
                f'FROM {t.name} {a} WHERE {link} AND {where} ORDER BY {order} {limit}) s{on}')

    def shape_scalar(self):
        t, a = self.table(), self.alias()
        where = self.where(t, a, (0, 1))
        what = self.random.choice(('count(*)', f'max({a}.{t.key[-1]})', f'count({a}.{t.key[-1]})'))
        return (f'SELECT l.tag, (SELECT {what} FROM {t.name} {a} '
                f'WHERE {a}.advertiser_id = l.advertiser_id AND {where}) FROM l_accounts l')

    def shape_set(self):
        t, a, b = self.table(), self.alias(), self.alias()
        operator = self.random.choice(('UNION ALL', 'UNION ALL', 'UNION ALL', 'UNION', 'EXCEPT',
                                       'INTERSECT', 'EXCEPT ALL'))
        sql = (f'SELECT {self.keys(t, a)} FROM {t.name} {a} WHERE {self.where(t, a)} {operator} '
               f'SELECT {self.keys(t, b)} FROM {t.name} {b} WHERE {self.where(t, b)}')
        if self.chance(0.4):
            self.ordered = True
            order = ', '.join(str(i + 1) for i in range(len(t.key)))
            return f'SELECT DISTINCT * FROM ({sql}) s ORDER BY {order} {self.limit()}'
        if self.chance(0.3):
            return f'SELECT count(*) FROM ({sql} {self.limit()}) s'
        return sql

    def shape_cte(self):
        t, a = self.table(), self.alias()
        kind = self.random.choice(('', 'MATERIALIZED', 'NOT MATERIALIZED'))
        where, outer = self.where(t, a, (0, 1)), self.condition(t, 'c')
        return self.random.choice((
            f'WITH c AS {kind} (SELECT * FROM {t.name} {a} WHERE {where}) '
            f'SELECT {self.keys(t, "c")} FROM c WHERE {outer}',
            f'WITH c AS {kind} (SELECT {self.keys(t, a)} FROM {t.name} {a} WHERE {where}) '
            f'SELECT (SELECT count(*) FROM c), (SELECT count(*) FROM (SELECT FROM c LIMIT 2) s), '
            f'EXISTS (SELECT FROM c)'))

    def shape_view(self):
        t, a = self.table(), self.alias()
        return (f'SELECT {self.keys(t, a)} FROM v_{t.name} {a} '
                f'WHERE {self.where(t, a)} AND {a}.one = 1')

    def shape_function(self):
        """A value that a function of the session gives."""
        t, a = self.table(), self.alias()
        account = self.random.choice(self.accounts)
        return (f"SELECT {self.keys(t, a)} FROM {t.name} {a}, "
                f"(VALUES ({self.random.choice((1, 2))})) v (n) WHERE {self.where(t, a, (0, 1))} AND "
                f"{a}.advertiser_id = set_config('tt.account', '{account}', false)::bigint")
