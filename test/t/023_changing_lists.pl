
# A list that changes while it is read, after rows of it were handed on: the
# error names the request whose reply does not fit, and a statement after it
# works.  (Under test/sanitize.sh: what it names is read from live memory.)

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use TiktokSession;
use PostgreSQL::Test::Utils;
use Test::More;

# 151 ads in pages of 60, one request at a time
my $account = '7160093331570884610';
my $api = api_start();
my $node = new_node('main');
setup_fdw($node, %ONE_SERIES, rate_limit => 1000, page_size => 60, concurrency => 1, -import => ['ads']);
my $session = TiktokSession->new($node);
# of a width at which what the error names is not in the first block of the
# page's memory: only others are given back when it ends
my $ads = "SELECT concat(ad_id, ':', md5(t::text)) FROM (SELECT ad_id, ad_name, campaign_id, adgroup_id,
	create_time, operation_status FROM ads.ads WHERE advertiser_id = $account) t";
my @right = sort split /\n/, $session->query($ads);
is(scalar @right, 151, 'the rows of a list that does not change');

# what page 1 begins with, or page 3 ends with
my $first = $session->query("SELECT max(ad_id) FROM ads.ads WHERE advertiser_id = $account");

my %changes = (
	'the total number of rows changed between pages' => { total_delta => 1 },
	'a row came twice' => { patch => { row => 3, field => 'ad_id', value => $first } },
	'151 rows were promised, 150 came' => { drop_row => 5 });
foreach my $what (sort keys %changes)
{
	foreach my $page (2, 3)
	{
		api_reset();
		api_faults([ { match => { path => 'ad/get', page => $page }, times => 0, action => $changes{$what} } ]);
		# row by row, so that rows have left before the page is judged
		my $said = $session->query("BEGIN; DECLARE c CURSOR FOR $ads;\n"
			  . "FETCH 1 FROM c;\n" . ("FETCH 50 FROM c;\n" x 4) . 'ROLLBACK');
		my ($last) = grep { $_->{fault} } @{ api_log() };
		# only the end of the list shows that a row is missing
		my $seen_on = $changes{$what}{drop_row} ? 3 : $page;

		like($said, qr/^\d+:[0-9a-f]{32}$/m, "$what, page $page: rows were handed on");
		like($said, qr/^ERROR:  HV000: incomplete reply from the TikTok API: \Q$what\E$/m, "$what, page $page: an error");
		like($said,
			qr/^DETAIL:  Code 0, request ID [0-9a-f]{20}, endpoint ad\/get\/, advertiser $account, page $seen_on\.$/m,
			"$what, page $page: names the request");
		like($said, qr/^HINT:  .*run the query again/m, "$what, page $page: says what to do");
	}
}
api_reset();
is_deeply([ sort split /\n/, $session->query($ads) ], \@right, 'the session works on');
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP/, 'nothing crashed');
done_testing();
