"""The documented names and limits, read once from facts.json."""
import json
import os

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'facts.json'),
          encoding='utf-8') as _file:
    _facts = json.load(_file)

METRICS = _facts['metrics']
GMV = _facts['gmv_max']
STREAMS = _facts['streams']
ENTITIES = {s['path']: dict(s, name=name) for name, s in STREAMS.items() if 'report' not in s}
# lists of which the facts tell all: their parameters, their columns and that is all
LISTS = {path: s for path, s in ENTITIES.items() if 'by' in s}
PATHS = {s['path'] for s in STREAMS.values()}
REPORT = 'report/integrated/get'
LEVELS = {'AUCTION_ADVERTISER': 'V', 'AUCTION_CAMPAIGN': 'C',
          'AUCTION_ADGROUP': 'G', 'AUCTION_AD': 'A'}
