# TiktokClient: programs of test/clients/ that use a database as others do.
#
#   my $python = client_python('psycopg2') or plan skip_all => '…';
#   my $node = client_node();         # two accounts' tables, in pages of 50 rows
#   my $saw = run_client($python, 'psycopg.py', $conninfo, 'whole');  # what it printed, JSON
#   same_rows($saw->{rows}, [ daily_rows('2026-06-01', '2026-06-29') ], 'June');
#   my @rows = expected_rows('campaigns', 'campaign_id:bigint', …);   # as lists of values
#
# What is expected is computed by test/api/expected.py, without HTTP.

package TiktokClient;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use TiktokTest;

our @EXPORT = qw(client_python client_java client_nodejs client_runs client_node run_client same_rows wrong_days daily_rows expected_rows
  $ACCOUNT $CONCURRENCY);

# the account that the programs ask for; requests in flight at most
our $ACCOUNT = '7002238017842757633';
our $CONCURRENCY = 4;

my $test = abs_path(dirname(__FILE__) . '/..');

# A server with the tables that the programs read; more options as of setup_fdw().
sub client_node
{
	my (%options) = @_;
	# some speak TCP only
	my $node = TiktokTest::new_node('main', conf => "listen_addresses = '127.0.0.1'\n");

	TiktokTest::setup_fdw($node, rate_limit => 1000, page_size => 50, concurrency => $CONCURRENCY,
		%TiktokTest::ONE_SERIES, -import => [ 'ads_reports_daily', 'campaigns', 'creative_assets_videos' ],
		%options);
	return $node;
}

# The Python that has these modules; undef: none.
sub client_python
{
	my @modules = @_;
	my $python = $ENV{PYTHON} // 'python3';

	return client_runs($python, '-c', 'import ' . join(', ', @modules)) ? $python : undef;
}

# The command that runs a class of test/clients/Jdbc.java with PostgreSQL's driver
# (TT_JDBC: another jar than Debian's); undef: there is no compiler or no driver.
sub client_java
{
	my ($driver) = grep { -e } $ENV{TT_JDBC} || (), '/usr/share/java/postgresql.jar';
	my $classes = PostgreSQL::Test::Utils::tempdir('classes');

	return unless $driver && client_runs('javac', '-d', $classes, "$test/clients/Jdbc.java");
	return [ 'java', '-XX:TieredStopAtLevel=1', '-cp', "$classes:$driver", 'Jdbc' ];
}

# The interpreter, if it finds node-postgres (TT_NODE_PATH: where else it may be).
sub client_nodejs
{
	$ENV{NODE_PATH} = join ':', $ENV{TT_NODE_PATH} || (), '/usr/share/nodejs';
	return client_runs('node', '-e', 'require("pg"); require("pg-cursor")') ? 'node' : undef;
}

# Whether a command succeeds.
sub client_runs
{
	my @command = @_;
	my ($out, $err) = ('', '');

	return eval { IPC::Run::run(\@command, '<', '/dev/null', '>', \$out, '2>', \$err) };
}

# Runs an interpreter with a program of test/clients and arguments; what it
# printed, decoded.  Dies with what it said if it failed.
sub run_client
{
	my ($interpreter, $program, @args) = @_;
	my @interpreter = ref $interpreter ? @$interpreter : $interpreter;
	my ($out, $err) = ('', '');
	my @program = defined $program ? "$test/clients/$program" : ();

	IPC::Run::run([ @interpreter, @program, @args ], '<', '/dev/null', '>', \$out, '2>', \$err,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default))
	  or die "@interpreter @program @args: $err$out";
	return JSON::PP->new->utf8->allow_bignum->decode($out);
}

# Whether rows, each an id, a day and an amount, are those that are expected, in any order.
sub same_rows
{
	my ($got, $expected, $what) = @_;
	my @lines = map { [ sort map { join ' ', $_->[0], $_->[1], $_->[2] + 0 } @$_ ] } $got, $expected;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is_deeply(@lines, $what . ' (' . @{ $lines[1] } . ' rows)');
}

# ads_reports_daily of the account: ad, day, spend, campaign.
sub daily_rows
{
	my ($from, $to) = @_;

	return expected_rows('ads_reports_daily',
		'ad_id:bigint,stat_time_day:date,spend:numeric,campaign_id:bigint',
		'--accounts', $ACCOUNT, '--from', $from, '--to', $to);
}

# Of 14 days from 2026-06-10 on, those of which not the expected rows came.
sub wrong_days
{
	my ($runs, @expected) = @_;
	my $line = sub { return join ' ', $_[0][0], $_[0][1], $_[0][2] + 0 };

	return grep {
		my $day = sprintf('2026-06-%02d', 10 + $_);
		join("\n", sort map { $line->($_) } @{ $runs->[$_] }) ne
		  join("\n", sort map { $line->($_) } grep { $_->[1] eq $day } @expected)
	} 0 .. 13;
}

# Rows of a table as test/api/expected.py computes them.  No value may have a comma.
sub expected_rows
{
	my ($stream, $columns, @options) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run(
		[
			$ENV{PYTHON} // 'python3', "$test/api/expected.py", '--stream', $stream,
			'--columns', $columns, '--today', $TiktokTest::TODAY, '--include-promote', $TiktokTest::ONE_SERIES{include_promote},
		'--buying-types', $TiktokTest::ONE_SERIES{buying_types}, @options ],
		'<', '/dev/null', '>', \$out, '2>', \$err)
	  or die "expected.py: $err";
	my (undef, @lines) = split /\n/, $out;
	return map { [ split /,/, $_, -1 ] } @lines;
}

1;
