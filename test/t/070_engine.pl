
# The request engine under stress: a cancel acts within a quarter of a second
# whatever is waited for, scans of one session share the server's concurrency
# and never wait for each other for ever, all sessions share the rate limit,
# and memory does not grow with the result.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use TiktokSession;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $began = time();
my $soak = $ENV{TT_SOAK};
my $quick = 0.25;
my $small = 7002238017842757633;
my $large = 7088160322559787010;

my $api = api_start();
my ($replay_input, $replay_output);

# A name look-up that does not end: a server with a getaddrinfo() of our own.
my $shim = slow_resolver();
my $node = new_node('main', start => 0, conf => "jit = off\nmax_connections = 60");
{
	local $ENV{LD_PRELOAD} = $shim // '';
	delete $ENV{LD_PRELOAD} unless defined $shim;
	$node->start;
}
setup_fdw($node, %ONE_SERIES, rate_limit => 1000, concurrency => 8, page_size => 10, timeout => 30,
	start_date => '2026-06-01',
	-import => [ 'campaigns', 'ads', 'ad_groups', 'ads_reports_daily' ]);
my $admin = TiktokSession->new($node);
my $session = TiktokSession->new($node);

# ---- cancel, time-out, terminate ---------------------------------------------

sub slow_resolver
{
	my $dir = PostgreSQL::Test::Utils::tempdir('resolver');

	append_to_file("$dir/slow.c", <<'C');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
				struct addrinfo **result)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
		dlsym(RTLD_NEXT, "getaddrinfo");
	if (node && strcmp(node, "slow.test") == 0)
		poll(0, 0, 6000);
	return real(node, service, hints, result);
}
C
	return run_log([ 'cc', '-shared', '-fPIC', '-o', "$dir/slow.so", "$dir/slow.c", '-ldl' ])
	  ? "$dir/slow.so" : undef;
}

# Time that passes is what some of this is about; nothing is synchronised by it.
sub pause
{
	my ($seconds) = @_;
	return TiktokSession::pause($seconds);
}

# What a backend holds open to talk to an API.
sub descriptors
{
	my ($s) = @_;
	my %count = (socket => 0, waits => 0);

	foreach my $fd (glob('/proc/' . $s->pid . '/fd/*'))
	{
		my $what = readlink($fd) // next;

		$count{waits}++ if $what =~ /eventpoll|timerfd/;
		$count{socket}++ if $what =~ /^socket:/;
	}
	return \%count;
}

sub set_server
{
	my (%options) = @_;

	foreach (sort keys %options)
	{
		my $said = $admin->query("ALTER SERVER tiktok OPTIONS (SET $_ " . sql_literal($options{$_}) . ')');
		die $said if $said ne '';
	}
	return;
}

# The session waits for the API, or for its turn to ask.
sub wait_until_waiting
{
	my ($s) = @_;

	for (1 .. 200)
	{
		return 1 if $admin->query("SELECT wait_event_type IN ('Extension', 'IPC') FROM pg_stat_activity"
			  . ' WHERE pid = ' . $s->pid) eq 't';
		pause(0.05);
	}
	return 0;
}

# A query that hangs ends in time by each of the three ways. Each cancelled request
# takes the connection with it that was kept for it; warm => a query, so that one is
# kept to begin with: a request that was answered may keep one.
sub ends_in_time
{
	my ($what, $sql, %options) = @_;

	if ($options{warm})
	{
		api_faults([]);
		$session->query($options{warm});
	}
	my $before = descriptors($session);
	my $best = 99;
	my $error;

	note(sprintf('%.1f s', time() - $began));

	# the machine may be busy with other tests: the best of three counts
	for (1 .. 3)
	{
		$options{prepare}->() if $options{prepare};
		$session->send($sql);
		wait_until_waiting($session) or diag("$what: does not wait");
		pause(0.2);
		my $start = time();
		$admin->query('SELECT pg_cancel_backend(' . $session->pid . ')');
		$error = $session->finish;
		my $took = time() - $start;
		$best = $took if $took < $best;
		last if $best < $quick;
	}
	cmp_ok($best, '<', $quick, "$what: cancelled in time");
	like($error, qr/canceling statement due to user request/, "$what: says why");

	$best = 99;
	for (1 .. 3)
	{
		$options{prepare}->() if $options{prepare};
		$session->query("SET statement_timeout = '400ms'");
		my $start = time();
		$error = $session->query($sql);
		my $took = time() - $start - 0.4;
		$session->query('RESET statement_timeout');
		$best = $took if $took < $best;
		last if $best < $quick;
	}
	cmp_ok($best, '<', $quick, "$what: timed out in time");
	like($error, qr/canceling statement due to statement timeout/, "$what: says why");

	is($session->query('SELECT 1'), '1', "$what: the session works on");
	my $after = descriptors($session);
	is($after->{waits}, $before->{waits}, "$what: no descriptor is left");
	note("$what: sockets $before->{socket}, then $after->{socket}");
	cmp_ok($after->{socket}, '<=', $before->{socket}, "$what: no connection is left")
	  unless $options{thread};

	$best = 99;
	for (1 .. 3)
	{
		my $victim = TiktokSession->new($node);

		$victim->query($options{begin}) if $options{begin};
		$options{prepare}->() if $options{prepare};
		$victim->send($sql);
		wait_until_waiting($victim) or diag("$what: does not wait");
		pause(0.1);
		my $start = time();
		$admin->query('SELECT pg_terminate_backend(' . $victim->pid . ')');
		$victim->finish;
		my $took = time() - $start;
		$best = $took if $took < $best;
		last if $best < $quick;
	}
	cmp_ok($best, '<', $quick, "$what: terminated in time");
	return;
}

my $one = "SELECT count(campaign_name) FROM ads.campaigns WHERE advertiser_id = $small";
my $url = api_url();
my $expected = $session->query($one);
like($expected, qr/^[1-9]\d*$/, 'there is something to read');
# so that none below is new: connections are kept
$session->query("SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $large");

my $sockets = descriptors($session)->{socket};

SKIP:
{
	skip 'no C compiler for a slow resolver', 1 unless defined $shim;
	set_server(api_url => 'http://slow.test:9/');
	ends_in_time('DNS', $one, thread => 1);
}

# No room in the queue of a listener: the kernel does not answer.
{
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 0) or die "listen: $!";
	my @fill = map {
		IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $listener->sockport,
			Blocking => 0)
	} 1 .. 4;

	set_server(api_url => 'http://127.0.0.1:' . $listener->sockport . '/');
	ends_in_time('connect', $one);
}

# A listener that accepts (its kernel does) and says nothing.
{
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 20) or die "listen: $!";

	set_server(api_url => 'https://127.0.0.1:' . $listener->sockport . '/');
	ends_in_time('TLS', $one);
}
set_server(api_url => $url);

ends_in_time('first byte', $one, warm => $one,
	prepare => sub { api_faults([ { match => { path => 'campaign/get' }, action => { hang => 'before' } } ]) });
ends_in_time('body', $one, warm => $one,
	prepare => sub { api_faults([ { match => { path => 'campaign/get' }, action => { drip => 20 } } ]) });
ends_in_time('back-off', $one, warm => $one, prepare => sub {
	api_reset();
	api_faults([ { match => { path => 'campaign/get' }, times => 0,
		action => { http_status => 503, headers => { 'Retry-After' => '20' } } } ]);
});
SKIP:
{
	# they wait for the sockets of the arms only, whatever the session is told meanwhile
	my $version = $session->query('SHOW server_version_num');
	my %fixed = (15 => 150013, 16 => 160009, 17 => 170005);

	skip 'Append of this PostgreSQL cannot be cancelled', 1 if $version < ($fixed{ int($version / 10000) } // 0);
	ends_in_time('async append',
		"SELECT count(campaign_name) FROM (SELECT campaign_name FROM ads.campaigns WHERE advertiser_id = $small"
		  . " UNION ALL SELECT ad_name FROM ads.ads WHERE advertiser_id = $small) u",
		warm => $one, prepare => sub {
			api_reset();
			api_faults([ { match => {}, times => 0, action => { hang => 'before' } } ]);
		});
}
api_reset();

# The thread of the look-up is left to itself, and ends.
cmp_ok(descriptors($session)->{socket}, '<=', $sockets, 'DNS: no connection is left');

# The rate is a matter of the app: one of its own, so that nothing else waits.
set_server(rate_limit => 1);
$admin->query("ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (DROP app_id, DROP secret)");
ends_in_time('rate limit', "SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $large",
	warm => $one, begin => "SET tiktok_fdw.enable_pushdown = on");
$admin->query("ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS"
	  . " (ADD app_id '$APP_ID', ADD secret '$SECRET')");
set_server(rate_limit => 1000);
is($session->query($one), $expected, 'the same rows as before');

note(sprintf('%.1f s', time() - $began));

# ---- connections -------------------------------------------------------------

{
	my $s = TiktokSession->new($node);
	my $none = descriptors($s)->{socket};

	$s->query("SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $large");
	my $first = descriptors($s)->{socket};
	$s->query("SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $large") for 1 .. 3;
	is(descriptors($s)->{socket}, $first, 'later queries use the connections of the first');
	# two more are libcurl's own
	cmp_ok($first - $none, '<=', 8 + 2, 'no more connections than concurrency');
	my $plan = $s->query("EXPLAIN (ANALYZE, COSTS OFF) SELECT * FROM ads.ads WHERE advertiser_id = $large");
	my ($wire) = $plan =~ /Bytes Received: (\d+)/;
	my ($body) = $plan =~ /Bytes Decoded: (\d+)/;
	cmp_ok($wire * 2, '<', $body, 'replies come compressed');
}

note(sprintf('%.1f s', time() - $began));

# ---- several scans of one session ----------------------------------------------

$admin->query(<<"SQL");
CREATE TABLE ads.parts (advertiser_id bigint NOT NULL, campaign_id bigint, campaign_name text)
  PARTITION BY LIST (advertiser_id);
CREATE FOREIGN TABLE ads.part1 PARTITION OF ads.parts FOR VALUES IN ($small)
  SERVER tiktok OPTIONS (stream 'campaigns', advertiser_ids '$small', page_size '1000');
CREATE FOREIGN TABLE ads.part2 PARTITION OF ads.parts FOR VALUES IN (7160093331570884610)
  SERVER tiktok OPTIONS (stream 'campaigns', advertiser_ids '7160093331570884610', page_size '1000');
CREATE FOREIGN TABLE ads.part3 PARTITION OF ads.parts FOR VALUES IN ($large)
  SERVER tiktok OPTIONS (stream 'campaigns', advertiser_ids '$large', page_size '1000');
SQL
my $all = 'SELECT count(campaign_name) FROM ads.parts';
my $union = "SELECT count(campaign_name) FROM (SELECT campaign_name FROM ads.part1"
  . " UNION ALL SELECT campaign_name FROM ads.part2 UNION ALL SELECT campaign_name FROM ads.part3) u";
my $sum = $session->query($all);

# The most requests that the API had at the same time: by its log's times, since
# it still counts one whose reply has just gone out.
sub peak
{
	my @events = sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] }
	  map { ([ $_->{t} + 0.0002, 1 ], [ $_->{t} + $_->{ms} / 1000, -1 ]) } @{ api_log() };
	my ($now, $most) = (0, 0);

	foreach (@events)
	{
		$now += $_->[1];
		$most = $now if $now > $most;
	}
	return $most;
}

sub timed
{
	my ($s, $sql) = @_;
	my $start = time();
	my $result = $s->query($sql);
	return (time() - $start, $result);
}

api_settings(latency => 800);
foreach my $sql ($all, $union)
{
	my $name = $sql eq $all ? 'partitioned table' : 'UNION ALL';

	like($session->query("EXPLAIN $sql"), qr/Async Foreign Scan/, "$name: arms run side by side");
	my ($with, $result) = timed($session, $sql);
	is($result, $sum, "$name: all rows");
	$session->query('SET enable_async_append = off; SET tiktok_fdw.enable_prefetch = off');
	my ($without, $same) = timed($session, $sql);
	$session->query('RESET enable_async_append; RESET tiktok_fdw.enable_prefetch');
	is($same, $sum, "$name: all rows without");
	cmp_ok($with / $without, '<', 0.6, sprintf('%s: %.0f ms, one after the other %.0f ms',
		$name, $with * 1000, $without * 1000));
}
{
	my ($took, $result) = timed($session, 'SELECT campaign_name IS NOT NULL FROM ads.parts LIMIT 1');
	is($result, 't', 'LIMIT above Append: a row');
	cmp_ok($took, '<', 1.6, 'LIMIT above Append: after one round trip');
}
my $before = descriptors($session)->{waits};
$session->query('BEGIN; DECLARE c CURSOR FOR SELECT * FROM ads.parts; FETCH 1 FROM c');
cmp_ok(descriptors($session)->{waits}, '>', $before, 'an open cursor holds descriptors');
$session->query('CLOSE c; COMMIT');
is(descriptors($session)->{waits}, $before, 'and none once it is closed');

api_settings(latency => 20);
set_server(concurrency => 3);
$admin->query("ALTER FOREIGN TABLE ads.part$_ OPTIONS (SET page_size '3')") for 1 .. 3;
api_reset();
is($session->query($all), $sum, 'arms share the concurrency: all rows');
cmp_ok(peak(), '<=', 3, 'arms share the concurrency: at the API');
cmp_ok(peak(), '>=', 2, 'arms share the concurrency: and use it');

my $rescan = 'SELECT count(*) FROM (VALUES (1), (2)) v (n),'
  . ' LATERAL (SELECT campaign_name FROM ads.parts WHERE campaign_id > v.n OFFSET 0) p';
is($session->query($rescan), 2 * $sum, 'an async append is read again');

# One scan waits while another, which is not read now, has all of the bound.
foreach my $concurrency (1, 3)
{
	set_server(concurrency => $concurrency);
	api_reset();
	is($session->query(<<"SQL"), "1\n1\n$sum\n$sum\n1", "open cursors with concurrency $concurrency");
SET statement_timeout = '30s';
BEGIN;
DECLARE a CURSOR FOR SELECT 1 FROM ads.ads WHERE advertiser_id = $large AND ad_name IS NOT NULL;
FETCH 1 FROM a;
DECLARE b CURSOR FOR SELECT 1 FROM ads.parts WHERE campaign_name IS NOT NULL;
FETCH 1 FROM b;
$all;
$union;
FETCH 1 FROM a;
COMMIT;
SQL
	is($session->query(
			'SELECT count(*) FROM ads.parts a JOIN ads.parts b USING (campaign_id)'
			  . ' WHERE a.campaign_name = b.campaign_name'),
		$sum, "two appends joined with concurrency $concurrency");
	cmp_ok(peak(), '<=', $concurrency, "never more than $concurrency at the API");
}
$session->query('RESET statement_timeout');
set_server(concurrency => 8);

# A cursor that slept longer than a request may take asks again. How long that is, a busy
# machine says: one that is too slow for the time-out would really be late, twice.
my ($whole, $named) = timed($session, "SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $small");
my $limit = 1 + int(3 * $whole);
set_server(timeout => $limit);
$session->query("BEGIN; DECLARE a CURSOR FOR SELECT 1 FROM ads.ads WHERE advertiser_id = $small"
	  . ' AND ad_name IS NOT NULL; FETCH 1 FROM a');
pause($limit + 0.5);
my $rest = 1 + split /\n/, $session->query('FETCH ALL FROM a');
$session->query('ROLLBACK');
is($rest, $named, 'a cursor that slept longer than a request may take');
set_server(timeout => 30);

note(sprintf('%.1f s', time() - $began));

# ---- memory ----------------------------------------------------------------------

# Pages of a local API's report, again and again with other ids.
{
	my $pages = $soak ? 1000 : 100;
	my $report = "FROM ads.ads_reports_daily WHERE advertiser_id = $large"
	  . " AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-30'";
	my $columns = 'ad_id, stat_time_day, campaign_name, spend, impressions, clicks, ctr, cpc, cpm,'
	  . ' reach, frequency, conversion';

	api_settings(latency => 0);
	set_server(page_size => 1000);
	$admin->query("SELECT count(*) FROM (SELECT $columns $report) x WHERE spend + impressions + clicks"
		  . ' + ctr + cpc + cpm + reach + frequency + conversion > 0 AND campaign_name > $$$$');
	my $replay = replay_start($pages);
	foreach my $run ([ 1, 1000 ], [ $pages, $pages * 1000 ])
	{
		my ($n, $rows) = @$run;
		my $s = TiktokSession->new($node);

		set_server(api_url => "$replay$n/0/");
		$s->query('SELECT count(*) FROM pg_class');
		my $idle = peak_memory($s);
		is($s->query("SELECT count(*), count(campaign_name), count(spend) FROM (SELECT $columns $report OFFSET 0) x"),
			"$rows|$rows|$rows", "$rows rows");
		my $grown = int((peak_memory($s) - $idle) / 1024);
		cmp_ok($grown, '<', 64, "$rows rows: $grown MB over an idle session");
	}
	set_server(api_url => $url);
}

note(sprintf('%.1f s', time() - $began));

# ---- many sessions -------------------------------------------------------------

{
	my $sessions = $soak ? 32 : 8;
	my $rate = 20;
	my @sessions = map { TiktokSession->new($node) } 1 .. $sessions;

	set_server(rate_limit => $rate, page_size => 100);
	pause(1.2);
	api_reset();
	my $query = "SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $large";
	my $right = $admin->query($query);
	$_->send($query) foreach @sessions;
	is_deeply([ map { $_->finish } @sessions ], [ map { $right } @sessions ],
		"$sessions sessions: all answers are right");
	my @times = sort { $a <=> $b } map { $_->{t} } @{ api_log() };
	my $most = 0;
	for (my ($from, $to) = (0, 0); $to < @times; $to++)
	{
		$from++ while $times[$from] <= $times[$to] - 1;
		$most = $to - $from + 1 if $to - $from + 1 > $most;
	}
	# the log is of when the API reads them: 077_wire.pl counts how many come
	cmp_ok($most, '>=', $rate * 0.8, 'not much less than the rate is used');
	set_server(page_size => 10);
}

# The rate is 3 from here on, for a minute. What an idle cursor has begun to ask
# must not count for others for ever.
{
	my $other = TiktokSession->new($node);

	api_settings(latency => 5);
	set_server(rate_limit => 3);
	$session->query(<<"SQL");
BEGIN;
DECLARE a CURSOR FOR SELECT ad_name FROM ads.ads WHERE advertiser_id = $large;
FETCH 1 FROM a;
SQL
	foreach (1 .. 2)
	{
		pause(1.1);
		$session->query('FETCH 10 FROM a');
	}
	my ($took, $result) = timed($other, "SET statement_timeout = '20s'; $one");
	is($result, $expected, 'an idle cursor does not keep others from asking');
	cmp_ok($took, '<', 5, 'not for long either');
	$session->query('COMMIT');
}

is_deeply(api_violations(), [], 'asked as documented');
close($replay_input);
close($replay_output);
$node->stop('fast');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP/, 'nothing crashed');
done_testing();

# kB
sub peak_memory
{
	my ($s) = @_;
	return slurp_file('/proc/' . $s->pid . '/status') =~ /VmHWM:\s+(\d+) kB/ ? $1 : die 'no VmHWM';
}

# test/bench/replay.py with a page that the local API was asked for last; returns its URL.
sub replay_start
{
	my ($pages) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir('replay');
	my $params = (grep { $_->{path} =~ /^report/ && length($_->{params}{metrics}) > 50 } @{ api_log() })[-1]{params};
	my $python = $ENV{PYTHON} // 'python3';
	my $fetch = <<'PYTHON';
import json, sys, urllib.parse, urllib.request
url, token, params, file = sys.argv[1:]
query = urllib.parse.urlencode({**json.loads(params), 'page': 1})
request = urllib.request.Request(url + 'report/integrated/get/?' + query, headers={'Access-Token': token})
open(file, 'wb').write(urllib.request.urlopen(request).read())
PYTHON

	system($python, '-c', $fetch, api_url(), $TOKEN, JSON::PP->new->encode($params), "$dir/page.json") == 0
	  or die 'no page to replay';
	pipe(my $stdin, $replay_input) or die "pipe: $!";
	my $pid = open($replay_output, '-|') // die "fork: $!";
	if ($pid == 0)
	{
		open(STDIN, '<&', $stdin);
		close($replay_input);
		exec($python, "$FindBin::Bin/../bench/replay.py", '--template', "$dir/page.json", '--sets', "1,$pages")
		  or die "exec: $!";
	}
	close($stdin);
	while (my $line = <$replay_output>)
	{
		return $1 if $line =~ /listening on (\S+)/;
	}
	die 'replay.py did not start';
}
