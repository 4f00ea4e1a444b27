"""What SQLAlchemy makes of the tables: run by test/t/093_sqlalchemy.pl.

    sqlalchemy_tables.py CONNINFO STEP

prints what the step saw, a JSON object.
"""
import datetime
import json
import sys

import psycopg2
import sqlalchemy as sa
from sqlalchemy import orm

ACCOUNT = 7002238017842757633
TABLES = [("ads", "ads_reports_daily"), ("ads", "campaigns"), ("ads", "creative_assets_videos"),
          ("mart", "daily"), ("mart", "campaigns"), ("mart", "daily_live")]
JUNE = (datetime.date(2026, 6, 1), datetime.date(2026, 6, 29))


def reflect(engine):
    """Columns, types, comments and keys, of foreign tables, snapshots and a view."""
    inspector = sa.inspect(engine)
    tables = {}
    for schema, name in TABLES:
        table = sa.Table(name, sa.MetaData(), schema=schema, autoload_with=engine)
        tables[f"{schema}.{name}"] = {
            "columns": [[c.name, c.type.compile(engine.dialect).lower(), c.nullable, c.comment]
                        for c in table.columns],
            "key": [c.name for c in table.primary_key.columns],
            "comment": table.comment}
    return {"tables": tables,
            "foreign": sorted(inspector.get_foreign_table_names(schema="ads")),
            "local": sorted(inspector.get_table_names(schema="mart")),
            "views": sorted(inspector.get_view_names(schema="mart"))}


def daily(engine):
    return sa.Table("ads_reports_daily", sa.MetaData(), schema="ads", autoload_with=engine)


def select(engine):
    """Sums by campaign, with conditions as bound parameters."""
    t = daily(engine)
    query = (sa.select(t.c.campaign_id, sa.func.sum(t.c.spend))
             .where(t.c.advertiser_id == ACCOUNT, t.c.stat_time_day.between(*JUNE))
             .group_by(t.c.campaign_id))
    with engine.connect() as conn:
        return {"rows": [[str(value) for value in row] for row in conn.execute(query)]}


def stream(engine):
    """A result that is streamed, and left after some rows."""
    t = daily(engine)
    query = (sa.select(t.c.ad_id, t.c.stat_time_day)
             .where(t.c.advertiser_id == ACCOUNT,
                    t.c.stat_time_day.between(datetime.date(2026, 1, 1), JUNE[1])))
    with engine.connect() as conn:
        result = conn.execution_options(stream_results=True, max_row_buffer=10).execute(query)
        rows = len(result.fetchmany(10))
        result.close()
        return {"rows": rows, "usable": conn.execute(sa.text("SELECT 1")).scalar()}


def mapped(engine):
    """A class for a foreign table: it has no primary key, so the key is named."""
    t = daily(engine)

    class Day(orm.declarative_base()):
        __table__ = t
        __mapper_args__ = {"primary_key": [t.c.advertiser_id, t.c.ad_id, t.c.stat_time_day]}

    with orm.Session(engine) as session:
        days = session.scalars(
            sa.select(Day).where(Day.advertiser_id == ACCOUNT, Day.stat_time_day == JUNE[1])
            .order_by(Day.spend.desc(), Day.ad_id).limit(5)).all()
        return {"rows": [[str(d.ad_id), str(d.stat_time_day), str(d.spend)] for d in days]}


def first_of(engine):
    """LIMIT is a bound parameter."""
    t = daily(engine)
    query = sa.select(t.c.ad_id).where(t.c.advertiser_id == ACCOUNT,
                                       t.c.stat_time_day.between(*JUNE)).limit(7)
    with engine.connect() as conn:
        return {"rows": len(conn.execute(query).all())}


def main():
    engine = sa.create_engine("postgresql+psycopg2://", future=True,
                              creator=lambda: psycopg2.connect(sys.argv[1]))
    print(json.dumps(globals()[sys.argv[2]](engine)))
    engine.dispose()


main()
