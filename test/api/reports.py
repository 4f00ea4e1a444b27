"""report/integrated/get: rows of {"dimensions": {...}, "metrics": {...}}.

Invariants: an ad-level row is computed when its page is read and a metric only
when it is asked for; the order of rows is stable but tells nothing unless
order_field is given; encoded pages are kept, up to a number of bytes.
"""
import bisect
import collections
import datetime
import itertools
import json
from decimal import ROUND_HALF_UP, Decimal

import delivery
from data import AD, ADGROUP, CAMPAIGN
from facts import METRICS, REPORT
from grants import permitted
from metrics import MISSING, MONEY, ad_id_v2, compile_metrics, object_metrics, values
from rows import has_status

SHOWN_BUYING, SHOWN_ORIGINS = {'AUCTION', 'RESERVATION_RF'}, {'TT_ADS_PLATFORM'}
KIND = {'AUCTION_CAMPAIGN': CAMPAIGN, 'AUCTION_ADGROUP': ADGROUP, 'AUCTION_AD': AD}


def day_text(day, hour=0):
    return f'{datetime.date.fromordinal(day).isoformat()} {hour:02d}:00:00'


class RowSet:
    """All rows of one account for one query, without metrics or pages."""

    def __init__(self, query, account):
        self.query, self.account = query, account
        self.extra = 'gender+age' if len(query.extras) > 1 and 'gender' in query.extras \
            else query.extras[0] if query.extras else None
        self.lazy = query.level == 'AUCTION_AD' and query.id == 'ad_id' and \
            (query.time != 'stat_time_hour' or query.begin == query.end)
        self.oldest, self.truncated = self._cut()
        self.groups = self._groups()
        if self.lazy:
            counts = [self._count(ads[0]) for _, ads in self.groups]
        else:
            self.made = [self._make(o, ads) for o, ads in self.groups]
            counts = [len(rows) for rows in self.made]
        self.ends = list(itertools.accumulate(counts))
        self.total = self.ends[-1] if counts else 0

    def _cut(self):
        """(index of the oldest ad that is looked at, whether there are older ones).

        What counts are the ads that the ids of the request leave: deleted ones, hidden
        ones and those that cost nothing too, whatever the data level.
        """
        limit = self.account.store.ad_limit
        if not limit or len(self.account.ads) < limit:
            return 0, False
        found = [ad for ad in self._asked_ads() if not ad.is_gone()]
        return (found[-limit].index, True) if len(found) >= limit else (0, False)

    def _asked_ads(self):
        """The ads that the id filters let through, oldest first."""
        account, filters = self.account, self.query.filters
        for key, kind in (('ad_ids', AD), ('adgroup_ids', ADGROUP), ('campaign_ids', CAMPAIGN)):
            if key in filters:
                by_id = account.by_id(kind)
                found = [ad for i in filters[key] if i in by_id for ad in by_id[i].ads]
                return sorted((ad for ad in found if self._asked(ad)), key=lambda ad: ad.index)
        return [ad for ad in account.ads if self._asked(ad)]

    def _ads(self, o):
        return [ad for ad in o.ads if ad.index >= self.oldest and not ad.is_gone()]

    def _groups(self):
        """[(object, its ads)]: one for each row id, newest first."""
        account, query = self.account, self.query
        if query.level == 'AUCTION_ADVERTISER':
            # every ad of the account, unless a kind is asked for
            some = {'buying_type', 'campaign_system_origins'} & set(query.filters)
            found = [(account, [ad for ad in self._ads(account)
                                if not some or self._of_kind(ad, some)])]
        else:
            found = [(o, self._ads(o)) for o in reversed(self._objects()) if not o.is_gone()]
            if self.truncated or query.level == 'AUCTION_AD':
                found = [(o, ads) for o, ads in found if ads]
        if query.id or not found:
            return found
        return [(account, [ad for _, ads in found for ad in ads])]

    def _objects(self):
        """The objects of the data level that the filters let through, oldest first."""
        account, query, kind = self.account, self.query, KIND[self.query.level]
        filters, found = query.filters, account.objects(KIND[self.query.level])
        if query.id == 'ad_id_v2':
            return [o for o in account.whole_ads if self._passes(o)]
        own = {CAMPAIGN: 'campaign_ids', ADGROUP: 'adgroup_ids', AD: 'ad_ids'}[kind]
        if own in filters:
            by_id = account.by_id(kind)
            found = [by_id[i] for i in sorted(filters[own]) if i in by_id]
        elif kind == AD and ('campaign_ids' in filters or 'adgroup_ids' in filters):
            parent = ADGROUP if 'adgroup_ids' in filters else CAMPAIGN
            by_id = account.by_id(parent)
            ids = filters['adgroup_ids' if parent == ADGROUP else 'campaign_ids']
            found = [ad for i in sorted(ids) if i in by_id for ad in by_id[i].ads]
        return [o for o in found if self._passes(o)]

    def _of_kind(self, o, some=('buying_type', 'campaign_system_origins')):
        """Whether an object is of the kinds that the request shows."""
        filters, campaign = self.query.filters, o.campaign
        return ('buying_type' not in some or
                campaign.buying in filters.get('buying_type', SHOWN_BUYING)) and \
            ('campaign_system_origins' not in some or
             campaign.origin in filters.get('campaign_system_origins', SHOWN_ORIGINS))

    def _asked(self, o):
        """Whether the ids in the filters let an object through."""
        filters = self.query.filters
        if 'campaign_ids' in filters and o.campaign.id not in filters['campaign_ids']:
            return False
        if 'adgroup_ids' in filters:
            group = o if o.kind == ADGROUP else o.parent
            if group.id not in filters['adgroup_ids']:
                return False
        return 'ad_ids_v2' not in filters or ad_id_v2(o) in filters['ad_ids_v2']

    def _passes(self, o):
        filters = self.query.filters
        if not self._asked(o) or not self._of_kind(o):
            return False
        if 'campaign_automation_type' in filters and \
                o.campaign.automation not in filters['campaign_automation_type']:
            return False
        return has_status(o, self.query.status or {'STATUS_NOT_DELETE'})

    def _count(self, ad):
        """How many rows an ad has, without making them."""
        query = self.query
        if query.time is None and self.extra is None:
            return 1
        n = delivery.count_days(ad, query.begin, query.end)
        if not n:
            return 0
        if query.time == 'stat_time_hour':
            return len(delivery.hours(ad, query.begin))
        cells = len(delivery.cells(ad, self.extra)) if self.extra else 1
        return cells * n if query.time else cells

    def _make(self, o, ads):
        """[(time, extra value, parts)] of one object from its ads."""
        query, sums = self.query, {}
        for ad in ads:
            for key, parts in self._pieces(ad):
                old = sums.get(key)
                sums[key] = parts if old is None else [a + b for a, b in zip(old, parts)]
        if not sums and query.time is None and self.extra is None and query.id:
            sums[None, None] = delivery.ZERO
        rows = [(time, extra, parts) for (time, extra), parts in sums.items()]
        return rows[::-1] if o.key & 1 else rows

    def _pieces(self, ad):
        """((time, extra value), parts) of one ad, day by day."""
        query = self.query
        timed = query.time is not None
        for day in delivery.days(ad, query.begin, query.end):
            parts = delivery.vector(ad, day)
            if query.time == 'stat_time_hour':
                for hour, again, share in delivery.by_hour(ad, day, parts):
                    yield (day_text(day, hour), again), share
                continue
            time = day_text(day) if timed else None
            if self.extra:
                for value, share in delivery.by_cell(ad, self.extra, parts):
                    yield (time, value), share
            else:
                yield (time, None), parts

    def rows(self, begin, end):
        """(object, time, extra value, parts) of the rows begin..end-1."""
        group = bisect.bisect_right(self.ends, begin)
        while begin < end and group < len(self.groups):
            start = self.ends[group - 1] if group else 0
            o, ads = self.groups[group]
            if self.ends[group] > begin:
                made = self._make(o, ads) if self.lazy else self.made[group]
                assert len(made) == self.ends[group] - start
                for row in made[begin - start:end - start]:
                    yield (o, *row)
                begin = self.ends[group]
            group += 1


class Encoder:
    """Makes JSON rows of one query for one account."""

    def __init__(self, query, account):
        self.query, self.account = query, account
        self.compiled = compile_metrics(query.metrics, account, query.report_type == 'AUDIENCE')
        self.attributes = {}

    def row(self, o, time, extra, parts):
        if o.key not in self.attributes:
            self.attributes[o.key] = object_metrics(self.query.metrics, self.account, o)
        metrics = {**self.attributes[o.key], **values(self.compiled, parts, o)}
        if self.query.multi:
            self._multi(metrics)
        return {'dimensions': self._dimensions(o, time, extra), 'metrics': metrics}

    def _dimensions(self, o, time, extra):
        query, found = self.query, {}
        for name in query.dimensions:
            if name == query.time:
                found[name] = time
            elif name == 'ad_id_v2':
                found[name] = str(ad_id_v2(o))
            elif name == query.id:
                found[name] = str(o.id)
            elif name == 'advertiser_id':
                found[name] = str(self.account.id)
            elif isinstance(extra, tuple):
                found[name] = extra[name == 'age']
            else:
                found[name] = extra
                if name == 'interest_category':
                    found['interest_category_v2'] = f'{extra}001'
        return found

    def _multi(self, metrics):
        """What advertiser_ids adds; money then has no decimals."""
        account = self.account
        for name, value in metrics.items():
            if name in MONEY and value:
                metrics[name] = str(Decimal(value).quantize(Decimal(1), ROUND_HALF_UP))
        metrics.update(currency=account.currency, timezone=account.display_timezone,
                       advertiser_id=str(account.id))


def other_account(store, account):
    """Another account of the token, which an API answers with that ignores the one asked."""
    return next((store.account(i) for i in store.account_ids() if i != account.id), account)


class Cache(collections.OrderedDict):
    """Least recently used values up to a weight."""

    def __init__(self, limit, weigh=lambda value: 1):
        super().__init__()
        self.limit, self.weigh, self.weight = limit, weigh, 0

    def get(self, key):
        if key in self:
            self.move_to_end(key)
            return self[key]
        return None

    def put(self, key, value):
        if key in self:
            self.weight -= self.weigh(self.pop(key))
        self[key] = value
        self.weight += self.weigh(value)
        while self.weight > self.limit and len(self) > 1:
            self.weight -= self.weigh(self.popitem(last=False)[1])


class Reports:
    """Answers report queries from one store."""

    def __init__(self, store):
        self.store = store
        self.sets = Cache(600000, lambda s: 1000 if s.lazy else 1000 + s.total)
        self.orders = Cache(400000, len)
        self.pages = Cache(256 << 20, len)

    def answer(self, query, ignored=()):
        """(rows as JSON bytes, rows on this page, total, extra data, truncated)."""
        with self.store.lock:
            accounts = [permitted(self.store, a, REPORT) for a in query.advertisers]
            if 'advertiser_id' in ignored:
                query = query._replace(advertisers=tuple(
                    other_account(self.store, a).id for a in accounts))
            sets = [self._rowset(query, a) for a in query.advertisers]
            total = sum(s.total for s in sets)
            begin = (query.page - 1) * query.page_size
            end = min(begin + query.page_size, total)
            key = (self.store.state, query._replace(filters=self._frozen(query)))
            page = self.pages.get(key)
            if page is None:
                rows = self._sorted(query, sets, begin, end) if query.order else \
                    self._plain(query, sets, begin, end)
                page = json.dumps(rows, ensure_ascii=False, separators=(',', ':')).encode()
                self.pages.put(key, page)
            extra = {'total_metrics': self._totals(query, sets)} if query.total else {}
            return page, max(0, end - begin), total, extra, any(s.truncated for s in sets)

    @staticmethod
    def _frozen(query):
        return tuple(sorted((k, frozenset(v)) for k, v in query.filters.items()))

    def _rowset(self, query, advertiser):
        account = self.store.account(advertiser)
        key = (self.store.state, advertiser, self._frozen(query)) + query[2:10] + (query.status,)
        found = self.sets.get(key)
        if found is None:
            found = RowSet(query, account)
            self.sets.put(key, found)
        return found

    @staticmethod
    def _plain(query, sets, begin, end):
        rows, start = [], 0
        for rowset in sets:
            encoder = Encoder(query, rowset.account)
            some = rowset.rows(max(0, begin - start), min(rowset.total, end - start))
            rows.extend(encoder.row(*row) for row in some)
            start += rowset.total
        return rows

    def _sorted(self, query, sets, begin, end):
        """A page of the rows in the order of a metric."""
        field, descending = query.order
        key = (self.store.state, self._frozen(query), query.order) \
            + query[:10] + (query.status,)
        order = self.orders.get(key)
        if order is None:
            order = []
            for rowset in sets:
                encoder = Encoder(query, rowset.account)
                value = Encoder(query._replace(metrics=(field,)), rowset.account)
                for row in rowset.rows(0, rowset.total):
                    found = value.row(*row)['metrics'].get(field)
                    number = Decimal(found) if found not in (None, '-', '<5') else Decimal(-1)
                    order.append((number, encoder, row))
            order.sort(key=lambda item: item[0], reverse=descending)
            self.orders.put(key, order)
        encoders = {}
        for _, encoder, _row in order[begin:end]:
            encoders.setdefault(encoder.account.id, Encoder(query, encoder.account))
        return [encoders[encoder.account.id].row(*row) for _, encoder, row in order[begin:end]]

    @staticmethod
    def _totals(query, sets):
        """The metrics over all pages; "-" where nothing can be added up."""
        parts = delivery.ZERO
        for rowset in sets:
            for *_, more in rowset.rows(0, rowset.total):
                parts = [a + b for a, b in zip(parts, more)]
        compiled = dict(compile_metrics(query.metrics, sets[0].account, False))
        found = {}
        for name in query.metrics:
            fact = METRICS[name]
            value = '-' if fact['kind'] == 'attribute' or fact.get('unique') \
                else compiled[name](parts)
            found[name] = '-' if value is MISSING else value
        return found
