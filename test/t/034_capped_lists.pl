# Lists that the API caps without a word: 10,000 videos, 100,000 rows of music. A
# list that long is an error before a row is missing, never a short answer.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $api = api_start();
my $node = new_node('main');
my ($full, $just, $usual) = qw(7300000000000000001 7300000000000000002 7002238017842757633);

api_mutate([
	{ op => 'add_account', advertiser_id => $full, ads => 1, videos => 10050 },
	{ op => 'add_account', advertiser_id => $just, ads => 1, videos => 9999 } ]);
setup_fdw($node, rate_limit => 1000, -import =>
	  [qw(creative_assets_videos creative_assets_music campaigns)]);
$node->safe_psql('postgres', <<'SQL');
ALTER FOREIGN TABLE ads.creative_assets_videos RENAME video_id TO "Video";
ALTER FOREIGN TABLE ads.creative_assets_videos ALTER "Video" OPTIONS (ADD path 'video_id');
SQL

# Output, SQLSTATE ('' if it went well), messages, requests.
sub run
{
	my ($sql, @faults) = @_;

	api_reset();
	api_faults(\@faults);
	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	my ($state) = $err =~ /ERROR:  (\w{5}):/;
	$state //= $rc == 0 ? '' : "psql failed: $err";
	return ($out, $state, $err, scalar @{ api_log() });
}

my $videos = 'ads.creative_assets_videos WHERE advertiser_id =';
foreach my $sql ("SELECT \"Video\" FROM $videos $full", "SELECT count(*) FROM $videos $full",
	"SELECT count(file_name) FROM $videos $full AND size > 0",
	"SELECT \"Video\" FROM $videos $full LIMIT 10000")
{
	my ($out, $state, $err, $requests) = run($sql);

	is("$state$out", '54000', "$sql: an error, and no row");
	like($err, qr/DETAIL:  TikTok lists only the newest 10000 /, 'says why');
	like($err, qr/HINT:  .* WHERE "Video" IN/, 'and names the column');
	cmp_ok($requests, '<=', 10, 'at once');
}
my ($out, $state, $err, $requests) =
  run("SELECT count(v) FROM (SELECT \"Video\" v FROM $videos $full LIMIT 250) t");
is("$state$out", '250', 'a LIMIT that ends before is answered');
is($requests, 3, 'as always');
my @ids = split(/\n/, $node->safe_psql('postgres', "SELECT \"Video\" FROM $videos $full LIMIT 3"));
($out, $state) = run("SELECT count(*) FROM $videos $full AND \"Video\" IN ('" . join("','", @ids) . "')");
is("$state$out", '3', 'and so are ids');
($out, $state) = run("SELECT count(*), count(DISTINCT \"Video\") FROM $videos $just");
is("$state$out", '9999|9999', 'one less is a whole list');

# the cap of a list is reached where one account reaches it
($out, $state) = run("SELECT count(*) FROM ads.creative_assets_videos WHERE advertiser_id IN ($just, $usual)");
is("$state$out", '10008', 'several accounts may have more together');

my $music = "ads.creative_assets_music WHERE advertiser_id = $usual";
my $count = $node->safe_psql('postgres', "SELECT count(*) FROM $music");
foreach my $total (99_999, 100_000)
{
	($out, $state, $err) = run("SELECT count(*) FROM $music",
		{ match => { path => 'file/music/get' }, times => 0,
		  action => { total_delta => $total - $count } });
	is("$state$out", $total < 100_000 ? $total : '54000', "$total rows of music");
}
like($err, qr/HINT:  .*music_id/, 'the hint names music_id');
is_deeply(api_violations(), [], 'asked as documented');

done_testing();
