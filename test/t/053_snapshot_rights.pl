
# Who may do what with snapshots: each privilege missing in turn, other people's
# tables, forged state, operators and functions laid out as traps, names that
# need quotes.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use POSIX qw(strftime);
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'it is almost midnight in UTC' if strftime('%H:%M', gmtime) =~ /^23:5/;
api_start('--today', strftime('%Y-%m-%d', gmtime));
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, advertiser_ids => '7002238017842757633',
	-import => [qw(campaigns campaigns_reports_daily creative_assets_images)]);

sub ask { return $node->safe_psql('postgres', $_[0]); }

sub as
{
	my ($role, $sql) = @_;
	my ($rc, $out, $err) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSET ROLE $role;\n$sql", on_error_stop => 1);
	return ($rc, $err, $out);
}

sub fails
{
	my ($role, $sql, $pattern, $name) = @_;
	my ($rc, $err) = as($role, $sql);
	ok($rc != 0 && $err =~ $pattern, $name) or diag("$rc: $err");
}

ask(qq{CREATE ROLE ann; CREATE ROLE bob; CREATE SCHEMA mart; CREATE SCHEMA anns AUTHORIZATION ann;
	GRANT CREATE, USAGE ON SCHEMA mart TO ann; GRANT USAGE ON SCHEMA ads TO ann, bob;
	GRANT SELECT ON ALL TABLES IN SCHEMA ads TO ann, bob;
	CREATE USER MAPPING FOR ann SERVER tiktok OPTIONS (access_token '$TOKEN');
	CREATE USER MAPPING FOR bob SERVER tiktok OPTIONS (access_token '$TOKEN');
	ALTER SERVER tiktok OWNER TO CURRENT_USER});
my ($rc, $err) = as('ann', q{SELECT tiktok.materialize('ads.campaigns', 'mart.c');
	SELECT tiktok.materialize('ads.campaigns_reports_daily', 'mart.d', since => current_date - 3)});
is($rc, 0, 'an ordinary user keeps snapshots') or diag($err);
api_reset();

# ---- each privilege in turn ------------------------------------------------------

my @cases = (
	[ 'REVOKE USAGE ON SCHEMA mart FROM ann', 'GRANT USAGE ON SCHEMA mart TO ann', 'USAGE of the target\'s schema' ],
	[ 'REVOKE USAGE ON SCHEMA ads FROM ann', 'GRANT USAGE ON SCHEMA ads TO ann', 'USAGE of the source\'s schema' ],
	[ 'REVOKE SELECT ON ads.campaigns FROM ann', 'GRANT SELECT ON ads.campaigns TO ann', 'SELECT on the source' ],
	(map { [ "REVOKE $_ ON mart.c FROM ann", "GRANT $_ ON mart.c TO ann", "$_ on the target" ] }
		qw(SELECT INSERT UPDATE DELETE)),
	[ 'REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC', 'GRANT TEMPORARY ON DATABASE postgres TO PUBLIC', 'TEMPORARY' ],
	[ 'DROP USER MAPPING FOR ann SERVER tiktok',
		"CREATE USER MAPPING FOR ann SERVER tiktok OPTIONS (access_token '$TOKEN')", 'a user mapping', '28000|42704' ]);

foreach my $case (@cases)
{
	my ($take, $give, $name, $state) = @$case;
	my $oid = ask(q{SELECT 'mart.c'::regclass::oid});

	$state //= '42501';
	ask($take);
	fails('ann', "CALL tiktok.refresh(${oid}::regclass)", qr/ERROR:  ($state)/, "refresh needs $name");
	ask($give);
}
ask('REVOKE CREATE ON SCHEMA mart FROM ann');
fails('ann', q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.c2')}, qr/42501/, 'creating one needs CREATE');
ask('GRANT CREATE ON SCHEMA mart TO ann');
ask('REVOKE SELECT ON ads.campaigns FROM ann');
fails('ann', q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.c2')}, qr/42501/, 'and SELECT on the source');
ask('GRANT SELECT ON ads.campaigns TO ann');
is(scalar(@{ api_log() }), 0, 'all that before any request');
is((as('ann', q{CALL tiktok.refresh('mart.c')}))[0], 0, 'with all of them it goes on');
api_reset();

# ---- the owner only ---------------------------------------------------------------

ask('GRANT USAGE ON SCHEMA mart TO bob; GRANT SELECT, INSERT, UPDATE, DELETE ON mart.c TO bob');
fails('bob', q{CALL tiktok.refresh('mart.c')}, qr/42501: .*must be owner/, 'not with all rights but ownership');
fails('NONE', q{CALL tiktok.refresh('mart.c')}, qr/42501: .*HINT:  Log in as ann\. SET ROLE ann does as well, if you trust/s, 'not as superuser');
ask('GRANT ann TO bob');
is((as('NONE', q{SET ROLE ann; CALL tiktok.refresh('mart.c')}))[0], 0, 'who can be the owner, as the hint says');
fails('bob', q{CALL tiktok.refresh('mart.c')}, qr/42501/, 'not as a member of the owner');
is((as('bob', q{SET ROLE ann; CALL tiktok.refresh('mart.c')}))[0], 0, 'but as the owner');
ask('REVOKE ann FROM bob');
fails('bob', q{SELECT tiktok.materialize('ads.campaigns', 'mart.c')}, qr/42501/, 'materialize, likewise');
fails('bob', q{SELECT tiktok.forget('mart.c')}, qr/42501/, 'forget');
is((as('bob', q{CALL tiktok.refresh_all()}))[0], 0, 'refresh_all takes one\'s own');
is(ask(q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.root');
	SELECT count(*) FROM tiktok.snapshots}), "mart.root\n3", 'a superuser sees all');

# triggers run as the owner, with the search_path of the caller
ask(q{SET ROLE ann; CREATE TABLE anns.log (who name, path text);
	CREATE FUNCTION anns.t() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN INSERT INTO log VALUES (current_user, current_setting('search_path')); RETURN NULL; END$$;
	CREATE TRIGGER t AFTER DELETE OR INSERT ON mart.c EXECUTE FUNCTION anns.t()});
($rc, $err) = as('ann', q{SET search_path = anns; DELETE FROM mart.c; CALL tiktok.refresh('mart.c');
	SELECT tiktok.forget('mart.c'); DELETE FROM mart.c;
	SELECT tiktok.materialize('ads.campaigns', 'mart.c')});
is($rc, 0, 'triggers find what they always find') or diag($err);
is(ask('SELECT DISTINCT who, path FROM anns.log'), 'ann|anns', 'and run as the owner');

# another's partition, and another's table that takes a name between two windows
($rc, $err) = as('ann', q{SELECT tiktok.materialize('ads.campaigns_reports_daily', 'mart.p', since => current_date - 3, partition_by => 'month')});
is($rc, 0, 'partitions are the owner\'s') or diag($err);
my $part = ask(q{SELECT min(inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'mart.p'::regclass});
ask("ALTER TABLE $part OWNER TO bob");
api_reset();
fails('ann', q{CALL tiktok.refresh('mart.p')}, qr/42501: partition $part .*HINT:  ALTER TABLE $part OWNER TO ann/s, 'a partition that is another\'s');
is(scalar(@{ api_log() }), 0, 'is refused before any request');
ask("ALTER TABLE $part OWNER TO ann");
is((as('ann', q{CALL tiktok.refresh('mart.p')}))[0], 0, 'given back, it goes on');

($rc, $err) = as('ann', q{SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.w', since => current_date - 70, changes => true)});
is($rc, 0, 'three windows') or diag($err);
ask(q{CREATE FUNCTION mart.swap() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN
		IF to_regclass('mart.w_old') IS NULL THEN
			ALTER TABLE mart.w_changes RENAME TO w_old;
			CREATE TABLE mart.w_changes (LIKE mart.w_old INCLUDING ALL);
			ALTER TABLE mart.w_changes OWNER TO bob;
			GRANT ALL ON mart.w_changes TO ann;
		END IF;
		RETURN NULL; END$$;
	CREATE TRIGGER swap AFTER INSERT ON mart.w EXECUTE FUNCTION mart.swap()});
fails('ann', q{CALL tiktok.refresh('mart.w')}, qr/55000: table mart\.w_changes was renamed, dropped or replaced/, 'a name that is another\'s after a window');
is(ask('SELECT count(*) FROM mart.w_changes'), 0, 'is not written to');
cmp_ok(ask('SELECT count(*) FROM mart.w_old'), '>', 0, 'the window before stays');
is((as('ann', q{CALL tiktok.refresh('mart.w')}))[0], 0, 'the next refresh goes on');
is(ask('SELECT (SELECT count(*) FROM mart.w_old) - count(*) FROM mart.w'), 0, 'in the table that it was');
# nor are another's triggers run when states end: those of a partition
($rc, $err) = as('ann', q{CREATE TABLE mart.s_history (LIKE ads.campaigns, _synced_at timestamptz NOT NULL, _deleted_at timestamptz,
		_valid_from timestamptz NOT NULL, _valid_to timestamptz, PRIMARY KEY (advertiser_id, campaign_id, _valid_from)) PARTITION BY HASH (advertiser_id);
	CREATE TABLE mart.s_h1 PARTITION OF mart.s_history FOR VALUES WITH (MODULUS 1, REMAINDER 0);
	SELECT tiktok.create_snapshot('ads.campaigns', 'mart.s', history => true); CALL tiktok.refresh('mart.s')});
is($rc, 0, 'a history that is partitioned') or diag($err);
ask(q{CREATE TABLE mart.ran (who name); GRANT ALL ON mart.ran TO PUBLIC; CREATE FUNCTION mart.run() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN INSERT INTO mart.ran VALUES (current_user); RETURN NEW; END$$;
	CREATE TRIGGER run BEFORE INSERT OR UPDATE ON mart.s_h1 FOR EACH ROW EXECUTE FUNCTION mart.run(); ALTER TABLE mart.s_h1 OWNER TO bob});
fails('ann', q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.s', history => false)},
	qr/42501: partition mart\.s_h1 .*HINT:  ALTER TABLE mart\.s_h1 OWNER TO ann/s, 'a partition that is another\'s is not ended');
ask(q{SET ROLE ann; SELECT tiktok.forget('mart.s')});
fails('ann', q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.s', history => true)}, qr/42501: partition mart\.s_h1/, 'nor gone on with');
is(ask('SELECT count(*) FROM mart.ran'), 0, 'and its triggers do not run');
ask(q{DROP TABLE mart.s, mart.s_history, mart.ran});

# these are not of the rest
ask(q{DROP TABLE mart.w, mart.w_old, mart.w_changes, mart.p});

# ---- the registry ------------------------------------------------------------------

foreach my $table (qw(_snapshot _snapshot_account _snapshot_run))
{
	fails('ann', "SELECT * FROM tiktok.$table", qr/42501/, "nobody reads $table");
	fails('ann', "DELETE FROM tiktok.$table", qr/42501/, "nobody writes $table");
}
fails('ann', "DELETE FROM tiktok.snapshots", qr/42501|55000/, 'nor through a view');
fails('bob', q{SELECT tiktok._record('mart.c', 'failure', '{"account": 1, "message": "x"}')}, qr/42501/,
	'nor through the door');
fails('bob', q{SELECT tiktok._record_forget('mart.c', '{}')}, qr/42501/, 'nor past it');
# what runs with another's rights cannot lend them either
ask(q{CREATE FUNCTION mart.trap() RETURNS bigint LANGUAGE sql SECURITY DEFINER
	AS $$SELECT tiktok._record('mart.c', 'forget', '{}')$$; ALTER FUNCTION mart.trap() OWNER TO bob});
fails('ann', 'SELECT mart.trap()', qr/42501/, 'nor out of another\'s function');
is((as('bob', 'SELECT count(*) FROM tiktok.snapshots'))[2], 1, 'one sees what one may read');
ask('REVOKE ALL ON mart.c FROM bob');
is((as('bob', 'SELECT count(*) FROM tiktok.snapshots'))[2], 0, 'and nothing else');
is((as('bob', 'SELECT count(*) FROM tiktok.snapshot_runs'))[2], 0, 'neither runs');
is((as('bob', 'SELECT count(*) FROM tiktok.snapshot_accounts'))[2], 0, 'nor accounts');

# ---- traps in the search_path -------------------------------------------------------

ask(q{CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC;
	CREATE FUNCTION evil.boom(anyelement, anyelement) RETURNS boolean LANGUAGE plpgsql AS
		$$BEGIN RAISE 'trapped'; END$$;} . join('', map {
	my $type = $_;
	map { "CREATE FUNCTION evil.f(a $type, b $type) RETURNS boolean LANGUAGE sql AS
		'SELECT evil.boom(a, b)'; DROP OPERATOR IF EXISTS evil.$_ ($type, $type);
		CREATE OPERATOR evil.$_ (LEFTARG = $type, RIGHTARG = $type, FUNCTION = evil.f);" =~ s/CREATE FUNCTION/CREATE OR REPLACE FUNCTION/r }
	  qw(= <> < > <= >= + - ||) } 'integer', 'bigint', 'text', 'date', 'text[]', 'bigint[]', 'regclass', 'oid', 'name', 'numeric'));
($rc, $err) = as('ann', q{SET search_path = evil, pg_catalog;
	SELECT tiktok.materialize('ads.campaigns_reports_daily', 'mart.d');
	CALL tiktok.refresh('mart.d'); CALL tiktok.refresh_all();
	SELECT tiktok.create_snapshot('ads.campaigns', 'mart.caught', history => true, changes => true);
	CALL tiktok.refresh('mart.caught'); DELETE FROM mart.caught WHERE campaign_id OPERATOR(pg_catalog.=)
		(SELECT pg_catalog.min(campaign_id) FROM mart.caught);
	UPDATE mart.caught SET budget = 7; INSERT INTO mart.caught (advertiser_id, campaign_id, _synced_at)
		VALUES (7002238017842757633, 1, pg_catalog.now());
	CALL tiktok.refresh('mart.caught');
	SELECT tiktok.create_snapshot('ads.campaigns', 'mart.caught', history => false);
	SELECT tiktok.create_snapshot('ads.campaigns', 'mart.caught', history => true);
	SELECT tiktok.create_snapshot('ads.creative_assets_images', 'mart.links'); CALL tiktok.refresh('mart.links');
	UPDATE mart.links SET image_url = 'http://x/?x-expires=1'; CALL tiktok.refresh('mart.links');
	SELECT tiktok.forget('mart.caught')});
ok($rc == 0 && $err !~ /trapped/, 'traps in the search_path are not stepped into') or diag($err);
is(ask(q{SELECT (SELECT count(DISTINCT op) FROM mart.caught_changes), count(*) FILTER (WHERE _valid_to IS NULL) > 2,
	count(*) FILTER (WHERE _valid_to IS NOT NULL) > 2, (SELECT count(*) FROM mart.links WHERE image_url = 'http://x/?x-expires=1')
	FROM mart.caught_history}), '3|t|t|0', 'by anything that is written');

# ---- names ---------------------------------------------------------------------------

ask(q{CREATE SCHEMA "An's ""Mart""" AUTHORIZATION ann; CREATE SCHEMA "Sö urce" AUTHORIZATION ann;
	CREATE FOREIGN TABLE "Sö urce"."Tä;ble $$" (
		"Advertiser ""Id""" bigint OPTIONS (path 'metrics.advertiser_id') NOT NULL,
		"Ca'mp" bigint OPTIONS (path 'dimensions.campaign_id'),
		"Day %s" date OPTIONS (path 'dimensions.stat_time_day'),
		"SPEND, %I" numeric OPTIONS (path 'metrics.spend'),
		"select" bigint OPTIONS (path 'metrics.clicks'))
	SERVER tiktok OPTIONS (stream 'campaigns_reports_daily');
	ALTER FOREIGN TABLE "Sö urce"."Tä;ble $$" OWNER TO ann});
($rc, $err) = as('ann', q{SELECT tiktok.create_snapshot('"Sö urce"."Tä;ble $$"', '"An''s ""Mart"""."Ta rget ''é"',
		since => current_date - 3, partition_by => 'month');
	CALL tiktok.refresh('"An''s ""Mart"""."Ta rget ''é"');
	CALL tiktok.refresh('"An''s ""Mart"""."Ta rget ''é"');});
is($rc, 0, 'names with quotes, capitals and Unicode') or diag($err);
is(ask(q{SELECT count(*) = (SELECT count(*) FROM mart.d), sum("select") = (SELECT sum(clicks) FROM mart.d)
	FROM "An's ""Mart"""."Ta rget 'é"}), 't|t', 'are kept as all others');
is((as('ann', q{SET search_path = anns; SELECT tiktok.create_snapshot('ads.campaigns', 'plain')}))[2],
	'plain', 'an unqualified target is created in the first schema of the path');
is_deeply(api_violations(), [], 'asked as documented');

done_testing();
