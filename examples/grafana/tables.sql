-- What the Grafana dashboard in this folder reads: settled days from local tables, younger ones
-- from TikTok, by live views. Needs a server "tiktok" and its foreign tables in schema
-- "ads". May be run again; CALL tiktok.refresh_all() once a day keeps it cheap.
CREATE SCHEMA IF NOT EXISTS mart;
CREATE SCHEMA IF NOT EXISTS grafana;

DO $$
BEGIN
    IF to_regclass('ads.advertisers_reports_weekly') IS NULL THEN
        IMPORT FOREIGN SCHEMA tiktok LIMIT TO (advertisers_reports_weekly) FROM SERVER tiktok INTO ads;
    END IF;
END $$;

SELECT tiktok.create_snapshot('ads.' || stream, 'mart.' || stream)
FROM unnest(ARRAY['advertisers', 'ads']) AS stream;
SELECT tiktok.create_snapshot('ads.' || stream, 'mart.' || stream, since => current_date - 365)
FROM unnest(ARRAY['advertisers_reports_daily', 'ads_reports_daily', 'advertisers_reports_weekly']) AS stream;
CALL tiktok.refresh_all();

DO $$
BEGIN
    IF to_regclass('grafana.account_days') IS NULL THEN
        PERFORM tiktok.create_live_view('mart.advertisers_reports_daily', 'grafana.account_days');
        PERFORM tiktok.create_live_view('mart.ads_reports_daily', 'grafana.ad_days');
    END IF;
END $$;

-- Grafana connects as a role of its own, which reads and cannot do more:
-- the token is that of the views' owner.
-- CREATE ROLE grafana LOGIN PASSWORD '…';
-- GRANT USAGE ON SCHEMA mart, grafana, tiktok TO grafana;
-- GRANT SELECT ON ALL TABLES IN SCHEMA mart, grafana TO grafana;
-- ALTER ROLE grafana SET statement_timeout = '60s';
