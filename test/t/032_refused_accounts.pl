
# What the API refuses for good: accounts, endpoints, a token without accounts;
# and the hints of return codes that only the reader can do something about.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $api = api_start();
my $node = new_node('main', conf => "statement_timeout = '60s'\n");
my @tables = qw(campaigns advertisers campaigns_reports_daily creative_assets_videos);
setup_fdw($node, %ONE_SERIES, rate_limit => 1000, max_retries => 2, -import => \@tables);
$node->safe_psql('postgres', 'CREATE SCHEMA mart');

sub run
{
	my ($sql, @faults) = @_;

	api_reset();
	api_faults(\@faults) if @faults;
	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	my ($state) = $err =~ /ERROR:  (\w{5}):/;
	return ($out, $state // ($rc == 0 ? '' : "psql failed: $err"), $err);
}

sub told { return scalar(() = $_[0] =~ /WARNING:/g) }

# ---- accounts that are skipped: told once, and not asked again ---------------------------

my @gone = map { 7300000000000000001 + $_ } 1 .. 30;
my $left = $node->safe_psql('postgres', 'SELECT count(DISTINCT advertiser_id) FROM ads.campaigns');
api_mutate([ map { { op => 'add_account', advertiser_id => "$_", name => "Account $_", ads => 1 } } @gone ]);
api_mutate([ map { { op => 'delete_account', advertiser_id => "$_" } } @gone[ 0 .. 14 ] ]);
api_mutate([ map { { op => 'unmatch_account', advertiser_id => "$_" } } @gone[ 15 .. 29 ] ]);
my ($out, $state, $err) = run('SELECT count(DISTINCT advertiser_id) FROM ads.campaigns');
is($state, '42501', 'a deleted account (40300) is an error');
like($err, qr/HINT:  .*on_advertiser_error 'skip'/, 'that can be skipped');

$node->safe_psql('postgres', q{ALTER SERVER tiktok OPTIONS (ADD on_advertiser_error 'skip')});
my $report = q{campaigns_reports_daily WHERE stat_time_day BETWEEN '2026-06-01' AND '2026-06-27'};
foreach my $table ('campaigns', $report)
{
	($out, $state, $err) = run("SELECT count(DISTINCT advertiser_id) FROM ads.$table");
	is("$state$out", $left, "$table: the others are there");
	is(told($err), 1, 'thirty are skipped with one warning');
	like($err, qr/WARNING:  42501: skipping 30 advertisers .*foreign table "ads\.\w+"/, 'that counts them');
	is(scalar(() = $err =~ /^(?:DETAIL:  )?Advertiser \d+: /mg), 10, 'and names ten');
	like($err, qr/^And 20 more\.$/m, 'not all');
}
($out, $state, $err) = run('SELECT count(DISTINCT advertiser_id) FROM ads.advertisers');
is($state, '', 'an endpoint that takes many accounts at once');
is(told($err), $out < $left + 30 ? 1 : 0, 'has one warning too, if any is refused');

my $lateral = "SELECT sum(n) FROM (VALUES (1), (2), (3)) AS v (i), LATERAL (SELECT count(c.campaign_name) AS n FROM ads.campaigns AS c"
  . " WHERE c.advertiser_id = ANY (ARRAY[$gone[0], $gone[1], 7002238017842757633]) AND v.i > 0 OFFSET v.i - v.i) AS x";
($out, $state, $err) = run($lateral);
is($state, '', 'three rescans');
is(told($err), 1, 'one warning');
is(scalar(grep { ($_->{advertiser_id} // '') eq "$gone[0]" } @{ api_log() }), 1, 'an account that was refused is asked once');
($out, $state, $err) = run("SELECT count(*) FROM (SELECT 1 FROM ads.campaigns WHERE advertiser_id IN ($gone[0], 7002238017842757633) LIMIT 1) AS c");
is("$state$out", '1', 'a scan that ends early');
cmp_ok(told($err), '<=', 1, 'tells of it at most once');
($out, $state, $err) = run("SELECT campaign_id FROM ads.campaigns WHERE advertiser_id = $gone[20]");
is("$state$out", '', 'a single one');
like($err, qr/WARNING:  42501: skipping advertiser $gone[20]: .*\nDETAIL:  Code 40301, request ID/, 'is told of with its request');
($out, $state, $err) = run("SELECT name, ok FROM tiktok.check('tiktok') WHERE NOT ok");
unlike($err, qr/WARNING/, 'tiktok.check() skips nothing');

# ---- an endpoint that the app was not granted ---------------------------------------------------

my $refused = { match => { path => 'file/video/ad/search' }, action => { not_granted => 1 } };
($out, $state, $err) = run('SELECT video_id FROM ads.creative_assets_videos', $refused);
is("$state$out", '42501', 'an endpoint that was not granted is an error, although accounts may be skipped');
like($err, qr{HINT:  .*permission \(scope\) for file/video/ad/search/}, 'the hint names the permission');
unlike($err, qr/on_advertiser_error/, 'and does not advise to skip the account');
# as it was found in the wild
my $case = { match => { path => 'file/video/ad/search' }, times => 0, action =>
	{ code => 40001, message => 'advertiser does not grant you /file/video/ad/search/:GET permission' } };
($out, $state, $err) = run('SELECT video_id FROM ads.creative_assets_videos', $case);
is("$state$out", '42501', 'the reply that was seen');
like($err, qr{permission \(scope\)}, 'has the same hint');
$node->safe_psql('postgres', q{ALTER SERVER tiktok OPTIONS (ADD advertiser_ids '7002238017842757633,7160093331570884610')});
($out, $state, $err) = run(q{SELECT * FROM tiktok.materialize('ads.creative_assets_videos', 'mart.videos')}, $refused);
is($state, '42501', 'a snapshot of it fails');
like($err, qr{does not grant you}, 'with the reason');
my $campaigns = { match => { path => 'campaign/get' }, action => { not_granted => 1 } };
($out, $state, $err) = run(q{SELECT detail ~ 'does not grant', hint ~ 'permission \(scope\) for campaign/get/' FROM tiktok.check('tiktok') WHERE NOT ok LIMIT 1}, $campaigns);
is("$state$out", 't|t', 'tiktok.check() finds it, with the hint');
$node->safe_psql('postgres', q{ALTER SERVER tiktok OPTIONS (DROP advertiser_ids, SET on_advertiser_error 'fail')});

# ---- return codes ------------------------------------------------------------------------------------

my $one = 'SELECT count(campaign_name) FROM ads.campaigns WHERE advertiser_id = 7002238017842757633';
my ($right) = run($one);
foreach my $code (40200, 40201, 40700)
{
	($out, $state) = run($one, { match => { path => 'campaign/get' }, action => { return_code => $code } });
	is("$state$out", $right, "$code: tried again");
	is(scalar(grep { $_->{path} eq 'campaign/get' } @{ api_log() }), 2, 'once');
	($out, $state) = run($one, { match => { path => 'campaign/get' }, times => 0, action => { return_code => $code } });
	is("$state$out", '08006', "$code for good");
}
my %hints = (
	40006 => [ '22023', qr/version of its API/ ],
	40009 => [ 'HV000', qr/sandbox and production .* option environment of server tiktok/ ],
	40013 => [ 'HV000', qr/sandbox and production .* option environment of server tiktok/ ],
	40014 => [ 'HV000', qr/sandbox and production .* option environment of server tiktok/ ],
	40118 => [ '28000', qr/scope in TikTok's developer portal/ ],
	41000 => [ 'HV000', qr/country/ ],
	41001 => [ 'HV000', qr/offline/ ],
	40300 => [ '42501', qr/on_advertiser_error/ ],
	40301 => [ '42501', qr/on_advertiser_error/ ]);
foreach my $code (sort keys %hints)
{
	($out, $state, $err) = run($one, { match => { path => 'campaign/get' }, times => 0, action => { return_code => $code + 0 } });
	is("$state$out", $hints{$code}[0], "$code");
	like($err, qr/HINT:  .*$hints{$code}[1]/, 'and its hint');
	is(scalar(grep { $_->{path} eq 'campaign/get' } @{ api_log() }), 1, 'asked once');
}

# ---- a token without any account ---------------------------------------------------------------------------

api_mutate({ op => 'revoke_every_account' });
my $none = qr/the token may read no account.*HINT:  Give it access to an ad account in TikTok Ads Manager\./s;
foreach my $sql ('SELECT count(*) FROM ads.campaigns', 'SELECT campaign_id FROM ads.campaigns', "SELECT spend FROM ads.$report",
	q{SELECT * FROM tiktok.materialize('ads.campaigns', 'mart.none')}, q{CALL tiktok.refresh('mart.videos')}, 'ANALYZE ads.campaigns')
{
	$node->safe_psql('postgres', q{SELECT tiktok.create_snapshot('ads.creative_assets_videos', 'mart.videos')}) if $sql =~ /^CALL/;
	($out, $state, $err) = run($sql);
	is("$state$out", '42501', "no account: $sql");
	like($err, $none, 'the same words');
}
($out, $state, $err) = run(q{SELECT step || ' ' || detail || ' ' || hint FROM tiktok.check('tiktok') WHERE NOT ok});
like("$out", qr/the token may read no account.*Give it access to an ad account in TikTok Ads Manager\./, 'tiktok.check() says it too');

# ---- the sandbox ---------------------------------------------------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
CREATE SERVER box FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (environment 'sandbox');
CREATE SERVER faster FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (environment 'sandbox', rate_limit '3');
CREATE SERVER real FOREIGN DATA WRAPPER tiktok_fdw;
SQL
is($node->safe_psql('postgres', q{SELECT string_agg(substring(detail FROM '\d+ requests per second'), ', ' ORDER BY s)
	FROM unnest(ARRAY['box', 'faster', 'real']) AS s, tiktok.check(s) AS c WHERE c.step = 1}),
	'1 requests per second, 3 requests per second, 10 requests per second', 'rate_limit is 1 in the sandbox, unless it is set');

$node->stop('fast');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP/, 'nothing crashed');
done_testing();
