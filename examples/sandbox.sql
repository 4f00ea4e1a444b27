-- TikTok's sandbox: has hosts, tokens and accounts of its own, little data, and no list of
-- accounts, which must therefore be named (here the demo's; put yours).

CREATE EXTENSION tiktok_fdw;
CREATE SERVER tiktok_sandbox FOREIGN DATA WRAPPER tiktok_fdw
    OPTIONS (environment 'sandbox', advertiser_ids '7002238017842757633');
CREATE USER MAPPING FOR CURRENT_USER SERVER tiktok_sandbox OPTIONS (access_token '...');
CREATE SCHEMA sandbox;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok_sandbox INTO sandbox;

SELECT name, ok, detail, hint FROM tiktok.check('tiktok_sandbox');

SELECT campaign_id, campaign_name, objective_type, operation_status
  FROM sandbox.campaigns
 ORDER BY create_time DESC
 LIMIT 5;

-- What it lacks says so when it is read, before any request:
SELECT name FROM tiktok.streams WHERE NOT 'sandbox' = ANY (environments) ORDER BY name;
