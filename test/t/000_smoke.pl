
# The whole way once: the API starts, the extension loads, the tables are
# imported, a row comes back, and everything ends.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $api = api_start();
like(api_url(), qr{^http://127\.0\.0\.1:\d+/open_api/v1\.3/$}, 'the API listens');
is_deeply(api_log(), [], 'and nobody has asked it anything');

my $node = new_node('main');
setup_fdw($node);
is_deeply(api_log(), [], 'setting up asks nothing either');

my $streams = $node->safe_psql('postgres', 'SELECT count(seed_name) FROM tiktok.streams');
is( $node->safe_psql(
		'postgres',
		q{SELECT count(*) FROM pg_foreign_table f JOIN pg_class c ON c.oid = f.ftrelid
		  WHERE c.relnamespace = 'ads'::regnamespace}),
	$streams,
	'a foreign table for each stream that connectors know');

my $campaigns = $node->safe_psql('postgres', 'SELECT count(campaign_name) FROM ads.campaigns');
cmp_ok($campaigns, '>', 0, 'there are campaigns');
my $day = $node->safe_psql('postgres',
	"SELECT count(spend) FROM ads.campaigns_reports_daily WHERE stat_time_day = '2026-06-29'");
cmp_ok($day, '>', 0, 'and a day of their report');

cmp_ok(scalar @{ api_log() }, '>=', 2, 'the API was asked');
is_deeply(api_violations(), [], 'in the way that it documents');
api_reset();
is_deeply(api_log(), [], 'and forgets it when told to');

# A wrong token is refused, and not shown.
$node->safe_psql('postgres',
	"ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (SET access_token 'not-the-token')");
my ($rc, $out, $err) =
  $node->psql('postgres', '\set VERBOSITY verbose' . "\nSELECT * FROM ads.campaigns");
isnt($rc, 0, 'a wrong token is an error');
like($err, qr/ERROR:  28000:/, 'that says what is wrong');
unlike($err, qr/not-the-token/, 'and not which token');

# What cannot come back must not hang: the server ends with a scan open.
$node->psql('postgres', 'BEGIN; DECLARE c CURSOR FOR SELECT * FROM ads.campaigns; FETCH 1 FROM c');
$node->stop('fast');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal/, 'nothing crashed');

done_testing();
