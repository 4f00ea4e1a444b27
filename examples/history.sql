-- What campaigns were, and what changed. Needs a server "tiktok", its foreign tables in
-- schema ads. A snapshot that is there already can be given both later.
CREATE SCHEMA mart;
SELECT tiktok.create_snapshot('ads.campaigns', 'mart.campaigns', history => true, changes => true,
                              changes_keep => '30 days');
SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.campaigns_reports_daily',
                              since => '2026-01-01');
CALL tiktok.refresh_all();

-- spend of each day beside name and budget at its end, from the first refresh on
SELECT r.stat_time_day, h.campaign_name, h.budget, r.spend
FROM mart.campaigns_reports_daily AS r
	JOIN mart.campaigns_history AS h ON h.advertiser_id = r.advertiser_id AND h.campaign_id = r.campaign_id
		AND h._valid_from <= r.stat_time_day + 1 AND r.stat_time_day + 1 < coalesce(h._valid_to, 'infinity')
ORDER BY r.stat_time_day, h.campaign_name;

-- whose budget was changed, and how
SELECT at, campaign_id, old->>'budget' AS before, new->>'budget' AS after
FROM mart.campaigns_changes
WHERE op = 'U' AND old->'budget' IS DISTINCT FROM new->'budget'
ORDER BY at;

-- a pipeline: what is newer than the last that it has seen
CREATE TABLE mart.seen (at timestamptz NOT NULL);
INSERT INTO mart.seen VALUES ('-infinity');
BEGIN ISOLATION LEVEL REPEATABLE READ;    -- both statements see the same changes
SELECT op, campaign_id, new FROM mart.campaigns_changes WHERE at > (SELECT at FROM mart.seen) ORDER BY at;
UPDATE mart.seen SET at = (SELECT coalesce(max(c.at), seen.at) FROM mart.campaigns_changes AS c);
COMMIT;
