
# TiktokTest: a server with tiktok_fdw and a TikTok API of its own for a TAP test.
#
#   use FindBin;
#   use lib $FindBin::Bin;
#   use TiktokTest;
#   use Test::More;
#
#   my $api = api_start('--scale', 'small');    # ends with the test
#   my $node = new_node('main');                # a started cluster
#   setup_fdw($node, page_size => 10);          # extension, server, mapping, tables
#   api_faults([ ... ]);
#   is($node->safe_psql('postgres', 'SELECT ...'), ...);
#   is_deeply(api_violations(), [], 'asked as documented');
#
# The functions api_… speak to the API that was started last; api_start returns
# an object with the same as methods (url, log, violations, faults, reset, stop)
# for tests with more than one.
#
# The extension is found as everywhere: through what the environment's
# TEMP_CONFIG says (test/check.sh), or installed (make installcheck).

package TiktokTest;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use HTTP::Tiny;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(
  api_start api_stop api_url api_log api_violations api_stats
  api_faults api_settings api_mutate api_reset
  new_node setup_fdw new_app sql_literal tls_files $TOKEN $APP_ID $SECRET $TODAY %ONE_SERIES
);

# Server options with which a list of campaigns, ad groups or ads is one request
# series, and has no rows of few columns: for tests of paging and faults.
our %ONE_SERIES = (buying_types => 'AUCTION,RESERVATION_RF', include_promote => 'false');

# What the local API accepts, and the day that its calendar shows.
our $TOKEN = 'local-access-token';
our $APP_ID = '7000000000000000001';
our $SECRET = 'local-secret';
our $TODAY = '2026-06-30';

my $script = abs_path(dirname(__FILE__) . '/../api/tiktok_api.py');
my @apis;
my $apps = 0;

# ---- the API -------------------------------------------------------------

# Starts a local API on a free port and returns when it listens. Arguments go
# to the program; without --today and --scale they are $TODAY and small.
sub api_start
{
	my @args = @_;
	my %given = map { $_ => 1 } @args;

	unshift @args, '--today', $TODAY unless $given{'--today'};
	unshift @args, '--scale', 'small' unless $given{'--scale'};

	my $errors = "$PostgreSQL::Test::Utils::log_path/api_" . (@apis + 1) . '.log';
	pipe(my $reader, my $writer) or die "pipe: $!";
	pipe(my $stdin, my $holder) or die "pipe: $!";
	my $pid = fork();
	die "fork: $!" unless defined $pid;
	if ($pid == 0)
	{
		open(STDIN, '<&', $stdin);
		open(STDOUT, '>&', $writer);
		open(STDERR, '>', $errors);
		close($_) foreach ($reader, $holder);
		exec($ENV{PYTHON} // 'python3', $script, '--port', '0', '--exit-with-stdin', @args)
		  or POSIX::_exit(127);
	}
	close($_) foreach ($writer, $stdin);
	# it ends when we do, even by kill -9: nobody holds its stdin open then
	my $self =
	  bless { pid => $pid, reader => $reader, holder => $holder }, 'TiktokTest::API';
	push @apis, $self;
	while (my $line = <$reader>)
	{
		if ($line =~ m{listening on (https?://\S+)})
		{
			$self->{url} = $1;
			return $self;
		}
	}
	die "the local API did not start:\n" . slurp_file($errors);
}

sub api_stop { return current()->stop }
sub api_url { return current()->url }
sub api_log { return current()->log(@_) }
sub api_violations { return current()->violations }
sub api_stats { return current()->stats }
sub api_faults { return current()->faults(@_) }
sub api_settings { return current()->settings(@_) }
sub api_mutate { return current()->mutate(@_) }
sub api_reset { return current()->reset(@_) }

sub current
{
	die "no API was started: call api_start() first" unless @apis;
	return $apis[-1];
}

END
{
	# the exit status is the test's, not that of waitpid
	my $status = $?;
	$_->stop foreach @apis;
	$? = $status;
}

# ---- the server ----------------------------------------------------------

# A started cluster. Options: conf => lines for postgresql.conf, start => 0 to
# only initialise it, and what PostgreSQL::Test::Cluster's init takes.
sub new_node
{
	my ($name, %options) = @_;
	my $conf = delete $options{conf};
	my $start = delete $options{start} // 1;

	my $node = PostgreSQL::Test::Cluster->new($name // 'main');
	$node->init(extra => [ '--encoding=UTF8', '--locale=C' ], %options);
	$node->append_conf('postgresql.conf', $conf) if defined $conf;
	$node->start if $start;
	return $node;
}

# Extension, server "tiktok", user mapping for the superuser and schema "ads"
# with the tables. Options are the server's (undef leaves one out; api_url is
# the API's unless given), but for those that begin with a minus:
#   -db => 'postgres', -schema => 'ads', -server => 'tiktok',
#   -mapping => { access_token => …, … },
#   -import => [ streams ] (default: all; [] imports none),
#   -import_options => { metrics => 'all' }
sub setup_fdw
{
	my ($node, %options) = @_;
	my $db = delete $options{-db} // 'postgres';
	my $schema = delete $options{-schema} // 'ads';
	my $server = delete $options{-server} // 'tiktok';
	my $import = delete $options{-import};
	my $import_options = delete $options{-import_options};
	my $mapping = delete $options{-mapping}
	  // { access_token => $TOKEN, app_id => $APP_ID, secret => $SECRET };

	$options{api_url} = api_url() unless exists $options{api_url};

	my $sql = "CREATE EXTENSION IF NOT EXISTS tiktok_fdw;\n"
	  . "CREATE SERVER $server FOREIGN DATA WRAPPER tiktok_fdw"
	  . option_list(\%options) . ";\n"
	  . "CREATE USER MAPPING FOR CURRENT_USER SERVER $server"
	  . option_list($mapping) . ";\n"
	  . "CREATE SCHEMA IF NOT EXISTS $schema;\n";

	if (!defined $import || @$import)
	{
		my $limit = defined $import ? ' LIMIT TO (' . join(', ', @$import) . ')' : '';

		$sql .= "IMPORT FOREIGN SCHEMA tiktok$limit FROM SERVER $server INTO $schema"
		  . option_list($import_options // {}) . ";\n";
	}
	$node->safe_psql($db, $sql);
	return;
}

# SQL after which the user's requests to these servers are those of an app that
# was not there before: of it, no request has timed out. Not for lists of accounts.
sub new_app
{
	my @servers = @_ ? @_ : 'tiktok';

	$apps++;
	return join '', map { "ALTER USER MAPPING FOR CURRENT_USER SERVER $_ OPTIONS (SET app_id '$apps');\n" } @servers;
}

# " OPTIONS (name 'value', …)", or nothing
sub option_list
{
	my ($options) = @_;
	my @list = map { "$_ " . sql_literal($options->{$_}) }
	  grep { defined $options->{$_} } sort keys %$options;

	return @list ? ' OPTIONS (' . join(', ', @list) . ')' : '';
}

# Certificates for api_start('--tls', …): the paths of one that a CA of the
# test's own has signed for localhost and 127.0.0.1, of its key, and of the CA.
sub tls_files
{
	my $dir = PostgreSQL::Test::Utils::tempdir('tls');
	my @request = ('openssl', 'req', '-newkey', 'rsa:2048', '-nodes', '-batch');

	append_to_file("$dir/extensions",
		"subjectAltName = DNS:localhost, IP:127.0.0.1\nbasicConstraints = CA:FALSE\n");
	run_log([
		@request, '-x509', '-days', '2', '-subj', '/CN=test CA',
		'-keyout', "$dir/ca.key", '-out', "$dir/ca.crt" ])
	  or die 'openssl could not make a CA';
	run_log([
		@request, '-subj', '/CN=localhost', '-keyout', "$dir/server.key",
		'-out', "$dir/server.csr" ])
	  or die 'openssl could not make a request';
	run_log([
		'openssl', 'x509', '-req', '-days', '2', '-in', "$dir/server.csr",
		'-CA', "$dir/ca.crt", '-CAkey', "$dir/ca.key", '-CAcreateserial',
		'-extfile', "$dir/extensions", '-out', "$dir/server.crt" ])
	  or die 'openssl could not sign';
	return ("$dir/server.crt", "$dir/server.key", "$dir/ca.crt");
}

# A string as an SQL literal.
sub sql_literal
{
	my ($value) = @_;

	$value =~ s/'/''/g;
	return $value =~ /\\/ ? 'E' . "'" . ($value =~ s/\\/\\\\/gr) . "'" : "'$value'";
}

# ---- one API -------------------------------------------------------------

package TiktokTest::API;

# What the option api_url takes.
sub url
{
	my ($self) = @_;
	return $self->{url};
}

# The requests since the start or the last reset, as the API saw them; with a
# regular expression, those whose path matches it.
sub log
{
	my ($self, $pattern) = @_;
	my $log = $self->control('GET', 'log');

	return $log unless defined $pattern;
	return [ grep { $_->{path} =~ $pattern } @$log ];
}

# The rules of the API's documentation that a request broke.
sub violations
{
	my ($self) = @_;
	return $self->control('GET', 'violations');
}

# requests, violations, peak_concurrency, today
sub stats
{
	my ($self) = @_;
	return $self->control('GET', 'stats');
}

# Faults to come (test/api/faults.py has them): a list.
sub faults
{
	my ($self, $faults) = @_;
	return $self->control('POST', 'faults', $faults);
}

# latency => milliseconds, qps => requests per second
sub settings
{
	my ($self, %settings) = @_;
	return $self->control('POST', 'settings', \%settings);
}

# Changes of the accounts' data: one, or a list.
sub mutate
{
	my ($self, $changes) = @_;
	return $self->control('POST', 'mutate', $changes);
}

# No log, no violations, no faults; data => 1: and no changes.
sub reset
{
	my ($self, %options) = @_;
	return $self->control('POST', 'reset', \%options);
}

sub stop
{
	my ($self) = @_;
	my $pid = delete $self->{pid} // return;

	kill 'TERM', $pid;
	waitpid($pid, 0);
	close($self->{$_}) foreach qw(reader holder);
	return;
}

sub control
{
	my ($self, $method, $what, $content) = @_;
	my ($origin) = $self->{url} =~ m{^(https?://[^/]+)};
	$content = JSON::PP->new->canonical->encode($content) if ref $content;
	my %options = defined $content
	  ? (content => $content, headers => { 'Content-Type' => 'application/json' })
	  : ();
	my $url = "$origin/_control/$what";

	return $self->control_tls($method, $url, $content) if $origin =~ /^https/;

	my $reply = HTTP::Tiny->new(timeout => 60)->request($method, $url, \%options);
	die "$method $url: $reply->{status} $reply->{content}" unless $reply->{success};
	return length($reply->{content} // '') ? decode($reply->{content}) : undef;
}

# Perl's core speaks no TLS; Python does, and is there because the API is.
sub control_tls
{
	my ($self, $method, $url, $content) = @_;
	my $program = <<'PYTHON';
import ssl, sys, urllib.request
method, url, content = sys.argv[1:]
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
request = urllib.request.Request(url, method=method, data=content.encode() or None)
sys.stdout.write(urllib.request.urlopen(request, context=context).read().decode())
PYTHON
	open(my $out, '-|', $ENV{PYTHON} // 'python3', '-c', $program, $method, $url,
		$content // '')
	  or die "python3: $!";
	my $reply = do { local $/; <$out> };
	close($out) or die "$method $url failed";
	return length($reply) ? decode($reply) : undef;
}

sub decode
{
	my ($json) = @_;
	my $value = eval { JSON::PP->new->utf8->allow_nonref->decode($json) };
	return defined $value ? $value : $json;
}

1;
