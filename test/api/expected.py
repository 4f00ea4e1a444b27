"""What a table of a stream must hold, computed without HTTP and without pages.

Usage: python3 expected.py --stream ads_reports_daily \
           --columns 'advertiser_id:bigint,ad_id:bigint,stat_time_day:date,spend:numeric' \
           --from 2026-01-01 --to 2026-01-15 --today 2026-01-15

Prints CSV as COPY … CSV HEADER writes it (NULL: nothing; empty string: ""),
sorted; a column is name:type or name:type:path.  Invariants: rows come straight
from the generators of data.py, each object, day, hour and cell on its own; the
rules that turn JSON into column values are those of the extension's manual.
"""
import argparse
import calendar
import datetime
import json
import re
import sys

import centers
import delivery
import identities
import metrics
import rows
import shops
from data import AD, ADGROUP, CAMPAIGN, PROMOTE, TOP_VIEW, Lexeme, Store
from facts import METRICS, STREAMS
from grants import readable
from tiktok_api import data_options

# Streams that the API does not have as such: its daily reports without their days, over
# the days of each week, month or period.
GRAINS = {'weekly': ('week', ['stat_time_week']), 'monthly': ('month', ['stat_time_month']),
          'period': ('period', ['start_date', 'end_date'])}
PERIODS = {}
for _level in ('ads', 'ad_groups', 'campaigns', 'advertisers'):
    for _suffix, (_grain, _key) in GRAINS.items():
        _fact = STREAMS[f'{_level}_reports_daily']
        _id = _fact['report']['dimensions'][0]
        PERIODS[f'{_level}_reports_{_suffix}'] = dict(
            _fact, grain=_grain, key=[_id, *_key], report=dict(_fact['report'], dimensions=[_id]))
STREAMS = {**STREAMS, **PERIODS}
# a row in which these are zero or no value is idle
IDLE = ('spend', 'impressions', 'clicks', 'conversion', 'real_time_conversion', 'result',
        'real_time_result')

KIND = {'AUCTION_CAMPAIGN': CAMPAIGN, 'AUCTION_ADGROUP': ADGROUP, 'AUCTION_AD': AD}
BUYING_TYPES = ('AUCTION', 'RESERVATION_RF', TOP_VIEW)
NO_VALUE = (None, '', '-', '<5')


# ------------------------------------------------------------------- values

def number_text(value):
    if isinstance(value, Lexeme):
        return value.spelling
    return value if isinstance(value, str) else json.dumps(value)


def jsonb(value):
    """JSON text in the order and spacing of PostgreSQL's jsonb."""
    if isinstance(value, dict):
        items = sorted(value.items(), key=lambda kv: (len(kv[0].encode()), kv[0].encode()))
        return '{' + ', '.join(f'{jsonb(k)}: {jsonb(v)}' for k, v in items) + '}'
    if isinstance(value, list):
        return '[' + ', '.join(map(jsonb, value)) + ']'
    return value.spelling if isinstance(value, Lexeme) else json.dumps(value, ensure_ascii=False)


def array(values):
    """A PostgreSQL array literal."""
    def element(value):
        if value is None:
            return 'NULL'
        text = number_text(value)
        if text == '' or text.upper() == 'NULL' or re.search(r'[{}",\\\s]', text):
            return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'
        return text
    return '{' + ','.join(map(element, values)) + '}'


def instant(value):
    """A UTC time of the API, or epoch seconds, as timestamptz text in UTC."""
    if isinstance(value, int):
        found = datetime.datetime.fromtimestamp(value, datetime.timezone.utc)
        return found.strftime('%Y-%m-%d %H:%M:%S+00')
    return value[:19].replace('T', ' ') + '+00'


def column_value(value, kind, is_key, is_report):
    """The text of a column value, or None for NULL."""
    if kind == 'text':
        if is_key:
            return '' if value in (None, rows.MISSING) else number_text(value)
        if value is None or is_report and value == '-':
            return None
        return jsonb(value) if isinstance(value, (dict, list)) else number_text(value)
    if isinstance(value, (str, type(None))) and value in NO_VALUE:
        return None
    if kind == 'jsonb':
        return jsonb(value)
    if kind == 'text[]':
        return array(value)
    if kind == 'boolean':
        return 't' if value in (True, 1, 'true', '1') else 'f'
    if kind == 'timestamptz':
        return instant(value)
    if kind == 'date':
        return value[:10]
    return number_text(value)


# --------------------------------------------------------------------- rows

class Shown:
    """Which campaigns, ad groups and ads are rows of the table."""

    def __init__(self, deleted=True, promote=True, buying=BUYING_TYPES):
        self.deleted, self.promote, self.buying = deleted, promote, buying

    def of_kind(self, o):
        return (self.promote or o.campaign.origin != PROMOTE) and o.campaign.buying in self.buying

    def has(self, o):
        return not o.is_gone() and self.of_kind(o) and (self.deleted or not o.is_deleted())


def entity_rows(stream, account, shown):
    """Raw rows of one account, as the API would send them without `fields`."""
    path = STREAMS[stream]['path']
    if path in shops.ANSWERS:
        return shops.expected(stream, account, 0, 0, shown.deleted)
    if path == 'oauth2/advertiser/get':
        return [{'advertiser_id': str(account.id), 'advertiser_name': account.name}]
    if path == 'advertiser/info':
        return [rows.advertiser_row(account)]
    if path in rows.ASSETS:
        return rows.assets(path, account)
    return [rows.tree_row(path, o) for o in rows.tree_objects(path, account) if shown.has(o)]


def pieces(ad, report, begin, end):
    """((time, breakdown value), parts) of one ad: the finest numbers of the data."""
    dimensions = report['dimensions']
    breakdown = [x for x in dimensions[1:] if not x.startswith('stat_time')]
    for day in delivery.days(ad, begin, end):
        date = datetime.date.fromordinal(day).isoformat()
        parts = delivery.vector(ad, day)
        if 'stat_time_hour' in dimensions:
            for hour, again, share in delivery.by_hour(ad, day, parts):
                yield (f'{date} {hour:02d}:00:00', again), share
            continue
        time = f'{date} 00:00:00' if 'stat_time_day' in dimensions else None
        if breakdown:
            for value, share in delivery.by_cell(ad, '+'.join(breakdown), parts):
                yield (time, value), share
        else:
            yield (time, None), parts


def report_rows(stream, account, names, begin, end, shown):
    """Raw report rows of one account.

    An account's own row is about all its ads, deleted ones too; kinds left out are missing
    there as well, as the API says when they are left out by a filter.
    """
    report = STREAMS[stream]['report']
    level, dimensions = report['data_level'], report['dimensions']
    audience = report['report_type'] == 'AUDIENCE'
    # the API gives ad_id_v2 only without the dimension ad_id
    wanted = [n for n in dict.fromkeys(names) if n not in dimensions and n in METRICS
              and not (n == 'ad_id_v2' and 'ad_id' in dimensions)]
    compiled = metrics.compile_metrics(wanted, account, audience)
    objects = [account] if level == 'AUCTION_ADVERTISER' else \
        account.whole_ads if dimensions[0] == 'ad_id_v2' else account.objects(KIND[level])
    for o in objects:
        if o is not account and not shown.has(o):
            continue
        sums = {}
        for ad in o.ads:
            for key, parts in () if ad.is_gone() or not shown.of_kind(ad) else \
                    pieces(ad, report, begin, end):
                sums[key] = [a + b for a, b in zip(sums.get(key, delivery.ZERO), parts)]
        if not sums and len(dimensions) == 1:
            sums[None, None] = delivery.ZERO
        fixed = metrics.object_metrics(wanted, account, o)
        for (time, value), parts in sums.items():
            row = {**fixed, dimensions[0]: str(o.id), **metrics.values(compiled, parts, o)}
            for i, name in enumerate(dimensions[1:]):
                row[name] = time if name.startswith('stat_time') else \
                    value[name == 'age'] if isinstance(value, tuple) else value
            yield {k: v for k, v in row.items() if v is not metrics.MISSING}


def days_of(options, stream, store):
    """The first and the last day that a scan covers."""
    report = STREAMS[stream].get('report')
    if not report or report['lifetime']:
        return 0, 4000000
    begin, end = options.first, options.last
    end = end.toordinal() if end else store.today + 1
    timed = any(x.startswith('stat_time') for x in report['dimensions'])
    earliest = 0 if timed else store.today + 1 - 364
    return (begin.toordinal() if begin else earliest), end


def periods(grain, first, last):
    """(first, last day) of the weeks or months that begin in a range; a period is the range."""
    if grain == 'period':
        return [(first, last)]
    days = [datetime.date.fromordinal(day) for day in range(first, last + 1)]
    if grain == 'week':
        return [(d.toordinal(), d.toordinal() + 6) for d in days if d.isoweekday() == 1]
    return [(d.toordinal(), d.toordinal() + calendar.monthrange(d.year, d.month)[1] - 1)
            for d in days if d.day == 1]


def is_idle(row, names):
    """Whether nothing happened that always counts, or that is shown."""
    shown = [n for n in names if n in METRICS and METRICS[n]['kind'] != 'attribute']
    return all(re.fullmatch(r'-|0(\.0+)?', str(row.get(name) or '-')) for name in (*IDLE, *shown))


def period_rows(options, store, account, names, shown):
    """Raw rows of one account, of a report that is asked for once a week, month or period."""
    fact = STREAMS[options.stream]
    first, last = days_of(options, options.stream, store)
    for begin, end in periods(fact['grain'], first, last):
        covered = min(end, store.today + 1)
        for row in report_rows(options.stream, account, [*names, *IDLE], begin, covered, shown):
            if options.include_idle or not is_idle(row, names):
                for name, day in zip(fact['key'][1:], (begin, end)):
                    row[name] = datetime.date.fromordinal(day).isoformat()
                row['covered_to'] = datetime.date.fromordinal(covered).isoformat()
                yield row


def at(row, path):
    """The value at a path such as item_info.item_id, None if there is none."""
    if path in row:
        return row[path]
    first, _, rest = path.partition('.')
    return at(row[first], rest) if rest and isinstance(row.get(first), dict) else None


def table(options, store, columns):
    """The rows of the table, as lists of texts and None."""
    stream, fact = options.stream, STREAMS[options.stream]
    key = {'advertiser_id', *fact['key']}
    begin, end = days_of(options, stream, store)
    ids = [int(a) for a in options.accounts.split(',')] if options.accounts \
        else store.account_ids()
    shown = Shown(options.include_deleted, options.include_promote,
                  options.buying_types.split(','))
    if fact['path'] in centers.ANSWERS:
        yield from ([column_value(at(row, path), kind, name in key, False)
                     for name, kind, path in columns]
                    for row in centers.expected(stream, store))
        return
    for id_ in ids:
        account = store.account(id_) if fact['path'] == 'oauth2/advertiser/get' else \
            readable(store, id_, fact['path'])
        if account is None:
            continue
        if 'grain' in fact:
            found = period_rows(options, store, account, [path for _, _, path in columns], shown)
        elif fact['path'] in shops.ANSWERS:
            found = shops.expected(stream, account, begin, end, shown.deleted)
        elif fact['path'] in identities.ANSWERS:
            found = identities.expected(account)
        elif 'report' in fact:
            found = report_rows(stream, account, [path for _, _, path in columns], begin, end,
                                shown)
        else:
            found = entity_rows(stream, account, shown)
        for row in found:
            if options.sandbox:
                row.pop('secondary_status', None)
            row['advertiser_id'] = str(account.id)
            yield [column_value(at(row, path), kind, name in key, 'report' in fact)
                   for name, kind, path in columns]


# ---------------------------------------------------------------------- CSV

def csv_field(value):
    if value is None:
        return ''
    if value in ('', '\\.') or re.search('[",\r\n]', value):
        return '"' + value.replace('"', '""') + '"'
    return value


def parse_columns(text):
    """[(name, type, path)] of 'name:type[:path],…'; path loses dimensions. and metrics."""
    columns = []
    for item in text.split(','):
        name, kind, path = (item.strip().split(':') + [''])[:3]
        path = path.split('.', 1)[1] if path.startswith(('dimensions.', 'metrics.')) else path
        columns.append((name, kind, path or name))
    return columns


def main(argv=None, out=sys.stdout):
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--stream', required=True, choices=sorted(STREAMS))
    parser.add_argument('--columns', default='advertiser_id:bigint')
    parser.add_argument('--from', dest='first', type=datetime.date.fromisoformat)
    parser.add_argument('--to', dest='last', type=datetime.date.fromisoformat)
    parser.add_argument('--accounts', help='comma-separated; default: all')
    parser.add_argument('--include-deleted', default=True, type=lambda text: text == 'true')
    parser.add_argument('--include-promote', default=True, type=lambda text: text == 'true')
    parser.add_argument('--buying-types', default=','.join(BUYING_TYPES))
    parser.add_argument('--include-idle', action='store_true')
    parser.add_argument('--sandbox', action='store_true')
    parser.add_argument('--mutations', help='file with a JSON array of /_control/mutate bodies')
    parser.add_argument('--count', action='store_true', help='print the number of rows only')
    data_options(parser)
    options = parser.parse_args(argv)
    changes = ()
    if options.mutations:
        with open(options.mutations, encoding='utf-8') as file:
            changes = json.load(file)
    store = Store(options.seed, options.scale, options.ads, options.today, changes)
    columns = parse_columns(options.columns)
    found = list(table(options, store, columns))
    if options.count:
        out.write(f'{len(found)}\n')
        return
    out.write(','.join(csv_field(name) for name, _, _ in columns) + '\n')
    for row in sorted(found, key=lambda r: [(v is None, v or '') for v in r]):
        out.write(','.join(map(csv_field, row)) + '\n')


if __name__ == '__main__':
    sys.stdout.reconfigure(encoding='utf-8', newline='\n')
    main()
