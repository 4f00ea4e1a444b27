"""What tiktok.create_ads_view() must show, computed from the API's data without SQL.

Usage: python3 ads_view.py --today 2026-01-15 [--unlisted ACCOUNT,…]

Prints CSV in the order of the view's columns.  Invariants: an ad is a row of ads that is no
creative, or of smart_plus_ads; of an account whose Smart+ ads are not listed (--unlisted)
creatives alone tell of them.
"""
import argparse
import sys

import expected
import rows
from data import SmartAd, Store
from tiktok_api import data_options


def listed(values, *path):
    """The texts at a path of nested lists and objects, without empty ones."""
    if not path:
        return [values] if values not in (None, '') else []
    if isinstance(values, list):
        return [text for value in values for text in listed(value, *path)]
    return listed(values.get(path[0]), *path[1:]) if isinstance(values, dict) else []


def own(row):
    """What an ad's own row says of texts, videos, images, landing pages."""
    texts = row.get('ad_texts') or listed(row.get('ad_text'))
    return (texts, listed(row.get('video_id')), row.get('image_ids') or [],
            listed(row.get('landing_page_url')))


def smart(row):
    """The same of a Smart+ ad's row."""
    creatives = row.get('creative_list')
    return (listed(row.get('ad_text_list'), 'ad_text'),
            listed(creatives, 'creative_info', 'video_info', 'video_id'),
            listed(creatives, 'creative_info', 'image_info', 'web_uri'),
            listed(row.get('landing_page_url_list'), 'landing_page_url'))


def view_row(o, known):
    """One row of the view; known: whether a Smart+ ad is listed as such."""
    is_smart = isinstance(o, SmartAd)
    creatives = [rows.tree_row('ad/get', ad) for ad in o.creatives] if is_smart else []
    row = rows.tree_row('smart_plus/ad/get', o) if is_smart and known else \
        {} if is_smart else rows.tree_row('ad/get', o)
    said = smart(row) if row and is_smart else own(row) if row else ([], [], [], [])
    texts, videos, images, pages = said
    of_creatives = [own(dict(c, ad_texts=None)) for c in creatives]
    names = row or creatives[0]
    times = [c.get('create_time') for c in creatives], [c.get('modify_time') for c in creatives]
    created = row.get('create_time') or min(t for t in times[0] if t)
    modified = row.get('modify_time') or max((t for t in times[1] if t), default=None)
    either = [
        value or sorted({text for c in of_creatives for text in c[i]}, key=str.encode)
        for i, value in ((0, texts), (1, videos), (3, pages))]
    return [str(o.account.id), str(o.campaign.id), str(o.parent.id), str(o.id),
            't' if is_smart else 'f', names.get('campaign_name'), names.get('adgroup_name'),
            row.get('ad_name'), row.get('operation_status'), row.get('secondary_status'),
            expected.array(either[0]), expected.array(either[1]), expected.array(images),
            expected.array(either[2]),
            expected.array([c['ad_id'] for c in sorted(creatives, key=lambda c: int(c['ad_id']))])
            if is_smart else None,
            expected.instant(created), modified and expected.instant(modified)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--unlisted', default='', help='accounts without smart_plus_ads')
    data_options(parser)
    options = parser.parse_args()
    store = Store(options.seed, options.scale, options.ads, options.today)
    shown = expected.Shown()
    for id_ in store.account_ids():
        for o in store.account(id_).whole_ads:
            # TopView and Promote ads are shown, too
            if isinstance(o, SmartAd) and o.is_gone() or \
                    not isinstance(o, SmartAd) and not shown.has(o):
                continue
            row = view_row(o, str(id_) not in options.unlisted.split(','))
            sys.stdout.write(','.join(map(expected.csv_field, row)) + '\n')


if __name__ == '__main__':
    sys.stdout.reconfigure(encoding='utf-8', newline='\n')
    main()
