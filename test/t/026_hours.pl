
# Hours of a report that are no plain hours: the one that comes twice when clocks
# go back, on one page or two, in parts, in a snapshot; one that is "-"; and keys
# that come twice although no clock was put back.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::Local qw(timegm);

my $account = '7160093331570884610';
my $other = '7002238017842757633';
# New York put its clocks back on the 2nd of November 2025
my $api = api_start('--today', '2025-11-05');
my $node = new_node('main', conf => "statement_timeout = '60s'\n");
setup_fdw($node, rate_limit => 1000, -import => [ 'campaigns_reports_hourly', 'campaigns_reports_daily', 'advertiser_ids' ],
	-import_options => { metrics => 'all' });

sub run
{
	my ($sql, @faults) = @_;

	api_reset();
	api_faults(\@faults) if @faults;
	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	my ($state) = $err =~ /ERROR:  (\w{5}):/;
	return ($out, $state // ($rc == 0 ? '' : "psql failed: $err"), $err);
}

my $hours = "SELECT campaign_id, stat_time_hour, spend, clicks FROM ads.campaigns_reports_hourly"
  . " WHERE advertiser_id = $account AND stat_time_hour >= '2025-11-02' AND stat_time_hour < '2025-11-03' ORDER BY 1, 2, 3, 4";

# ---- a scan -------------------------------------------------------------------------------

api_mutate({ op => 'zone', advertiser_id => $account, timezone => 'America/New_York' });
my ($right, $state, $err) = run($hours);
is($state, '', 'a day on which an hour comes twice');
my %times;
$times{ join('|', (split /\|/)[ 0, 1 ]) }++ foreach split /\n/, $right;
my @twice = grep { $times{$_} == 2 } sort keys %times;
cmp_ok(scalar @twice, '>', 1, 'some keys are there twice');
is_deeply([ grep { !/ 01:00:00$/ } @twice ], [], 'of the hour from one to two');
foreach my $size (1, 2, 7)
{
	$node->safe_psql('postgres', "ALTER SERVER tiktok OPTIONS (ADD page_size '$size', ADD concurrency '3')");
	(my $out, $state) = run($hours);
	is("$state$out", $right, "pages of $size: the same rows");
	$node->safe_psql('postgres', 'ALTER SERVER tiktok OPTIONS (DROP page_size, DROP concurrency)');
}
my ($out) = run("SELECT count(*) = count(t::text) FROM ads.campaigns_reports_hourly AS t WHERE advertiser_id = $account"
	  . " AND stat_time_hour >= '2025-11-02' AND stat_time_hour < '2025-11-03'");
is($out, 't', 'more metrics than a request may have');

my %report = (path => 'report/integrated/get');
my ($one, $two) = map { { dimensions => { campaign_id => '11', stat_time_hour => "2025-11-02 $_:00:00" }, metrics => { spend => '5.00' } } }
  ('01', '05');
sub reply
{
	return { match => {%report}, times => 0, action => { data => { list => [@_],
		page_info => { page => 1, page_size => 1000, total_number => scalar @_, total_page => 1 } } } };
}
my $spend = "SELECT spend FROM ads.campaigns_reports_hourly WHERE advertiser_id = $other"
  . " AND stat_time_hour >= '%s' AND stat_time_hour < date '%s' + 1";
my $that_day = sprintf($spend, '2025-11-02', '2025-11-02');
($out, $state) = run($that_day, reply($one, $one));
is("$state$out", "5.00\n5.00", 'a key twice, of the hour that comes twice');
($out, $state) = run($that_day, reply($one, $one, $one));
is($state, 'HV000', 'three times is once too often');
($out, $state) = run($that_day, reply($two, $two));
is($state, 'HV000', 'another hour does not come twice');
($out, $state) = run($that_day, reply($one, $one, $two, $two));
is($state, 'HV000', 'nor do two hours');
($out, $state, $err) = run(sprintf($spend, '2025-10-21', '2025-10-21'),
	reply(map { { %$_, dimensions => { campaign_id => '11', stat_time_hour => '2025-10-21 01:00:00' } } } $one, $one));
is($state, 'HV000', 'nor any hour on another day');
like($err, qr/a row came twice/, 'as ever');

# ---- cases that were found: one page, two pages ---------------------------------------------------

sub row
{
	my ($value) = @_;
	return { dimensions => { campaign_id => '11', stat_time_hour => '2024-11-03 01:00:00' }, metrics => { spend => $value } };
}
sub page
{
	my ($page, $size, $total, @rows) = @_;
	return { list => \@rows, page_info => { page => $page, page_size => $size, total_number => $total,
			total_page => int(($total + $size - 1) / $size) } };
}
my @case1 = ({ match => { %report, start_date => '2024-11-03' }, times => 0,
		action => { data => page(1, 1000, 2, row('5.00'), row('7.00')) } },
	{ match => {%report}, times => 0, action => { data => page(1, 1000, 0) } });
my @case2 = map { { match => { %report, page => $_ }, times => 0,
		action => { data => page($_, 1, 2, row($_ == 1 ? '5.00' : '7.00')) } } } (1, 2);
my $case = sprintf($spend, '2024-11-03', '2024-11-03') . ' ORDER BY 1';
($out, $state) = run($case, @case1);
is("$state$out", "5.00\n7.00", 'both rows on a page');
$node->safe_psql('postgres', "ALTER SERVER tiktok OPTIONS (ADD page_size '1')");
($out, $state) = run($case, @case2);
is("$state$out", "5.00\n7.00", 'each on a page of its own');
$node->safe_psql('postgres', 'ALTER SERVER tiktok OPTIONS (DROP page_size)');

# ---- an hour that is none ----------------------------------------------------------------------------

my $plain = "SELECT campaign_id, stat_time_hour, spend FROM ads.campaigns_reports_hourly"
  . " WHERE advertiser_id = $other AND stat_time_hour >= '2025-10-30' AND stat_time_hour < '2025-10-31' ORDER BY 1, 2";
($right) = run($plain);
my $n = () = $right =~ /\|2025/g;
($out, $state, $err) = run($plain, { match => {%report}, times => 0, action => { dash_hour => [ 0, 1, 2 ] } });
is($state, '', 'rows whose hour is "-"');
is(scalar(() = $out =~ /\|2025/g), $n - 3, 'are left out');
is(scalar(() = $err =~ /WARNING:/g), 1, 'with one warning');
like($err, qr/WARNING:  01000: 3 rows of foreign table "ads.campaigns_reports_hourly" were left out/, 'that counts them');
($out, $state, $err) = run($plain =~ s/< '2025-10-31'/< '2025-11-01'/r, { match => {%report}, times => 0, action => { dash_hour => [ 0, 1 ] } });
is($state, '', 'on two days');
like($err, qr/WARNING:  01000: 4 rows/, 'one warning for both');
($out, $state, $err) = run("SELECT count(t::text) FROM ads.campaigns_reports_hourly AS t WHERE advertiser_id = $other"
	. " AND stat_time_hour >= '2025-10-30' AND stat_time_hour < '2025-10-31'",
	{ match => {%report}, times => 0, action => { dash_hour => [ 0, 1, 2 ] } });
is("$state$out", $n - 3, 'in parts of 100 metrics too');
like($err, qr/WARNING:  01000: 3 rows/, 'counted once');

# ---- snapshots -----------------------------------------------------------------------------------------
#
# A refresh goes up to today, so the day is the last on which clocks went back:
# in North America on the first Sunday of November, in Australia of April.

my $today = strftime('%Y-%m-%d', gmtime);
my ($day, $hour) = last_change();
$api->stop;
$api = api_start('--today', $today);
$node->safe_psql('postgres', "ALTER SERVER tiktok OPTIONS (SET api_url '" . api_url() . "')");

sub first_sunday
{
	my ($year, $month) = @_;
	my $noon = timegm(0, 0, 12, 1, $month - 1, $year);

	return strftime('%Y-%m-%d', gmtime($noon + 86400 * ((7 - (gmtime($noon))[6]) % 7)));
}

sub last_change
{
	my $year = substr($today, 0, 4);
	my %changes = map { (first_sunday($_, 11) => '01', first_sunday($_, 4) => '02') } $year - 1, $year;
	my ($last) = sort { $b cmp $a } grep { $_ lt strftime('%Y-%m-%d', gmtime(time - 2 * 86400)) } keys %changes;

	return ($last, $changes{$last});
}

# Rows of that hour (or another) with these metrics, as a page of 1000.
sub answer
{
	my ($when, @rows) = @_;

	return { data => page(1, 1000, scalar @rows, map { { dimensions => { campaign_id => $_->[0],
					stat_time_hour => "$day $when:00:00" }, metrics => $_->[1] } } @rows) };
}

$node->safe_psql('postgres', <<SQL);
CREATE SCHEMA mart;
CREATE FOREIGN TABLE ads.hours (advertiser_id bigint NOT NULL, campaign_id bigint, stat_time_hour timestamp, spend numeric,
	impressions bigint, ctr numeric, campaign_name text) SERVER tiktok OPTIONS (stream 'campaigns_reports_hourly');
SQL

# ---- twenty accounts ----------------------------------------------------------------------------------

my @accounts = map { 7300000000000000001 + $_ } 1 .. 13;
api_mutate([ map { { op => 'add_account', advertiser_id => "$_", name => "Account $_", ads => 3 } } @accounts ]);
is($node->safe_psql('postgres', 'SELECT count(*) FROM ads.advertiser_ids'), 20, 'twenty accounts');
my ($bad, $worse) = map { "$_" } @accounts[ 3, 8 ];
$node->safe_psql('postgres', "SELECT tiktok.create_snapshot('ads.hours', 'mart.hours', since => date '$day' - 1)");
my %that = (%report, start_date => $day);
my $twice = { match => { %that, advertiser_id => $account }, times => 0, action => answer($hour,
		[ 11, { spend => '5.00', impressions => '3', ctr => '1.5', campaign_name => 'same' } ],
		[ 11, { spend => '7.00', impressions => '4', ctr => '2.5', campaign_name => 'same' } ],
		[ 12, { spend => '1.00', impressions => '1', ctr => '1.5', campaign_name => 'once' } ]) };
my @wrong = ($twice,
	# found by the scan
	{ match => { %that, advertiser_id => $bad }, times => 0, action => answer('07', ([ 21, { spend => '1.00' } ]) x 2) },
	# seen by the table's key only: 31 and 031 are different texts
	{ match => { %that, advertiser_id => $worse }, times => 0,
		action => answer('07', [ '31', { spend => '1.00' } ], [ '031', { spend => '1.00' } ]) });
($out, $state, $err) = run("SET client_min_messages = warning;\nCALL tiktok.refresh('mart.hours')", @wrong);
is($state, '', 'one account with an hour twice, two with other rows twice: a refresh');
unlike($err, qr/ON CONFLICT/, 'no word of how it is written');
like($err, qr/WARNING: .*2 of 20 accounts could not be read/, 'two are left out');
like($err, qr/WARNING: .*1 row of ads.hours came twice, for an hour/, 'the hour is told of');
is(scalar(() = $err =~ /WARNING:/g), 2, 'and nothing else');
is($node->safe_psql('postgres', q{SELECT advertiser_id, last_error ~ 'a row came twice', last_error ~ 'have the key of another row'
	FROM tiktok.snapshot_accounts WHERE target = 'mart.hours'::regclass AND last_error IS NOT NULL ORDER BY 1}),
	"$bad|t|f\n$worse|f|t", 'their errors say why');
my $hours_of = "SELECT campaign_id, spend, impressions, ctr, campaign_name FROM mart.hours WHERE advertiser_id = $account"
  . " AND stat_time_hour = '$day $hour:00' ORDER BY 1";
is($node->safe_psql('postgres', $hours_of), "11|12.00|7||same\n12|1.00|1|1.5|once",
	'one row a key: sums, NULL where rates differ, what is the same stays');
my $same = qq{SELECT count(*) FROM (SELECT * FROM mart.hours WHERE stat_time_hour >= date '$day' - 1) AS m FULL JOIN
	(SELECT * FROM ads.hours WHERE stat_time_hour >= date '$day' - 1) AS a
	USING (advertiser_id, campaign_id, stat_time_hour) WHERE (m.spend, m.impressions, m.ctr) IS DISTINCT FROM (a.spend, a.impressions, a.ctr)};
($out) = run("$same AND advertiser_id NOT IN ($account, $bad, $worse)");
is($out, 0, 'the others are all there');
is($node->safe_psql('postgres', q{SELECT count(*) FROM tiktok.snapshot_accounts WHERE target = 'mart.hours'::regclass
	AND last_error IS NULL AND watermark IS NOT NULL}), 18, 'eighteen were read to the end');

# the same in one transaction, and once more
($out, $state, $err) = run(qq{SELECT inserted > 0 FROM tiktok.materialize('ads.hours', 'mart.again', since => date '$day' - 1)}, @wrong);
is("$state$out", 't', 'materialize, with the same mistakes');
is($node->safe_psql('postgres', $hours_of =~ s/mart\.hours/mart.again/r), "11|12.00|7||same\n12|1.00|1|1.5|once", 'the same rows');
($out, $state, $err) = run("SELECT updated, deleted FROM tiktok.materialize('ads.hours', 'mart.hours')", $twice);
is("$state$out", '0|0', 'the next refresh finds nothing changed');
unlike($err, qr/could not be read/, 'and reads all accounts');
($out) = run("$same AND advertiser_id <> $account");
is($out, 0, 'all is there');

$node->stop('fast');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP/, 'nothing crashed');
done_testing();
