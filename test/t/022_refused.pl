
# What the API refuses by name costs as little as possible: a field costs the
# projection, an account that is skipped leaves no row that was not handed on
# yet, and says so where some were.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $api = api_start();
my $node = new_node('main');
setup_fdw($node, concurrency => 1, rate_limit => 1000);
my $large = '7088160322559787010';
my $small = '7002238017842757633';

# ---- a field -------------------------------------------------------------
my $fields = "SELECT campaign_id, po_number FROM ads.campaigns WHERE advertiser_id = $large ORDER BY 1";
my $right = $node->safe_psql('postgres', $fields);
api_reset();
api_faults([
	{
		match => { path => 'campaign/get' },
		times => 1,
		action => { code => 40002, message => 'fields: po_number is not a valid field' }
	} ]);
is($node->safe_psql('postgres', $fields), $right, 'a refused field costs no row and no value');
my @asked = map { exists $_->{params}{fields} ? 1 : 0 } @{ api_log(qr{campaign/get}) };
is_deeply(\@asked, [ 1, 0 ], 'it is asked for once, then the whole row');

api_reset();
api_faults([
	{
		match => { path => 'campaign/get' },
		times => 0,
		action => { code => 40002, message => 'fields: po_number is not a valid field' }
	} ]);
my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$fields");
like($err, qr/22023/, 'refused again without fields, it is the error that it is');
is(scalar @{ api_log(qr{campaign/get}) }, 2, 'and nobody insists');

# ---- an account that is skipped ------------------------------------------
$node->safe_psql('postgres', q{ALTER SERVER tiktok OPTIONS (ADD on_advertiser_error 'skip')});
my $both = "SELECT advertiser_id, count(ad_name) FROM ads.ads
	WHERE advertiser_id IN ($small, $large) GROUP BY 1 ORDER BY 1";
my $refuse = { code => 40001, message => 'No permission to operate advertiser' };
my $ads = $node->safe_psql('postgres', "SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $small");

api_reset();
api_faults([ { match => { path => 'ad/get', advertiser_id => $large }, times => 0, action => $refuse } ]);
($rc, $out, $err) = $node->psql('postgres', $both);
is($out, "$small|$ads", 'refused at once: none of its rows, all of the others');
like($err, qr/WARNING:  skipping advertiser $large/, 'and a warning');

api_reset();
api_faults([ { match => { path => 'ad/get', advertiser_id => $large, page => 2 }, times => 0, action => $refuse } ]);
($rc, $out, $err) = $node->psql('postgres', $both);
is($rc, 0, 'refused after a page: the query goes on');
like($out, qr/^$small\|$ads$/m, 'with all rows of the others');
like($err, qr/WARNING:  rows of advertiser $large are missing/, 'and is told that rows are missing');
is(scalar(() = $err =~ /WARNING/g), 1, 'once');

done_testing();
