"""What psycopg2 does with foreign tables: run by test/t/090_psycopg.pl.

    psycopg.py CONNINFO STEP

prints what the step saw, a JSON object.
"""
import datetime
import decimal
import io
import json
import sys
import threading
import time

import psycopg2
import psycopg2.extras

ACCOUNT = 7002238017842757633
ADS = ("SELECT ad_id, stat_time_day, spend FROM ads.ads_reports_daily"
       " WHERE advertiser_id = %s AND stat_time_day BETWEEN %s AND %s")
HALF_YEAR = (ACCOUNT, datetime.date(2026, 1, 1), datetime.date(2026, 6, 29))
JUNE = (ACCOUNT, datetime.date(2026, 6, 1), datetime.date(2026, 6, 29))


def text(rows):
    return [[str(value) for value in row] for row in rows]


def values(conn):
    """Parameters of several kinds, and the types that come back."""
    cur = conn.cursor()
    cur.execute(ADS + " AND ad_id = ANY(%s) AND spend > %s ORDER BY 1, 2",
                JUNE + ([int(i) for i in sys.argv[3].split(",")], decimal.Decimal("0.5")))
    rows = cur.fetchall()
    return {"types": [type(value).__name__ for value in rows[0]], "rows": text(rows)}


def whole(conn):
    """A named cursor to its end, a hundred rows at a time."""
    with conn.cursor(name="whole") as cur:
        cur.itersize = 100
        cur.execute(ADS, HALF_YEAR)
        return {"rows": sorted(text(cur))}


def early(conn):
    """A named cursor that is closed after ten rows."""
    with conn.cursor(name="early") as cur:
        cur.itersize = 10
        cur.execute(ADS, HALF_YEAR)
        rows = len(cur.fetchmany(10))
    again = conn.cursor()
    again.execute("SELECT 1")
    return {"rows": rows, "usable": again.fetchone()[0]}


def hold(conn):
    """WITH HOLD: rows are there after the commit, which reads them."""
    cur = conn.cursor(name="held", withhold=True)
    cur.execute(ADS, JUNE)
    first = cur.fetchmany(10)
    conn.commit()
    return {"first": len(first), "rows": sorted(text(first + cur.fetchall()))}


def scroll(conn):
    """A scrollable cursor goes back."""
    cur = conn.cursor(name="scroll", scrollable=True)
    cur.execute(ADS, JUNE)
    there = cur.fetchmany(20)
    cur.scroll(0, mode="absolute")
    return {"rows": len(there), "same": there == cur.fetchmany(20)}


def two(conn):
    """Two named cursors that take turns."""
    cursors = [conn.cursor(name=name) for name in ("one", "other")]
    for cur in cursors:
        cur.itersize = 50
        cur.execute(ADS, JUNE)
    rows = [[], []]
    for pair in zip(*cursors):
        for i, row in enumerate(pair):
            rows[i].append(row)
    return {"rows": sorted(text(rows[0])), "same": sorted(rows[0]) == sorted(rows[1])}


def error(conn):
    """A table without a day: what the error says; the session goes on."""
    cur = conn.cursor()
    try:
        cur.execute("SELECT * FROM ads.ads_reports_daily")
    except psycopg2.Error as e:
        conn.rollback()
        cur.execute("SELECT 1")
        return {"code": e.pgcode, "hint": e.diag.message_hint, "usable": cur.fetchone()[0]}
    return {}


def cancel(conn):
    """A query that another thread cancels while it waits."""
    threading.Timer(1, conn.cancel).start()
    cur = conn.cursor()
    since = time.monotonic()
    try:
        cur.execute(ADS, HALF_YEAR)
    except psycopg2.extensions.QueryCanceledError as e:
        seconds = time.monotonic() - since
        conn.rollback()
        cur.execute("SELECT 1")
        return {"code": e.pgcode, "seconds": seconds, "usable": cur.fetchone()[0]}
    return {}


def copy(conn):
    """COPY of a query; ids from a local table that the client filled."""
    cur = conn.cursor()
    out = io.StringIO()
    cur.copy_expert("COPY (SELECT campaign_id FROM ads.campaigns"
                    f" WHERE advertiser_id = {ACCOUNT}) TO STDOUT", out)
    ids = out.getvalue().split()
    cur.execute("CREATE TEMP TABLE mine (campaign_id bigint)")
    psycopg2.extras.execute_values(cur, "INSERT INTO mine VALUES %s", [(int(i),) for i in ids])
    cur.execute("SELECT count(campaign_name) FROM ads.campaigns WHERE advertiser_id = %s"
                " AND campaign_id = ANY (ARRAY(SELECT campaign_id FROM mine))", (ACCOUNT,))
    return {"ids": sorted(ids), "found": cur.fetchone()[0]}


def main():
    conn = psycopg2.connect(sys.argv[1])
    print(json.dumps(globals()[sys.argv[2]](conn)))
    conn.rollback()
    conn.close()


main()
