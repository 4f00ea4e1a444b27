"""Joins whose keys may go to the API many at a time: what PostgreSQL makes of
the copies must come of them, too."""
from grammar import Generator

CORE = ('enable_hashjoin', 'enable_mergejoin', 'enable_nestloop')


class Joins(Generator):
    """Queries over one foreign table and local rows, alias l, on the outer side."""

    def batched_settings(self):
        """With PostgreSQL's own joins off the batched one is chosen where it can be."""
        found = [(name, 'off') for name in CORE] if self.chance(0.8) else []
        if self.chance(0.4):
            found.append(('work_mem', "64kB"))
        return found

    def link(self, t, a, column):
        """Equality of a column with the local one, in one of its spellings."""
        local, name = f'l.{column}', f'{a}.{column}'
        if t.types[column] == 'text':
            local = f'{local}::text'
        elif t.types[column] == 'numeric':
            return f'{name} = {local}'
        elif self.chance(0.2):
            local = self.random.choice((f'({local} + 0)', f'coalesce({local}, 1)',
                                        f'nullif({local}, 0)', f'greatest({local}, {local})'))
        return f'{name} = {local}' if self.chance(0.5) else f'{local} = {name}'

    def outer_rows(self):
        """What the local side is: all of it, some, with repeats, joined, a sub-query."""
        return self.random.choice((
            'l_objects l', 'l_objects l', 'l_objects l',
            '(SELECT * FROM l_objects WHERE n < 3) l',
            '(SELECT * FROM l_objects UNION ALL SELECT * FROM l_objects WHERE n = 1) l',
            '(SELECT o.*, m.tag AS team FROM l_objects o LEFT JOIN l_accounts m '
            'USING (advertiser_id)) l',
            '(SELECT * FROM l_objects ORDER BY ad_id DESC LIMIT 20) l',
            '(SELECT advertiser_id, campaign_id, adgroup_id, ad_id, day, max(n) AS n, '
            'min(tag) AS tag FROM l_objects GROUP BY 1, 2, 3, 4, 5) l',
            '(SELECT o.* FROM l_objects o, generate_series(1, 12)) l'))

    def conditions(self, t, a, among):
        """Equalities on some of these columns, and whatever else a join may have."""
        parts = [self.link(t, a, column)
                 for column in self.random.sample(among, self.random.choice((1, 1, 2, len(among)))
                                                  if len(among) > 1 else 1)]
        metric = self.random.choice(t.metrics) if t.metrics else None
        if t.time == 'stat_time_day' and t.types[t.time] == 'date' and self.chance(0.2):
            parts.append(f'{a}.{t.time} = l.day')
        if self.chance(0.3):
            parts.append(self.random.choice((
                'l.n < 3', "l.tag <> 'o2'", 'l.n IS NOT NULL', f'{a}.advertiser_id % 5 <> l.n',
                f'(l.n > 1 OR {a}.{t.key[-1]} IS NULL)', f'{a + "." + metric if metric else "l.n"} + l.n > 2',
                f'(SELECT count(*) FROM l_days) + l.n > 6',
                f'l.n IN (SELECT m.n FROM l_accounts m WHERE m.advertiser_id = {a}.advertiser_id)')))
        self.random.shuffle(parts)
        return ' AND '.join(parts)

    def linked(self, t):
        """Columns that the local table has, too."""
        return [c for c in ('advertiser_id', 'campaign_id', 'adgroup_id', 'ad_id') if c in t.types]

    def shape_batched(self):
        t, a = self.table(lambda t: t.ids()), self.alias()
        kind = self.random.choice(('JOIN', 'JOIN', 'LEFT JOIN', 'LEFT JOIN', 'RIGHT JOIN'))
        on, where = self.conditions(t, a, self.linked(t)), self.where(t, a, (0, 0, 1, 2))
        what = self.random.choice((
            f'l.ad_id, l.tag, {self.keys(t, a)}', f'l.n, {self.some_columns(t, a)}',
            f'count(*), count({a}.advertiser_id), sum(l.n)', f'l, {a}.advertiser_id',
            f'{self.keys(t, a)}', f'coalesce({a}.advertiser_id, l.n), {a}::text IS NULL'))
        within = f'(SELECT * FROM {t.name} {a} WHERE {where}) {a}'
        if self.chance(0.4):
            within, on = f'{t.name} {a}', f'{on} AND {where}'
            if kind == 'RIGHT JOIN':     # the whole table, which may have no lower bound
                kind = 'LEFT JOIN'
        above = self.random.choice(('', '', f' WHERE {a}.advertiser_id IS NULL', ' WHERE l.n > 1',
                                    f' WHERE coalesce({a}.advertiser_id, l.n) > 2'))
        return f'SELECT {what} FROM {self.outer_rows()} {kind} {within} ON {on}{above}'

    def shape_batched_semi(self):
        """EXISTS, NOT EXISTS and IN, either way round."""
        t, a = self.table(lambda t: t.ids()), self.alias()
        column = self.random.choice(self.linked(t))
        where = self.where(t, a, (0, 0, 1))
        on = self.conditions(t, a, self.linked(t))
        if self.chance(0.3):
            local = f'l.{column}' + ('::text' if t.types[column] == 'text' else '')
            return (f'SELECT {self.keys(t, a)} FROM {t.name} {a} WHERE {a}.{column} IN '
                    f'(SELECT {local} FROM l_objects l WHERE l.n < 4) AND {where}')
        test = self.random.choice(('EXISTS', 'EXISTS', 'NOT EXISTS'))
        return (f'SELECT l.ad_id, l.tag, l.n FROM {self.outer_rows()} WHERE {test} '
                f'(SELECT FROM {t.name} {a} WHERE {on} AND {where})')

    def shape_batched_more(self):
        """Above, below and beside another join, and for each of some rows."""
        t, u, a, b = self.table(lambda t: t.ids()), self.table(lambda t: t.ids()), self.alias(), self.alias()
        one, two = self.where(t, a, (0, 1)), self.where(u, b, (0, 1))
        on, also = self.conditions(t, a, self.linked(t)), self.conditions(u, b, self.linked(u))
        kind, other = self.random.choice(('JOIN', 'LEFT JOIN')), self.random.choice(('JOIN', 'LEFT JOIN'))
        if self.chance(0.5):
            return (f'SELECT l.tag, count(*), count({a}.advertiser_id), count({b}.advertiser_id) '
                    f'FROM l_objects l {kind} {t.name} {a} ON {on} AND {one} '
                    f'{other} {u.name} {b} ON {also} AND {two} GROUP BY 1')
        return (f'SELECT m.n, m.tag, (SELECT count(*) FROM l_objects l {kind} {t.name} {a} '
                f'ON {on} AND {one} WHERE l.n = m.n) FROM l_accounts m')
