"""Deterministic accounts, campaigns, ad groups and ads.

Invariants: everything is a function of (seed, scale, ads, today) and the
mutations, nothing is random; an account is built on first touch; ids grow with
the time of creation, campaigns, ad groups and ads of one account lie in that
order, so the children of a parent are one slice; days are proleptic ordinals
in the account's own time zone.
"""
import datetime
import threading
import zlib

import clocks
from facts import PATHS

MASK = (1 << 64) - 1
EPOCH = datetime.date(1970, 1, 1).toordinal()
UTC_HOUR = 18                    # the time of day that "now" is, in UTC

CAMPAIGN, ADGROUP, AD = 1, 2, 3
PROMOTE, TOP_VIEW = 'PROMOTE', 'RESERVATION_TOP_VIEW'
GMV_CAMPAIGN = 4
KINDS = {'campaign': CAMPAIGN, 'adgroup': ADGROUP, 'ad': AD, 'gmv_campaign': GMV_CAMPAIGN}


def mix(a, b):
    """A 64-bit hash of two integers: the only source of variety."""
    h = (a * 0x9E3779B97F4A7C15 + b * 0xC2B2AE3D27D4EB4F + 0x165667B19E3779F9) & MASK
    h ^= h >> 29
    h = h * 0xBF58476D1CE4E5B9 & MASK
    return h ^ h >> 32


def name_hash(text):
    return zlib.crc32(text.encode())


def pick(values, h):
    return values[h % len(values)]


class Lexeme(str):
    """A JSON number that keeps its spelling, such as 20.00 (see lexeme_json)."""

    def __new__(cls, spelling):
        return super().__new__(cls, f'\x01{spelling}\x02')

    @property
    def spelling(self):
        return self[1:-1]


def lexeme_json(text):
    """Turn the marked strings of an encoded JSON text into bare numbers."""
    return text.replace('"\\u0001', '').replace('\\u0002"', '')


def timestamp(seconds, separator=' ', end=''):
    """Epoch seconds as TikTok writes UTC times."""
    day, rest = divmod(seconds, 86400)
    date = datetime.date.fromordinal(EPOCH + day)
    return (f'{date.isoformat()}{separator}{rest // 3600:02d}:'
            f'{rest // 60 % 60:02d}:{rest % 60:02d}{end}')


def seconds_of(ordinal, h):
    return (ordinal - EPOCH) * 86400 + h % 86400


# (id, name, currency, decimals, timezone, display_timezone, UTC offset in minutes, country)
ACCOUNTS = (
    (7002238017842757633, 'Aurora Outdoor', 'USD', 2, 'Etc/GMT+8', 'America/Los_Angeles',
     -480, 'US'),
    (7030219640413208578, 'Königsblau Möbel GmbH', 'EUR', 2, 'Etc/GMT-1', 'Europe/Berlin',
     60, 'DE'),
    (7051874396120449026, '桜茶屋 Sakura Tea', 'JPY', 0, 'Etc/GMT-9', 'Asia/Tokyo',
     540, 'JP'),
    (7088160322559787010, 'Café "Três Irmãos" & Cia', 'BRL', 2, 'Etc/GMT+3',
     'America/Sao_Paulo', -180, 'BR'),
    (7123456789012345678, 'Thistle & Fern Ltd', 'GBP', 2, 'Etc/GMT-0', 'Europe/London',
     0, 'GB'),
    (7160093331570884610, "Nordlicht's Sükker\\Test 🧪", 'USD', 2, 'Etc/GMT+5',
     'America/New_York', -300, 'US'),
    (7219930054437175298, 'Nīla Textiles', 'INR', 2, 'Asia/Kolkata', 'Asia/Kolkata',
     330, 'IN'),
)

# scale: history in days, shortest and longest life of an ad, and for each account
# (index, ads, (images, videos, musics, portfolios, audiences), music has page_info)
SCALES = {
    'small': (200, 5, 55, (
        (0, 64, (12, 9, 14, 6, 5), True),
        (1, 46, (5, 4, 8, 3, 4), True),
        (2, 33, (3, 3, 6, 2, 2), True),
        (3, 2412, (260, 230, 345, 130, 215), True),
        (4, 0, (0, 0, 0, 0, 0), True),
        (5, 151, (120, 101, 100, 100, 100), True),
        (6, 17, (2, 2, 37, 1, 1), False))),
    'demo': (120, 20, 110, (
        (0, 196, (60, 44, 40, 24, 16), True),
        (1, 128, (35, 30, 30, 14, 9), True),
        (2, 76, (24, 18, 20, 8, 6), True))),
    'large': (730, 14, 42, (
        (3, 100000, (400, 350, 300, 150, 120), True),
        (0, 200, (12, 9, 14, 6, 5), True))),
}

# scale → account → its objects that no request shows unless it asks for their kind
SPECIAL_ADS = 5                  # at most, of one such campaign
SPECIAL = {'small': {5: ((PROMOTE, 18), (TOP_VIEW, 12))}}

SEASONS = ('Summer Launch', 'Back to School', 'Evergreen', 'Black Friday', 'Spring Refresh',
           'New Arrivals', 'Retargeting Core', 'Lookalike Scale', 'Loyalty', 'Flash Sale')
MARKETS = ('US', 'DACH', 'JP', 'BR', 'UK', 'Global', 'Nordics', 'IN')
STRANGE_NAMES = ('Чёрная пятница 🖤 "−50 %"', 'L\'été à\nParis', 'back\\slash C:\\ads',
                 '夏セール ✨', 'tab\there; DROP TABLE ads;--', '{"not": "json"}', '50 % off, 2 for 1',
                 'null', ' leading and trailing ', 'ß→ss\u2028line')
AUDIENCES = ('Broad 18-34', 'Hikers & Runners', 'Cart abandoners 30d', 'LAL 1% buyers',
             'Interest: Home', 'Video viewers 75%', 'Engaged followers', 'Parents')
CREATIVES = ('UGC unboxing', 'Founder story', 'Product demo', 'Testimonial', 'Before/After',
             'Trend remix', 'Static carousel', 'Creator collab', 'How it works', 'Hook test')
OBJECTIVES = ('TRAFFIC', 'WEB_CONVERSIONS', 'APP_PROMOTION', 'VIDEO_VIEWS', 'REACH',
              'LEAD_GENERATION', 'PRODUCT_SALES', 'ENGAGEMENT')


class Account:
    """One ad account; campaigns, ad groups and ads are built on first use."""

    promote = counts_people = False             # of its own row

    def __init__(self, store, number, spec, ads, assets=(0, 0, 0, 0, 0), music_paged=True):
        (self.id, self.name, self.currency, self.decimals, self.timezone,
         self.display_timezone, self.utc_offset, self.country) = spec
        self.store, self.number, self.n_ads = store, number, ads
        self.assets, self.music_paged = assets, music_paged
        self.key = mix(store.seed, number)
        hour = UTC_HOUR + self.utc_offset // 60
        self.last_day = store.today + hour // 24
        self.last_hours = hour % 24 + 1         # hours of the last day that have begun
        self.campaigns, self.adgroups, self.ads = [], [], []
        self.restatements = [r for r in store.restatements if r[0] == self.id]
        self.clocks = clocks.RULES.get(self.timezone)
        self._by_id = self._whole_ads = None
        self.upto = ads
        if ads:
            _build(self)
        for kind, more in store.special_objects(self.id, number):
            _build_special(self, kind, more)
        self._override()

    def _override(self):
        """Apply renames, deletions and removals of the mutations."""
        for kind, objects in ((CAMPAIGN, self.campaigns), (ADGROUP, self.adgroups),
                              (AD, self.ads)):
            wanted = self.store.overrides.get((self.id, kind))
            if not wanted:
                continue
            for o in objects:
                change = wanted.get(o.id)
                if change:
                    o.name = change.get('name', o.name)
                    o.deleted = change.get('deleted', o.deleted)
                    o.gone = change.get('gone', False)
                    o.fields = change.get('fields')
                    o.modified = change.get('modified', o.modified)

    def objects(self, kind):
        return {CAMPAIGN: self.campaigns, ADGROUP: self.adgroups, AD: self.ads}[kind]

    @property
    def whole_ads(self):
        """The ads as Ads Manager counts them: Smart+ ads instead of their creatives."""
        if self._whole_ads is None:
            self._whole_ads = []
            for ad in self.ads:
                group = ad.parent
                if ad.campaign.automation != SMART_PLUS:
                    self._whole_ads.append(ad)
                elif (ad.index - group.lo) % IN_ONE == 0:
                    self._whole_ads.append(SmartAd(
                        self.ads[ad.index:min(ad.index + IN_ONE, group.hi)]))
        return self._whole_ads

    def by_id(self, kind):
        """id → object of one kind, built once."""
        if self._by_id is None:
            self._by_id = {k: {o.id: o for o in self.objects(k)}
                           for k in (CAMPAIGN, ADGROUP, AD)}
        return self._by_id[kind]


class Object:
    """What campaigns, ad groups and ads have in common."""

    __slots__ = ('id', 'index', 'key', 'name', 'created', 'modified', 'deleted', 'gone',
                 'fields', 'account', 'parent', 'lo', 'hi')

    def __init__(self, account, kind, index, parent, created, name):
        self.account, self.index, self.parent, self.name = account, index, parent, name
        self.key = mix(account.key, kind * 1000003 + index)
        self.id = make_id(account, kind, index, self.key)
        self.created = created
        self.modified = min(created + self.key % (20 * 86400),
                            seconds_of(account.store.today, 3600 * UTC_HOUR))
        self.deleted = self.gone = False
        self.fields = None

    @property
    def ads(self):
        """The ads below (an ad is its own)."""
        return self.account.ads[self.lo:self.hi]

    @property
    def promote(self):
        return self.campaign.origin == PROMOTE

    @property
    def counts_people(self):
        """Whether its results are people that it reached."""
        return self.account.store.people and self.campaign.objective == 'REACH'

    def is_deleted(self):
        return self.deleted or self.parent is not None and self.parent.is_deleted()

    def is_gone(self):
        return self.gone or self.parent is not None and self.parent.is_gone()


class Campaign(Object):
    __slots__ = ('objective', 'automation', 'groups', 'origin', 'buying')
    kind = CAMPAIGN

    @property
    def campaign(self):
        return self


class AdGroup(Object):
    __slots__ = ()
    kind = ADGROUP

    @property
    def campaign(self):
        return self.parent


class Ad(Object):
    """An ad and the shape of its delivery (see delivery.py)."""

    __slots__ = ('first', 'last', 'period', 'hour', 'hours', 'volume', 'cpm', 'ctr', 'cvr')
    kind = AD

    @property
    def campaign(self):
        return self.parent.parent

    @property
    def adgroup(self):
        return self.parent


SMART_PLUS = 'UPGRADED_SMART_PLUS'
IN_ONE = 3                    # of one Smart+ ad, at most


def smart_plus_id(ad):
    """The id of the Smart+ ad that a creative is of; None: it is an ad itself."""
    if ad.campaign.automation != SMART_PLUS:
        return None
    first = ad.index - (ad.index - ad.parent.lo) % IN_ONE
    return ad.account.ads[first].id + 500000000000


class SmartAd:
    """An Upgraded Smart+ ad; the ads below are its creatives, of one ad group."""

    kind, promote = AD, False

    def __init__(self, ads):
        first = ads[0]
        self.ads, self.account, self.parent = ads, first.account, first.parent
        self.index, self.key = first.index, mix(first.key, 31)
        self.id = first.id + 500000000000
        self.name = f'S+ {first.name}'
        self.created = first.created
        self.modified = max(ad.modified for ad in ads)
        self.fields = None

    @property
    def campaign(self):
        return self.parent.parent

    @property
    def counts_people(self):
        return self.account.store.people and self.campaign.objective == 'REACH'

    @property
    def last(self):
        return max(ad.last for ad in self.ads)

    @property
    def creatives(self):
        return [ad for ad in self.ads if not ad.is_gone()]

    def is_deleted(self):
        return all(ad.is_deleted() for ad in self.ads)

    def is_gone(self):
        return not self.creatives

    @property
    def deleted(self):
        return all(ad.deleted for ad in self.ads)


def make_id(account, kind, index, h):
    """16 digits, for the newest objects of every third account 19."""
    rest = account.number * 10**13 + kind * 2 * 10**12 + index * 1000003 + h % 1000000
    if account.number % 3 == 0 and index * 10 >= account.n_ads * (9 if kind == AD else 2):
        return 7300000000000000000 + rest * 1000 + h % 997
    return 1700000000000000 + rest


def _name(parts, h, always_plain):
    """A believable name, sometimes a strange one."""
    name = ' | '.join(pick(p, h >> 7 * i) for i, p in enumerate(parts))
    if not always_plain and h % 9 == 4:
        name = f'{pick(STRANGE_NAMES, h >> 23)} #{h % 1000}'
    return name


def _build(account):
    """Lay campaigns, ad groups and ads over the history of the account."""
    store = account.store
    begin = store.today - store.history
    while len(account.ads) < account.n_ads:
        start = begin + store.history * len(account.ads) // account.n_ads
        _build_campaign(account, start)


def _build_campaign(account, start, kind=None):
    """One campaign, of its own kind when that is not the usual one, with what is below."""
    store = account.store
    plain = store.scale != 'small'
    index = len(account.campaigns)
    h = mix(account.key, 77 + index)
    campaign = Campaign(account, CAMPAIGN, index, None, seconds_of(start - h % 2, h >> 9),
                        _name((SEASONS, MARKETS), h >> 13, plain))
    campaign.origin, campaign.buying = 'TT_ADS_PLATFORM', 'AUCTION'
    campaign.objective = pick(OBJECTIVES, h >> 21)
    campaign.automation = ('SMART_PLUS' if h % 7 == 0 else
                           'UPGRADED_SMART_PLUS' if h % 7 == 1 else 'MANUAL')
    campaign.lo, campaign.groups = len(account.ads), [len(account.adgroups), 0]
    campaign.deleted = h >> 30 & 15 == 3 and not plain or h >> 30 & 31 == 3
    if store.scale == 'demo' and index % 8 == 5:
        campaign.deleted = True                 # the demo shows what they had cost
    if kind:
        _be_special(campaign, kind, h)
    account.campaigns.append(campaign)
    for _ in range(1 + (h >> 40) % 5):
        if len(account.ads) < account.upto:
            _build_group(campaign, start, plain)
    campaign.hi, campaign.groups[1] = len(account.ads), len(account.adgroups)


def _be_special(campaign, kind, h):
    """What a Promote or TopView campaign has of its own; every third one is deleted."""
    campaign.automation = 'MANUAL'
    campaign.deleted = campaign.index % 3 == 2
    if kind == PROMOTE:
        campaign.origin = PROMOTE
        campaign.objective = pick(('ENGAGEMENT', 'VIDEO_VIEWS', 'TRAFFIC'), h >> 21)
    else:
        campaign.buying = TOP_VIEW
        campaign.objective = 'REACH'


def _build_special(account, kind, ads):
    """Promote or TopView ads beside the others: made last, so their ids are the newest."""
    store, base = account.store, len(account.ads)
    while len(account.ads) < base + ads:
        done = len(account.ads) - base
        account.upto = base + min(ads, done + SPECIAL_ADS)
        _build_campaign(account, store.today - 40 + 40 * done // ads, kind)


def _build_group(campaign, start, plain):
    """One ad group with its ads."""
    account = campaign.account
    index = len(account.adgroups)
    h = mix(account.key, 7777777 + index)
    group = AdGroup(account, ADGROUP, index, campaign, campaign.created + h % 7200,
                    _name((AUDIENCES,), h >> 13, plain))
    group.lo = len(account.ads)
    group.deleted = h >> 30 & 15 == 5
    account.adgroups.append(group)
    for _ in range(1 + (h >> 40) % 7):
        if len(account.ads) < account.upto:
            account.ads.append(_build_ad(group, start, plain))
    group.hi = len(account.ads)


def _build_ad(group, start, plain):
    """One ad: its life, its rhythm and its size."""
    account = group.account
    store = account.store
    index = len(account.ads)
    h = mix(account.key, 99999999 + index)
    ad = Ad(account, AD, index, group, group.created + 7200 + h % 7200,
            f'{pick(CREATIVES, h >> 13)} v{index % 7 + 1}' if plain or h % 11 else
            f'{pick(STRANGE_NAMES, h >> 17)} {index}')
    ad.lo, ad.hi = index, index + 1
    ad.deleted = (h >> 20) % 13 == 6
    ad.first = start + (h >> 24) % 4
    life = store.life[0] + (h >> 28) % (store.life[1] - store.life[0])
    if index % 41 == 7:
        life = 9999                             # evergreen
    ad.last = ad.first + life
    if ad.deleted or group.deleted or group.campaign.deleted:
        ad.last = min(ad.last, store.today - 9 - (h >> 33) % 20)
    if index % 29 == 11:
        ad.last = ad.first - 1                  # never delivered
    ad.hour = (h >> 36) % 6
    ad.hours = 12 + (h >> 39) % (13 - ad.hour)
    last_day = account.last_day - (ad.hour >= account.last_hours)
    ad.last = min(ad.last, last_day)
    ad.period = 6 + (h >> 43) % 8
    ad.volume = 400 + ((h >> 47) % 97) ** 2
    ad.cpm = 220 + (h >> 51) % 900
    ad.ctr = 60 + (h >> 54) % 240
    ad.cvr = 5 + (h >> 58) % 60
    return ad


AD_LIMIT = 20000                 # ads of an account that a report works on
VIDEO_LIMIT = 10000              # videos that a search finds


class Store:
    """All accounts of one server, and the changes made to them."""

    def __init__(self, seed=1, scale='small', ads=None, today=None, mutations=()):
        if ads is not None and scale != 'large':
            raise ValueError('ads: only with scale large')
        self.seed, self.scale, self.ads = seed, scale, ads
        self.ad_limit, self.video_limit = AD_LIMIT, VIDEO_LIMIT
        self.pictures = None                    # where there are pictures of assets
        self.today = (today or datetime.datetime.now(datetime.timezone.utc).date()).toordinal()
        history, shortest, longest, self.specs = SCALES[scale]
        self.history, self.life = history, (shortest, longest)
        self.lock = threading.RLock()
        self.version = 0
        self.reset()
        for change in mutations:
            self.mutate(change)

    def reset(self):
        """Forget every mutation."""
        with self.lock:
            self.overrides, self.restatements, self.added, self.revoked = {}, [], [], set()
            self.specials, self.zones, self.people = [], {}, False
            self.gone = {}                      # account → 40300 or 40301
            self.not_granted = set()            # (endpoint, account or None)
            self.asset_changes = {}             # (account, endpoint, index) → columns or gone
            self._first_today = getattr(self, '_first_today', self.today)
            self.today = self._first_today
            self._changed()

    def _changed(self):
        self.version += 1
        self._accounts = {}
        self._specs = {ACCOUNTS[index][0]: (index, ACCOUNTS[index], ads, assets, paged)
                       for index, ads, assets, paged in self.specs}
        if self.ads is not None:
            first, spec = next(iter(self._specs.items()))
            self._specs[first] = spec[:2] + (self.ads,) + spec[3:]
        for number, (id_, name, ads, videos) in enumerate(self.added):
            spec = (id_, name, 'USD', 2, 'Etc/GMT+8', 'America/Los_Angeles', -480, 'US')
            self._specs[id_] = (20 + number, spec, ads, (4, videos, 4, 4, 4), True)
        for id_, zone in self.zones.items():
            number, spec, *more = self._specs[id_]
            self._specs[id_] = (number, spec[:4] + (zone, zone) + spec[6:], *more)

    def special_objects(self, id_, number):
        """[(kind, ads)] of one account beside its usual ones."""
        added = number >= 20
        return [*(() if added else SPECIAL.get(self.scale, {}).get(number, ())),
                *((kind, n) for i, kind, n in self.specials if i == id_)]

    def limit(self, ads=None, videos=None):
        """Change how much the API looks at."""
        with self.lock:
            self.ad_limit = self.ad_limit if ads is None else int(ads)
            self.video_limit = self.video_limit if videos is None else int(videos)

    @property
    def state(self):
        """What the answers to a report depend on besides the question."""
        return self.version, self.ad_limit

    def account_ids(self):
        """The accounts that the token may read."""
        return [i for i in self._specs if i not in self.revoked]

    def account(self, id_):
        """One account, or None when the token may not read it."""
        with self.lock:
            if id_ in self.revoked or id_ not in self._specs:
                return None
            if id_ not in self._accounts:
                self._accounts[id_] = Account(self, *self._specs[id_])
            return self._accounts[id_]

    def mutate(self, change):
        """Change the data (for snapshot tests); an unknown op is a ValueError."""
        with self.lock:
            op = change.get('op')
            apply = getattr(self, f'_op_{op}', None)
            if apply is None:
                raise ValueError(f'unknown op {op!r}')
            apply(change)
            self._changed()

    def _override(self, change, values):
        key = int(change['advertiser_id']), KINDS[change['kind']]
        entry = self.overrides.setdefault(key, {}).setdefault(int(change['id']), {})
        for name, value in values.items():
            if name == 'fields':
                value = {**entry.get('fields', {}), **value}
            entry[name] = value
        if change.get('touch', True):
            entry['modified'] = seconds_of(self.today, 43200 + self.version)

    def _op_rename(self, change):
        self._override(change, {'name': change['name']})

    def _op_delete(self, change):
        self._override(change, {'deleted': True})

    def _op_vanish(self, change):
        self._override(change, {'gone': True})

    def _op_set(self, change):
        self._override(change, {'fields': change['fields']})

    def _op_asset(self, change):
        """Change columns of the i-th asset of an endpoint, or make it vanish."""
        key = int(change['advertiser_id']), change['endpoint'], int(change['index'])
        entry = self.asset_changes.setdefault(key, {})
        entry.update(change.get('fields', {}), gone=change.get('gone', False))

    def _op_restate(self, change):
        """Multiply delivery by percent/100 from one day to another (one ad or all)."""
        ad = change.get('ad_id')
        days = [datetime.date.fromisoformat(change[k]).toordinal() for k in ('from', 'to')]
        self.restatements.append((int(change['advertiser_id']), int(ad) if ad else None,
                                  *days, int(change['percent'])))

    def _op_add_account(self, change):
        self.added.append((int(change['advertiser_id']), change.get('name', 'Added account'),
                           int(change.get('ads', 20)), int(change.get('videos', 4))))

    def _op_add_objects(self, change):
        """Promote or TopView campaigns with so many ads."""
        if change['kind'] not in (PROMOTE, TOP_VIEW):
            raise ValueError(f'kind must be {PROMOTE} or {TOP_VIEW}')
        self.specials.append((self._known(change), change['kind'], int(change.get('ads', 10))))

    def _known(self, change):
        """The account of a change that would do nothing to any other."""
        account = int(change['advertiser_id'])
        if account not in self._specs:
            raise ValueError(f'no such account: {account}')
        return account

    def _op_zone(self, change):
        """Put an account into a time zone whose clocks change."""
        if change['timezone'] not in clocks.RULES:
            raise ValueError(f'timezone must be one of {sorted(clocks.RULES)}')
        self.zones[self._known(change)] = change['timezone']

    def _op_people(self, _):
        """Where the goal is REACH, results count people: they do not add up."""
        self.people = True

    def _op_delete_account(self, change):
        self.gone[self._known(change)] = 40300

    def _op_unmatch_account(self, change):
        self.gone[self._known(change)] = 40301

    def _op_revoke_endpoint(self, change):
        self.not_granted.add(self._grant(change))

    def _op_grant_endpoint(self, change):
        self.not_granted.discard(self._grant(change))

    def _grant(self, change):
        endpoint = change['endpoint'].strip('/')
        if endpoint not in PATHS:
            raise ValueError(f'endpoint must be one of {sorted(PATHS)}')
        return endpoint, self._known(change) if 'advertiser_id' in change else None

    def _op_revoke_every_account(self, _):
        self.revoked.update(self._specs)

    def _op_revoke_account(self, change):
        self.revoked.add(int(change['advertiser_id']))

    def _op_grant_account(self, change):
        self.revoked.discard(int(change['advertiser_id']))

    def _op_today(self, change):
        self.today = datetime.date.fromisoformat(change['date']).toordinal()
