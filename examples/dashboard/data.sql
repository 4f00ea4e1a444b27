-- The numbers of the dashboard as one JSON document: of the 30 days up to the last that all
-- accounts have whole. Ids are strings (JavaScript's numbers end at 2^53); money is in the
-- currency of its account and never added to another's.
WITH period AS (
    SELECT watermark - 29 AS since, watermark AS until
    FROM tiktok.snapshots WHERE target = 'mart.advertisers_reports_daily'::regclass
), days AS (
    SELECT advertiser_id, date_day, spend, impressions, clicks
    FROM reports.tiktok_ads__advertiser_report, period WHERE date_day BETWEEN since AND until
), ads AS (
    SELECT advertiser_id, ad_id, date_day, ad_name, spend, impressions, clicks, conversion,
           total_purchase_value AS value
    FROM reports.tiktok_ads__ad_report, period WHERE date_day BETWEEN since AND until
), ad_days AS (
    SELECT advertiser_id, date_day, sum(spend) AS spend, sum(conversion) AS conversions,
           sum(value) AS value
    FROM ads GROUP BY 1, 2
), creatives AS (
    -- a creative is what is seen: ads with the same video or picture are one
    SELECT a.advertiser_id, coalesce(nullif(d.video_id, ''), d.image_ids[1], a.ad_id::text) AS creative,
           nullif(min(d.video_id), '') IS NOT NULL AS is_video, min(d.image_ids[1]) AS image_id,
           (array_agg(a.ad_name ORDER BY a.spend DESC, a.ad_id))[1] AS name,
           count(DISTINCT a.ad_id) AS ads, sum(a.spend) AS spend, sum(a.impressions) AS impressions,
           sum(a.clicks) AS clicks, sum(a.conversion) AS conversions, sum(a.value) AS value
    FROM ads AS a LEFT JOIN mart.ads AS d USING (advertiser_id, ad_id)
    GROUP BY 1, 2
), best AS (
    SELECT *, row_number() OVER (PARTITION BY advertiser_id
                                 ORDER BY value DESC, spend DESC, creative) AS place
    FROM creatives
), best_seen AS (
    SELECT b.*, coalesce(v.video_cover_url, i.image_url) AS picture
    FROM best AS b
        LEFT JOIN mart.creative_assets_videos AS v
            ON v.advertiser_id = b.advertiser_id AND b.is_video AND v.video_id = b.creative
        LEFT JOIN mart.creative_assets_images AS i
            ON i.advertiser_id = b.advertiser_id AND i.image_id = b.image_id
    WHERE place <= 8
), audience AS (
    SELECT advertiser_id, gender, age, sum(spend) AS spend, sum(impressions) AS impressions,
           sum(clicks) AS clicks
    FROM mart.advertisers_audience_reports_daily, period
    WHERE stat_time_day BETWEEN since AND until
    GROUP BY 1, 2, 3
), weeks AS (
    SELECT advertiser_id, stat_time_week, covered_to, reach, frequency
    FROM mart.advertisers_reports_weekly
), gaps AS (
    SELECT c.* FROM period, LATERAL tiktok.completeness(
        (SELECT s.srvname FROM tiktok.snapshots AS t
             JOIN pg_foreign_table AS f ON f.ftrelid = format('%I.%I', t.source_schema, t.source_name)::regclass
             JOIN pg_foreign_server AS s ON s.oid = f.ftserver
         WHERE t.target = 'mart.advertisers_reports_daily'::regclass), since, until) AS c
)
SELECT jsonb_pretty(jsonb_build_object(
    'since', (SELECT since FROM period), 'until', (SELECT until FROM period),
    'refreshed', (SELECT min(last_refresh) FROM tiktok.snapshots),
    'accounts', (SELECT jsonb_agg(jsonb_build_object('id', advertiser_id::text, 'name', name,
            'currency', currency) ORDER BY currency, name) FROM mart.advertisers WHERE _deleted_at IS NULL),
    'days', (SELECT jsonb_agg(jsonb_build_object('account', d.advertiser_id::text, 'day', d.date_day,
            'spend', d.spend, 'impressions', d.impressions, 'clicks', d.clicks,
            'ad_spend', coalesce(a.spend, 0), 'conversions', coalesce(a.conversions, 0),
            'value', coalesce(a.value, 0)) ORDER BY d.date_day, d.advertiser_id)
        FROM days AS d LEFT JOIN ad_days AS a USING (advertiser_id, date_day)),
    'weeks', (SELECT jsonb_agg(jsonb_build_object('account', advertiser_id::text, 'week', stat_time_week,
            'covered_to', covered_to, 'reach', reach, 'frequency', frequency)
            ORDER BY stat_time_week, advertiser_id) FROM weeks),
    'creatives', (SELECT jsonb_agg(jsonb_build_object('account', advertiser_id::text, 'name', name,
            'picture', picture, 'video', is_video, 'ads', ads, 'spend', spend, 'impressions', impressions,
            'clicks', clicks, 'conversions', conversions, 'value', value)
            ORDER BY value DESC, spend DESC, creative) FROM best_seen),
    'audience', (SELECT jsonb_agg(jsonb_build_object('account', advertiser_id::text, 'gender', gender,
            'age', age, 'spend', spend, 'impressions', impressions, 'clicks', clicks)
            ORDER BY advertiser_id, gender, age) FROM audience),
    'completeness', (SELECT jsonb_agg(jsonb_build_object('account', advertiser_id::text, 'level', level,
            'reason', reason, 'spend', spend, 'impressions', impressions, 'clicks', clicks, 'note', note))
        FROM gaps)))
