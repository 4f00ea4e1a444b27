# SQLAlchemy: what it reads of the tables by itself (columns, types, comments, keys)
# of foreign tables, snapshots and views, and what its queries ask for.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokClient;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $python = client_python('sqlalchemy', 'sqlalchemy.orm', 'psycopg2');
plan skip_all => 'Python has no SQLAlchemy with psycopg2' unless $python;

api_start();
my $node = client_node(advertiser_ids => $ACCOUNT);
$node->safe_psql('postgres', q{
	SELECT tiktok.comment_tables('ads');
	CREATE SCHEMA mart;
	SELECT tiktok.create_snapshot('ads.ads_reports_daily', 'mart.daily', since => '2026-06-25');
	SELECT tiktok.create_snapshot('ads.campaigns', 'mart.campaigns');
	SELECT tiktok.create_live_view('mart.daily', 'mart.daily_live')});

sub step
{
	my ($step) = @_;

	api_reset();
	my $saw = run_client($python, 'sqlalchemy_tables.py', $node->connstr('postgres'), $step);
	return ($saw, scalar(@{ api_log() }));
}

# ---- reflection --------------------------------------------------------------------

my ($saw, $asked) = step('reflect');
is($asked, 0, 'reflection asks the API nothing');
is_deeply($saw->{foreign}, [ 'ads_reports_daily', 'campaigns', 'creative_assets_videos' ],
	'foreign tables are listed');
is_deeply($saw->{local}, [ 'campaigns', 'daily' ], 'snapshots are tables');
is_deeply($saw->{views}, ['daily_live'], 'a live view is a view');

# the catalogue's columns
sub columns_of
{
	my ($stream) = @_;
	my @lines = split /\n/, $node->safe_psql('postgres', qq{
		SELECT name, format_type(type::regtype, NULL), description FROM tiktok.stream_columns
		WHERE stream = '$stream' ORDER BY ordinal});

	return map { [ split /\|/, $_, 3 ] } @lines;
}

my %tables = %{ $saw->{tables} };
foreach my $stream ('ads_reports_daily', 'campaigns', 'creative_assets_videos')
{
	my @known = columns_of($stream);
	my $t = $tables{"ads.$stream"};

	cmp_ok(scalar(@known), '>', 5, "$stream has columns");
	is_deeply([ map { "$_->[0] $_->[1]" } @{ $t->{columns} } ],
		[ map { "$_->[0] $_->[1]" } @known ], 'names and types');
	is(scalar(grep { my ($c, $k) = ($_, shift @known); index($c->[3] // '', $k->[2]) < 0 } @{ $t->{columns} }),
		0, 'each column\'s comment describes it');
	like($t->{comment}, qr/\w/, 'so does the table\'s');
	is_deeply([ map { $_->[0] } grep { !$_->[2] } @{ $t->{columns} } ], ['advertiser_id'], 'what is never NULL');
	is_deeply($t->{key}, [], 'a foreign table has no primary key');
}
is_deeply($tables{'mart.daily'}{key}, [ 'advertiser_id', 'ad_id', 'stat_time_day' ], 'a snapshot has one');
is_deeply($tables{'mart.campaigns'}{key}, [ 'advertiser_id', 'campaign_id' ], 'of campaigns, too');
my @source = map { "$_->[0] $_->[1]" } @{ $tables{'ads.ads_reports_daily'}{columns} };
is_deeply([ map { "$_->[0] $_->[1]" } @{ $tables{'mart.daily'}{columns} } ],
	[ @source, '_synced_at timestamp with time zone' ], 'a snapshot: the source\'s columns, and when');
is_deeply([ map { $_->[3] } grep { $_->[0] =~ /^(spend|ad_id)$/ } @{ $tables{'mart.daily'}{columns} } ],
	[ map { $_->[3] } grep { $_->[0] =~ /^(spend|ad_id)$/ } @{ $tables{'ads.ads_reports_daily'}{columns} } ],
	'with their comments');
is_deeply([ map { "$_->[0] $_->[1]" } @{ $tables{'mart.daily_live'}{columns} } ], \@source, 'a live view: the source\'s');

# ---- queries -----------------------------------------------------------------------

my @rows = daily_rows('2026-06-01', '2026-06-29');
my %sum;
$sum{ $_->[3] } += int($_->[2] * 100 + 0.5) foreach @rows;
($saw, $asked) = step('select');
is_deeply({ map { $_->[0] => int($_->[1] * 100 + 0.5) } @{ $saw->{rows} } }, \%sum, 'sums by campaign');
my @reports = @{ api_log(qr{report}) };
is_deeply([ grep { $_->{params}{start_date} ne '2026-06-01' || $_->{params}{end_date} ne '2026-06-29' } @reports ], [],
	'the days are those of the bound parameters');
is_deeply([ grep { ($_->{params}{metrics} // '') =~ /clicks/ } @reports ], [], 'and no other metrics are asked for');

($saw, $asked) = step('stream');
is_deeply($saw, { rows => 10, usable => 1 }, 'a streamed result that is left after some rows');
cmp_ok($asked, '<=', 10, "stops the requests ($asked)");

my @last = sort { $b->[2] <=> $a->[2] || $a->[0] <=> $b->[0] } grep { $_->[1] eq '2026-06-29' } @rows;
($saw, $asked) = step('mapped');
is_deeply([ map { join ' ', @$_[0, 1], $_->[2] + 0 } @{ $saw->{rows} } ],
	[ map { join ' ', @$_[0, 1], $_->[2] + 0 } @last[ 0 .. 4 ] ], 'a mapped class, with the key that is named');

($saw, $asked) = step('first_of');
is($saw->{rows}, 7, 'LIMIT');
is_deeply([ map { $_->{params}{page_size} } @{ api_log(qr{report}) } ], [7], 'is a page of so many rows');
is_deeply(api_violations(), [], 'all asked as documented');
done_testing();
