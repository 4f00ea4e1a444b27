
# What may go wrong in a refresh: accounts that are refused, a token that is not
# accepted, a target or source that was altered, cancel, timeouts, a full disk,
# a second refresh. Nothing is lost, nothing doubled, and the error says what to do.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use POSIX qw(strftime);
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'it is almost midnight in UTC' if strftime('%H:%M', gmtime) =~ /^23:5/;
my $today = strftime('%Y-%m-%d', gmtime);
my $refused = '7030219640413208578';

api_start('--today', $today);
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, max_retries => 1,
	-import => [qw(campaigns campaigns_reports_daily ads_reports_daily campaigns_reports_hourly)]);

sub ask { return $node->safe_psql('postgres', $_[0]); }

# status and messages of a statement
sub try
{
	my ($sql, %options) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql", %options);
	return ($rc, $err);
}

sub fails
{
	my ($sql, $pattern, $name) = @_;
	my ($rc, $err) = try($sql);
	ok($rc != 0 && $err =~ $pattern, $name) or diag("$rc: $err");
}

sub same
{
	my ($name) = @_;
	is( ask('SELECT count(*) FROM (
			(SELECT advertiser_id, campaign_id, stat_time_day, spend, impressions FROM mart.d
				WHERE stat_time_day >= current_date - 20
			EXCEPT ALL SELECT advertiser_id, campaign_id, stat_time_day, spend, impressions
				FROM ads.campaigns_reports_daily WHERE stat_time_day >= current_date - 20)
			UNION ALL (SELECT advertiser_id, campaign_id, stat_time_day, spend, impressions
				FROM ads.campaigns_reports_daily WHERE stat_time_day >= current_date - 20
			EXCEPT ALL SELECT advertiser_id, campaign_id, stat_time_day, spend, impressions
				FROM mart.d)) AS x'),
		0, $name);
}

ask(q{CREATE SCHEMA mart;
	SELECT * FROM tiktok.materialize('ads.campaigns_reports_daily', 'mart.d', since => current_date - 20, probe => false);
	SELECT * FROM tiktok.materialize('ads.campaigns', 'mart.c')});

# ---- accounts -----------------------------------------------------------------

my $rows = ask("SELECT count(*) FROM mart.d WHERE advertiser_id = $refused");
api_faults([ { match => { advertiser_id => $refused, path => 'report/integrated/get' }, times => 0,
	action => { code => 40001, message => 'No permission' } } ]);
api_mutate({ op => 'restate', advertiser_id => '7002238017842757633',
	from => strftime('%Y-%m-%d', gmtime(time - 86400)), to => $today, percent => 130 });
my ($rc, $err) = try(q{CALL tiktok.refresh('mart.d')});
is($rc, 0, 'a refused account does not stop a refresh');
like($err, qr/WARNING: .* 1 of 7 accounts could not be read into mart\.d/, 'and is a warning');
like($err, qr/DETAIL:  advertiser $refused: .*No permission/, 'that says why');
is( ask("SELECT string_agg(DISTINCT advertiser_id::text, ',') FROM tiktok.snapshot_accounts
	WHERE last_error LIKE '%No permission%'"),
	$refused, 'its error is recorded');
is(ask("SELECT count(*) FROM mart.d WHERE advertiser_id = $refused"), $rows, 'its rows stay');
is( ask("SELECT sum(updated) > 0, bool_and(status = 'done') FROM tiktok.snapshot_runs
	WHERE run = (SELECT max(run) FROM tiktok.snapshot_runs)"),
	't|t', 'the others are read');
like(ask(q{SELECT last_error FROM tiktok.snapshots WHERE target = 'mart.d'::regclass}),
	qr/1 of 7 accounts/, 'the snapshot tells, too');
my ($inserted) = split /\|/, ask(q{SELECT * FROM tiktok.materialize('ads.campaigns_reports_daily', 'mart.d')});
is($inserted, 0, 'materialize, likewise');
api_reset();
same('once it is allowed again, nothing is missing') if ask(q{CALL tiktok.refresh('mart.d')}) eq '';
is(ask("SELECT count(*) FROM tiktok.snapshot_accounts WHERE last_error IS NOT NULL"), 0,
	'and the error is gone');

api_mutate({ op => 'revoke_account', advertiser_id => $refused });
($rc, $err) = try(q{CALL tiktok.refresh('mart.c')});
like($err, qr/WARNING: .* 1 of 7 accounts/, 'an account that the token lost is no silent gap');
is( ask("SELECT count(*) FROM mart.c WHERE advertiser_id = $refused AND _deleted_at IS NOT NULL"),
	0, 'its rows are not marked');
api_mutate({ op => 'grant_account', advertiser_id => $refused });
ask(q{CALL tiktok.refresh('mart.c')});

api_faults([ { match => { path => 'report/integrated/get' }, times => 0,
	action => { code => 40001, message => 'No permission' } } ]);
fails(q{CALL tiktok.refresh('mart.d')}, qr/42501: .*7 of 7 accounts/, 'all refused: an error');
api_reset();

# a filter that the API no longer accepts: rows that are only hidden are not gone
$rows = ask('SELECT count(*) FROM mart.d');
api_faults([ { match => { path => 'report/integrated/get' },
			action => { refuse_filter => [ 'ad_status', 'adgroup_status', 'campaign_status', 'buying_type', 'campaign_system_origins' ] } } ]);
fails(q{CALL tiktok.refresh('mart.d')}, qr/7 of 7 accounts/, 'a refused filter is an error in a refresh');
like(ask('SELECT last_error FROM tiktok.snapshot_accounts WHERE target = \'mart.d\'::regclass LIMIT 1'),
	qr/refuses filter/, 'that names it');
is(ask('SELECT count(*) FROM mart.d'), $rows, 'no row is deleted');
api_faults([]);

# one value that does not fit
api_faults([ { match => { advertiser_id => $refused, path => 'report/integrated/get' }, times => 0,
	action => { patch => { row => 0, field => 'metrics.spend', value => 'many' } } } ]);
($rc, $err) = try(q{CALL tiktok.refresh('mart.d')});
like($err, qr/WARNING: .* 1 of 7 accounts/, 'a wrong value is one account\'s error');
api_reset();

# who is blamed is not up to what the API writes: a value, a request ID and a
# message that name another account
my $other_account = '7088160322559787010';
sub failed_accounts
{
	return ask(q{SELECT string_agg(advertiser_id::text, ',' ORDER BY 1) FROM tiktok.snapshot_accounts
		WHERE target = 'mart.d'::regclass AND last_error IS NOT NULL});
}
cmp_ok(ask("SELECT count(*) FROM mart.d WHERE advertiser_id = $other_account"), '>', 0,
	'the other account is read as well');
foreach my $word ('account', 'advertiser')
{
	my $lie = "$word $other_account";

	ask(q{CALL tiktok.refresh('mart.d')});
	api_faults([ { match => { advertiser_id => $refused, path => 'report/integrated/get' }, times => 0,
		action => { patch => { row => 0, field => 'metrics.spend', value => $lie } } } ]);
	($rc, $err) = try(q{CALL tiktok.refresh('mart.d')});
	like($err, qr/WARNING: .* 1 of 7 accounts/, "a value \"$lie\" costs one account");
	is(failed_accounts(), $refused, 'its own');
	cmp_ok(scalar(@{ api_log('report') }), '<', 30, 'and is not asked about one by one');
	api_reset();
	api_faults([ { match => { advertiser_id => $refused, path => 'report/integrated/get' }, times => 0,
		action => { http_status => 200, body =>
			  qq({"code": 40001, "message": "$lie", "request_id": "$lie", "data": {}}) } } ]);
	($rc, $err) = try(q{CALL tiktok.refresh('mart.d')});
	like($err, qr/WARNING: .* 1 of 7 accounts/, "a message and a request ID \"$lie\", likewise");
	is(failed_accounts(), $refused, 'its own again');
	api_reset();
}
# a total that is wrong, named by nothing but the reply
api_faults([ { match => { advertiser_id => $refused, path => 'report/integrated/get' }, times => 0,
	action => { total_delta => 1 } } ]);
($rc, $err) = try(q{CALL tiktok.refresh('mart.d')});
is(failed_accounts(), $refused, 'an incomplete reply is its account\'s error');
api_reset();

# a metric that is refused would blank a column
api_faults([ { match => { path => 'report/integrated/get' }, times => 0,
	action => { refuse_metric => 'spend' } } ]);
fails(q{CALL tiktok.refresh('mart.d')}, qr/could not be read.*spend/s, 'a refused metric is an error');
api_reset();
same('and blanks nothing');

# ---- the whole ------------------------------------------------------------------

api_reset();
ask("ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (SET access_token 'wrong')");
fails(q{CALL tiktok.refresh('mart.d')}, qr/ERROR:  28000/, 'a wrong token');
cmp_ok(scalar(@{ api_log() }), '<=', 2, 'is not tried for each account');
like(ask(q{SELECT last_error FROM tiktok.snapshots WHERE target = 'mart.d'::regclass}), qr/token/i,
	'the error is recorded');
is(ask(q{SELECT status FROM tiktok.snapshot_runs ORDER BY run DESC LIMIT 1}), 'failed', 'the run too');
ask("ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (SET access_token '$TOKEN')");
ask(q{CALL tiktok.refresh('mart.d')});
is(ask(q{SELECT last_error IS NULL FROM tiktok.snapshots WHERE target = 'mart.d'::regclass}), 't',
	'until the next refresh');
api_reset();

fails(q{BEGIN; CALL tiktok.refresh('mart.d'); COMMIT}, qr/25001/, 'not in a transaction block');
fails(q{DO $$BEGIN CALL tiktok.refresh('mart.d'); EXCEPTION WHEN division_by_zero THEN END$$},
	qr/25001/, 'nor where COMMIT is not allowed');
is(scalar(@{ api_log() }), 0, 'before any request');
is(ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'no lock is left');
fails(q{CALL tiktok.refresh('ads.campaigns')}, qr/42704: .*is no snapshot/, 'no snapshot');

# ---- alterations ----------------------------------------------------------------

ask('ALTER TABLE mart.d DROP COLUMN spend');
fails(q{CALL tiktok.refresh('mart.d')},
	qr/42703: .*no column "spend".*HINT:  ALTER TABLE mart\.d ADD COLUMN spend numeric/s, 'a column dropped');
like(ask(q{SELECT last_error FROM tiktok.snapshots WHERE target = 'mart.d'::regclass}), qr/no column "spend"/,
	'what keeps a refresh from beginning is recorded');
ask('ALTER TABLE mart.d ADD COLUMN spend integer');
fails(q{CALL tiktok.refresh('mart.d')},
	qr/42804: .*"spend".*HINT:  ALTER TABLE mart\.d ALTER COLUMN spend TYPE numeric/s, 'or retyped');
ask('ALTER TABLE mart.d ALTER COLUMN spend TYPE numeric');
ask('ALTER TABLE mart.d DROP CONSTRAINT d_pkey');
fails(q{CALL tiktok.refresh('mart.d')},
	qr/42P10: .*HINT:  ALTER TABLE mart\.d ADD PRIMARY KEY \(advertiser_id, campaign_id, stat_time_day\)/s,
	'or its key');
ask('ALTER TABLE mart.d ADD PRIMARY KEY (advertiser_id, campaign_id, stat_time_day)');
ask(q{ALTER FOREIGN TABLE ads.campaigns_reports_daily DROP COLUMN clicks});
fails(q{CALL tiktok.refresh('mart.d')}, qr/42703: .*no longer has column "clicks".*DROP COLUMN clicks/s,
	'a column of the source dropped');
ask('ALTER FOREIGN TABLE ads.campaigns_reports_daily ADD COLUMN clicks bigint, ADD COLUMN live_views bigint');
fails(q{CALL tiktok.refresh('mart.d')}, qr/42703: .*HINT:  ALTER TABLE mart\.d ADD COLUMN live_views bigint/s,
	'a column of the source added');
ask('ALTER TABLE mart.d ADD COLUMN live_views bigint, ADD COLUMN note text');
ask(q{ALTER FOREIGN TABLE ads.campaigns_reports_daily RENAME TO elsewhere});
fails(q{CALL tiktok.refresh('mart.d')}, qr/42P01: .*does not exist.*HINT:  Create it again/s, 'the source is gone');
ask(q{ALTER FOREIGN TABLE ads.elsewhere RENAME TO campaigns_reports_daily});
is(scalar(@{ api_log() }), 0, 'all that before any request');
ask(q{SELECT tiktok.forget('mart.d');
	SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.d', since => current_date - 20, probe => false);
	CALL tiktok.refresh('mart.d')});
same('forgotten and registered again, it is read again');

# ---- stopped --------------------------------------------------------------------

ask(q{SELECT tiktok.create_snapshot('ads.campaigns_reports_hourly', 'mart.h', since => current_date - 12)});
sub watermarks
{
	return ask(q{SELECT coalesce(sum(watermark - DATE '2000-01-01'), 0) FROM tiktok.snapshot_accounts
		WHERE target = 'mart.h'::regclass});
}
api_settings(latency => 100);
# until a busy machine, too, has committed something by then
my ($done, $limit) = (0, 750);
while ($done == 0 && $limit < 50_000)
{
	$limit *= 2;
	fails(qq{SET statement_timeout = $limit; CALL tiktok.refresh('mart.h')}, qr/57014/, 'statement_timeout');
	$done = watermarks();
}
cmp_ok($done, '>', 0, 'what was committed stays');
is(ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'no lock is left');
is(ask('SELECT status FROM tiktok.snapshot_runs ORDER BY run DESC LIMIT 1'), 'stopped', 'the run shows');
api_reset();
my $first = ask(q{SELECT min(next_day) FROM tiktok.snapshot_accounts WHERE target = 'mart.h'::regclass});
$limit = int($limit * 2 / 3);
try(qq{SET statement_timeout = $limit; CALL tiktok.refresh('mart.h')});
my ($start) = sort map { $_->{params}{start_date} } grep { $_->{params}{start_date} } @{ api_log() };
is($start, $first, 'the next call goes on where it was');

# the disk of the target is full after a while
ask(q{CREATE FUNCTION mart.full() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
	IF NEW.stat_time_hour >= current_date - 2 THEN
		RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END IF; RETURN NEW; END$$;
	CREATE TRIGGER t BEFORE INSERT ON mart.h FOR EACH ROW EXECUTE FUNCTION mart.full()});
api_settings(latency => 0);
fails(q{CALL tiktok.refresh('mart.h')}, qr/53100: .*could not extend/, 'a full disk');
is(ask(q{SELECT max(stat_time_hour)::date = current_date - 3, (SELECT error FROM tiktok.snapshot_runs
	ORDER BY run DESC LIMIT 1) FROM mart.h}), 't|could not extend file', 'keeps what there was room for');
is(ask(q{SELECT count(*) FROM pg_class WHERE relname LIKE 'tiktok_stage%'}), 0, 'no stage is left');

# a second refresh
ask('DROP TRIGGER t ON mart.h');
api_settings(latency => 100);
my $other = $node->background_psql('postgres', on_error_stop => 0);
$other->{stdin} .= "CALL tiktok.refresh('mart.h');\n";
$other->{run}->pump_nb();
$node->poll_query_until('postgres',
	q{SELECT count(*) = 1 FROM tiktok.snapshot_progress WHERE windows > 0})
  or die 'it does not run';
my $pid = ask(q{SELECT pid FROM tiktok.snapshot_progress});
fails(q{CALL tiktok.refresh('mart.h')}, qr/55006: .*by process $pid/, 'a second refresh fails at once');
fails(q{SELECT tiktok.materialize('ads.campaigns_reports_hourly', 'mart.h')}, qr/55006/, 'materialize too');
is((try(q{CALL tiktok.refresh('mart.c')}))[0], 0, 'another target is refreshed beside it');
is(ask("SELECT count(*) FROM pg_locks WHERE relation = 'mart.h'::regclass
	AND mode NOT IN ('AccessShareLock', 'RowExclusiveLock')"), 0, 'no strong lock is held');
ask("SELECT pg_terminate_backend($pid)");
eval { $other->quit; };
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM tiktok.snapshot_progress});
api_settings(latency => 0);
ask(q{CALL tiktok.refresh('mart.h')});
is( ask(q{SELECT count(*) FROM (
		SELECT * FROM ads.campaigns_reports_hourly WHERE stat_time_hour >= current_date - 12) AS s
		FULL JOIN mart.h USING (advertiser_id, campaign_id, stat_time_hour)
		WHERE s.spend IS DISTINCT FROM h.spend}),
	0, 'in the end everything is there');
is(ask(q{CALL tiktok.refresh_all()}), '', 'refresh_all');
is_deeply([ grep { ($_->{code} // 0) !~ /^(40105|40100|40104)$/ } @{ api_violations() } ], [], 'asked as documented');

done_testing();
