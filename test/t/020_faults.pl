# What goes wrong on the way, on the first, a middle and the last page: a scan
# gives the right rows or the error of the manual, never other rows, and does
# not hang.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Utils;
use Test::More;

# 151 ads in pages of 20
my $account = '7160093331570884610';
my @pages = (1, 4, 8);

my $api = api_start();
my $node = new_node('main', conf => "statement_timeout = '60s'\n");

# "ads" tries again twice, "once" never; "whole" gets everything in one page
setup_fdw($node, %ONE_SERIES, rate_limit => 1000, page_size => 20, max_retries => 2);
setup_fdw($node, %ONE_SERIES, -server => 'once', -schema => 'once', rate_limit => 1000, page_size => 20,
	max_retries => 0);
setup_fdw($node, %ONE_SERIES, -server => 'whole', -schema => 'whole', rate_limit => 1000, max_retries => 2);

my $query = "SELECT count(*), md5(string_agg(t::text, ',' ORDER BY ad_id)) FROM %s.ads t"
  . " WHERE advertiser_id = $account";
my $right = $node->safe_psql('postgres', sprintf($query, 'ads'));
like($right, qr/^151\|/, 'the rows without any fault');
is(scalar @{ api_log() }, 8, 'in eight pages');

# Runs a statement under faults, as an app without time-outs. Returns output, SQLSTATE ('' if it went well)
# and everything that was said.
sub run
{
	my ($sql, @faults) = @_;

	api_reset();
	api_faults(\@faults);
	my ($rc, $out, $err) = $node->psql('postgres',
		"\\set VERBOSITY verbose\n" . new_app(qw(tiktok once whole)) . $sql);
	my ($state) = $err =~ /ERROR:  (\w{5}):/;
	$state //= $rc == 0 ? '' : "psql failed: $err";
	return ($out, $state, $err);
}

sub fault
{
	my ($action, %more) = @_;

	return { match => { path => 'ad/get', page => $more{page} // 1 },
		times => $more{times} // 1, action => $action };
}

sub fired
{
	return scalar grep { $_->{fault} } @{ api_log() };
}

# ---- once: tried again, and nothing is missing or twice ---------------------------

my $html = '<html><head><title>503</title></head><body>Service Unavailable</body></html>';
my %passing = (
	'40016' => { code => 40016, message => 'Too many requests' },
	'40100' => { code => 40100, message => 'Too many requests' },
	'40132' => { code => 40132, message => 'Too many requests' },
	'40133' => { code => 40133, message => "QPS (21) reaches QPS limit 20 for current path" },
	'40100 with HTTP 401' => { code => 40100, message => 'Too many requests', http_status => 401 },
	'40202' => { code => 40202 },
	'50000' => { code => 50000, message => 'System error' },
	'50002' => { code => 50002, message => 'Service error' },
	'51010' => { code => 51010, message => 'Internal service timed out' },
	'HTTP 503' => { http_status => 503, body => $html },
	'HTTP 502, empty' => { http_status => 502, body => '' },
	'HTTP 429' => { http_status => 429, body => '', headers => { 'Retry-After' => '0' } },
	'a truncated reply' => { truncate => 1 },
	'a reply that is not JSON' => { text => 'upstream connect error' },
	'an HTML page' => { body => $html },
	'an empty reply' => { empty => 1 },
	'no data' => { missing => 'data' },
	'a closed connection' => { close => 'before' },
	'half a reply' => { close => 'mid' },
);
foreach my $name (sort keys %passing)
{
	# each kind on one page; each page meets many kinds
	my ($out, $state, $err) = run(sprintf($query, 'ads'),
		map { fault($passing{$name}, page => $_) } @pages);

	is("$state$out", $right, "$name on three pages: tried again");
	is(fired(), 3, "$name: and it did happen");
}
foreach my $page (@pages)
{
	foreach my $name ('40100', '50000', 'a truncated reply', 'half a reply')
	{
		my ($out, $state) = run(sprintf($query, 'ads'), fault($passing{$name}, page => $page));

		is("$state$out", $right, "$name on page $page only: tried again");
	}
	my ($out, $state) = run(sprintf($query, 'ads'), fault({ delay_ms => 400 }, page => $page));

	is("$state$out", $right, "page $page late: waited for");
	is(scalar @{ api_log() }, 8, "page $page late: asked once");
}
my ($out, $state, $err) = run(
	"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) " . sprintf($query, 'ads'),
	map { fault({ code => 50000 }, page => $_) } @pages);
like($out, qr/^\s*Retries: 3$/m, 'EXPLAIN ANALYZE tells of it');
like($out, qr/^\s*Requests: 11$/m, 'and of all requests');

# ---- for good: the error of the manual ------------------------------------------------

my %final = (
	'40000' => '22023', '40002' => '22023', '40006' => '22023', '40007' => '22023',
	'40001' => '42501',
	'40067' => '54000',
	'40101' => '28000', '40102' => '28000', '40104' => '28000', '40105' => '28000',
	'40113' => '28000', '40118' => '28000', '40125' => '28000', '40131' => '28000',
	'40016' => '53400', '40100' => '53400', '40132' => '53400', '40133' => '53400',
	'50000' => '08006', '51234' => '08006', '60001' => '08006',
	'20001' => 'HV000', '40008' => 'HV000', '61234' => 'HV000', '-7' => 'HV000');
foreach my $code (sort keys %final)
{
	my $page = $pages[ abs($code) % 3 ];

	($out, $state, $err) = run(sprintf($query, 'once'),
		fault({ code => $code + 0, message => 'what the API says' }, page => $page, times => 0));
	is($state, $final{$code}, "code $code on page $page");
	is($out, '', "code $code: no rows");
	like($err, qr/what the API says/, "code $code: the API's message");
	like($err, qr{Code $code, request ID [0-9a-f]{20}, endpoint ad/get/, advertiser $account, page $page},
		"code $code: code, request, endpoint, account, page");
	is(fired(), 1, "code $code: asked once");
}
my %broken = (
	'HTTP 503' => '08006', 'HTTP 502, empty' => '08006', 'HTTP 429' => '53400',
	'a truncated reply' => 'HV000', 'a reply that is not JSON' => 'HV000',
	'an HTML page' => 'HV000', 'an empty reply' => 'HV000', 'no data' => 'HV000',
	'a closed connection' => '08006', 'half a reply' => '08006');
foreach my $name (sort keys %broken)
{
	foreach my $page (@pages)
	{
		($out, $state, $err) = run(sprintf($query, 'once'),
			fault($passing{$name}, page => $page, times => 0));
		is("$state$out", $broken{$name}, "$name on page $page for good");
	}
	like($err, qr{endpoint ad/get/, advertiser $account, page 8}i, "$name: says where");
}
($out, $state, $err) = run(sprintf($query, 'ads'), fault({ code => 50000 }, page => 8, times => 0));
is($state, '08006', 'max_retries 2: an error in the end');
is(fired(), 3, 'after three tries');
like($err, qr/tried 3 times/, 'and says so');

# what never comes, or too slowly
$node->safe_psql('postgres', "ALTER SERVER once OPTIONS (ADD timeout '1')");
foreach my $slow ({ hang => JSON::PP::true }, { drip => 1 }, { delay_ms => 3000 })
{
	my ($name) = %$slow;

	($out, $state, $err) = run(
		"SELECT clock_timestamp() AS began \\gset\n\\set ON_ERROR_STOP off\n" . sprintf($query, 'once')
		  . ";\nSELECT clock_timestamp() - :'began' < interval '2.5s'",
		fault($slow, page => 4, times => 0));
	is("$state$out", '08006t', "$name: an error after timeout");
	like($err, qr/HINT:  .*timeout/, "$name: that names the option");
}
$node->safe_psql('postgres', 'ALTER SERVER once OPTIONS (DROP timeout)');

# maintenance is tried again slowly
($out, $state) = run(sprintf($query, 'ads'), fault({ code => 60001 }, page => 4));
is("$state$out", $right, '60001 once: tried again');

# ---- credentials, limits -----------------------------------------------------------------

($out, $state, $err) = run(sprintf($query, 'ads'), fault({ wrong_token => 1 }, page => 4));
is($state, '28000', 'a token that is revoked on the way');
is(fired(), 1, 'is not tried again');
like($err, qr/HINT:  .*ALTER USER MAPPING FOR \w+ SERVER tiktok OPTIONS \(SET access_token/,
	'and the hint says what to change');

my $qpd = { code => 40100, message => 'Too many requests: QPD limit 864000 is reached' };
($out, $state, $err) = run(sprintf($query, 'ads'), fault($qpd, times => 0));
is($state, '53400', 'a daily limit is an error');
is(fired(), 1, 'at once');
like($err, qr/HINT:  .*00:00 UTC/, 'and the hint says until when');

# a budget of its own: nobody sends anything for as long as the limit lasts
$node->safe_psql('postgres', <<SQL);
CREATE SERVER minute FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url '${\ api_url() }', rate_limit '1000',
	buying_types 'AUCTION,RESERVATION_RF');
CREATE USER MAPPING FOR CURRENT_USER SERVER minute
	OPTIONS (access_token '$TOKEN', app_id '7000000000000000009', secret 'x');
CREATE SCHEMA minute;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads) FROM SERVER minute INTO minute;
SQL
my $qpm = { code => 40100, message => 'Too many requests: QPM limit 600 is reached' };
($out, $state) = run("SET statement_timeout = '1500ms';\n" . sprintf($query, 'minute'), fault($qpm));
is($state, '57014', 'a limit per minute is waited for');
is(scalar @{ api_log() }, 1, 'with nothing sent meanwhile');
($out, $state) = run("SET statement_timeout = '1500ms';\n" . sprintf($query, 'minute'));
is($state, '57014', 'by other sessions of the app too');
is(scalar @{ api_log() }, 0, 'they send nothing either');
($out, $state) = run(sprintf($query, 'ads'));
is("$state$out", $right, 'another app is not concerned');

# ---- lists that change or do not add up ------------------------------------------------------

($out, $state) = run(sprintf($query, 'whole'));
my $whole = $out;
is($whole, $right, 'one page, eight pages: the same rows');
my %wrong = (
	'a total too large' => { total_delta => 1 },
	'a total too small' => { total_delta => -1 },
	'a row twice' => { duplicate_row => 5 },
	'a row in place of another' => { duplicate_row => 5, drop_row => 9 },
	'a row of another page' => { patch => { row => 3, field => 'ad_id', value => '%' } },
	'a row missing' => { drop_row => 5 });
# what it looks like when rows move from page to page while they are read
my ($one_id, $last_id) = split(/\|/, $node->safe_psql('postgres',
	"SELECT min(ad_id), max(ad_id) FROM ads.ads WHERE advertiser_id = $account"));
foreach my $name (sort keys %wrong)
{
	# the first page begins with the largest id, the last ends with the smallest
	$wrong{$name}{patch}{value} = $one_id if $wrong{$name}{patch};
	($out, $state) = run(sprintf($query, 'whole'), fault($wrong{$name}));
	is("$state$out", $right, "$name once, nothing handed on: read again");
	is(scalar @{ api_log() }, 2, "$name: once");
	($out, $state, $err) = run(sprintf($query, 'whole'), fault($wrong{$name}, times => 0));
	is("$state$out", 'HV000', "$name for good: an error");
	like($err, qr/HINT:  .*again/, "$name: run it again");
	foreach my $page (@pages)
	{
		$wrong{$name}{patch}{value} = $page == 8 ? $last_id : $one_id if $wrong{$name}{patch};
		($out, $state) = run(sprintf($query, 'ads'), fault($wrong{$name}, page => $page));
		is(fired(), 1, "$name on page $page: it did happen");
		# what was handed on cannot be taken back
		ok("$state$out" eq $right || "$state$out" eq 'HV000',
			"$name on page $page: right rows or an error")
		  or diag("$state $out");
	}
}

# ---- page_info and data ------------------------------------------------------------------------

foreach my $page (@pages)
{
	($out, $state) = run(sprintf($query, 'ads'), fault({ missing => 'page_info' }, page => $page));
	is("$state$out", $right, "no page_info on page $page");
}
($out, $state) = run(sprintf($query, 'ads'),
	{ match => { path => 'ad/get' }, times => 0, action => { missing => 'page_info' } });
is("$state$out", $right, 'no page_info at all: the list ends at a page that is not full');
is(scalar @{ api_log() }, 8, 'without asking for more');
($out, $state) = run("SELECT count(*), count(ad_name) FROM whole.ads WHERE advertiser_id = $account",
	fault({ data => {} }));
is("$state$out", '0|0', 'data: {} is empty');
foreach my $page (4, 8)
{
	($out, $state) = run(sprintf($query, 'ads'), fault({ data => {} }, page => $page, times => 0));
	is("$state$out", 'HV000', "but not on page $page, where rows were promised");
}
($out, $state) = run(sprintf($query, 'whole'), fault({ data => { list => 7 } }, times => 0));
is("$state$out", 'HV000', 'a list that is none');

# ---- too much ----------------------------------------------------------------------------------

$node->safe_psql('postgres', "ALTER SERVER whole OPTIONS (ADD max_response_size '2MB')");
($out, $state, $err) = run(sprintf($query, 'whole'), fault({ gzip_bomb_mb => 500 }, times => 0));
is($state, '54000', 'a reply that inflates beyond max_response_size');
like($err, qr/max_response_size/, 'names the option');
is(fired(), 1, 'and is not asked for again');

my $report = "SELECT count(*), md5(string_agg(t::text, ',' ORDER BY ad_id, stat_time_day)) FROM"
  . " (SELECT advertiser_id, ad_id, stat_time_day, spend, clicks FROM whole.ads_reports_daily"
  . "  WHERE advertiser_id = 7002238017842757633"
  . "  AND stat_time_day BETWEEN '2026-05-24' AND '2026-06-27') t";
($out, $state) = run($report);
my $report_rows = $out;
like($report_rows, qr/^[1-9]\d{2,}\|/, 'a report of 35 days');
my %report_path = (path => 'report/integrated/get');
foreach my $what ({ throttle => 1 }, { headers => { 'X-Tt-Ads-Throttle' => 'true' } })
{
	($out, $state, $err) = run($report, { match => {%report_path}, times => 1, action => $what });
	is("$state$out", $report_rows, 'a truncated report is asked for in pieces');
}
foreach my $days (29, 8, 1)
{
	($out, $state) = run($report, { match => {%report_path}, action => { max_days => $days } });
	is("$state$out", $report_rows, "40067 beyond $days days: the window is halved");
	cmp_ok(fired(), '>', 0, 'it did happen');
}
($out, $state, $err) = run($report, { match => {%report_path}, action => { max_days => 0 } });
is("$state$out", '54000', '40067 for a single day is an error');
like($err, qr/HINT:  .*fewer columns.*condition/, 'with what to do');
($out, $state, $err) = run(
	'SELECT count(spend) FROM whole.advertisers_audience_reports_lifetime'
	  . ' WHERE advertiser_id = 7002238017842757633',
	{ match => {%report_path}, action => { max_days => 100 } });
is("$state$out", '54000', '40067 without a time dimension: no halving, an error');
is(fired(), 1, 'at once');
like($err, qr/HINT:  .*fewer columns.*condition/, 'with what to do');

# ---- a metric that the API refuses ---------------------------------------------------------------

my $metrics = 'SELECT count(*), count(clicks), count(reach), count(spend) FROM whole.ads_reports_daily'
  . " WHERE advertiser_id = 7002238017842757633 AND stat_time_day BETWEEN '2026-05-24' AND '2026-06-27'";
($out, $state) = run($metrics);
my ($n) = split(/\|/, $out);
is($out, "$n|$n|$n|$n", 'three metrics');
($out, $state, $err) = run($metrics, { match => {%report_path}, action => { refuse_metric => 'clicks' } });
is("$state$out", "$n|0|$n|$n", 'one refused: it is NULL, the others are there');
is(scalar(() = $err =~ /WARNING:/g), 1, 'with one warning');
like($err, qr/WARNING:  \w+: .*"clicks"/, 'that names it');
($out, $state, $err) = run($metrics,
	{ match => {%report_path}, action => { refuse_metric => 'clicks' } },
	{ match => {%report_path}, action => { refuse_metric => 'reach' } });
is("$state$out", "$n|0|0|$n", 'two refused, one after the other');
is(scalar(() = $err =~ /WARNING:/g), 2, 'with a warning each');

# ---- accounts -----------------------------------------------------------------------------------

my @accounts = qw(7002238017842757633 7030219640413208578 7051874396120449026);
my $in = join(', ', @accounts);
foreach my $stream (qw(campaigns ads advertisers ads_reports_daily))
{
	my $sql = "SELECT DISTINCT advertiser_id FROM whole.$stream WHERE advertiser_id IN ($in)"
	  . ($stream =~ /daily/ ? " AND stat_time_day BETWEEN '2026-05-24' AND '2026-06-27'" : '')
	  . ' ORDER BY 1';

	api_mutate({ op => 'grant_account', advertiser_id => $accounts[1] });
	($out, $state) = run($sql);
	is("$state$out", join("\n", @accounts), "$stream of three accounts");
	api_mutate({ op => 'revoke_account', advertiser_id => $accounts[1] });
	$node->safe_psql('postgres', "ALTER SERVER whole OPTIONS (ADD on_advertiser_error 'fail')");
	($out, $state, $err) = run($sql);
	is("$state$out", '42501', "$stream: one refused is an error");
	like($err, qr/HINT:  .*on_advertiser_error/, "$stream: that says how to skip it");
	$node->safe_psql('postgres', "ALTER SERVER whole OPTIONS (SET on_advertiser_error 'skip')");
	($out, $state, $err) = run($sql);
	is("$state$out", "$accounts[0]\n$accounts[2]", "$stream: skipped, the others are there");
	is(scalar(() = $err =~ /WARNING:/g), 1, "$stream: with one warning");
	like($err, qr/WARNING:  42501: .*$accounts[1]/, "$stream: that names it");
	$node->safe_psql('postgres', 'ALTER SERVER whole OPTIONS (DROP on_advertiser_error)');
}
api_mutate({ op => 'grant_account', advertiser_id => $accounts[1] });

# ---- hostile contents ------------------------------------------------------------------------------

sub raw
{
	my ($body) = @_;

	return fault({ raw_base64 => encode_base64($body, '') }, times => 0);
}

sub envelope
{
	my ($row) = @_;

	return qq({"code":0,"message":"OK","request_id":"r","data":{"list":[$row],)
	  . '"page_info":{"page":1,"page_size":1000,"total_number":1,"total_page":1}}}';
}

my $one = "SELECT ad_id, ad_name FROM whole.ads WHERE advertiser_id = $account";
($out, $state) = run($one, raw(envelope('{"ad_id":"1","ad_name":"x"}')));
is("$state$out", '1|x', 'a reply made by hand');
($out, $state, $err) = run($one, raw(envelope('{"ad_id":"1","ad_name":"a\u0000b"}')));
is("$state$out", "1|a\xef\xbf\xbdb", 'a NUL character, which text cannot hold, is replaced');
($out, $state, $err) = run($one, raw(envelope(qq({"ad_id":"1","ad_name":"a\xff\xfeb"}))));
like($state, qr/^(HV000|22021)$/, 'invalid UTF-8 is an error');
($out, $state, $err) = run($one, raw(envelope('{"ad_id":"1","ad_name":"\ud83d"}')));
is("$state$out", "1|\xef\xbf\xbd", 'and so is half a surrogate pair');
foreach my $depth (10_000, 1_000_000)
{
	($out, $state, $err) = run($one,
		raw(envelope('{"ad_id":"1","x":' . ('[' x $depth) . (']' x $depth) . '}')));
	like($state, qr/^(|HV000|54001)$/, "$depth levels deep");
	is($node->safe_psql('postgres', 'SELECT 1'), '1', 'the server lives');
	($out, $state) = run($one, raw('[' x $depth));
	is($state, 'HV000', "$depth open brackets");
}
foreach my $id (qw(9223372036854775808 99999999999999999999 1e30 12x 1.5))
{
	($out, $state, $err) = run($one, raw(envelope(qq({"ad_id":"$id","ad_name":"x"}))));
	like($state, qr/^22(003|P02)$/, "id $id is an error");
	like($err, qr{CONTEXT:  column "ad_id" of foreign table "(?:whole\.)?ads", value "\Q$id\E", account $account, endpoint ad/get/, page 1, request_id r},
		"that says where it stands");
}
($out, $state) = run($one, raw(envelope('{"ad_id":9223372036854775807,"ad_name":"x"}')));
is("$state$out", '9223372036854775807|x', 'the largest bigint, as a number, to the last digit');
foreach my $body ('null', '7', '[]', '{}', '"text"', '{"code":"0"}', '{"code":0}', '{"code":0,"data":null}',
	'{"code":0,"data":[]}', '{"code":0,"data":{"list":{}}}', '{"code":0,"data":{"list":"x"}}', '{"data":{"list":[]}}', envelope('7'), envelope('{"ad_id":"1"}') . '{',
	envelope('{"ad_id":"1"') )
{
	($out, $state) = run($one, raw($body));
	is($state, 'HV000', 'malformed: ' . substr($body, 0, 60));
	is($out, '', 'no row of it');
}

# what was never sent must not be believed: a page beyond the last
($out, $state) = run($one, raw(qq({"code":0,"message":"OK","request_id":"r","data":{"list":[],)
	  . '"page_info":{"page":1,"page_size":1000,"total_number":9223372036854775807,"total_page":1}}}'));
is("$state$out", 'HV000', 'a total that cannot be');
my $most = fault({ data => { list => [ { ad_id => '1' } ], page_info => { page => 1, page_size => 1, total_number => 9223372036854775807, total_page => 1 } } }, times => 0);
($out, $state) = run("SELECT count(*) FROM whole.ads WHERE advertiser_id = $account", $most);
is("$state$out", '9223372036854775807', 'count(*) believes it');
($out, $state) = run("SELECT count(*) FROM whole.ads WHERE advertiser_id IN ($account, $accounts[0])", $most);
is("$state$out", 'HV000', 'but not the sum of two');

api_reset();

is($node->safe_psql('postgres', new_app() . sprintf($query, 'ads')), $right, 'after all that, the right rows');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP:/, 'nothing crashed');
$node->stop;
done_testing();
