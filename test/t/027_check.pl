
# tiktok.check(): an endpoint that was not granted is a row that is not ok, and
# no other is; in the sandbox, nothing is asked that it need not have.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $api = api_start();
my $node = new_node('main');
my $one = '7002238017842757633';
setup_fdw($node, %ONE_SERIES, rate_limit => 1000, advertiser_ids => $one, -import => []);

my $check = q{SELECT coalesce(string_agg(name, ' ' ORDER BY step) FILTER (WHERE NOT ok), '-'), count(*),
	coalesce(max(detail) FILTER (WHERE NOT ok), '-') FROM tiktok.check('%s')};

is($node->safe_psql('postgres', sprintf($check, 'tiktok')), '-|11|-', 'all is well');
foreach ([ 'file/image/ad/search', 'images' ], [ 'file/video/ad/search', 'videos' ],
	[ 'dmp/custom_audience/list', 'audiences' ], [ 'report/integrated/get', 'report' ],
	[ 'campaign/get', 'entities' ])
{
	my ($endpoint, $step) = @$_;

	api_reset();
	api_faults([ { match => { path => $endpoint }, action => { not_granted => JSON::PP::true } } ]);
	like($node->safe_psql('postgres', sprintf($check, 'tiktok')),
		qr{^$step\|11\|.*does not grant you /$endpoint}, "$endpoint is not granted");
}

api_reset();
api_settings(sandbox => 'official');
$node->safe_psql('postgres', "CREATE SERVER sand FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url '"
	  . (api_url() =~ s{/open_api}{/sandbox/open_api}r) . "', environment 'sandbox', advertiser_ids '$one', rate_limit '1');
	CREATE USER MAPPING FOR CURRENT_USER SERVER sand OPTIONS (access_token '$TOKEN')");
is($node->safe_psql('postgres', sprintf($check, 'sand')), '-|8|-', 'the sandbox is well without what it lacks');
my %asked = map { $_->{path} => 1 } @{ api_log() };
is_deeply([ sort keys %asked ], [ 'campaign/get', 'report/integrated/get' ], 'and is not asked for it');

done_testing();
