# Deleted, Promote and TopView objects are rows, unless options say otherwise:
# then exactly they are missing. What an account spent is the same at each level.
# A filter that the API refuses is left out, with a warning, and remembered; one
# that it ignores gives no row twice.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use Data::Dumper;
use JSON::PP;
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;

my $today = '2026-06-30';
my $account = '7160093331570884610';    # has them
my $plain = '7002238017842757633';      # has none but deleted ones
my @all = qw(AUCTION RESERVATION_RF RESERVATION_TOP_VIEW);

$Data::Dumper::Sortkeys = 1;
my $api = api_start('--today', $today);
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, concurrency => 4, -import_options => { streams => 'all' });

# Runs a statement under faults: its rows, what else was said, requests.
sub under
{
	my ($sql, @faults) = @_;

	api_reset();
	api_faults(\@faults);
	my (undef, $rows, $said) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return ($rows, $said, scalar @{ api_log() });
}

# ---- with options ----------------------------------------------------------

# Every table of objects and every report: its columns, and the days that are read.
my $days = [ '2026-06-20', '2026-06-26' ];
my $hours = [ '2026-06-22', '2026-06-23' ];
my $months = [ '2026-05-01', '2026-06-22' ];
my (%columns, %range, %where);

foreach my $line (split(/\n/, $node->safe_psql('postgres', <<'SQL')))
SELECT s.name, string_agg(c.name || ':' || c.type, ',' ORDER BY c.ordinal)
FROM tiktok.streams s JOIN tiktok.stream_columns c ON c.stream = s.name
WHERE (s.kind IN ('report', 'audience_report') AND s.seed_name IS NOT NULL
	OR s.name IN ('campaigns', 'ad_groups', 'ads', 'ads_reports_weekly', 'campaigns_reports_monthly', 'ad_groups_reports_period'))
	AND (c.name = ANY (s.key_columns) OR c.name IN ('spend', 'impressions', 'clicks'))
GROUP BY 1 ORDER BY 1
SQL
{
	my ($stream, $columns) = split(/\|/, $line);

	$columns{$stream} = $columns;
	$range{$stream} = $columns =~ /\bstat_time_day/ ? $days : $columns =~ /\bstat_time_hour/ ? $hours
	  : $columns =~ /\bstat_time_(week|month)|\bstart_date/ ? $months : undef;
	$where{$stream} = '';
	$where{$stream} = " AND stat_time_day BETWEEN '$days->[0]' AND '$days->[1]'"
	  if $columns =~ /\bstat_time_day/;
	$where{$stream} = " AND stat_time_hour >= '$hours->[0]' AND stat_time_hour < date '$hours->[1]' + 1"
	  if $columns =~ /\bstat_time_hour/;
	$where{$stream} = " AND stat_time_$1 BETWEEN '$months->[0]' AND '$months->[1]'"
	  if $columns =~ /\bstat_time_(week|month)/;
	$where{$stream} = " AND start_date = '$months->[0]' AND end_date = '$months->[1]'"
	  if $columns =~ /\bstart_date/;
}
is(scalar keys %where, 3 + 26 + 3, 'three lists, 26 reports and three by period');
# of the year until the real day, which this API's calendar does not show: below
my $year = 'advertisers_audience_reports_lifetime';
delete $where{$year};
my (%rows, %spent);

sub compare
{
	my ($schema, $stream, @options) = @_;
	my $where = $where{$stream};
	my $columns = $columns{$stream};
	my @range = $range{$stream} ? ('--from', $range{$stream}[0], '--to', $range{$stream}[1]) : ();
	my @names = map { s/:.*//r } split(/,/, $columns);
	my $list = join(', ', @names);
	open(my $out, '-|', $ENV{PYTHON} // 'python3', "$FindBin::Bin/../api/expected.py",
		'--stream', $stream, '--columns', $columns, '--today', $today, '--scale', 'small',
		'--accounts', $account, @range, @options)
	  or die "expected.py: $!";
	my (undef, @expected) = <$out>;
	close($out) or die 'expected.py failed';

	api_reset();
	my @got = split(/\n/, $node->safe_psql('postgres',
		"COPY (SELECT $list FROM $schema.$stream WHERE advertiser_id = $account$where) TO STDOUT CSV"));
	is_deeply([ sort @got ], [ sort map { chomp; $_ } @expected ], "$schema.$stream: as computed")
	  or diag(scalar(@got) . ' and ' . scalar(@expected) . ' rows');
	is_deeply(api_violations(), [], "$schema.$stream: asked as documented");
	is($node->safe_psql('postgres', "SELECT count(*) FROM $schema.$stream WHERE advertiser_id = $account$where"),
		scalar @got, "$schema.$stream: counted");
	$rows{"$schema.$stream"} = scalar @got;

	# by day; '' where there is none
	my %at = map { ($names[$_] => $_) } 0 .. $#names;
	my $time = $at{stat_time_day} // $at{stat_time_hour};
	my %sums;
	foreach my $row (map { [ split /,/ ] } exists $at{spend} ? @got : ())
	{
		my $day = defined $time ? substr($row->[$time], 0, 10) : '';
		my @values = @$row[ @at{qw(spend impressions clicks)} ];

		# cents, which Perl adds exactly
		$values[0] = sprintf('%.0f', $values[0] * 100);
		$sums{$day}[$_] += $values[$_] foreach 0 .. 2;
	}
	$spent{$schema}{$stream} = \%sums;
	return;
}

foreach my $set (
	[ 'ads' ],
	[ 'no_promote', include_promote => 'false' ],
	[ 'no_top_view', buying_types => 'AUCTION,RESERVATION_RF' ],
	[ 'top_view', buying_types => 'RESERVATION_TOP_VIEW' ],
	[ 'unasked', include_promote => 'false', buying_types => 'RESERVATION_RF, AUCTION', include_deleted => 'false' ])
{
	my ($schema, %options) = @$set;

	setup_fdw($node, rate_limit => 1000, -schema => $schema, -server => $schema,
		-import_options => { streams => 'all' }, %options)
	  if %options;
	compare($schema, $_, map { my $value = $options{$_} =~ s/ //gr;
			('--' . tr/_/-/r, join(',', grep { $value =~ /\b$_\b/ } @all) || $value) } keys %options)
	  foreach sort keys %where;
}
foreach my $stream (sort keys %where)
{
	foreach my $schema (qw(no_promote no_top_view top_view unasked))
	{
		if ($stream =~ /^advertisers/)
		{
			isnt(Dumper($spent{$schema}{$stream}), Dumper($spent{ads}{$stream}), "$stream: $schema is less");
		}
		else
		{
			cmp_ok($rows{"$schema.$stream"}, '<', $rows{"ads.$stream"}, "$stream: $schema is fewer");
		}
	}
}

# What was spent on a day is the same at every level, by hour, in audience
# reports too, whichever kinds are rows; the local API's provinces are complete.
foreach my $schema (qw(ads no_promote no_top_view top_view))
{
	my $by_day = $spent{$schema}{advertisers_reports_daily};

	is_deeply([ sort keys %$by_day ], [ map { "2026-06-$_" } 20 .. 26 ], "$schema: an account spent each day");
	foreach my $stream (grep { /_(daily|hourly)$/ } sort keys %where)
	{
		my %of = map { ($_ => $by_day->{$_}) } grep { $_ ge $range{$stream}[0] && $_ le $range{$stream}[1] } keys %$by_day;

		is_deeply($spent{$schema}{$stream}, \%of, "$schema.$stream: as much as the account, day by day");
	}
	is_deeply($spent{$schema}{$_}, $spent{$schema}{advertisers_reports_lifetime}, "$schema.$_: as much as the account")
	  foreach grep { /_reports_lifetime$/ } sort keys %where;
}

# a table overrides its server
$node->safe_psql('postgres', <<'SQL');
ALTER FOREIGN TABLE unasked.ads OPTIONS (ADD include_promote 'true', ADD include_deleted 'on',
	ADD buying_types 'RESERVATION_RF,AUCTION,RESERVATION_TOP_VIEW');
ALTER FOREIGN TABLE unasked.ads_reports_daily OPTIONS (ADD buying_types 'RESERVATION_TOP_VIEW');
SQL
compare('unasked', 'ads', ());
compare('unasked', 'ads_reports_daily', '--include-promote', 'false', '--include-deleted', 'false',
	'--buying-types', 'RESERVATION_TOP_VIEW');
$node->safe_psql('postgres', 'DROP SCHEMA unasked CASCADE');

# ---- requests ---------------------------------------------------------------

my ($out, $said, $n) = under("SELECT count(campaign_name) FROM ads.campaigns WHERE advertiser_id = $account");
is($n, 2, 'a list: one request more');
($out, $said, $n) = under("SELECT count(campaign_name) FROM no_top_view.campaigns WHERE advertiser_id = $account");
is($n, 1, 'which buying_types saves');
($out, $said, $n) = under("SELECT sum(spend) FROM ads.ads_reports_daily WHERE advertiser_id = $account AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-29'");
is($n, 1, 'a report: one request');
my $explain = $node->safe_psql('postgres', "EXPLAIN VERBOSE SELECT ad_name FROM ads.ads WHERE advertiser_id = $account");
like($explain, qr/Request Series: primary_status=STATUS_ALL buying_types=AUCTION\|RESERVATION_RF campaign_system_origins=TT_ADS_PLATFORM\|PROMOTE, primary_status=STATUS_ALL buying_types=RESERVATION_TOP_VIEW\n/, 'EXPLAIN: two series');
like($explain, qr/Estimated Requests: 2\n/, 'EXPLAIN: both count');
$explain = $node->safe_psql('postgres', "EXPLAIN VERBOSE SELECT ad_name FROM no_top_view.ads WHERE advertiser_id = $account");
like($explain, qr/Request Series: primary_status=STATUS_ALL campaign_system_origins=TT_ADS_PLATFORM\|PROMOTE\n/, 'EXPLAIN: one series');
like($explain, qr/Estimated Requests: 1\n/, 'EXPLAIN: that counts once');

# more TopView ad groups than a page has
api_mutate([ { op => 'add_objects', advertiser_id => $plain, kind => 'RESERVATION_TOP_VIEW', ads => 900 } ]);
($out, $said, $n) = under("SELECT count(*), count(DISTINCT adgroup_id), count(adgroup_name) FROM ads.ad_groups WHERE advertiser_id = $plain");
cmp_ok((split /\|/, $out)[0], '>', 200, 'hundreds of TopView ad groups');
is($out, join('|', ((split /\|/, $out)[0]) x 3), 'each once');
is_deeply([ sort { $a <=> $b } keys %{ { map { ($_->{params}{page_size} => 1) } @{ api_log() } } } ],
	[ 100, 1000 ], 'TopView in pages of 100');
is_deeply(api_violations(), [], 'as documented');
is($node->safe_psql('postgres', "SELECT count(*) FROM ads.ad_groups WHERE advertiser_id = $plain"),
	(split /\|/, $out)[0], 'as many as are counted');
$node->safe_psql('postgres', 'ANALYZE ads.ad_groups');
is($node->safe_psql('postgres', "SELECT reltuples FROM pg_class WHERE oid = 'ads.ad_groups'::regclass"),
	$node->safe_psql('postgres', 'SELECT count(*) FROM ads.ad_groups'), 'ANALYZE sees all kinds');
api_reset(data => 1);
$node->safe_psql('postgres', "ALTER SERVER tiktok OPTIONS (ADD advertiser_ids '$account')");
is($node->safe_psql('postgres', "SELECT string_agg(detail, '') FROM tiktok.check('tiktok') WHERE detail ~ 'advertiser $account: [0-9]+ campaigns'") =~ /: (\d+) campaigns/ ? $1 : '',
	$rows{'ads.campaigns'}, 'tiktok.check counts all kinds');
$node->safe_psql('postgres', 'ALTER SERVER tiktok OPTIONS (DROP advertiser_ids)');

# ---- refused -----------------------------------------------------------------

my $month = "stat_time_day BETWEEN '2026-06-01' AND '2026-06-29'";
my %of = (
	campaigns => "SELECT count(campaign_name) FROM %s.campaigns WHERE advertiser_id = $account",
	ads_reports_daily => "SELECT count(*), sum(spend) FROM (SELECT ad_id, spend FROM %s.ads_reports_daily WHERE advertiser_id = $account AND $month OFFSET 0) x",
	advertisers_reports_daily => "SELECT sum(spend) FROM %s.advertisers_reports_daily WHERE advertiser_id = $account AND $month",
	ads_audience_reports_by_country_daily => "SELECT count(*), sum(spend) FROM (SELECT ad_id, spend FROM %s.ads_audience_reports_by_country_daily WHERE advertiser_id = $account AND $month OFFSET 0) x",
);
sub answer { my ($schema, $stream) = @_; return $node->safe_psql('postgres', sprintf($of{$stream}, $schema)); }
my %right = map { ($_ => answer('ads', $_)) } keys %of;

# one origin at a time: nothing is missing, and it is known from then on
foreach my $stream (qw(campaigns ads_reports_daily ads_audience_reports_by_country_daily))
{
	my $sql = sprintf($of{$stream}, 'ads');
	($out, $said, $n) = under("$sql;\n$sql", { action => { one_origin => JSON::PP::true } });
	is($out, "$right{$stream}\n$right{$stream}", "$stream, one origin at a time: all rows");
	is($said, '', "$stream: nothing to warn of");
	is($n, $stream eq 'campaigns' ? 4 + 3 : 3 + 2, "$stream: learned at the first request")
	  if $stream !~ /audience/;
}
my $best = "SELECT spend FROM ads.ads_reports_daily WHERE advertiser_id = $account AND $month ORDER BY spend DESC LIMIT 7";
my $top = $node->safe_psql('postgres', $best);
($out, $said) = under("$best;\n$best", { action => { one_origin => JSON::PP::true } });
is($out, "$top\n$top", 'and in order');
is($said, '', 'without a word');
# a row for the account is not one object's: it cannot be put together
($out, $said, $n) = under(sprintf($of{advertisers_reports_daily}, 'ads'), { action => { one_origin => JSON::PP::true } });
is($out, $right{advertisers_reports_daily}, 'advertiser level: one row');
like($said, qr/WARNING:  01000: .*"campaign_system_origins".*rows of Promote campaigns may be missing/, 'with a warning');
is($n, 2, 'in two requests');

# a filter that is refused by name, and by no name
foreach my $case (
	[ 'campaigns', 'buying_types', 'no_top_view', 'RESERVATION_TOP_VIEW' ],
	[ 'campaigns', 'campaign_system_origins', 'no_promote', 'PROMOTE' ],
	[ 'ads_reports_daily', 'buying_type', 'no_top_view', 'RESERVATION_TOP_VIEW' ],
	[ 'ads_reports_daily', 'campaign_system_origins', 'no_promote', 'PROMOTE' ],
	[ 'ads_reports_daily', 'ad_status', 'no_deleted', 'STATUS_ALL' ],
	[ 'ads_audience_reports_by_country_daily', 'ad_status', 'no_deleted', 'STATUS_ALL' ])
{
	my ($stream, $filter, $schema, $value) = @$case;

	setup_fdw($node, rate_limit => 1000, -schema => $schema, -server => $schema, include_deleted => 'false')
	  if $schema eq 'no_deleted' && !$node->safe_psql('postgres', "SELECT count(*) FROM pg_namespace WHERE nspname = '$schema'");
	api_reset();
	my $fewer = answer($schema, $stream);
	my $sql = sprintf($of{$stream}, 'ads');
	foreach my $fault ({ refuse_filter => $filter }, { refuse_value => $value })
	{
		my $name = "$stream, $filter refused" . ($fault->{refuse_value} ? ' without its name' : '');

		isnt($fewer, $right{$stream}, "$name: rows depend on it");
		($out, $said) = under("$sql;\n\\warn again\n$sql", { action => $fault });
		is($out, "$fewer\n$fewer", "$name: the other rows");
		my ($first, $again) = split(/^again\n/m, $said);
		foreach my $scan ([ 'once', $first ], [ 'again', $again ])
		{
			is(scalar(() = $scan->[1] =~ /WARNING:  01000: the TikTok API refuses filter "\Q$filter\E" .* may be missing/g), 1, "$name: one warning, $scan->[0]");
			unlike($scan->[1], qr/ERROR/, "$name: no error");
		}
		is(scalar(() = $said =~ /WARNING/g), 2, "$name: no other");
		my $least = $stream eq 'campaigns' && $filter ne 'buying_types' ? 2 : 1;
		my @log = @{ api_log() };
		is_deeply([ map { $_->{code} } @log[ -$least .. -1 ] ], [ (0) x $least ], "$name: not asked for again");
		cmp_ok($log[ -$least - 1 ]{n}, '<', $log[-$least]{n}, "$name: the second scan is the least");
	}
}

# what keeps rows out is not left out
foreach my $case ([ 'top_view', 'campaigns', 'buying_types' ], [ 'top_view', 'ads_reports_daily', 'buying_type' ],
	[ 'no_promote', 'advertisers_reports_daily', 'campaign_system_origins' ],
	[ 'no_top_view', 'advertisers_reports_daily', 'buying_type' ])
{
	my ($schema, $stream, $filter) = @$case;

	($out, $said) = under(sprintf($of{$stream}, $schema), { action => { refuse_filter => $filter } });
	is($out, '', "$schema.$stream: no row without $filter");
	like($said, qr/ERROR:  22023: .*\Q$filter\E is not supported/, "$schema.$stream: but the error");
}

# an error that has nothing to do with them stays one, soon
($out, $said, $n) = under(sprintf($of{ads_reports_daily}, 'ads'),
	{ times => 0, action => { code => 40002, message => 'data_level: not today' } });
like($said, qr/ERROR:  22023: .*data_level: not today/, 'another parameter: the error');
is($n, 1, 'at once');
($out, $said, $n) = under(sprintf($of{ads_reports_daily}, 'ads'),
	{ times => 0, action => { code => 40002, message => 'Invalid parameter' } });
like($said, qr/ERROR:  22023: .*Invalid parameter/, 'no parameter at all: the error');
unlike($said, qr/WARNING/, 'and no warning');
cmp_ok($n, '<', 7, 'after a few tries');

# ---- ignored -----------------------------------------------------------------

foreach my $sql (
	"SELECT campaign_name FROM ads.campaigns WHERE advertiser_id = $account",
	"SELECT count(*) FROM ads.campaigns WHERE advertiser_id = $account",
	"SELECT ad_name FROM ads.ads WHERE advertiser_id = $account LIMIT 100000",
	"SELECT adgroup_name FROM ads.ad_groups WHERE advertiser_id IN ($plain, $account)",
	"SELECT campaign_name FROM ads.campaigns WHERE advertiser_id = $account ORDER BY campaign_id LIMIT 5")
{
	foreach my $concurrency (1, 8)
	{
		$node->safe_psql('postgres', "ALTER SERVER tiktok OPTIONS (SET concurrency '$concurrency')");
		($out, $said) = under($sql, { action => { ignore => ['filtering.buying_types'] } });
		is($out, '', "$sql, $concurrency at once: no row twice");
		like($said, qr/ERROR:  HV000: the TikTok API seems to ignore parameter "buying_types"/, 'but an error');
	}
}
my $session = "$of{campaigns};\n$of{campaigns}";
($out, $said) = under(sprintf($session, 'ads', 'ads'),
	{ times => 1, action => { one_origin => JSON::PP::true } },
	{ action => { ignore => ['filtering.campaign_system_origins'] } });
is($out, '', 'origins apart and ignored: no row');
like($said, qr/ERROR:  HV000: the TikTok API seems to ignore parameter "campaign_system_origins"/, 'but an error');

# ---- the year until today -------------------------------------------------------

$today = strftime('%Y-%m-%d', gmtime());
api_start('--today', $today);
$where{$year} = '';
foreach my $set (
	[ 'ads' ],
	[ 'no_promote', '--include-promote', 'false' ],
	[ 'no_top_view', '--buying-types', 'AUCTION,RESERVATION_RF' ],
	[ 'top_view', '--buying-types', 'RESERVATION_TOP_VIEW' ])
{
	my ($schema, @options) = @$set;
	my $server = $schema eq 'ads' ? 'tiktok' : $schema;

	$node->safe_psql('postgres', "ALTER SERVER $server OPTIONS (SET api_url " . sql_literal(api_url()) . ')');
	compare($schema, $year, @options);
	isnt(Dumper($spent{$schema}{$year}), Dumper($spent{ads}{$year}), "$year: $schema is less")
	  if $schema ne 'ads';
}

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP/, 'nothing crashed');
done_testing();
