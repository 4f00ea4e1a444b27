# A list that is read by cursor: page after page, each from where the one before
# ended; it is the whole list, or an error.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $account = '7088160322559787010';
my $path = 'identity/video/get';
my $api = api_start();
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, -import => ['identity_videos']);

# Output, SQLSTATE ('' if it went well), messages, requests.
sub run
{
	my ($sql, @faults) = @_;

	api_reset();
	api_faults(\@faults);
	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	my ($state) = $err =~ /ERROR:  (\w{5}):/;
	return ($out, $state // ($rc == 0 ? '' : "psql failed: $err"), $err, [ grep { $_->{path} eq $path } @{ api_log() } ]);
}

my $list = "ads.identity_videos WHERE advertiser_id = $account";
my $all = "SELECT count(*), count(DISTINCT item_id) FROM $list";
my ($out, $state, $err, $log) = run($all);
is("$out$state", '215|215', 'every row of eleven pages, once');
is(scalar(@$log), 11, 'in as many requests');
is_deeply([ map { $_->{params}{count} } @$log ], [ (20) x 11 ], 'of as many rows as there may be');
is((grep { exists $_->{params}{cursor} } @$log), 10, 'each but the first from a cursor');
is_deeply([ grep { exists $_->{params}{page} } @$log ], [], 'none by number');
is_deeply(api_violations(), [], 'cursors are those that the API gave');

($out, $state, $err, $log) = run("SELECT count(*) FROM (SELECT item_id FROM $list LIMIT 25) t");
is("$out$state", '25', 'LIMIT');
cmp_ok(scalar(@$log), '<=', 2, 'ends it early');

my @third = (match => { path => $path }, after => 2);
($out, $state, $err, $log) = run($all, { @third, action => { code => 50000, message => 'busy' } });
is("$out$state", '215|215', 'a page that fails is asked for again');
is($log->[2]{params}{cursor}, $log->[3]{params}{cursor}, 'from where it begins');

foreach my $what (
	[ 'no word of whether there is more' => { missing => 'has_more' }, 'whether it is the last' ],
	[ 'no cursor' => { missing => 'cursor' }, 'where the next one begins' ])
{
	my ($name, $action, $message) = @$what;

	($out, $state, $err) = run($all, { @third, times => 0, action => $action });
	is($state, 'HV000', "$name: an error");
	like($err, qr/\Q$message\E/, 'that says so');
	($out, $state) = run($all, { @third, after => 0, action => $action });
	is("$out$state", '215|215', "$name, of the first page once: the list is read again");
}
done_testing();
