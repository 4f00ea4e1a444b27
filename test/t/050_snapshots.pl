
# Local snapshots of every stream: read, change what the API has, refresh; the
# table then holds what a full read finds, nothing is asked for that could not
# have changed, and what did not change is not written.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use POSIX qw(strftime);
use TiktokSession;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

# Snapshots go by the clock, so the API has to as well; not across midnight.
plan skip_all => 'it is almost midnight in UTC' if strftime('%H:%M', gmtime) =~ /^23:5/;
my $today = strftime('%Y-%m-%d', gmtime);
my $window = 2;

api_start('--today', $today);
my $node = new_node('main', conf => "autovacuum = off\n");
setup_fdw($node, rate_limit => 1000, -import_options => { streams => 'all' });
$node->safe_psql('postgres', 'CREATE SCHEMA mart');

sub ask { return $node->safe_psql('postgres', $_[0]); }

# Not weeks, months and periods (057_snapshot_periods), nor what only conditions tell.
my @streams = split /\n/,
  ask(q{SELECT name FROM tiktok.streams WHERE coalesce(grain, '') NOT IN ('week', 'month', 'period')
	AND required_conditions = '{}' AND imported_by <> 'named' ORDER BY name});
cmp_ok(scalar(@streams), '>=', 40, 'all streams that are imported');
my %dated = map { $_ => 1 } grep { /_(daily|hourly)$/ } @streams;

# inserted, updated, deleted, unchanged, requests
sub materialize
{
	my ($stream, $arguments) = @_;
	my @counts = split /\|/,
	  ask( "SELECT * FROM tiktok.materialize('ads.$stream', 'mart.$stream'"
		  . ($arguments // '') . ')');
	return @counts;
}

# Rows in one and not in the other: 0 if the snapshot is a full read.
sub differences
{
	my ($stream) = @_;
	my $columns = ask(
		qq{SELECT string_agg(quote_ident(name), ', ')
		   FROM tiktok._source_columns('ads.$stream') WHERE NOT signed_url});
	my $time = ask(qq{SELECT time_column FROM tiktok.snapshots WHERE target = 'mart.$stream'::regclass});
	my $here = $time eq '' ? '_deleted_at IS NULL' : "$time >= current_date - $window";
	my $there = $time eq '' ? 'true' : $here;
	return ask(
		qq{WITH there AS MATERIALIZED (SELECT $columns FROM ads.$stream WHERE $there),
			here AS MATERIALIZED (SELECT $columns FROM mart.$stream WHERE $here)
		SELECT (SELECT count(*) FROM (TABLE there EXCEPT ALL TABLE here) AS a)
			+ (SELECT count(*) FROM (TABLE here EXCEPT ALL TABLE there) AS b)});
}

# Every row version, and who has written or locked it; and the size, dead ones included.
sub versions
{
	my ($stream) = @_;
	return ask(
		qq{SELECT md5(string_agg(concat_ws(' ', ctid, xmin, xmax), '' ORDER BY ctid)),
		pg_relation_size('mart.$stream') FROM mart.$stream});
}

# ---- the first time, and again ---------------------------------------------

foreach my $stream (@streams)
{
	my @first = materialize($stream,
		$dated{$stream} ? ", since => current_date - 5, attribution_window => $window, probe => false" : '');
	my $before = versions($stream);
	my @second = materialize($stream);
	ok($first[0] > 0 && $second[3] > 0 && !$second[0] && !$second[1] && !$second[2],
		"$stream: read, and read again without a change")
	  or diag("first: @first, second: @second");
	is(versions($stream), $before, "$stream: nothing is written then, or even locked");
}
is_deeply(api_violations(), [], 'asked as documented');

# ---- changes -----------------------------------------------------------------

my ($account, $campaign) = split /\|/,
  ask('SELECT advertiser_id, min(campaign_id) FROM mart.campaigns
	GROUP BY 1 HAVING count(*) > 3 ORDER BY 1 LIMIT 1');
my ($restated, $vanished) = split /\|/,
  ask( "SELECT min(ad_id), max(ad_id) FROM mart.ads_reports_daily WHERE advertiser_id = $account "
	  . "AND stat_time_day = current_date - 1 AND spend > 0");
my $deleted = ask("SELECT max(campaign_id) FROM mart.campaigns WHERE advertiser_id = $account");
my $yesterday = strftime('%Y-%m-%d', gmtime(time - 86400));
my $long_ago = strftime('%Y-%m-%d', gmtime(time - 5 * 86400));

api_mutate([
	{ op => 'rename', advertiser_id => $account, kind => 'campaign', id => $campaign,
		name => q{Re'named "again"} },
	{ op => 'delete', advertiser_id => $account, kind => 'campaign', id => $deleted },
	{ op => 'restate', advertiser_id => $account, ad_id => $restated, from => $yesterday,
		to => $today, percent => 150 },
	{ op => 'vanish', advertiser_id => $account, kind => 'ad', id => $vanished },
	{ op => 'asset', advertiser_id => $account, endpoint => 'file/video/ad/search', index => 0,
		gone => JSON::PP::true },
	{ op => 'add_account', advertiser_id => '7300000000000000001', name => 'New', ads => 60 }
]);
# (the API's own differences between streams are not tested here)
foreach my $stream (@streams)
{
	my $old = $dated{$stream} ? '' : ask("SELECT count(*) FROM mart.$stream");
	my $settled = $dated{$stream}
	  ? ask(qq{SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM mart.$stream AS t
		WHERE stat_time_} . ($stream =~ /daily$/ ? 'day' : 'hour')
		  . qq{ < current_date - $window - 1 AND advertiser_id = $account})
	  : '';
	my @counts;

	api_reset();
	# both ways to do it
	if (@counts = $stream =~ /^ads|lifetime|hourly/ ? materialize($stream) : ())
	{
		cmp_ok($counts[0] + $counts[1], '>', 0, "$stream: something changed");
	}
	else
	{
		ask("CALL tiktok.refresh('mart.$stream')");
	}
	my @late = grep {
			 $_->{path} =~ /report/
		  && $_->{params}{start_date}
		  && $_->{params}{advertiser_id} ne '7300000000000000001'
		  && $_->{params}{start_date} lt strftime('%Y-%m-%d', gmtime(time - ($window + 1) * 86400))
	} @{ api_log() };
	is(scalar(@late), 0, "$stream: settled days are not asked for") if $dated{$stream};
	is(differences($stream), 0, "$stream: a refresh finds what a full read does");
	is( $dated{$stream}
		? ask(qq{SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM mart.$stream AS t
			WHERE stat_time_} . ($stream =~ /daily$/ ? 'day' : 'hour')
			  . qq{ < current_date - $window - 1 AND advertiser_id = $account})
		: '',
		$settled, "$stream: older days are as they were")
	  if $dated{$stream};
	cmp_ok(ask("SELECT count(*) FROM mart.$stream"), '>=', $old, "$stream: no row is lost")
	  unless $dated{$stream};
}
is( ask("SELECT count(*) FROM mart.ads WHERE ad_id = $vanished AND _deleted_at IS NOT NULL"),
	1, 'an ad that vanished is marked');
is( ask("SELECT campaign_name FROM mart.campaigns WHERE campaign_id = $campaign"),
	q{Re'named "again"}, 'a campaign has its new name');
is( ask("SELECT count(*) FROM mart.ads_reports_daily WHERE ad_id = $vanished "
		. "AND stat_time_day >= current_date - $window"),
	0, 'its days in the window are deleted');
cmp_ok(
	ask('SELECT count(*) FROM mart.campaigns_reports_daily WHERE advertiser_id = 7300000000000000001'),
	'>', 0, 'a new account is read from the beginning');
is( ask('SELECT min(since) = current_date - 5 FROM tiktok.snapshot_accounts
	WHERE advertiser_id = 7300000000000000001 AND since IS NOT NULL'),
	't', 'and says so');

# ---- since and attribution_window --------------------------------------------

api_reset();
ask("CALL tiktok.refresh('mart.ads_reports_daily', current_date - 9)");
my %asked = map { $_->{params}{start_date} . ' ' . $_->{params}{end_date} => 1 }
  grep { $_->{path} =~ /report/ } @{ api_log() };
is( join(', ', grep { /^\S+ (\S+)/ && $1 lt $today } sort keys %asked),
	strftime('%Y-%m-%d', gmtime(time - 9 * 86400)) . ' '
	  . strftime('%Y-%m-%d', gmtime(time - 6 * 86400)),
	'an earlier since asks for what is missing');
is(ask("SELECT min(stat_time_day) = current_date - 9, (SELECT count(*) FROM (
	SELECT * FROM ads.ads_reports_daily WHERE stat_time_day BETWEEN current_date - 9 AND current_date - 6)
	AS f) = count(*) FILTER (WHERE stat_time_day <= current_date - 6) FROM mart.ads_reports_daily"),
	't|t', 'and has it then');
api_reset();
materialize('ads_reports_daily', ', attribution_window => 4');
my ($earliest) = sort map { $_->{params}{start_date} }
  grep { $_->{path} =~ /report/ } @{ api_log() };
is($earliest, ask("SELECT min(watermark) - 4 FROM tiktok.snapshot_accounts
	WHERE target = 'mart.ads_reports_daily'::regclass"),
	'a longer attribution_window reads more again');

# ---- somebody else writes a row while an empty table is filled -----------------------

ask(q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.raced', history => true, changes => true)});
my ($other, $refresh) = map { TiktokSession->new($node) } 1 .. 2;
$other->query(q{BEGIN; INSERT INTO mart.raced (advertiser_id, campaign_id, campaign_name, _synced_at)
	SELECT advertiser_id, campaign_id, 'another''s', now() FROM mart.campaigns WHERE _deleted_at IS NULL LIMIT 1});
$refresh->send(q{SET client_min_messages = warning; CALL tiktok.refresh('mart.raced')});
ok($node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = " . $refresh->pid),
	'a refresh waits for a row that is not committed');
$other->query('COMMIT');
is($refresh->finish, '', 'and goes on');
is(ask(q{SELECT count(*) FILTER (WHERE r.campaign_name IS DISTINCT FROM c.campaign_name), count(*) = count(r.campaign_id)
	FROM ads.campaigns AS c LEFT JOIN mart.raced AS r USING (advertiser_id, campaign_id)}), '0|t', 'with what is upstream');
is(ask(q{SELECT count(*) = (SELECT count(*) FROM mart.raced_changes) AND count(*) = (SELECT count(*) FROM mart.raced_history)
	FROM mart.raced}), 't', 'once in each table beside it');

is_deeply(api_violations(), [], 'asked as documented');
done_testing();
