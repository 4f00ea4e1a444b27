# An account of 25,000 ads, as the API cuts it for real: every report of its ads
# is complete, from as many requests as its campaigns need, and a snapshot of it
# equals it.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use JSON::PP;
use POSIX qw(strftime);
use PostgreSQL::Test::Utils;
use Test::More;

# audience reports by age and the like reach to the real today
sub day
{
	my ($ago) = @_;

	return strftime('%Y-%m-%d', gmtime(time() - $ago * 86400));
}
my $account = '7088160322559787010';
my @scale = ('--today', day(0), '--scale', 'large', '--ads', 25000);

my $api = api_start(@scale);
my $node = new_node('main');
my $concurrency = 4;
setup_fdw($node, rate_limit => 1000, concurrency => $concurrency);

# "stat_time_day" of the days that are read, by stream; a line of SQL each
my @streams = ((map { "ads_$_" } qw(reports_daily reports_lifetime audience_reports_daily
  audience_reports_by_country_daily audience_reports_by_platform_daily
  audience_reports_by_province_daily)), 'campaigns_reports_daily', 'ad_groups_reports_daily');
my %id = (ads => 'ad_id', campaigns => 'campaign_id', ad_groups => 'adgroup_id');
my ($out, $rc, $err);

foreach my $stream (@streams)
{
	my $daily = $stream =~ /_daily$/;
	my ($level) = $stream =~ /^(ads|campaigns|ad_groups)_/;
	# 31 days are two windows
	my $windows = $level eq 'ads' ? 1 : 2;
	my ($from, $to) = (day($windows == 1 ? 3 : 33), day(3));
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$stream.csv";
	my @types = ('advertiser_id:bigint', "$id{$level}:bigint", 'spend:numeric', 'clicks:bigint',
		$daily ? 'stat_time_day:date' : ());
	my ($dimension) = $stream =~ /_by_(\w+?)_daily/;
	push @types, { country => 'country_code:text', platform => 'platform:text',
		province => 'province_id:text' }->{$dimension}
	  if $dimension;
	push @types, 'gender:text', 'age:text' if $stream eq 'ads_audience_reports_daily';
	my $columns = join(', ', map { /^(\w+)/ } @types);
	my $where = $daily ? " AND stat_time_day BETWEEN '$from' AND '$to'" : '';

	open(my $rows, '-|', $ENV{PYTHON} // 'python3', "$FindBin::Bin/../api/expected.py", @scale,
		'--stream', $stream, '--columns', join(',', @types), '--accounts', $account,
		$daily ? ('--from', $from, '--to', $to) : ())
	  or die "expected.py: $!";
	open(my $csv, '>', $file) or die "$file: $!";
	print $csv $_ while (<$rows>);
	close($csv);
	close($rows) or die 'expected.py failed';

	api_reset();
	my ($rc, $out, $err) = $node->psql('postgres', <<SQL);
CREATE TEMP TABLE e AS SELECT $columns FROM ads.$stream WHERE false;
\\copy e FROM '$file' CSV HEADER
CREATE TEMP TABLE g AS SELECT $columns FROM ads.$stream WHERE advertiser_id = $account$where;
SELECT (SELECT count(*) > 1000 FROM e),
	(SELECT count(*) FROM (TABLE e EXCEPT ALL TABLE g) x),
	(SELECT count(*) FROM (TABLE g EXCEPT ALL TABLE e) x)
SQL
	is("$err$out", 't|0|0', "$stream: as computed");
	is_deeply(api_violations(), [], "$stream: asked as documented");

	# 2,082 campaigns, 30 a request of rows of ads and 100 of others, in windows and
	# pages; the request that told, beside it those that were on their way, and the
	# list of campaigns
	my $batches = $level eq 'ads' ? 70 : 21;
	my @log = @{ api_log() };
	my (%pages, $unsplit);
	foreach my $request (grep { $_->{path} =~ m{report/integrated} } @log)
	{
		my %unit = %{ $request->{params} };

		delete $unit{page};
		my $key = JSON::PP->new->canonical->encode(\%unit);
		$unsplit++ if $key !~ /campaign_ids/;
		push @{ $pages{$key} }, $request if $key =~ /campaign_ids/;
	}
	is(scalar keys %pages, $batches * $windows, "$stream: each batch of campaigns in each window");
	cmp_ok($unsplit, '>=', 1, "$stream: one that told");
	cmp_ok($unsplit, '<=', $windows == 1 ? 1 : $concurrency, "$stream: at most those that were on their way");
	my $wrong = 0;
	my $reports = 0;
	foreach my $unit (values %pages)
	{
		my @pages = sort { $a->{page} <=> $b->{page} } @$unit;

		$reports += @pages;
		$wrong++ if join(',', map { $_->{page} } @pages) ne join(',', 1 .. @pages);
		$wrong++ if grep { $_->{rows} != 1000 } @pages[ 0 .. $#pages - 1 ];
	}
	is($wrong, 0, "$stream: each page once, and full but for the last");
	my $list = grep { $_->{path} =~ m{campaign/get} } @log;
	is($list, 3 + 1, "$stream: the list of campaigns");
	is(scalar @log, $reports + $unsplit + $list, "$stream: nothing else");
	unlink($file);
}

api_reset();
$node->safe_psql('postgres', <<SQL);
CREATE SCHEMA mart;
CREATE SCHEMA few;
CREATE FOREIGN TABLE few.ads (advertiser_id bigint, ad_id bigint, spend numeric, clicks bigint)
	SERVER tiktok OPTIONS (stream 'ads_reports_lifetime');
SELECT FROM tiktok.materialize('few.ads', 'mart.ads');
CALL tiktok.refresh('mart.ads');
SQL
is($node->safe_psql('postgres', <<'SQL'), '0|0|t', 'a snapshot, refreshed, equals the report');
CREATE TEMP TABLE g AS SELECT * FROM few.ads;
CREATE TEMP TABLE m AS SELECT advertiser_id, ad_id, spend, clicks FROM mart.ads;
SELECT (SELECT count(*) FROM (TABLE m EXCEPT ALL TABLE g) x),
	(SELECT count(*) FROM (TABLE g EXCEPT ALL TABLE m) x),
	(SELECT count(*) >= 25000 FROM m)
SQL
is($node->safe_psql('postgres', "SELECT count(*) FROM few.ads WHERE advertiser_id = $account"),
	25000, 'and it can be counted');

done_testing();
