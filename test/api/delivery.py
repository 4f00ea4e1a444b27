"""What an ad delivered: integer parts for a day, an hour, an audience cell.

Invariants: a part is an integer (money in the smallest unit of the currency),
so parts add up exactly over hours, cells, days and ads; a split of a day hands
out the whole day; which days, hours and cells an ad has is arithmetic, so rows
can be counted without being computed.
"""
import clocks
from data import mix, pick

(SPEND, IMPRESSIONS, CLICKS, CONVERSION, RESULT, PLAYS, WATCHED_2S, WATCHED_6S, P25, P50, P75,
 P100, LIKES, COMMENTS, SHARES, FOLLOWS, VISITS, MUSIC, WATCH_MS, VALUE, TAIL0, TAIL1, TAIL2,
 TAIL3) = range(24)
PARTS = 24
ZERO = [0] * PARTS
# what a Promote ad is not measured by
NOT_PROMOTE = {CONVERSION, RESULT, MUSIC, VALUE, TAIL0, TAIL1, TAIL2, TAIL3}

WEEK = (880, 910, 960, 1000, 1120, 1250, 1180)           # ordinal % 7
RAMP = (250, 420, 600, 760, 880, 950)
HOUR_WEIGHT = (3, 3, 4, 4, 5, 6, 7, 8, 8, 7, 7, 8, 9, 8, 7, 7, 8, 9, 9, 9, 8, 7, 5, 4)


def days(ad, begin, end):
    """The days in [begin, end] on which the ad delivered."""
    phase, period = ad.key % ad.period, ad.period
    return [d for d in range(max(begin, ad.first), min(end, ad.last) + 1)
            if (d + phase) % period]


def count_days(ad, begin, end):
    begin, end = max(begin, ad.first), min(end, ad.last)
    if begin > end:
        return 0
    phase = ad.key % ad.period
    return end - begin + 1 - ((end + phase) // ad.period - (begin - 1 + phase) // ad.period)


def hours(ad, day):
    """The hours of a day of delivery that have a row."""
    end = ad.hour + ad.hours
    if day == ad.account.last_day:
        end = min(end, ad.account.last_hours)
    some = range(ad.hour, end)
    return clocks.hours(ad.account.clocks, day, some) if ad.account.clocks else some


def vector(ad, day):
    """The parts of one ad on one day on which it delivered."""
    h = mix(ad.key, day)
    age = day - ad.first
    size = ad.volume * WEEK[day % 7] * (RAMP[age] if age < 6 else 1000) // 1000
    impressions = 240 + size * (700 + (h & 511)) // 1000000 * (1 + ad.key % 4)
    spend = impressions * (ad.cpm + (h >> 9 & 63)) // 1000 + 1
    clicks = impressions * (ad.ctr + (h >> 15 & 63)) // 10000
    conversion = clicks * (ad.cvr + (h >> 21 & 15)) // 1000 + (h >> 25 & 7 == 1)
    plays = impressions * (860 + (h >> 28 & 127)) // 1000
    two = plays * (420 + (h >> 35 & 127)) // 1000
    six = two * (300 + (h >> 35 & 255)) // 1000
    quarter = two * 800 // 1000
    half = quarter * (550 + (h >> 42 & 127)) // 1000
    third = half * 700 // 1000
    full = third * (600 + (h >> 42 & 127)) // 1000
    parts = [spend, impressions, clicks, conversion, conversion + (h >> 46 & 3), plays, two,
             six, quarter, half, third, full, plays * (h >> 48 & 15) // 1000,
             clicks * (h >> 50 & 15) // 100, h >> 52 & 7, h >> 53 & 3, clicks * 7 // 100,
             h >> 55 & 1, two * 2400 + six * 3100 + full * 5000,
             conversion * (1900 + (h >> 40 & 4095)), clicks * 3 // 4,
             conversion + (h >> 57 & 3), int(h >> 59 & 7 == 1), (h >> 60) // 14]
    for _, ad_id, begin, end, percent in ad.account.restatements:
        if begin <= day <= end and ad_id in (None, ad.id):
            parts = [p * percent // 100 for p in parts]
    if ad.promote:
        parts = [0 if i in NOT_PROMOTE else p for i, p in enumerate(parts)]
    return parts


def total(ad, begin, end):
    """The parts of one ad over a range of days."""
    parts = ZERO
    for day in days(ad, begin, end):
        parts = [a + b for a, b in zip(parts, vector(ad, day))]
    return parts


def split(parts, weights, h):
    """Share out parts by weight; the shares add up to the whole."""
    whole = sum(weights)
    shift = [(h >> i) % whole for i in range(len(parts))]
    before, running, shares = [0] * len(parts), 0, []
    for weight in weights:
        running += weight
        now = [(p * running + s) // whole for p, s in zip(parts, shift)]
        shares.append([a - b for a, b in zip(now, before)])
        before = now
    return shares


def by_hour(ad, day, parts):
    """[(hour, None or True when it is there for the second time, parts)] of one day."""
    some = list(hours(ad, day))
    again = [True if i and some[i - 1] == h else None for i, h in enumerate(some)]
    return list(zip(some, again, split(parts, [HOUR_WEIGHT[h] for h in some], ad.key)))


GENDERS = ('FEMALE', 'MALE', 'NONE')
AGES = ('AGE_13_17', 'AGE_18_24', 'AGE_25_34', 'AGE_35_44', 'AGE_45_54', 'AGE_55_100', 'NONE')
GENDER_AGE = tuple((g, a) for g in GENDERS for a in AGES)
COUNTRIES = ('US', 'DE', 'JP', 'BR', 'GB', 'IN', 'CA', 'FR', 'MX', 'AU', 'NG', 'ID')
VALUES = {
    'country_code': COUNTRIES,
    'platform': ('ANDROID', 'IPHONE', 'IPAD', 'PC', 'UNKNOWN'),
    'province_id': ('5332921', '5128638', '4736286', '2950157', '2951839', '1850147', '3448439',
                    '3451189', '6269131', '1275715', '-', '4155751', '5815135', '5509151'),
    'dma': ('501', '803', '602', '504', '623', '511', '618', '807'),
    'language': ('en', 'de', 'ja', 'pt', 'es', 'hi', '', 'zh-Hant'),
    'ac': ('WIFI', '2G', '3G', '4G', '5G', 'UNKNOWN'),
    'placement': ('TikTok', 'Pangle', 'Global App Bundle', 'TopBuzz'),
    'interest_category': ('26', '15', '24', '14', '28', '11'),
    'contextual_tag': ('ct_beauty', 'ct_food', 'ct_pets', 'ct_games'),
    'device_brand_id': ('1', '2', '7', '31', '90'),
    'ad_type': ('Non-Spark Ads', 'Spark Ads', 'TopView'),
}


def cells(ad, dimension):
    """[(value, weight)] of an ad for one breakdown; the same on each day.

    ('gender', 'age') is the breakdown that gender and age alone are sums of.
    """
    if dimension in ('gender', 'age', 'gender+age'):
        n, step = 3 + ad.key % 6, 2 + ad.key % 3
        found = [(GENDER_AGE[(ad.key + i * step) % 20], 1 + (ad.key >> i & 7))
                 for i in range(n)]
        if ad.key % 5 == 0:
            found.append((GENDER_AGE[20], 0))            # NONE, NONE: a row of zeros
        if dimension == 'gender+age':
            return list(dict(found).items())
        side = dimension == 'age'
        seen = {}
        for value, weight in dict(found).items():
            seen[value[side]] = seen.get(value[side], 0) + weight
        return list(seen.items())
    values = VALUES.get(dimension) or tuple(
        str(1800000000000000 + mix(ad.account.key, i) % 10**12) for i in range(9))
    h = mix(ad.key, len(values))
    n = 1 + h % min(6, len(values))
    found = [(values[(h + i) % len(values)], 1 + (h >> 8 + i & 7)) for i in range(n)]
    if dimension == 'country_code' and ad.account.number == 5 and ad.key % 4 == 0:
        found[-1] = (None, found[-1][1])                 # the API does not always know it
    return found


def by_cell(ad, dimension, parts):
    """[(value, parts)] of one ad; gender and age are summed from their common cells."""
    fine = 'gender+age' if dimension in ('gender', 'age') else dimension
    some = cells(ad, fine)
    shares = zip((v for v, _ in some), split(parts, [w for _, w in some], ad.key >> 3))
    if fine == dimension:
        return list(shares)
    side, sums = dimension == 'age', {}
    for value, share in shares:
        old = sums.get(value[side], ZERO)
        sums[value[side]] = [a + b for a, b in zip(old, share)]
    return list(sums.items())
