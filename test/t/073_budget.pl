
# The request budget that all sessions share: a stranger's server neither
# lowers the rate of others nor stops them, as many apps as there are get on
# side by side, and one request does not wait for all of a long scan's.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use TiktokSession;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;

my $small = 7002238017842757633;
my $large = 7088160322559787010;
my ($certificate, $key, $ca) = tls_files();
my $plain = api_start();
my $api = api_start('--tls', $certificate, $key);

# Servers of users that are not superusers trust the system's CAs only: here
# the file of these is the test's.
my $shim = ca_shim();
my $node = new_node('main', start => 0,
	conf => "jit = off\nmax_connections = 60\ntiktok_fdw.allowed_hosts = '127.0.0.1'\nsession_preload_libraries = 'tiktok_fdw'");
{
	local $ENV{LD_PRELOAD} = $shim // '';
	local $ENV{TT_TEST_CA} = $ca;
	delete $ENV{LD_PRELOAD} unless defined $shim;
	$node->start;
}

sub ca_shim
{
	my $dir = PostgreSQL::Test::Utils::tempdir('ca');

	append_to_file("$dir/ca.c", <<'C');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static const char *instead(const char *path)
{
	const char *ca = getenv("TT_TEST_CA");

	return ca && path && (strstr(path, "ca-certificates.crt") || strstr(path, "ca-bundle") ||
						  strstr(path, "cert.pem")) ? ca : path;
}
FILE *fopen(const char *path, const char *mode)
{
	FILE *(*real)(const char *, const char *) = dlsym(RTLD_NEXT, "fopen");
	return real(instead(path), mode);
}
FILE *fopen64(const char *path, const char *mode)
{
	FILE *(*real)(const char *, const char *) = dlsym(RTLD_NEXT, "fopen64");
	return real(instead(path), mode);
}
C
	return run_log([ 'cc', '-shared', '-fPIC', '-o', "$dir/ca.so", "$dir/ca.c", '-ldl' ])
	  ? "$dir/ca.so" : undef;
}

# A server of a role, with schema and tables of the same name, mapped for the role.
sub server
{
	my ($name, $role, %options) = @_;
	my $app = delete $options{app_id} // $APP_ID;

	$node->safe_psql('postgres', "SET ROLE $role; CREATE SCHEMA $name;
		CREATE SERVER $name FOREIGN DATA WRAPPER tiktok_fdw OPTIONS ("
		  . join(', ', map { "$_ '$options{$_}'" } sort keys %options) . ");
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (access_token '$TOKEN', app_id '$app');
		IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads, ads_reports_daily) FROM SERVER $name INTO $name");
	return;
}

# server => "rate|server that sets it|its database"
sub rates
{
	return { map { /^(\w+)\|(.*)$/ } split /\n/, $node->safe_psql('postgres',
			'SELECT DISTINCT server, rate_limit, rate_limit_server, rate_limit_database FROM tiktok.stat_requests') };
}

$node->safe_psql('postgres', <<SQL);
CREATE EXTENSION tiktok_fdw;
CREATE ROLE production;
CREATE ROLE stranger;
GRANT USAGE ON FOREIGN DATA WRAPPER tiktok_fdw TO production, stranger;
GRANT CREATE ON DATABASE postgres TO production, stranger;
SQL
my $url = $api->url;
my $session = TiktokSession->new($node);
my $stranger = TiktokSession->new($node);
my $one = "WHERE advertiser_id = $small LIMIT 1";
$stranger->query('SET ROLE stranger');

# ---- whose rate holds -------------------------------------------------------------

server('super', 'none', api_url => $url, rate_limit => 1000, page_size => 10, ca_file => $ca);
server('cheap', 'stranger', api_url => $url, rate_limit => 1);
my $scan = "SELECT count(ad_id) FROM super.ads WHERE advertiser_id = $large";
my $right = $session->query($scan);
like($right, qr/^\d+$/, 'a scan of many requests');
cmp_ok(scalar @{ $api->log }, '>', 30, '... of more than a slow server sends in half a minute');

$stranger->query("SET statement_timeout = '20s'");
my $first = $stranger->query("SELECT count(*) FROM (SELECT ad_id FROM cheap.ads $one) a");
my $trusted = $first eq '1';
diag("no TLS for strangers here: $first") unless $trusted;
is_deeply(rates(), { super => '1000|super|postgres', cheap => '1|cheap|postgres' },
	'a lower rate of a stranger is the stranger\'s');
$session->query("SET statement_timeout = '15s'");
is($session->query($scan), $right, 'and slows nobody else');

# one's own other server, and a superuser's, do lower it
server('mine', 'production', api_url => $url, rate_limit => 8, app_id => 'other');
server('mine_too', 'production', api_url => $url, rate_limit => 6, app_id => 'other');
server('theirs', 'stranger', api_url => $url, rate_limit => 900, app_id => 'other');
server('above', 'none', api_url => $url, rate_limit => 5, app_id => 'other', ca_file => $ca);
my $production = TiktokSession->new($node);
$production->query('SET ROLE production');
$production->query("SELECT ad_id FROM mine.ads $one");
$stranger->query("SELECT ad_id FROM theirs.ads $one");
my %rates = %{ rates() };
is_deeply([ @rates{qw(mine theirs)} ], [ '8|mine|postgres', '900|theirs|postgres' ], 'two strangers');
$production->query("SELECT ad_id FROM mine_too.ads $one");
%rates = %{ rates() };
is_deeply([ @rates{qw(mine mine_too theirs)} ],
	[ '6|mine_too|postgres', '6|mine_too|postgres', '900|theirs|postgres' ], 'servers of one owner: the lowest');
$session->query("SELECT ad_id FROM above.ads $one");
%rates = %{ rates() };
is_deeply([ @rates{qw(mine mine_too theirs above)} ], [ ('5|above|postgres') x 4 ],
	'a superuser\'s server lowers it for all');

# from another database
$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');
$node->safe_psql('elsewhere', "CREATE EXTENSION tiktok_fdw;
	CREATE SERVER far FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url '$url', rate_limit '4', ca_file '$ca');
	CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (access_token '$TOKEN', app_id 'other');
	IMPORT FOREIGN SCHEMA tiktok LIMIT TO (ads) FROM SERVER far INTO public;
	SELECT ad_id FROM ads $one");
is(rates()->{theirs}, '4||elsewhere', 'a server of another database: which');

# ---- what else a stranger might do -----------------------------------------------------

SKIP:
{
	skip 'the stranger reaches no API', 5 unless $trusted;

	# a penalty of a minute
	$api->reset;
	$api->faults([ { match => {}, times => 1, action => { code => 40100, message => 'minute limit' } } ]);
	$stranger->send("SET statement_timeout = '30s'; SELECT ad_id FROM cheap.ads $one");
	$node->poll_query_until('postgres',
		"SELECT errors > 0 FROM tiktok.stat_requests WHERE server = 'cheap'") or die 'no error counted';
	is($session->query($scan), $right, 'a stranger\'s penalty is no one else\'s');
	$node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . $stranger->pid . ')');
	like($stranger->finish, qr/cancel/, 'the stranger waits');

	# as many time-outs as an app may have
	server('hasty', 'stranger', api_url => $url, rate_limit => 1000, concurrency => 9, app_id => 'late');
	server('calm', 'none', api_url => $url, rate_limit => 1000, page_size => 10, ca_file => $ca, app_id => 'late');
	$api->reset;
	$api->faults([ { match => {}, times => 9, action => { return_code => 51010 } } ]);
	$session->query('SELECT tiktok.stat_requests_reset()');
	$stranger->send('SELECT ad_id FROM hasty.ads WHERE advertiser_id IN (' . join(', ', 1 .. 9) . ')');
	$node->poll_query_until('postgres',
		"SELECT sum(timeouts) = 9 FROM tiktok.stat_requests WHERE server = 'hasty'") or die 'no time-outs counted';
	is($session->query($scan =~ s/super/calm/r), $right, 'a stranger\'s time-outs are no one else\'s');
	cmp_ok($session->query("SELECT sum(throttled_ms) FROM tiktok.stat_requests WHERE server = 'calm'"), '<', 3000,
		'... who does not wait for them');
	$node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . $stranger->pid . ')');
	$stranger->finish;
	is_deeply($api->violations, [], 'asked as documented');
}
{
	# grants whose connections are never made
	my $pit = IO::Socket::INET->new(Listen => 100, LocalAddr => '127.0.0.1', Timeout => 60) or die "listen: $!";

	server('pit', 'stranger', api_url => 'https://127.0.0.1:' . $pit->sockport . '/', rate_limit => 1000,
		concurrency => 100, connect_timeout => 60, app_id => 'pit');
	server('ten', 'none', api_url => $url, rate_limit => 10, page_size => 10, ca_file => $ca, app_id => 'pit');
	$session->query("SELECT ad_id FROM ten.ads $one");
	is(rates()->{ten}, '10|ten|postgres', 'a rate of ten');
	$stranger->send("SET statement_timeout = '60s'; SELECT ad_id FROM pit.ads WHERE advertiser_id IN ("
		  . join(', ', 1 .. 50) . ')');
	ok(my $connection = $pit->accept, 'a stranger connects');
	like($session->query("SELECT count(*) FROM (SELECT ad_id FROM ten.ads WHERE advertiser_id = $large LIMIT 100) a"),
		qr/^100$/, 'the other half goes on');
	$node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . $stranger->pid . ')');
	like($stranger->finish, qr/cancel/, 'none of the stranger\'s was answered');
}

# ---- many apps -------------------------------------------------------------------------

{
	my $apps = 150;
	my $plain_url = $plain->url;

	$node->safe_psql('postgres', <<SQL);
CREATE SCHEMA apps;
DO \$\$
BEGIN
	FOR n IN 1 .. $apps LOOP
		EXECUTE format('CREATE SERVER app%s FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url ''$plain_url'', rate_limit ''5'')', n);
		EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER app%s OPTIONS (access_token ''$TOKEN'', app_id ''%s'')', n, n);
		EXECUTE format('CREATE FOREIGN TABLE apps.ads%s (advertiser_id bigint, ad_id bigint) SERVER app%s OPTIONS (stream ''ads'')', n, n);
	END LOOP;
END \$\$;
SQL
	my $all = join(' UNION ALL ', map { "(SELECT ad_id FROM apps.ads$_ $one)" } 1 .. $apps);
	$session->query("SET statement_timeout = '60s'");
	is($session->query("SELECT count(*) FROM ($all) a"), $apps, "$apps apps at the same time");
	is($session->query("SELECT count(*), sum(requests), sum(throttled_ms), count(rate_limit_server)
		FROM tiktok.stat_requests WHERE server LIKE 'app%'"), "$apps|$apps|0|$apps", 'none waits, all are counted');
	$session->query('SELECT tiktok.stat_requests_reset()');
	is($session->query('SELECT count(*) FROM tiktok.stat_requests'), 0, 'all are set to zero');
}

# ---- turns -----------------------------------------------------------------------------

{
	my ($scans, $rate) = (16, 20);

	server('busy', 'none', api_url => $plain->url, rate_limit => $rate, page_size => 10,
		concurrency => 8, app_id => 'busy');
	$plain->reset;
	my @scans = map { TiktokSession->new($node) } 1 .. $scans;
	$_->send("SELECT count(spend) FROM busy.ads_reports_daily WHERE advertiser_id = $large
		AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-30'") foreach @scans;
	$session->query("SELECT ad_id FROM busy.ads $one");
	my @waited;
	for (1 .. 5)
	{
		my $before = @{ $plain->log };
		$session->query("SELECT ad_id FROM busy.ads $one");
		# it is the last of its path
		my @log = @{ $plain->log };
		my ($last) = grep { $log[$_]{path} =~ /^ad\/get/ } reverse 0 .. $#log;
		push @waited, $last - $before;
	}
	# those before it in the queue, and what was sent before it came there
	is_deeply([ grep { $_ > $scans + $rate + 4 } @waited ], [],
		"one request behind $scans scans: after " . join(', ', @waited) . ' others');
	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . $_->pid . ')') foreach @scans;
}

is_deeply($plain->violations, [], 'asked as documented');
$node->stop('fast');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal \d|TRAP/, 'nothing crashed');
done_testing();
