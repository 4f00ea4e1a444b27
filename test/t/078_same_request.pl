
# The third time-out of a request within ten minutes blocks it, whichever
# sessions sent it: once a report timed out there are never more than two of the
# same that did, or still may. Who shares a budget but not the token or the owner
# neither adds to that nor sees it, and what is over leaves no trace. What the API
# answers in time is not held back, and lists are not at all.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use TiktokSession;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $account = '7160093331570884610';
my $api = api_start();
my $node = new_node('main');
setup_fdw($node, %ONE_SERIES, rate_limit => 1000, timeout => 1, advertiser_ids => $account,
	-import => [ 'ads', 'ads_reports_daily', 'creative_assets_videos' ]);

my $json = JSON::PP->new->canonical;
my $admin = TiktokSession->new($node);
my $report = 'SELECT count(*), sum(spend) FROM ads.ads_reports_daily WHERE '
  . "stat_time_day BETWEEN '2026-06-01' AND '2026-06-27'";
my $list = 'SELECT count(*), min(ad_id) FROM ads.ads';
my $app;
my $right = $admin->query($report);
my $all = $admin->query($list);
my $arm = "SELECT spend FROM ads.ads_reports_daily WHERE stat_time_day BETWEEN '2026-06-01' AND '%s'";
my $slow = sprintf($arm, '2026-06-26');
my $rows = $admin->query("SELECT count(spend) FROM ($slow) AS s");

# From here on, with this fault and a budget that knows of no time-out.
sub begin
{
	my ($match, $action) = @_;

	$app = new_app();
	$admin->query($app);
	api_reset();
	api_faults([ { match => $match, times => 0, action => $action } ]);
	return;
}

# How often each request was sent that timed out or is refused for it, the most frequent first.
sub most
{
	my %times;

	$times{ $json->encode([ @{$_}{qw(path params page)} ]) }++
	  foreach grep { $_->{timeout} || ($_->{code} // 0) == 40016 } @{ api_log() };
	return join ' ', sort { $b <=> $a } values %times;
}

# The same query in so many sessions at once: what each got.
sub together
{
	my ($n, $sql) = @_;
	my @sessions = map { TiktokSession->new($node) } 1 .. $n;

	$_->send($sql) foreach @sessions;
	return map { $_->finish } @sessions;
}

# Of how many requests the API had the replies still to give, at most.
sub overlapping
{
	my $log = api_log($_[0]);
	my @events = sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] }
	  map { ([ $_->{t}, 1 ], [ $_->{t} + ($_->{ms} + ($_->{fault}{delay_ms} // 0)) / 1000, -1 ]) } @$log;
	my ($now, $most) = (0, 0);

	foreach (@events)
	{
		$now += $_->[1];
		$most = $now if $now > $most;
	}
	return $most;
}

# ---- at once: the requests are under way together, or would be -----------------------------

my %path = (path => 'report/integrated/get');
foreach my $n (2, 3)
{
	begin({%path}, { timeout_over => { days => 20, how => 'hang' } });
	is_deeply([ together($n, $report) ], [ ($right) x $n ], "$n sessions at once: the right rows");
	is(most(), 2, '... the request timed out twice');
	is_deeply(api_violations(), [], '... and is not blocked');
}
begin({%path}, { timeout_over => { days => 8, how => '51010' } });
is_deeply([ together(3, $report) ], [ ($right) x 3 ], 'refused at once: the right rows');
like(most(), qr/^2( [12])*$/, '... nothing more than twice');
is_deeply(api_violations(), [], '... nothing blocked');

# ---- one after the other ---------------------------------------------------------------------

is((together(1, $report))[0], $right, 'a session that begins later asks for less from the beginning');
like(most(), qr/^2( [12])*$/, '... nothing a third time');

# What cannot be cut is an error in the session that comes later, too: nothing is sent.
my $day = "SELECT count(*) FROM ads.ads_reports_daily WHERE stat_time_day = '2026-06-20'";
begin({%path}, { code => 51010, message => 'Internal service timed out' });
$admin->query("ALTER SERVER tiktok OPTIONS (ADD page_size '100')");
my ($first, $later) = map { (together(1, $day))[0] } 1, 2;
like($first, qr/ERROR:  08006: .*Internal service timed out/, 'a day that takes too long');
like($later, qr/ERROR:  08006: request to "127.0.0.1" timed out: it did so twice within ten minutes.*DETAIL: .*days 2026-06-20 to 2026-06-20.*HINT: .*run the query later \(after \d{3} seconds\)/s,
	'... and is not asked for by a later session: the error says so');
is(most(), 2, '... and nothing was sent');
$admin->query('ALTER SERVER tiktok OPTIONS (DROP page_size)');

# ---- whose time-outs -----------------------------------------------------------------------------

# Another token of the same app, on the same server: it has nothing of that.
my ($other) = together(1, "CREATE ROLE other; GRANT USAGE ON FOREIGN SERVER tiktok TO other;
	GRANT USAGE ON SCHEMA ads TO other; GRANT SELECT ON ALL TABLES IN SCHEMA ads TO other;
	CREATE USER MAPPING FOR other SERVER tiktok OPTIONS (access_token 'another', app_id '1');
	SET ROLE other; " . ($app =~ s/CURRENT_USER/other/r) . $day);
like($other, qr/Code \d+, request ID \w+,/, 'a role with another token: its request is sent');
cmp_ok(most(), '>', 2, '... as its own');

# ---- an answer, a cancel, an end -------------------------------------------------------------------

# What is answered in time counts no longer, however often.
begin({%path}, { delay_ms => 300 });
is_deeply([ together(3, $report) ], [ ($right) x 3 ], 'slow, but in time: the right rows');
is(scalar @{ api_log(qr/report/) }, 3, '... each with a request: the third waited for the first answer');
is((together(1, $report))[0], $right, '... and none of them is left over');

# It was answered twice: so more of them may be under way, and many do not wait for each other.
begin({%path}, { delay_ms => 300 });
is_deeply([ together(20, $report) ], [ ($right) x 20 ], 'twenty that are the same, answered in time: the right rows');
is(scalar @{ api_log(qr/report/) }, 20, '... each with a request');
cmp_ok(overlapping(qr/report/), '>=', 4, '... and not in pairs');

# Given up is no time-out, whenever that is: the API may have been about to answer.
begin({%path}, { hang => JSON::PP::true });
like((together(1, "SET statement_timeout = 700; $report"))[0], qr/57014/, 'given up after a while') foreach 1, 2;
api_reset(); # the local API takes them for time-outs
is((together(1, $report))[0], $right, '... is sent again');
is(scalar @{ api_log(qr/report/) }, 1, '... as it was');

# ---- arms of an Append --------------------------------------------------------------------------------

# Each asks for itself. They wait together, and the requests of one are those of all.
$admin->query("ALTER SERVER tiktok OPTIONS (SET timeout '10')");
begin({%path}, { delay_ms => 1500 });
my $arms = sprintf 'SELECT count(*), sum(spend) FROM (%s) AS a', join ' UNION ALL ', (sprintf $arm, '2026-06-27') x 4;
is((together(1, $arms))[0], join('|', map { $_ * 4 } split /\|/, $right), 'four arms that are the same');
is(scalar @{ api_log(qr/report/) }, 4, '... a request each');
is(overlapping(qr/report/), 2, '... two at a time, until they are answered');
$admin->query("ALTER SERVER tiktok OPTIONS (SET timeout '1')");

# The replies come while the cursor is not read: they are not late, and nobody is kept waiting for them.
# (Here the pause is not for anything to happen in, but what is tested.)
my $cursor = 'BEGIN; DECLARE c CURSOR FOR ' . sprintf($arm, '2026-06-27') . " UNION ALL $slow; FETCH 1 FROM c;";
foreach my $end ('CLOSE c', 'MOVE FORWARD ALL FROM c')
{
	begin({ %path, end_date => '2026-06-26' }, { delay_ms => 300 });
	foreach (1, 2)
	{
		my $session = TiktokSession->new($node);
		my $first = $session->query($cursor);
		TiktokSession::pause(1.2);
		unlike($first . $session->query("$end; COMMIT"), qr/ERROR/, "not read for longer than the time-out, then $end");
	}
	api_reset();
	is((together(1, "SELECT count(spend) FROM ($slow) AS s"))[0], $rows, '... nothing is thought to have timed out');
	is_deeply([ map { $_->{params}{end_date} } @{ api_log(qr/report/) } ], ['2026-06-26'], '... the next query sends it as it was');
}

# ---- not reports ------------------------------------------------------------------------------------------

# An account list that timed out twice is asked for anew by the next query.
$admin->query('ALTER SERVER tiktok OPTIONS (DROP advertiser_ids)');
begin({ path => 'oauth2/advertiser/get' }, { hang => JSON::PP::true });
$admin->query("ALTER USER MAPPING FOR CURRENT_USER SERVER tiktok OPTIONS (SET app_id '$APP_ID')"); # another has no list
like((together(1, $list))[0], qr/ERROR:  08006: request to "127.0.0.1" timed out/, 'a list of accounts that is not answered');
is(most(), 2, '... is asked for twice');
api_reset();
unlike((together(1, $list))[0], qr/ERROR/, '... and again by the next query');
# (six at once would be three pairs)
api_faults([ { match => { path => 'oauth2/advertiser/get' }, times => 0, action => { delay_ms => 500 } } ]);
unlike(join('', together(6, $list)), qr/ERROR/, 'six ask for it at once');
cmp_ok(overlapping(qr{oauth2/advertiser}), '>=', 3, '... and do not wait for each other');
$admin->query("ALTER SERVER tiktok OPTIONS (ADD advertiser_ids '$account')");
begin({ path => 'ad/get', page_size => 1000 }, { hang => JSON::PP::true });
is((together(1, $list))[0], $all, 'a list of ads that is not answered is read in smaller pages');
api_reset();
is((together(1, $list))[0], $all, '... and as usual by the next query');
is_deeply([ map { $_->{params}{page_size} } @{ api_log(qr{ad/get}) } ], [1000], '... in one request');

# A backend that is gone has nothing under way.
begin({%path}, { hang => JSON::PP::true });
my @gone = map { TiktokSession->new($node) } 1, 2;
foreach my $session (@gone)
{
	$session->send($report);
	$node->poll_query_until('postgres', "SELECT wait_event_type IS NOT NULL FROM pg_stat_activity
		WHERE state = 'active' AND wait_event_type = 'Extension' AND pid = " . $session->pid);
	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . $session->pid . ', 10000)');
}
$_->finish foreach @gone;
api_reset(); # as above
is((together(1, $report))[0], $right, 'two backends were terminated: the third asks');
is(scalar @{ api_log(qr/report/) }, 1, '... as it was');

# ---- blocked by TikTok ------------------------------------------------------------------------------

# As by another program with the same app: the message tells it from too many requests.
my $blocked = { code => 40016, message => 'The request is blocked for 10 minutes: it timed out 3 times within 10 minutes' };
begin({ %path, start_date => '2026-06-01', end_date => '2026-06-27' }, $blocked);
is((together(1, $report))[0], $right, 'a blocked request is cut');
is_deeply([ map { $_->{code} } @{ api_log(qr/report/) } ], [ 40016, 0, 0 ], '... at once, and not tried again');
is((together(1, $report))[0], $right, 'and the next session');
is(most(), 1, '... does not try it');
begin({ path => 'ad/get', page_size => 1000 }, $blocked);
is((together(1, $list))[0], $all, 'a blocked list is read in smaller pages');
begin({%path}, $blocked);
like((together(1, $day))[0], qr/ERROR:  53400: .*The request is blocked.*HINT:  TikTok blocks a request for ten minutes.*1 day\(s\)/s,
	'where nothing can be cut, the error says what was asked for');
begin({%path}, { code => 40016, message => 'Too many requests: requests are blocked for 5 minutes (QPM limit)' });
like((together(1, "SET statement_timeout = '1s'; $report"))[0], qr/57014/, 'a limit by the minute is waited for, as before');
is(scalar @{ api_log(qr/report/) }, 1, '... and nothing cut');

# A limit of the app is no block of the request, whatever it is for.
foreach my $message ('App throttled because requests time out too often', 'Your app is blocked: 20 requests timed out within 10 seconds')
{
	begin({%path}, { code => 40016, message => $message });
	api_faults([ { match => {%path}, times => 1, action => { code => 40016, message => $message } } ]);
	is((together(1, $report))[0], $right, $message);
	is_deeply([ map { $_->{params}{end_date} } @{ api_log(qr/report/) } ], [ ('2026-06-27') x 2 ], '... is waited for, and nothing cut');
}

$node->stop('fast');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP/, 'nothing crashed');
done_testing();
