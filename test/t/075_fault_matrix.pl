
# Every fault that the local API knows, on the first, a middle and the last
# page, once and lasting, while a cursor reads row by row: what was handed on
# is never handed on again, nothing is missing unless there is an error, and
# the session works on.  All of it with TT_SOAK (test/soak.sh), a slice without.
# Of some return codes the outcome is known: tried again, the account's, or final.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use TiktokSession;
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Utils;
use Test::More;

my $soak = $ENV{TT_SOAK};
my $account = '7160093331570884610';
my $api = api_start();
my $node = new_node('main');
setup_fdw($node, %ONE_SERIES, rate_limit => 1000, page_size => 20, max_retries => 2, timeout => 2, concurrency => 3,
	max_response_size => '2MB', -import => [ 'ads', 'ads_reports_daily' ]);
my $session = TiktokSession->new($node);

my %actions = (
	(map { ("code $_" => { code => $_, message => 'Injected' }) }
		40000, 40001, 40002, 40006, 40007, 40011, 40013, 40016, 40067, 40100, 40105, 40132, 40133, 40200, 40201,
		40202, 40300, 40301, 40700, 41000, 50000, 50002, 51010, 60001, 99999, -7),
	(map { ("HTTP $_" => { http_status => $_ }) } 301, 302, 400, 401, 403, 404, 429, 500, 502, 503, 504),
	'Retry-After' => { http_status => 503, headers => { 'Retry-After' => '1' } },
	'429, Retry-After' => { http_status => 429, headers => { 'Retry-After' => '1' } },
	'daily limit' => { code => 40100, message => 'QPD (1000) reaches QPD limit' },
	'wrong token' => { wrong_token => 1 },
	'late' => { delay_ms => 300 },
	'too late' => { delay_ms => 2500 },
	'hangs before' => { hang => 'before' },
	'hangs in the middle' => { hang => 'mid' },
	'closed before' => { close => 'before' },
	'closed in the middle' => { close => 'mid' },
	'truncated' => { truncate => 1 },
	'text' => { text => 'upstream connect error' },
	'empty' => { empty => 1 },
	'bytes' => { raw_base64 => encode_base64("\x00\xff\xfe{\"code\":0", '') },
	'no data' => { missing => 'data' },
	'empty data' => { data => {} },
	'no page_info' => { missing => 'page_info' },
	'total too high' => { total_delta => 3 },
	'total too low' => { total_delta => -3 },
	'a row less' => { drop_row => 2 },
	'a row twice' => { duplicate_row => 2 },
	'throttle notice' => { throttle => 1 },
	'gzip bomb' => { gzip_bomb_mb => 20 },
	'null key' => { patch => { row => 1, field => 'ad_id', value => undef } },
	'number for text' => { patch => { row => 1, field => 'ad_name', value => 12 } },
	'text for number' => { patch => { row => 1, field => 'ad_id', value => 'x' } },
	'drips' => { drip => 400 });

my $query = "SELECT concat(ad_id, ':', md5(t::text)) FROM ads.ads t WHERE advertiser_id = $account";
my @right = sort split /\n/, $session->query($query);
is(scalar @right, 151, 'the rows without any fault');
my %right = map { $_ => 1 } @right;

# What is to come of a code: the SQLSTATE when it comes once, and when always
# ('' is none), and what the HINT says.
my $retried = [ '', '08006', qr/.*/ ];
my $account_refused = [ '42501', '42501', qr/on_advertiser_error 'skip'/ ];
my $sandbox = [ 'HV000', 'HV000', qr/check option environment of server tiktok/ ];
my %outcomes = (
	40011 => [ '54000', '54000', qr/fewer columns, or add a condition/ ],
	40013 => $sandbox,
	40200 => $retried,
	40201 => $retried,
	40300 => $account_refused,
	40301 => $account_refused,
	40700 => $retried,
	41000 => [ 'HV000', 'HV000', qr/country that this machine's address belongs to/ ]);

# Returns what is wrong; '' is good.
sub outcome_is
{
	my ($action, $page, $times, $outcome) = @_;

	api_reset();
	api_faults([ { match => { path => 'ad/get', page => $page }, times => $times, action => $action } ]);
	my $said = $session->query(new_app() . "SET statement_timeout = '60s'; BEGIN; DECLARE c CURSOR FOR $query;\n"
		  . join('', map { "FETCH 17 FROM c;\n" } 1 .. 12) . 'ROLLBACK');
	my @rows = grep { /^\d*:[0-9a-f]{32}$/ } split /\n/, $said;
	my ($state) = $said =~ /ERROR:  (\w{5}):/;
	my %seen;

	if ($outcome)
	{
		my ($once, $always, $hint) = @$outcome;

		return "not the outcome: $said" if ($state // '') ne ($times ? $once : $always);
		return "not the hint: $said" if defined $state && $said !~ /^HINT:  .*$hint/m;
	}
	return 'a row came twice' if grep { $seen{$_}++ } @rows;
	return "hangs: $said" if ($state // '') eq '57014';
	# a value that is not what it was is the API's; only changed rows may differ
	return 'a row that is not there' if !exists $action->{patch} && grep { !$right{$_} } @rows;
	return 'an internal error: ' . $said if ($state // '') =~ /^XX/;
	return '' if defined $state;
	# an account may well have nothing
	return '' if exists $action->{data} && $page == 1;
	return "rows are missing: " . scalar(@rows) . ' came, no error' if @rows != @right;
	return '';
}

foreach my $name (sort keys %actions)
{
	# each lasting hang costs (1 + max_retries) times the time-out
	my ($code) = $name =~ /^code (\d+)/;
	my $outcome = $outcomes{ $code // '' };
	next unless $soak || $outcome || $name =~ /^(code 40067|code 50000|HTTP 503|closed in the middle|a row twice)$/;
	foreach my $page (1, 4, 8)
	{
		foreach my $times (1, 0)
		{
			my $wrong = outcome_is($actions{$name}, $page, $times, $outcome);

			is($wrong, '', "$name, page $page, " . ($times ? 'once' : 'always'));
		}
	}
}
api_reset();
$session->query(new_app());
is_deeply([ sort split /\n/, $session->query($query) ], \@right, 'the session works on');

# The number of ids that a request was about.
sub ids_of
{
	my ($request) = @_;
	my $filtering = $request->{params}{filtering};

	$filtering = decode_json($filtering) unless ref $filtering;
	return scalar @{ $filtering->{ad_ids} };
}

# Too many ids of one request are halved.
my $some = join(', ', map { /^(\d+):/ } @right[ 0 .. 39 ]);
api_reset();
api_faults([ { match => { path => 'ad/get' }, times => 1, action => { code => 40011, message => 'Too many ids' } } ]);
is_deeply([ sort split /\n/, $session->query("$query AND ad_id IN ($some)") ], [ @right[ 0 .. 39 ] ],
	'too many ids: all rows');
my ($refused, @fewer) = map { ids_of($_) } @{ api_log('ad/get') };
is($refused, 40, 'too many ids: that was all');
is_deeply([ grep { $_ > 20 } @fewer ], [], 'then fewer');

# Windows of a report that are too large are halved until they are not.
my $report = 'SELECT ad_id, stat_time_day, spend FROM ads.ads_reports_daily'
  . " WHERE advertiser_id = $account AND stat_time_day BETWEEN '2026-05-01' AND '2026-06-29'";
my @days = sort split /\n/, $session->query($report);
foreach my $most (1, 3, 7)
{
	next unless $soak || $most == 7;
	api_reset();
	api_faults([ { match => { path => 'report/integrated/get' }, action => { max_days => $most } } ]);
	is_deeply([ sort split /\n/, $session->query($report) ], \@days, "at most $most days a request");
}
$node->stop('fast');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP/, 'nothing crashed');
done_testing();
