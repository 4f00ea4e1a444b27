
# Requests that time out: TikTok blocks what timed out three times within ten
# minutes. A report is asked for in smaller pieces after the second time, down
# to a day, an id and few metrics; a list in smaller pages. Whatever happens,
# the rows are right or the error is, and nothing is asked for a third time.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $account = '7160093331570884610';
my $api = api_start();
my $node = new_node('main', conf => "statement_timeout = '60s'\n");
setup_fdw($node, %ONE_SERIES, rate_limit => 1000, page_size => 200, timeout => 1, concurrency => 4,
	advertiser_ids => $account, -import => [qw(ads ads_reports_daily campaigns_reports_hourly)],
	-import_options => { metrics => 'all' });

my $json = JSON::PP->new->canonical;
my @first;
my $report = 'SELECT ad_id, stat_time_day, spend FROM ads.ads_reports_daily WHERE '
  . "stat_time_day BETWEEN '2026-05-29' AND '2026-06-27' %s ORDER BY 1, 2";
my %kinds = (
	report => { path => 'report/integrated/get', sql => sprintf($report, '') },
	entity => { path => 'ad/get', sql => 'SELECT ad_id, ad_name FROM ads.ads ORDER BY 1' });

# Runs a statement in a session of its own, as an app without time-outs: rows, SQLSTATE, what was said.
sub run
{
	my ($sql, @faults) = @_;

	api_reset();
	api_faults(\@faults);
	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n" . new_app() . $sql);
	my ($state) = $err =~ /ERROR:  (\w{5}):/;
	return ($out, $state // ($rc == 0 ? '' : "psql failed: $err"), $err);
}

# How often the request was sent that timed out most often.
sub most_often
{
	my %times;

	$times{ $json->encode([ @{$_}{qw(path params page)} ]) }++ foreach grep { $_->{timeout} } @{ api_log() };
	return (sort { $b <=> $a } values %times)[0] // 0;
}

# What a third time-out of the same request is to the API; others are 40100, once
# it answered too few in time.
sub forbidden
{
	return [ grep { $_->{code} != 40100 } @{ api_violations() } ];
}

my %timeouts = ('504' => { http_status => 504, body => '<html>504 Gateway Time-out</html>' },
	'51010' => { code => 51010, message => 'Internal service timed out' }, 'hang' => { hang => JSON::PP::true });

foreach my $kind (sort keys %kinds)
{
	my $sql = $kinds{$kind}{sql};

	# pages of 50: the report has more than three, the list has four
	$node->safe_psql('postgres', q{ALTER SERVER tiktok OPTIONS (SET page_size '50')});
	my ($right) = run($sql);
	my $last = (sort { $b <=> $a } map { $_->{page} } @{ api_log(qr{$kinds{$kind}{path}}) })[0];
	cmp_ok($last, '>', 3, "$kind: several pages");
	$kinds{$kind}{right} = $right;
	foreach my $how (sort keys %timeouts)
	{
		foreach my $page (1, 3, $last)
		{
			my %match = (path => $kinds{$kind}{path}, page => $page);

			my ($out, $state, $err);
			if ($page == 3)
			{
				($out, $state, $err) = run($sql,
					{ match => \%match, times => 1, action => $timeouts{$how} });
				is("$state$out", $right, "$kind, $how once on page $page: tried again");
				is(most_often(), 1, 'it did happen');
			}
			($out, $state, $err) = run($sql,
				{ match => \%match, times => 0, action => $timeouts{$how} });
			ok($state eq '08006' || $kind eq 'report' && "$state$out" eq $right,
				"$kind, $how always on page $page: the error, or all rows") or diag("$state $err");
			like($err, qr/HINT:  .*timed out twice.*row\(s\) a page.*raise timeout/, 'says what was tried')
			  if $state ne '';
			is(most_often(), 2, 'asked twice, not a third time');
			is_deeply(forbidden(), [], 'nothing forbidden');
		}
	}
}

# ---- a report is cut: days, ids, metrics ---------------------------------------------------

$node->safe_psql('postgres', q{ALTER SERVER tiktok OPTIONS (SET page_size '1000')});
my %report_path = (path => 'report/integrated/get');
foreach my $how (sort keys %timeouts)
{
	foreach my $days ($how eq 'hang' ? 8 : (1, 15))
	{
		my ($out, $state, $err) = run($kinds{report}{sql},
			{ match => {%report_path}, action => { timeout_over => { days => $days, how => $how } } });

		is("$state$out", $kinds{report}{right}, "$how beyond $days days: the window is halved");
		is(most_often(), 2, 'nothing is asked for a third time');
		is_deeply(forbidden(), [], 'nothing forbidden');
		cmp_ok(scalar(grep { $_->{timeout} } @{ api_log() }), '<', 20, 'few time-outs tell the others');
	}
}

my $ids = $node->safe_psql('postgres',
	q{SELECT string_agg(ad_id::text, ', ') FROM (SELECT ad_id FROM ads.ads ORDER BY 1 LIMIT 60) AS a});
my $some = "SELECT ad_id, stat_time_day, spend FROM ads.ads_reports_daily WHERE stat_time_day"
  . " BETWEEN '2026-06-26' AND '2026-06-27' AND ad_id IN ($ids) ORDER BY 1, 2";
my ($right) = run($some);
is(scalar @{ api_log(qr/report/) }, 1, 'sixty ids fit in a request');
foreach my $most (40, 7)
{
	my ($out, $state) = run($some,
		{ match => {%report_path}, action => { timeout_over => { ids => $most } } });

	is("$state$out", $right, "beyond $most ids: the days are halved, then the ids");
	is(most_often(), 2, 'nothing is asked for a third time');
	is_deeply(forbidden(), [], 'nothing forbidden');
}
# the same condition refused while it is cut: no row twice
my ($out, $state, $err) = run($some,
	{ match => {%report_path}, after => 4, action => { refuse_filter => 'ad_ids' } },
	{ match => {%report_path}, times => 6, action => { timeout_over => { ids => 40 } } });
ok("$state$out" eq $right || $state eq '22023', 'a condition that is refused after it was cut: right rows or the error');

my $wide = "SELECT md5(string_agg(t::text, ',' ORDER BY ad_id)) FROM ads.ads_reports_daily t"
  . " WHERE stat_time_day = '2026-06-20'";
($right) = run($wide);
my $requests = @{ api_log(qr/report/) };
($out, $state) = run($wide,
	{ match => {%report_path}, action => { timeout_over => { metrics => 30 } } });
is("$state$out", $right, 'one day, beyond 30 metrics: they are asked for in parts');
is(most_often(), 2, 'nothing is asked for a third time');
is_deeply(forbidden(), [], 'nothing forbidden');

# ---- down to the least ------------------------------------------------------------------------

($out, $state, $err) = run($some =~ s/'2026-06-26'/'2026-06-27'/r,
	{ match => {%report_path}, action => { timeout_over => { days => 0 } } });
is("$state$out", '08006', 'a single id of a single day takes too long: an error');
like($err, qr/HINT:  .* 1 day\(s\), 1 id\(s\), \d+ column\(s\), \d+ row\(s\) a page, the least/, 'that says what was tried');
is(most_often(), 2, 'nothing was asked for a third time');
is_deeply(forbidden(), [], 'nothing forbidden');

($out, $state) = run('SELECT ad_id, ad_name FROM ads.ads ORDER BY 1',
	{ match => { path => 'ad/get', page_size => 1000 }, times => 0, action => { code => 51010 } });
is("$state$out", $kinds{entity}{right}, 'a list is read in smaller pages');
is(most_often(), 2, 'after two tries');

# ---- the same query again -----------------------------------------------------------------------

my $fault = { match => {%report_path}, action => { timeout_over => { days => 8, how => '51010' } } };
my $twice = "$kinds{report}{sql};\n$kinds{report}{sql}";
($out, $state) = run($twice, $fault);
is("$state$out", "$kinds{report}{right}\n$kinds{report}{right}", 'twice the same in a session');
is(most_often(), 2, 'what timed out is not asked for again by the second query');
is_deeply(forbidden(), [], 'so nothing is blocked');

# the others of a scan are not begun with what was too much for the first
($out, $state) = run("SELECT count(spend) FROM ads.ads_reports_daily WHERE stat_time_day BETWEEN '2026-01-01' AND '2026-06-27'",
	{ match => {%report_path}, action => { timeout_over => { days => 15, how => '51010' } } });
is($state, '', 'a long report');
cmp_ok(scalar(grep { $_->{timeout} } @{ api_log() }), '<=', 8, 'only what was under way together timed out');

# ---- order --------------------------------------------------------------------------------------

my $order = "SELECT ad_id, stat_time_day, spend FROM ads.ads_reports_daily WHERE "
  . "stat_time_day BETWEEN '2026-05-29' AND '2026-06-27' ORDER BY spend DESC LIMIT 5";
($right) = run($order);
is((api_log(qr/report/)->[-1]{params}{order_field}) // '', 'spend', 'an order that the API gives');
($out, $state) = run($order, $fault);
is("$state$out", $right, 'is kept when the window is cut');

$node->stop('fast');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP/, 'nothing crashed');
done_testing();
