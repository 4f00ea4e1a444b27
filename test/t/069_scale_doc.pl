
# The numbers of doc/scale.md: its query gives what the page shows; with the numbers of
# accounts of the local API it says how many requests refreshes really take; and a row
# takes as much WAL as it assumes.

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
my $text = slurp_file("$FindBin::Bin/../../doc/scale.md");
my ($query, $shown) = $text =~ /^```sql\n(WITH assumed.*?)^```\n\n```\n(.*?)^```$/ms or die 'no query';
my ($measured) = $text =~ /^```sql\n(SELECT pg_current_wal_insert_lsn.*?)^```$/ms or die 'nothing that measures';

api_start('--today', $today);
my $node = new_node('main', conf => 'max_wal_size = 4GB');
# whatever is sent is counted
setup_fdw($node, rate_limit => 1000,
	-import => [qw(campaigns ad_groups ads ads_reports_daily ads_reports_hourly)]);

# As psql shows it, less spaces at the end.
sub table
{
	my ($sql) = @_;
	my (undef, $out) = $node->psql('postgres', $sql, on_error_die => 1,
		extra_params => [ '-P', 'format=aligned', '-P', 'tuples_only=off', '-P', 'footer=off' ]);
	return $out =~ s/ +$//mgr =~ s/\n*\z/\n/r;
}
is(table($query), $shown, 'the query gives what the page shows');

# ---- as many requests ---------------------------------------------------------------

# with other assumptions than the page's
sub assuming
{
	my ($sql, %other) = @_;
	foreach my $name (sort keys %other)
	{
		$sql =~ s/[\d.]+ AS $name\b/$other{$name} AS $name/ or die "the query assumes no $name";
	}
	return map { [ split /\|/ ] } split /\n/, $node->safe_psql('postgres', $sql);
}

sub requests
{
	my ($sql) = @_;
	api_reset();
	$node->safe_psql('postgres', "SET client_min_messages = warning; $sql");
	return scalar @{ api_log() };
}

# small accounts, whose rows of a window are a page, as they are there
my @all = split /\n/, $node->safe_psql('postgres', q{SELECT tiktok.accounts('ads.campaigns')});
my %ads = map { split /\|/ } split /\n/, $node->safe_psql('postgres', 'SELECT advertiser_id, count(*) FROM ads.ads GROUP BY 1');
my @small = (sort { $ads{$a} <=> $ads{$b} } keys %ads)[ 0 .. 2 ];
api_mutate([ map { my $id = $_; (grep { $_ eq $id } @small) ? () : { op => 'revoke_account', advertiser_id => $id } } @all ]);
$node->safe_psql('postgres', q{CREATE SCHEMA mart;
	SELECT tiktok.create_snapshot('ads.ads_reports_daily', 'mart.daily', since => current_date - 100);
	SELECT tiktok.create_snapshot('ads.ads_reports_hourly', 'mart.hourly', since => current_date - 12);
	SELECT tiktok.create_snapshot('ads.' || s, 'mart.' || s) FROM unnest('{campaigns,ad_groups,ads}'::text[]) AS s});
# at any hour: how many days a refresh reads again
my $again = $node->safe_psql('postgres', q{SELECT (now() AT TIME ZONE 'UTC')::date + 1
	- ((now() AT TIME ZONE 'UTC' - interval '12 hours')::date - 7) + 1});
my @expected = map { $_->[1] } assuming($query, accounts => 3, days => 100, days_again => $again,
	active_ads => 10, active_hours => 24, changed_accounts => '1.0/3', campaigns => 5, ad_groups => 10, ads => 50);
is(requests(q{CALL tiktok.refresh('mart.daily')}), $expected[0], 'a first load');
api_mutate({ op => 'restate', advertiser_id => $small[0], percent => 150, from => strftime('%Y-%m-%d', gmtime(time - 3 * 86400)), to => $today });
is(requests(q{CALL tiktok.refresh('mart.daily')}), $expected[1], 'a refresh with the probe, one account of three changed');
is(requests(q{CALL tiktok.refresh('mart.daily', probe => false)}), $expected[2], 'without');
$node->safe_psql('postgres', q{SET client_min_messages = warning; CALL tiktok.refresh('mart.hourly')});
is(requests(q{CALL tiktok.refresh('mart.hourly')}), $expected[3], 'by hour');
is(requests(q{CALL tiktok.refresh('mart.campaigns'); CALL tiktok.refresh('mart.ad_groups'); CALL tiktok.refresh('mart.ads')}),
	$expected[4], 'lists');

# ---- WAL -------------------------------------------------------------------------------

# what the page measures with, after a checkpoint: pages are written whole
sub wal
{
	my ($what) = @_;
	my (undef, $out, $err) = $node->psql('postgres', "SET client_min_messages = warning; CHECKPOINT;\n$measured", on_error_die => 1);
	my ($bytes, $rows) = split /\|/, $out;
	cmp_ok($rows, '>', 1000, "$what: $rows rows");
	note("$what: $bytes bytes of WAL a row");
	return $bytes;
}

my $some = "advertiser_ids '7002238017842757633,7088160322559787010'";
api_reset(data => 1);
$node->safe_psql('postgres', qq{ALTER SERVER tiktok OPTIONS (ADD $some);
	SELECT tiktok.create_snapshot('ads.ads_reports_daily', 'mart.ads_daily', since => current_date - 20)});
my ($new, $changed) = map { $query =~ /(\d+) AS $_/; $1 } qw(wal_of_new wal_of_changed);
$changed = 5200 if $node->safe_psql('postgres', 'SHOW data_checksums') eq 'on';    # pages whose hints were set
my $bytes = wal('a row that is new');
cmp_ok(abs($bytes / $new - 1), '<', 0.2, "is about $new bytes");
api_mutate({ op => 'restate', advertiser_id => $_, percent => 150, from => strftime('%Y-%m-%d', gmtime(time - 3 * 86400)), to => $today })
	foreach qw(7002238017842757633 7088160322559787010);
$bytes = wal('a row that changed');
cmp_ok(abs($bytes / $changed - 1), '<', 0.2, "is about $changed bytes");
is_deeply(api_violations(), [], 'asked as documented');

$node->stop;
done_testing();
