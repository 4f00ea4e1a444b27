# An account of 25,000 ads, as the API cuts it for real: every report of its ads
# is complete, from as many requests as its campaigns need, and a snapshot of it
# equals it.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
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
setup_fdw($node, rate_limit => 1000, concurrency => 4);

# "stat_time_day" of the days that are read, by stream; a line of SQL each
my @streams = map { "ads_$_" } qw(reports_daily reports_lifetime audience_reports_daily
  audience_reports_by_country_daily audience_reports_by_platform_daily
  audience_reports_by_province_daily);
my ($out, $rc, $err);

foreach my $stream (@streams)
{
	my $daily = $stream =~ /_daily$/;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$stream.csv";
	my @types = ('advertiser_id:bigint', 'ad_id:bigint', 'spend:numeric', 'clicks:bigint',
		$daily ? 'stat_time_day:date' : ());
	my ($dimension) = $stream =~ /_by_(\w+?)_daily/;
	push @types, { country => 'country_code:text', platform => 'platform:text',
		province => 'province_id:text' }->{$dimension}
	  if $dimension;
	push @types, 'gender:text', 'age:text' if $stream eq 'ads_audience_reports_daily';
	my $columns = join(', ', map { /^(\w+)/ } @types);
	my $where = $daily ? " AND stat_time_day = '" . day(3) . "'" : '';

	open(my $rows, '-|', $ENV{PYTHON} // 'python3', "$FindBin::Bin/../api/expected.py", @scale,
		'--stream', $stream, '--columns', join(',', @types), '--accounts', $account,
		$daily ? ('--from', day(3), '--to', day(3)) : ())
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

	# 2,082 campaigns, 30 a request, and in pages
	my @log = @{ api_log(qr{report/integrated}) };
	my @first = grep { $_->{page} == 1 } @log;

	is(scalar @first, 70 + 1, "$stream: a request for each batch of campaigns, and one that told");
	is(scalar @{ api_log(qr{campaign/get}) }, 3 + 1, "$stream: the list of campaigns");
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
