# Every stream of the API's, whole: the rows of the foreign table are those that
# test/api/expected.py computes without HTTP, and the API was asked as it
# documents, never twice for the same, by a server whose log tells no secret.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use JSON::PP;
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;

# Reports without a time column cover the year until today, so the API's
# calendar shows the real day here.
sub day
{
	my ($ago) = @_;

	return strftime('%Y-%m-%d', gmtime(time() - $ago * 86400));
}
my $today = day(0);

# A page is smaller than what a large account has, a window smaller than the
# range: 35 days beyond a border of 30, three days by the hour.
my %day = (from => day(37), to => day(3));
my %hour = (from => day(2), to => $today);

# Breakdowns multiply rows by values: without the largest account.
my $large = '7088160322559787010';
my %paged;
my $breakdown = qr/audience_reports|_by_/;
my @accounts = qw(7002238017842757633 7030219640413208578 7051874396120449026
  7123456789012345678 7160093331570884610 7219930054437175298);

my $api = api_start('--today', $today);
my $node = new_node('main', conf => "log_min_messages = debug2\nlog_statement = 'none'\n");
setup_fdw($node, rate_limit => 1000, page_size => 500, -import_options => { streams => 'all' });
my $expected = "$FindBin::Bin/../api/expected.py";
my $columns = <<'SQL';
SELECT string_agg(name || ':' || type || coalesce(':' || path, ''), ',' ORDER BY ordinal)
FROM tiktok.stream_columns WHERE stream = '%s'
SQL

# The same rows as expected.py, from as many requests as they need.
sub compare
{
	my ($stream) = @_;
	my (@range, @conditions, @only);

	if ($stream =~ /_hourly$/)
	{
		@range = ('--from', $hour{from}, '--to', $hour{to});
		push @conditions, "stat_time_hour >= '$hour{from}'",
		  "stat_time_hour < date '$hour{to}' + 1";
	}
	elsif ($stream =~ /_daily$/)
	{
		@range = ('--from', $day{from}, '--to', $day{to});
		push @conditions, "stat_time_day BETWEEN '$day{from}' AND '$day{to}'";
	}
	if ($stream =~ $breakdown)
	{
		@only = ('--accounts', join(',', @accounts));
		push @conditions, 'advertiser_id IN (' . join(', ', @accounts) . ')';
	}
	my $where = @conditions ? 'WHERE ' . join(' AND ', @conditions) : '';
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$stream.csv";
	my @command = (
		$ENV{PYTHON} // 'python3', $expected,
		'--stream', $stream, '--columns', $node->safe_psql('postgres', sprintf($columns, $stream)),
		'--today', $today, '--scale', 'small', @range, @only);

	open(my $out, '-|', @command) or die "$expected: $!";
	open(my $csv, '>', $file) or die "$file: $!";
	while (my $line = <$out>)
	{
		print $csv $line;
	}
	close($csv);
	close($out) or die "$expected failed";

	api_reset();
	my $result = $node->safe_psql('postgres', <<SQL);
SET client_min_messages = error;
CREATE TEMP TABLE e (LIKE ads.$stream);
ALTER TABLE e ALTER advertiser_id DROP NOT NULL;
\\copy e FROM '$file' CSV HEADER
CREATE TEMP TABLE g AS SELECT * FROM ads.$stream $where;
SELECT (SELECT count(*) FROM e),
	(SELECT count(*) FROM (SELECT e::text FROM e EXCEPT ALL SELECT g::text FROM g) x),
	(SELECT count(*) FROM (SELECT g::text FROM g EXCEPT ALL SELECT e::text FROM e) x)
SQL
	my ($rows, $missing, $extra) = split(/\|/, $result);
	cmp_ok($rows, '>', 0, "$stream has rows to compare");
	is("$missing missing, $extra extra", '0 missing, 0 extra', "$stream: $rows rows, as computed");
	is_deeply(api_violations(), [], "$stream: asked as documented");

	my %seen;
	$seen{ JSON::PP->new->canonical->encode([ $_->{path}, $_->{params} ]) }++ foreach @{ api_log() };
	is_deeply([ grep { $seen{$_} > 1 } sort keys %seen ], [], "$stream: nothing asked twice");
	cmp_ok(scalar(keys %seen), '>=', pages($stream), "$stream: in several pages or windows");
	unlink($file);
	return;
}

# Lists that the accounts have too little of for pages of 500.
$node->safe_psql('postgres', <<'SQL');
ALTER FOREIGN TABLE ads.smart_plus_campaigns OPTIONS (ADD page_size '20');
ALTER FOREIGN TABLE ads.smart_plus_ad_groups OPTIONS (ADD page_size '30');
ALTER FOREIGN TABLE ads.business_centers OPTIONS (ADD page_size '2');
ALTER FOREIGN TABLE ads.bc_balances OPTIONS (ADD page_size '4');
ALTER FOREIGN TABLE ads.catalogs OPTIONS (ADD page_size '30');
SQL

# Fewer requests than this would mean that the test is about nothing.
sub pages
{
	my ($stream) = @_;

	return 1 if $stream =~ /^advertiser(s|_ids)$/;
	return 4 if $stream eq 'business_centers';
	return 6 if $stream =~ /^advertisers_.*lifetime$/ || !$paged{$stream};
	return 8 if $stream !~ /_(daily|hourly)$/;
	return $stream =~ /_hourly$/ ? 21 : $stream =~ $breakdown ? 12 : 14;
}

%paged = map { $_ => 1 } split(/\n/, $node->safe_psql('postgres',
	'SELECT name FROM tiktok.streams WHERE paging IS NOT NULL'));
# Not weeks, months and periods (036_periods), nor what only conditions tell (037, 038).
my @streams = split(/\n/, $node->safe_psql('postgres', <<'SQL'));
SELECT name FROM tiktok.streams WHERE coalesce(grain, '') NOT IN ('week', 'month', 'period')
AND required_conditions = '{}' AND imported_by <> 'named' ORDER BY 1
SQL
cmp_ok(scalar(@streams), '>=', 40, 'all streams that are imported');
compare($_) foreach @streams;

# ---- every metric, asked for at once, is legal ---------------------------------

$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA every;
IMPORT FOREIGN SCHEMA tiktok FROM SERVER tiktok INTO every OPTIONS (metrics 'all', streams 'all');
SQL
api_reset();
my $sql = '';
foreach my $stream (@streams)
{
	# what belongs to no account
	my $where = 'advertiser_id = ' . ($stream =~ /^(business_centers|business_center_balances|catalogs)$/ ? 0 : $accounts[1]);
	# live rooms are not open each day
	$where .= " AND stat_time_day BETWEEN '" . day($stream =~ /live/ ? 29 : 2) . "' AND '" . day(1) . "'"
	  if $stream =~ /_daily$/;
	$where .= " AND stat_time_hour >= '" . day(1) . "' AND stat_time_hour < '" . day(0) . "'"
	  if $stream =~ /_hourly$/;
	$sql .= "SELECT '$stream', count(t::text) > 0 FROM every.$stream t WHERE $where;\n";
}
my ($rc, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 0);
is($err, '', 'every metric: no error and no warning');
is($out, join("\n", map { "$_|t" } @streams), 'every metric: rows of every stream');
is_deeply(api_violations(), [], 'every metric: asked as documented');
my ($most) = sort { $b <=> $a }
  map { ref $_->{params}{metrics} ? scalar @{ $_->{params}{metrics} }
	  : scalar @{ decode_json($_->{params}{metrics}) } }
  grep { $_->{params}{metrics} } @{ api_log() };
is($most, 100, 'every metric: as many in one request as it may have');

# ---- nothing secret ------------------------------------------------------------

my $log = slurp_file($node->logfile);
like($log, qr/DEBUG:  tiktok_fdw: /, 'the server\'s log tells of requests');
unlike($log, qr/\Q$TOKEN\E/, 'but not the access token');
unlike($log, qr/\Q$SECRET\E/, 'and not the secret');

$node->stop;
done_testing();
