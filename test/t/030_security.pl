# Who may send a token where, and where secrets never show.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use MIME::Base64;
use PostgreSQL::Test::Utils;
use Test::More;

my $token = 'token-that-nobody-may-see';
my $secret = 'secret-that-nobody-may-see';
my $api = api_start('--token', $token, '--secret', $secret);
my $account = '7002238017842757633';

# the server's environment has a proxy that does not answer
my @proxies = qw(http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY);
$ENV{$_} = 'http://127.0.0.1:1/' foreach @proxies;

my $node = new_node('main', conf => <<'CONF');
log_min_messages = debug5
log_error_verbosity = verbose
debug_print_plan = on
debug_print_parse = off
client_min_messages = error
CONF
delete @ENV{@proxies};
setup_fdw($node, %ONE_SERIES, rate_limit => 1000, max_retries => 0,
	-mapping => { access_token => $token, app_id => $APP_ID, secret => $secret });
my $said = '';    # everything that psql ever said

sub run
{
	my ($sql, %options) = @_;
	my $user = $options{user} // 'owner';
	my $start = $options{super} ? '' : "SET ROLE $user;\n";
	my ($rc, $out, $err) =
	  $node->psql('postgres', "\\set VERBOSITY verbose\n$start$sql", on_error_stop => 1);
	my ($state) = $err =~ /ERROR:  (\w{5}):/;

	$said .= "$out\n$err\n";
	$state //= $rc == 0 ? '' : "psql failed: $err";
	return ($out, $state, $err);
}

sub is_error
{
	my ($sql, $state, $pattern, $name, %options) = @_;
	my ($out, $got, $err) = run($sql, %options);

	is($got, $state, "$name: $state");
	like($err, $pattern, "$name: says why");
	return;
}

# ---- the environment ---------------------------------------------------------------

my ($out, $state, $err) = run("SELECT count(campaign_name) FROM ads.campaigns WHERE advertiser_id = $account",
	super => 1);
is("$state$out", '5', 'proxies of the environment are ignored');

# ---- servers of users that are not superusers -----------------------------------------

my ($port) = api_url() =~ /:(\d+)/;
$node->safe_psql('postgres', <<SQL);
CREATE ROLE owner;
CREATE ROLE reader;
GRANT USAGE ON FOREIGN DATA WRAPPER tiktok_fdw TO owner;
GRANT CREATE ON SCHEMA public TO owner;
SET ROLE owner;
CREATE SERVER mine FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (max_retries '0', connect_timeout '2');
CREATE USER MAPPING FOR owner SERVER mine OPTIONS (access_token 'some-other-token');
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (campaigns) FROM SERVER mine INTO public;
SQL
my $scan = "SELECT count(campaign_name) FROM public.campaigns WHERE advertiser_id = $account";
api_reset();
foreach my $url (api_url(), "http://business-api.tiktok.com/", 'http://localhost/')
{
	run("ALTER SERVER mine OPTIONS (SET api_url '$url')")
	  if (run("ALTER SERVER mine OPTIONS (ADD api_url '$url')"))[1] ne '';
	is_error($scan, '42501', qr/HINT/, "plain http of a user's server, $url");
}
foreach my $host ('127.0.0.1', 'localhost', 'example.com', 'business-api.tiktok.com.example.com',
	'xbusiness-api.tiktok.com', '[::1]', '169.254.169.254')
{
	run("ALTER SERVER mine OPTIONS (SET api_url 'https://$host:$port/')");
	is_error($scan, '42501', qr/tiktok_fdw\.allowed_hosts/, "$host of a user's server");
}
is_deeply(api_log(), [], 'and nothing was sent');
is_error("SELECT tiktok.version();\nSET tiktok_fdw.allowed_hosts = '127.0.0.1';", '42501',
	qr/permission denied/, 'to set allowed_hosts oneself');
# before the library is loaded nobody knows whose setting it is
run("ALTER SERVER mine OPTIONS (SET api_url 'https://127.0.0.1:$port/')");
is_error("SET tiktok_fdw.allowed_hosts = '127.0.0.1';\n$scan", '42501', qr/tiktok_fdw\.allowed_hosts/,
	'to set it beforehand');
is_error("ALTER ROLE owner SET tiktok_fdw.allowed_hosts = '127.0.0.1';\nRESET ROLE;\n"
	. "SET SESSION AUTHORIZATION owner;\n$scan", '42501', qr/tiktok_fdw\.allowed_hosts|permission denied/,
	'to set it for the role');
is_error('ALTER SERVER mine OPTIONS (ADD ca_file \'/etc/passwd\')', '42501', qr/ca_file/, 'ca_file');
is_error('ALTER SERVER mine OPTIONS (ADD proxy \'http://127.0.0.1:3128\')', '42501', qr/proxy/, 'proxy');

# what a superuser put there and then gave away is checked when it is used
$node->safe_psql('postgres', "ALTER SERVER mine OPTIONS (SET api_url '" . api_url() . "')");
is_error($scan, '42501', qr/HINT/, 'plain http set by a superuser on a user\'s server');

# who uses a superuser's server uses its address, with a mapping of his own
$node->safe_psql('postgres', <<SQL);
GRANT USAGE ON FOREIGN SERVER tiktok TO reader;
GRANT USAGE ON SCHEMA ads TO reader;
GRANT SELECT ON ads.campaigns TO reader;
SQL
$scan = "SELECT count(campaign_name) FROM ads.campaigns WHERE advertiser_id = $account";
is_error($scan, '28000', qr/no user mapping of reader/, 'no user mapping', user => 'reader');
is_deeply(api_log(), [], 'nothing was sent');
run("CREATE USER MAPPING FOR reader SERVER tiktok OPTIONS (access_token '$token')", user => 'reader');
($out, $state) = run($scan, user => 'reader');
is("$state$out", '5', 'a mapping of one\'s own');
run('DROP USER MAPPING FOR reader SERVER tiktok', user => 'reader');

# ---- views and functions run with their owner's mapping ----------------------------------

$node->safe_psql('postgres', <<SQL);
CREATE VIEW public.owners AS SELECT count(campaign_name) FROM ads.campaigns WHERE advertiser_id = $account;
CREATE VIEW public.callers WITH (security_invoker) AS TABLE public.owners;
CREATE VIEW public.callers_own WITH (security_invoker) AS
	SELECT count(campaign_name) FROM ads.campaigns WHERE advertiser_id = $account;
CREATE FUNCTION public.owners_function() RETURNS bigint SECURITY DEFINER LANGUAGE sql
	AS 'SELECT count(campaign_name) FROM ads.campaigns WHERE advertiser_id = $account';
GRANT SELECT ON public.owners, public.callers, public.callers_own TO reader;
SQL
foreach my $sql ('TABLE public.owners', 'TABLE public.callers', 'SELECT public.owners_function()')
{
	($out, $state) = run($sql, user => 'reader');
	is("$state$out", '5', "$sql: with the owner's mapping");
}
is_error('TABLE public.callers_own', '28000', qr/no user mapping of reader/, 'the caller\'s own', user => 'reader');
is_error('PREPARE p AS TABLE public.callers_own; SET ROLE owner; EXECUTE p', '42501',
	qr/permission denied/, 'a plan that changes hands', user => 'reader');

# ---- redirects ------------------------------------------------------------------------

foreach my $status (301, 302, 303, 307, 308)
{
	api_reset();
	api_faults([{ match => {}, times => 0, action => { http_status => $status, body => '',
		headers => { Location => api_url() . 'campaign/get/?advertiser_id=' . $account } } }]);
	($out, $state, $err) = run($scan, super => 1);
	like($state, qr/^(HV000|08006)$/, "a redirect $status is an error");
	is(scalar @{ api_log() }, 1, "that is not followed");
}

# ---- what the API says is not believed -----------------------------------------------------

foreach my $message ("token $token and secret $secret are wrong", "x $token$token y", "\n$token")
{
	foreach my $code (40105, 40002, 50000, 99999)
	{
		api_reset();
		api_faults([{ match => {}, times => 0, action => { code => $code, message => $message } }]);
		run("SELECT count(campaign_name) FROM ads.campaigns", super => 1);
	}
}
api_reset();
api_faults([{ match => {}, times => 0, action => { text => "no JSON but $token" } }]);
run($scan, super => 1);
api_faults([{ match => {}, times => 0, action => { raw_base64 => encode_base64(
	qq({"code":40002,"message":"no","request_id":"$token"}), '') } }]);
run($scan, super => 1);
api_faults([{ match => {}, times => 0, action => { close => 'before' } }]);
run('SELECT * FROM ads.advertiser_ids', super => 1);
api_reset();

# ---- where secrets could show -----------------------------------------------------------------

run("EXPLAIN (VERBOSE, ANALYZE) SELECT * FROM ads.campaigns", super => 1);
run("EXPLAIN (VERBOSE, FORMAT json) SELECT * FROM ads.advertiser_ids", super => 1);
run("SELECT * FROM tiktok.check('tiktok')", super => 1);
run("SELECT * FROM tiktok.stat_requests()", super => 1);
run('SELECT query, backend_type, wait_event FROM pg_stat_activity', super => 1);
run("SELECT name, setting FROM pg_settings WHERE name LIKE 'tiktok%'", super => 1);
run("SELECT * FROM pg_backend_memory_contexts", super => 1);
run("SELECT umoptions FROM pg_user_mappings WHERE srvname = 'tiktok'", user => 'reader');

# while a request is under way
api_faults([{ match => { path => 'campaign/get' }, times => 1, action => { delay_ms => 1500 } }]);
my $background = $node->background_psql('postgres', on_error_stop => 0);
$background->query_until(qr/started/, "\\echo started\n$scan;\n");
ok( $node->poll_query_until(
		'postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%ads.campaigns%'"
		  . " AND state = 'active' AND pid <> pg_backend_pid() AND wait_event_type = 'Extension'"),
	'a request is under way, and waits as an extension');
run('SELECT * FROM pg_stat_activity', super => 1);
$background->quit;

like($said, qr/\Q***\E/, 'secrets in messages were there to be struck out');
ok($said !~ /that-nobody-may-see/, 'no secret in results, errors, EXPLAIN and views');
my $log = slurp_file($node->logfile);
# the statements of this test that set them; not those of a scan
$log = join("\n", grep { !/USER MAPPING/ } split(/\n/, $log));
like($log, qr/FOREIGNSCAN/, 'the log shows plans');
ok($log !~ /that-nobody-may-see/, 'no secret in the log and in plans');

$log = join("\n", map { $_->{ua} } @{ api_log() });
unlike($log, qr/that-nobody-may-see/, 'no secret in the user agent');

# ---- TLS -----------------------------------------------------------------------------------

my ($certificate, $key, $ca) = tls_files();
my $plain = $api;
my $tls = api_start('--tls', $certificate, $key);
like(api_url(), qr/^https:/, 'an API with TLS');
my ($tls_port) = api_url() =~ /:(\d+)/;
$node->safe_psql('postgres', <<SQL);
CREATE SERVER tls FOREIGN DATA WRAPPER tiktok_fdw
	OPTIONS (api_url '${\ api_url() }', rate_limit '1000', max_retries '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER tls OPTIONS (access_token '$TOKEN');
CREATE SCHEMA tls;
IMPORT FOREIGN SCHEMA tiktok LIMIT TO (campaigns) FROM SERVER tls INTO tls;
SQL
my $tls_scan = "SELECT count(campaign_name) FROM tls.campaigns WHERE advertiser_id = $account";
is_error($tls_scan, '08006', qr/TLS.*certificate.*HINT:  .*ca_file/s, 'a CA that nobody knows', super => 1);
is_deeply(api_log(), [], 'nothing was sent');
$node->safe_psql('postgres', "ALTER SERVER tls OPTIONS (ADD ca_file '$ca')");
($out, $state, $err) = run($tls_scan, super => 1);
is("$state$out", '5', 'the CA of ca_file');
$node->safe_psql('postgres', "ALTER SERVER tls OPTIONS (SET api_url 'https://localhost:$tls_port/open_api/v1.3/')");
($out, $state, $err) = run($tls_scan, super => 1);
is("$state$out", '5', 'by name');
is_deeply(api_violations(), [], 'as documented');

# a certificate of another host: an address that 127.0.0.1's does not cover
$node->safe_psql('postgres', "ALTER SERVER tls OPTIONS (SET api_url 'https://127.0.0.2:$tls_port/open_api/v1.3/')");
is((run($tls_scan, super => 1))[1], '08006', 'a certificate of another host');
$node->safe_psql('postgres', "ALTER SERVER tls OPTIONS (SET ca_file '/no/such/file')");
is((run($tls_scan, super => 1))[1], '08006', 'a ca_file that is not there');
$node->safe_psql('postgres', "ALTER SERVER tls OPTIONS (SET ca_file '$certificate', SET api_url 'https://127.0.0.1:$port/')");
is((run($tls_scan, super => 1))[1], '08006', 'a server that speaks no TLS');

# a user's server may go where a superuser allows it
$node->safe_psql('postgres', "ALTER SERVER tls OPTIONS (SET ca_file '$ca', SET api_url 'https://localhost:$tls_port/open_api/v1.3/')");
is((run($tls_scan, super => 1))[1], '', 'a superuser\'s server');
$node->safe_psql('postgres', <<SQL);
ALTER SERVER tls OWNER TO owner;
GRANT USAGE ON SCHEMA tls TO owner;
GRANT SELECT ON tls.campaigns TO owner;
CREATE USER MAPPING FOR owner SERVER tls OPTIONS (access_token '$TOKEN');
SQL
is_error($tls_scan, '42501', qr/ca_file.*needs a server that a superuser owns/s, 'a ca_file that came with it');
$node->safe_psql('postgres', 'ALTER SERVER tls OPTIONS (DROP ca_file)');
is_error($tls_scan, '42501', qr/allowed_hosts/, 'a host that is not allowed');
$node->append_conf('postgresql.conf', "tiktok_fdw.allowed_hosts = 'business-api.tiktok.com, localhost'\n");
$node->reload;
ok($node->poll_query_until('postgres', "SELECT current_setting('tiktok_fdw.allowed_hosts') LIKE '%localhost'"),
	'a superuser allows it');
# without ca_file it is asked as far as its certificate
is_error($tls_scan, '08006', qr/TLS.*localhost/s, 'then it is asked');

unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP:/, 'nothing crashed');
$node->stop;
done_testing();
