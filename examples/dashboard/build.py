#!/usr/bin/env python3
"""Builds the dashboard: one HTML file that needs no server and no network.

    python3 examples/dashboard/build.py [--chart-js FILE] > dashboard.html

psql connects as it always does (PGHOST, PGDATABASE, …) and runs data.sql. Pictures of
creatives are put into the file, since TikTok's links to them expire; one that cannot
be had is left out, and said on stderr.
"""
import argparse
import base64
import concurrent.futures
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
CHART_JS = pathlib.Path('/usr/share/javascript/chart.js/chart.min.js')  # Debian's libjs-chart.js
MAX_PICTURE = 1 << 20  # bytes
KINDS = ('image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/svg+xml')


def query():
    psql = subprocess.run(['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-f', HERE / 'data.sql'],
                          stdout=subprocess.PIPE, check=False)
    if psql.returncode:
        sys.exit('the dashboard is not built: psql failed (has snapshots.sql been run?)')
    return json.loads(psql.stdout)


def picture(url):
    """The picture as a data: URL, or None."""
    try:
        if not re.match(r'https?://', url):
            raise ValueError('not a link')
        with urllib.request.urlopen(url, timeout=10) as reply:
            kind, body = reply.headers.get_content_type(), reply.read(MAX_PICTURE + 1)
        if kind not in KINDS or len(body) > MAX_PICTURE:
            raise ValueError(f'{kind}, {len(body)} bytes')
    except (OSError, ValueError) as e:
        print(f'no picture from {url.split("?")[0]}: {e}', file=sys.stderr)
        return None
    return f'data:{kind};base64,{base64.b64encode(body).decode()}'


def inline(text):
    """Source of a script, as it may stand in an HTML page."""
    return re.sub(r'</(script)', r'<\\/\1', text, flags=re.I)


def main():
    options = argparse.ArgumentParser(description='Prints the dashboard as one HTML file.')
    options.add_argument('--chart-js', type=pathlib.Path, default=CHART_JS,
                         help='Chart.js 3 or 4, minified (default: %(default)s)')
    options = options.parse_args()
    try:
        chart = inline(options.chart_js.read_text(encoding='utf-8'))
    except OSError as e:
        sys.exit(f'Chart.js is missing ({e}): apt-get install libjs-chart.js, or name it with --chart-js')
    data = query()
    creatives = data['creatives'] or []
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for creative, found in zip(creatives, pool.map(
                lambda c: c['picture'] and picture(c['picture']), creatives)):
            creative['picture'] = found
    script = inline((HERE / 'page.js').read_text(encoding='utf-8'))
    parts = {
        # no name can end the script element
        'data': json.dumps(data, ensure_ascii=False).replace('<', '\\u003c'),
        'chart.js': chart,
        'page.js': script,
        'hashes': ' '.join("'sha256-" + base64.b64encode(
            hashlib.sha256(s.encode()).digest()).decode() + "'" for s in (chart, script)),
    }
    page = (HERE / 'page.html').read_text(encoding='utf-8')
    sys.stdout.reconfigure(encoding='utf-8')
    sys.stdout.write(re.sub(r'\{\{([a-z.]+)\}\}', lambda m: parts[m[1]], page))


if __name__ == '__main__':
    main()
