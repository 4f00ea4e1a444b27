
# pg_dump of a database with snapshots, by its owner, who is no superuser, and
# what each way of restoring leaves of the registry: all of it, or all but the
# snapshots whose tables are not restored.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use POSIX qw(strftime);
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'it is almost midnight in UTC' if strftime('%H:%M', gmtime) =~ /^23:5/;
api_start('--today', strftime('%Y-%m-%d', gmtime));
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, advertiser_ids => '7002238017842757633',
	-import => [qw(campaigns campaigns_reports_daily)]);
my $dir = PostgreSQL::Test::Utils::tempdir();

sub ask
{
	my ($sql, $db) = @_;
	return $node->safe_psql($db // 'postgres', $sql);
}

sub as_owner
{
	my ($sql, $db) = @_;
	return ask("SET ROLE keeper; $sql", $db);
}

# what is registered; of one snapshot if it is named
sub state_of
{
	my ($db, $condition) = @_;
	$condition //= 'true';
	return ask(qq{SELECT x FROM (
		SELECT target::text, source, since, attribution_window, watermark, rows, columns::text, last_refresh::text
		FROM tiktok.snapshots UNION ALL
		SELECT target::text, NULL, since, NULL, watermark, advertiser_id, read_on::text, last_refresh::text
		FROM tiktok.snapshot_accounts UNION ALL
		SELECT target::text, status, NULL, pid, NULL, run, inserted::text, ended::text
		FROM tiktok.snapshot_runs) AS x WHERE $condition ORDER BY x::text}, $db);
}

my $dumps = 0;
my $backwards = 0;
sub dump_by
{
	my ($role, $name, @options) = @_;
	my $file = "$dir/" . ++$dumps;
	$node->command_ok([ 'pg_dump', '-U', $role, '-Fc', '-f', $file, '-d', $node->connstr('postgres'), @options ],
		"$name: dumped");
	return $file;
}

# into a database of that name; what pg_restore says. Not the user mappings: the
# tokens of others are hidden from the owner, so that none stands in the dump.
sub restore
{
	my ($file, $db, @options) = @_;
	unless (ask("SELECT 1 FROM pg_database WHERE datname = '$db'"))
	{
		ask("CREATE DATABASE $db OWNER keeper");
		# oids that are not those of the other database
		ask('CREATE TABLE public.a(); CREATE TABLE public.b(); DROP TABLE public.a, public.b', $db);
	}
	my ($list) = run_command([ 'pg_restore', '-l', $file ]);
	my @entries = grep { !/ USER MAPPING / } split /\n/, $list;
	# as a restore in parallel may do it
	@entries = ((grep { !/ TABLE DATA / } @entries), reverse grep { / TABLE DATA / } @entries)
	  if $backwards;
	unlink "$dir/list";
	append_to_file("$dir/list", join("\n", @entries) . "\n");
	my ($out, $err);
	my $ok = IPC::Run::run([ 'pg_restore', '-h', $node->host, '-p', $node->port, '-d', $db, '-L', "$dir/list", @options, $file ],
		'>', \$out, '2>', \$err);
	ask("CREATE USER MAPPING FOR keeper SERVER tiktok OPTIONS (access_token '$TOKEN')", $db)
	  if ask(q{SELECT count(*) FROM pg_foreign_server WHERE srvname = 'tiktok'
		AND NOT EXISTS (SELECT FROM pg_user_mappings)}, $db);
	return ($ok, $err);
}

sub restored
{
	my ($name, $file, $db, @options) = @_;
	my ($ok, $err) = restore($file, $db, '-e', @options);
	ok($ok, "$name: restored") or diag($err);
	return;
}

ask(qq{CREATE ROLE keeper LOGIN; CREATE ROLE reader LOGIN;
	ALTER DATABASE postgres OWNER TO keeper;
	CREATE SCHEMA mart AUTHORIZATION keeper; CREATE SCHEMA "Ma rt" AUTHORIZATION keeper;
	GRANT USAGE ON SCHEMA ads TO keeper; GRANT SELECT ON ALL TABLES IN SCHEMA ads TO keeper;
	CREATE USER MAPPING FOR keeper SERVER tiktok OPTIONS (access_token '$TOKEN')});
as_owner(q{SELECT tiktok.materialize('ads.campaigns', 'mart.' || t) FROM unnest(ARRAY['a', 'b', 'gone', 'reborn']) AS t;
	SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.days', since => current_date - 40,
		partition_by => 'month', attribution_window => 3)});
as_owner(q{CALL tiktok.refresh('mart.days')});

# ---- the owner of the database ---------------------------------------------------

# tables that were dropped, of one of which the name is another's now, and one
# that was renamed, twice, since anybody looked at its snapshot
as_owner(q{DROP TABLE mart.gone, mart.reborn; CREATE TABLE mart.reborn (x integer);
	ALTER TABLE mart.b RENAME TO "B; 'b""'"; ALTER TABLE mart."B; 'b""'" SET SCHEMA "Ma rt"});
my $before = state_of('postgres');
unlike($before, qr/gone|reborn/, 'what is dropped is not registered');
my $all = dump_by('keeper', 'by the owner');
restored('all', $all, 'all_of_it');
is(state_of('all_of_it'), $before, 'with names of that moment');
as_owner(q{CALL tiktok.refresh('mart.days')}, 'all_of_it');
api_reset();
is(as_owner(q{SELECT inserted, updated, deleted FROM tiktok.materialize('ads.campaigns_reports_daily', 'mart.days')},
		'all_of_it'), '0|0|0', 'a refresh goes on');
my ($first) = sort map { $_->{params}{start_date} } @{ api_log('report') };
is($first, ask(q{SELECT watermark - 3 FROM tiktok.snapshots WHERE target = 'mart.days'::regclass}), 'from its watermark');
is(as_owner(q{CALL tiktok.refresh_all()}, 'all_of_it'), '', 'the renamed one, too');
is(ask('SELECT count(*) = count(DISTINCT run) FROM tiktok.snapshot_runs', 'all_of_it'), 't', 'runs are numbered on');
restored('in parallel', $all, 'parallel', '-j', 3);
is(state_of('parallel'), $before, 'in whatever order');
$backwards = 1;
restored('the last table first', $all, 'backwards');
is(state_of('backwards'), $before, 'in the order that is worst');
$backwards = 0;
ask('GRANT CONNECT ON DATABASE postgres TO reader; GRANT pg_read_all_data TO reader');
restored('by a reader of everything', dump_by('reader', 'by a reader'), 'by_reader');
is(state_of('by_reader'), $before, 'as well');

# the registry stays closed for anybody else
ask('REVOKE pg_read_all_data FROM reader; CREATE ROLE deputy LOGIN IN ROLE keeper');
foreach my $table (qw(_snapshot _snapshot_account _snapshot_run _snapshot_run_run_seq))
{
	my $can = sub { return ask("SELECT has_table_privilege('$_[0]', 'tiktok.$table', '$_[1]')") };

	is($can->('reader', 'SELECT') . $can->('keeper', 'SELECT') . $can->('deputy', 'SELECT'), 'ftt',
		"$table is read by the owner of the database");
	is($can->('keeper', 'INSERT, UPDATE, DELETE, TRUNCATE'), 'f', 'and written by nobody');
}

# ---- without some of the tables -----------------------------------------------------

# pg_restore shows no warning without -v, the server's log does
sub missing
{
	my ($from) = @_;
	return join(' ', sort(slurp_file($node->logfile, $from) =~ /WARNING:  table (.*) does not exist/g));
}

my $log = -s $node->logfile;
restored('without a table', dump_by('keeper', 'without a table', '-T', 'mart.a'), 'without_one');
is(missing($log), 'mart.a', 'that is said, once');
is(state_of('without_one'), state_of('postgres', q{target <> 'mart.a'}), 'it costs its own registration');
$log = -s $node->logfile;
restored('without two', dump_by('keeper', 'without two', '-T', 'mart.a', '-T', '"Ma rt".*'), 'without_two');
is(missing($log), q{"Ma rt"."B; 'b""'" mart.a}, 'both are named');
is(state_of('without_two'), state_of('postgres', q{target = 'mart.days'}), 'they cost theirs');
is(as_owner(q{CALL tiktok.refresh('mart.days')}, 'without_two'), '', 'the others go on');
is(ask(q{SELECT (SELECT count(*) FROM tiktok._snapshot), (SELECT count(*) FROM tiktok._snapshot_account),
	(SELECT count(DISTINCT snapshot) FROM tiktok._snapshot_run)}, 'without_two'), '1|1|1', 'and nothing stays behind');
is(as_owner(q{SELECT inserted > 0, updated FROM tiktok.materialize('ads.campaigns', 'mart.a')}, 'without_two'),
	't|0', 'one that was missing begins anew');
restored('as INSERTs', dump_by('keeper', 'as INSERTs', '-T', 'mart.a', '--inserts'), 'inserts');
is(state_of('inserts'), state_of('without_one'), 'likewise');

# ---- parts ----------------------------------------------------------------------------

restored('the schema', dump_by('keeper', 'the schema', '--schema-only'), 'parts');
is(state_of('parts'), '', 'has no state: its tables are empty');
restored('the data', dump_by('keeper', 'the data', '--data-only'), 'parts', '--disable-triggers');
is(state_of('parts'), $before, 'have it');
ask('CREATE DATABASE one_schema OWNER keeper');
ask('CREATE EXTENSION tiktok_fdw', 'one_schema');
restored('one schema', dump_by('keeper', 'one schema', '-n', 'mart'), 'one_schema');
is(state_of('one_schema'), '', 'is tables without the extension');

# ---- the owner restores -----------------------------------------------------------------

ask('CREATE DATABASE by_owner OWNER keeper');
ask('CREATE EXTENSION tiktok_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER tiktok_fdw TO keeper', 'by_owner');
my (undef, $err) = restore($all, 'by_owner', '-U', 'keeper', '-x', '--no-owner');
like($err, qr/permission denied for table _snapshot/, 'the owner restores all but the registry');
is(ask('SELECT count(*) > 0 FROM mart.days', 'by_owner') . state_of('by_owner'), 't', 'tables, that is');
restored('the registry', $all, 'by_owner', '--data-only', '-n', 'tiktok');
is(state_of('by_owner'), $before, 'which a superuser adds');

# ---- the type ---------------------------------------------------------------------------

is(ask(q{SET search_path = "Ma rt", mart; SET client_min_messages = error;
	SELECT string_agg(t::tiktok._target::text, ' ') FROM unnest(ARRAY['"Ma rt"."B; ''b""''"', 'days', 'no.where', 'mart.none', '-']) AS t}),
	q{"Ma rt"."B; 'b""'" mart.days - - -}, 'a target is written with its schema, and read whether it is there or not');
is_deeply(api_violations(), [], 'asked as documented');

done_testing();
