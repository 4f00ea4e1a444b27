
# Snapshots kept by the real pg_cron, as an ordinary role.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use POSIX qw(strftime);
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'it is almost midnight in UTC' if strftime('%H:%M', gmtime) =~ /^23:5/;

# pg_cron has no setting to find its script elsewhere, so that it has to be
# where the server under test looks: beside our own.
my $lib = qx{pg_config --pkglibdir};
my $share = qx{pg_config --sharedir};
chomp($lib, $share);
my ($script) = glob "$share/extension/pg_cron.control";
plan skip_all => 'pg_cron is not installed' unless $script && -e "$lib/pg_cron.so";

api_start('--today', strftime('%Y-%m-%d', gmtime));
my $node = new_node('main', conf => "shared_preload_libraries = 'pg_cron'\n"
	  . "cron.use_background_workers = on\n");
setup_fdw($node, rate_limit => 1000, advertiser_ids => '7002238017842757633',
	-import => ['campaigns_reports_daily']);

# Where extension_destdir hides the system's scripts, run pg_cron's by hand.
my ($rc, $out, $err) = $node->psql('postgres', 'CREATE EXTENSION pg_cron');
if ($rc != 0)
{
	my ($stage) = slurp_file($ENV{TEMP_CONFIG} // '/dev/null') =~ /^extension_destdir = '(.*)'/m;
	plan skip_all => "pg_cron cannot be created: $err" unless $stage;
	my @links = map { "$stage$share/extension/" . s{.*/}{}r } glob "$share/extension/pg_cron*";
	symlink("$share/extension/" . s{.*/}{}r, $_) foreach @links;
	($rc, $out, $err) = $node->psql('postgres', 'CREATE EXTENSION pg_cron');
	unlink @links;
	plan skip_all => "pg_cron cannot be created: $err" if $rc != 0;
}

$node->safe_psql('postgres', qq{
	CREATE ROLE ann LOGIN; CREATE SCHEMA mart; GRANT ALL ON SCHEMA mart TO ann;
	GRANT USAGE ON SCHEMA ads, cron TO ann; GRANT SELECT ON ALL TABLES IN SCHEMA ads TO ann;
	CREATE USER MAPPING FOR ann SERVER tiktok OPTIONS (access_token '$TOKEN');
	SET ROLE ann;
	SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.d', since => current_date - 20);
	SELECT cron.schedule('tiktok', '* * * * *', 'CALL tiktok.refresh_all()')});
$node->poll_query_until('postgres',
	q{SELECT count(*) = 1 FROM cron.job_run_details WHERE status IN ('succeeded', 'failed')})
  or die 'pg_cron does not run';
is($node->safe_psql('postgres', 'SELECT status, return_message FROM cron.job_run_details LIMIT 1'),
	'succeeded|CALL', 'a job of an ordinary role');
is( $node->safe_psql('postgres', q{SELECT status, inserted > 0, (SELECT count(*) FROM mart.d) = inserted
	FROM tiktok.snapshot_runs}),
	'done|t|t', 'has refreshed its snapshot');

# an error of the refresh is one of the job
$node->safe_psql('postgres', 'ALTER TABLE mart.d DROP COLUMN spend');
$node->poll_query_until('postgres',
	q{SELECT count(*) = 1 FROM cron.job_run_details WHERE status = 'failed'})
  or die 'the job does not fail';
like($node->safe_psql('postgres',
	q{SELECT return_message FROM cron.job_run_details WHERE status = 'failed' LIMIT 1}),
	qr/1 of 1 snapshots could not be refreshed/, 'an error of the refresh is one of the job');
is_deeply(api_violations(), [], 'asked as documented');

done_testing();
