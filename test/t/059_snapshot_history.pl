
# What snapshots remember: after thirty refreshes with campaigns that are renamed,
# get another budget, are deleted, vanish and come back, each past state is what
# test/api/expected.py says the API had then, and changes played on an empty table
# give the target; switched on and off, dumped, with whose rights, after errors;
# and links that are over.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use POSIX qw(strftime);
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'it is almost midnight in UTC' if strftime('%H:%M', gmtime) =~ /^23:5/;
my $today = strftime('%Y-%m-%d', gmtime);
my @accounts = qw(7002238017842757633 7030219640413208578);
my $rounds = $ENV{TT_SOAK} ? 300 : 30;

srand(20261126);
api_start('--today', $today);
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, advertiser_ids => join(',', @accounts),
	-import => [qw(campaigns campaigns_reports_daily creative_assets_videos)]);

my $db = 'postgres';
sub ask { return $node->safe_psql($db, "SET client_min_messages = warning; $_[0]"); }

sub fails
{
	my ($sql, $pattern, $name) = @_;
	my ($rc, undef, $err) = $node->psql($db, "\\set VERBOSITY verbose\n$sql", on_error_stop => 1);
	ok($rc != 0 && $err =~ $pattern, $name) or diag("$rc: $err");
	return;
}

# inserted|updated|deleted
sub materialize
{
	my ($stream, $target, $more) = @_;
	return ask("SELECT inserted, updated, deleted FROM tiktok.materialize('ads.$stream', '$target'" . ($more // '') . ')');
}

# Rows that are in one of two queries only.
sub differences
{
	my ($one, $two) = @_;
	return ask("WITH a AS MATERIALIZED ($one), b AS MATERIALIZED ($two)
		SELECT (SELECT count(*) FROM (TABLE a EXCEPT ALL TABLE b) AS x)
			+ (SELECT count(*) FROM (TABLE b EXCEPT ALL TABLE a) AS y), (SELECT count(*) > 0 FROM a)");
}

# The changes of a target, played on an empty table in the order of the moments.
sub replay
{
	my ($target) = @_;
	ask(qq{DROP TABLE IF EXISTS replayed; CREATE TABLE replayed (LIKE $target INCLUDING INDEXES);
		DO \$\$
		DECLARE c record; keys text := (SELECT string_agg(format('%1\$I = (\$1).%1\$I', k), ' AND ')
			FROM tiktok.snapshots, unnest(key_columns) AS k WHERE target = '$target'::regclass);
		BEGIN
			FOR c IN SELECT old, new FROM ${target}_changes ORDER BY at LOOP
				EXECUTE 'DELETE FROM replayed WHERE ' || keys
					USING jsonb_populate_record(NULL::replayed, coalesce(c.old, c.new));
				INSERT INTO replayed SELECT (jsonb_populate_record(NULL::replayed, c.new)).* WHERE c.new IS NOT NULL;
			END LOOP;
		END \$\$});
	return differences('SELECT r::text FROM replayed AS r', "SELECT t::text FROM $target AS t");
}

ask(q{CREATE SCHEMA mart; CREATE ROLE reader; CREATE ROLE stranger; GRANT USAGE ON SCHEMA mart TO reader, stranger});

# ---- thirty refreshes --------------------------------------------------------------

ask(q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.c', history => true, changes => true);
	SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.d', since => current_date - 40,
		partition_by => 'month', changes => true)});
ask(q{CALL tiktok.refresh('mart.c'); CALL tiktok.refresh('mart.d')});
my @campaigns = map { [ split /\|/ ] } split /\n/, ask('SELECT advertiser_id, campaign_id FROM mart.c');
my %state;       # campaign → what was done to it
is(scalar(@campaigns), 9, 'campaigns to change');
my @moments = (ask('SELECT clock_timestamp()'));
my $dir = PostgreSQL::Test::Utils::tempdir();
my @files;

sub told
{
	my @changes = map { @{ $state{$_} } } sort keys %state;
	push @files, "$dir/" . @files . '.json';
	append_to_file($files[-1], JSON::PP->new->encode(\@changes));	# bytes are UTF-8 already
	return @changes;
}

told();
for my $i (1 .. $rounds)
{
	# up to three of them at once
	for (0 .. int(rand(3)))
	{
		my ($account, $id) = @{ $campaigns[ int(rand(@campaigns)) ] };
		my %what = (advertiser_id => $account, kind => 'campaign', id => $id, touch => JSON::PP::false);
		my @was = grep { $_->{op} !~ /vanish|delete/ } @{ $state{$id} // [] };
		my @all = ({ %what, op => 'rename', name => "Nämé '$i' \\ \"$id\"" },
			{ %what, op => 'set', fields => { budget => 100 + $i } },
			{ %what, op => 'set', fields => { operation_status => $i % 2 ? 'DISABLE' : 'ENABLE' } },
			{ %what, op => 'delete' }, { %what, op => 'vanish' }, { %what, op => 'vanish' });
		# what was gone comes back, as it was
		$state{$id} = @was < @{ $state{$id} // [] } ? \@was : [ @was, $all[ int(rand(@all)) ] ];
	}
	api_reset(data => 1);
	api_mutate([ told(), { op => 'restate', advertiser_id => $accounts[0], percent => 100 + $i,
		from => strftime('%Y-%m-%d', gmtime(time - 86400)), to => $today } ]);
	push @moments, ask(q{CALL tiktok.refresh('mart.c'); SELECT clock_timestamp();}
		  . ($i % 10 == 0 ? q{CALL tiktok.refresh('mart.d')} : ''));
}

my $columns = ask(q{SELECT string_agg(quote_ident(name), ', ' ORDER BY attnum) FROM tiktok._source_columns('ads.campaigns')});
my $types = ask(q{SELECT string_agg(c.name || ':' || c.type, ',' ORDER BY k.attnum) FROM tiktok.stream_columns AS c
	JOIN tiktok._source_columns('ads.campaigns') AS k ON k.name = c.name WHERE c.stream = 'campaigns'});
run_log([ $ENV{PYTHON} // 'python3', '-c', <<'PYTHON', "$FindBin::Bin/../api", '--stream', 'campaigns', '--columns', $types, '--accounts', join(',', @accounts), '--today', $today, '--scale', 'small', @files ])
import re, sys
sys.path.insert(0, sys.argv[1])
import expected
options = [a for a in sys.argv[2:] if not a.endswith('.json')]
for file in sys.argv[2 + len(options):]:
    with open(re.sub('json$', 'csv', file), 'w', encoding='utf-8', newline='\n') as out:
        expected.main([*options, '--mutations', file], out)
PYTHON
  or die 'expected.py failed';
ask(qq{CREATE TABLE said AS SELECT 0 AS n, $columns FROM mart.c WITH NO DATA; CREATE TABLE asked (n integer, at timestamptz)});
ask(join "\n", map { "ALTER TABLE said ALTER n SET DEFAULT $_; INSERT INTO asked VALUES ($_, '$moments[$_]');\n\\copy said ($columns) FROM '$dir/$_.csv' CSV HEADER" } 0 .. $rounds);
is(differences(qq{SELECT s::text FROM (SELECT n, $columns FROM said) AS s},
	qq{SELECT s::text FROM (SELECT n, $columns FROM asked JOIN mart.c_history
		ON _valid_from <= at AND at < coalesce(_valid_to, 'infinity')) AS s}),
	'0|t', 'each state that was is what the API said then');
is(ask('SELECT count(DISTINCT md5(x)) > 20 FROM (SELECT n, string_agg(s::text, E\'\n\' ORDER BY campaign_id) AS x
	FROM said AS s GROUP BY n) AS y'), 't', 'and they are many');
is(differences(qq{SELECT c::text FROM (SELECT $columns, _synced_at FROM mart.c WHERE _deleted_at IS NULL) AS c},
	qq{SELECT c::text FROM (SELECT $columns, _valid_from FROM mart.c_history WHERE _valid_to IS NULL) AS c}),
	'0|t', 'what has no end is what is there now');
is(ask(q{SELECT count(*) FILTER (WHERE a._valid_to < b._valid_from) > 0, count(*) FILTER (WHERE a._valid_to = b._valid_from) > 0,
		count(*) FILTER (WHERE a._valid_to > b._valid_from OR a._valid_to IS NULL)
	FROM (SELECT *, row_number() OVER (PARTITION BY campaign_id ORDER BY _valid_from) AS n FROM mart.c_history) AS a
		JOIN (SELECT *, row_number() OVER (PARTITION BY campaign_id ORDER BY _valid_from) AS n FROM mart.c_history) AS b
			ON b.campaign_id = a.campaign_id AND b.n = a.n + 1}),
	't|t|0', 'a state follows another at once or, of one that came back, later; none overlap');
is(replay('mart.c'), '0|t', 'changes played on an empty table give the target, marks and times included');
is(replay('mart.d'), '0|t', 'that of a report, too');
is(ask(q{SELECT r.run FROM tiktok.snapshot_runs AS r LEFT JOIN LATERAL (
		SELECT count(*) FILTER (WHERE op = 'I') AS i, count(*) FILTER (WHERE op = 'U') AS u, count(*) FILTER (WHERE op = 'D') AS d
		FROM (SELECT op, run, 'mart.c'::regclass AS target FROM mart.c_changes
			UNION ALL SELECT op, run, 'mart.d' FROM mart.d_changes) AS c
		WHERE c.run = r.run AND c.target = r.target) AS c ON true
	WHERE (r.inserted, r.updated, r.deleted) <> (c.i, c.u, c.d)}), '', 'as many as each run says');
is(ask(q{SELECT string_agg(DISTINCT concat(op, CASE WHEN old IS NULL THEN '-' ELSE '+' END, CASE WHEN new IS NULL THEN '-'
	WHEN new->>'_deleted_at' IS NULL THEN '+' ELSE 'm' END), ' ') FROM mart.c_changes}), 'D+m I-+ U++', 'rows before and after');

# in one transaction, twice, with a key of text
is(ask(q{BEGIN; SELECT updated + deleted FROM tiktok.materialize('ads.creative_assets_videos', 'mart.m', history => true, changes => true);
	DELETE FROM mart.m; SELECT updated + deleted FROM tiktok.materialize('ads.creative_assets_videos', 'mart.m', history => true); COMMIT}), "0\n0", 'materialize takes both');
is(ask(q{SELECT (SELECT count(*) FROM mart.m_history), (SELECT count(*) FROM mart.m_history WHERE _valid_to IS NOT NULL),
		(SELECT count(*) FROM mart.m_changes) FROM (SELECT count(*) AS n FROM mart.m) AS m WHERE n > 0}) =~ /^(\d+)\|(\d+)\|\1$/ && $2 * 2 == $1 ? 'both' : 'not',
	'both', 'and ends states before it begins others');

# ---- constraints, comments, rights ----------------------------------------------------

my $row = "SELECT $columns, _synced_at, NULL::timestamptz, %s FROM mart.c_history WHERE _valid_to IS NULL LIMIT 1";
fails("INSERT INTO mart.c_history " . sprintf($row, "now() + interval '1 day', NULL"), qr/23505/, 'two states without an end');
fails("INSERT INTO mart.c_history " . sprintf($row, "_valid_from, 'infinity'"), qr/23505/, 'two that begin together');
fails("INSERT INTO mart.c_history " . sprintf($row, 'now(), now()'), qr/23514/, 'or one that ends when it begins are refused');
is(ask(q{SELECT count(*) FROM (VALUES ('mart.c_history'::regclass), ('mart.c_changes'), ('mart.d_changes')) AS t (t)
	LEFT JOIN pg_attribute AS a ON a.attrelid = t AND a.attnum > 0 AND col_description(t, a.attnum) IS NULL
		AND a.attname NOT IN (SELECT c.name FROM tiktok._source_columns('ads.campaigns') AS c WHERE c.description IS NULL)
	WHERE obj_description(t, 'pg_class') IS NULL OR a.attname IS NOT NULL}), 0, 'comments everywhere');
is(ask(q{SELECT history, changes, changes_keep, last_change = (SELECT max(at) FROM mart.c_changes)
	FROM tiktok.snapshots WHERE target = 'mart.c'::regclass}), 'mart.c_history|mart.c_changes|7 days|t', 'and it is shown');

sub rights
{
	my ($role) = @_;
	return ask(qq{SELECT string_agg(concat(x, has_table_privilege('$role', x, 'SELECT'),
		has_table_privilege('$role', x, 'INSERT, UPDATE, DELETE')), ' ' ORDER BY x)
		FROM (VALUES ('mart.v_history'), ('mart.v_changes')) AS v (x)});
}
ask(q{ALTER DEFAULT PRIVILEGES IN SCHEMA mart GRANT SELECT ON TABLES TO stranger;
	SELECT tiktok.materialize('ads.creative_assets_videos', 'mart.v');
	GRANT SELECT ON mart.v TO reader; REVOKE ALL ON mart.v FROM stranger; CREATE TABLE mart.seen AS TABLE mart.v;
	SELECT tiktok.create_snapshot('ads.creative_assets_videos', 'mart.v', history => true, changes => true)});
is(rights('reader'), 'mart.v_changestf mart.v_historytf', 'who may read the target may read them');
is(rights('stranger'), 'mart.v_changesff mart.v_historyff', 'nobody else, whatever default privileges say');
is(ask(q{SELECT count(*) = (SELECT count(*) FROM mart.v), bool_and(_valid_from = _synced_at) FROM mart.v_history}), 't|t',
	'of a table that was there, states begin when its rows got them');
ask(q{CREATE TABLE mart.pol (LIKE mart.c INCLUDING ALL); ALTER TABLE mart.pol ENABLE ROW LEVEL SECURITY; GRANT SELECT ON mart.pol TO PUBLIC;
	SELECT tiktok.create_snapshot('ads.campaigns', 'mart.pol', history => true)});
is(ask(q{SELECT has_table_privilege('reader', 'mart.pol_history', 'SELECT')}), 'f', 'nor anybody where rows are not for all');
ask('ALTER TABLE mart.v_changes OWNER TO reader');
fails(q{CALL tiktok.refresh('mart.v')}, qr/42501: .*v_changes/, 'a table of another is not written');
ask('ALTER TABLE mart.v_changes OWNER TO CURRENT_USER');

# ---- refused before anything is made ---------------------------------------------------

my $long = 'l' x 58;
my @before = split /\n/, ask(q{SELECT oid::regclass FROM pg_class WHERE relnamespace = 'mart'::regnamespace});
ask('CREATE VIEW mart.x_history AS SELECT 1 AS one; CREATE TABLE mart.y_changes (at timestamptz)');
fails("SELECT tiktok.create_snapshot('ads.campaigns', 'mart.$long', history => true)", qr/42622: .*HINT:  .*at most 55 bytes/s, 'a name that is too long');
fails("SELECT tiktok.create_snapshot('ads.campaigns', 'mart.x', history => true)", qr/42P07: .*mart\.x_history/, 'a view of the name');
fails("SELECT tiktok.create_snapshot('ads.campaigns', 'mart.y', changes => true)", qr/42P07: .*mart\.y_changes/, 'another table of the name');
fails("SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.z', since => current_date, history => true)",
	qr/22023: .*HINT:  .*changes => true/s, 'history of a report');
fails("SELECT tiktok.create_snapshot('ads.campaigns', 'mart.z', changes_keep => '1 day')", qr/22023/, 'changes_keep without changes');
fails("SELECT tiktok.create_snapshot('ads.campaigns', 'mart.z', changes => true, changes_keep => '0')", qr/22023/, 'or of no time');
ask(q{ALTER FOREIGN TABLE ads.campaigns RENAME COLUMN budget TO _valid_to});
fails("SELECT tiktok.create_snapshot('ads.campaigns', 'mart.z', history => true)", qr/42701: .*"_valid_to"/, 'a column that would be there twice');
ask(q{ALTER FOREIGN TABLE ads.campaigns RENAME COLUMN _valid_to TO budget; DROP VIEW mart.x_history; DROP TABLE mart.y_changes});
is(ask(q{SELECT oid::regclass FROM pg_class WHERE relnamespace = 'mart'::regnamespace}), join("\n", @before), 'make nothing');

# ---- links that are over ----------------------------------------------------------------

my $video = sub { return ask(qq{SELECT $_[0] FROM mart.v WHERE video_id = (SELECT min(video_id) FROM mart.seen WHERE preview_url LIKE 'http%' AND advertiser_id = $accounts[0])}) };
my ($index) = grep {
	api_reset(data => 1);
	api_mutate({ op => 'asset', advertiser_id => $accounts[0], endpoint => 'file/video/ad/search', index => $_,
		fields => { video_cover_url => 'http://new' } });
	ask(qq{SELECT count(*) FROM ads.creative_assets_videos WHERE video_cover_url = 'http://new' AND video_id = } . sql_literal($video->('video_id')))
} 0 .. 30;
ok(defined $index, 'the video is found');

sub links
{
	my (%fields) = @_;
	api_mutate({ op => 'asset', advertiser_id => $accounts[0], endpoint => 'file/video/ad/search', index => $index, fields => \%fields });
	return materialize('creative_assets_videos', 'mart.v');
}
my $states = ask('SELECT count(*) FROM mart.v_history');
my $synced = $video->('_synced_at');
my $long_hence = 4000000000;
is($video->(q{substring(video_cover_url FROM 'x-expires=(\d+)$')::bigint < 1500000000}), 't', 'one of its links is over');
is(links(preview_url => 'http://one', preview_url_expire_time => '2099-01-01 00:00:00', video_cover_url => "http://two?x-expires=$long_hence&a=1"),
	'0|0|0', 'new ones are no change');
is($video->('preview_url, preview_url_expire_time, video_cover_url'), "http://one|2099-01-01 00:00:00+00|http://two?x-expires=$long_hence&a=1", 'but there');
is($video->('_synced_at') . ask('SELECT count(*) FROM mart.v_history') . ask('SELECT count(*) FROM mart.v_changes'), "${synced}${states}0",
	'the row is no newer, has no other state, and did not change');
my $version = $video->('ctid, xmin, xmax');
is(links(preview_url => 'http://three'), '0|0|0', 'a link that is good');
is($video->('preview_url, ctid, xmin, xmax'), "http://one|$version", 'is not even written');
foreach my $over ('http://x/?a=b&Expires=1000000000', 'http://x/?x-expires=1000000000', 'http://x/' . 'ab' x 16 . '/5f0a1b2c/video/')
{
	ask('UPDATE mart.v SET video_cover_url = ' . sql_literal($over) . ' WHERE video_id = ' . sql_literal($video->('video_id')));
	links();
	is($video->('preview_url'), 'http://three', "$over is over");
	ask(q{UPDATE mart.v SET preview_url = 'http://one' WHERE preview_url = 'http://three'});
}
is(links(file_name => 'changed') . $video->('preview_url, _synced_at > ' . sql_literal($synced)), '0|1|0http://three|t', 'a row that changed has all that is new');

# ---- switched off and on ------------------------------------------------------------------

sub states { return ask("SELECT count(*), count(*) FILTER (WHERE _valid_to IS NULL) FROM mart.c_history"); }
api_reset(data => 1);
ask(q{CALL tiktok.refresh('mart.c')});
my ($n, $open) = split /\|/, states();
ask(q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.c', history => false, changes => false)});
is(states(), "$n|0", 'off: no state is said to hold for ever');
is(ask(q{SELECT history, changes, changes_keep FROM tiktok.snapshots WHERE target = 'mart.c'::regclass}), '||', 'and none is kept');
my ($account, $id) = @{ $campaigns[0] };
my %it = (advertiser_id => $account, kind => 'campaign', id => $id, touch => JSON::PP::false);
api_mutate({ %it, op => 'rename', name => 'meanwhile' });
ask(q{CREATE TEMPORARY TABLE was AS SELECT max(at) FROM mart.c_changes; CALL tiktok.refresh('mart.c')});
is(states(), "$n|0", 'the table stays as it is');
ask(q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.c', history => true, changes => true, changes_keep => '1 hour')});
is(states(), $n + $open . "|$open", 'on: what is there now');
is(ask(qq{SELECT campaign_name, _valid_from = _synced_at, _valid_from > (SELECT max(_valid_to) FROM mart.c_history
	WHERE campaign_id = $id) FROM mart.c_history WHERE campaign_id = $id AND _valid_to IS NULL}), 'meanwhile|t|t', 'since it is so');
is(ask(q{SELECT count(*) FROM (SELECT campaign_id FROM mart.c_history GROUP BY 1
	HAVING max(_valid_to) IS DISTINCT FROM max(_valid_from)) AS x}), 1, 'and what was the same meanwhile has no gap');
ask(q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.c', history => true, changes => true)});
is(states(), $n + $open . "|$open", 'once more is nothing more');
ask(q{UPDATE mart.c_changes SET at = at - interval '2 hours' WHERE op = 'I'; CALL tiktok.refresh('mart.c')});
is(ask(q{SELECT count(*) FROM mart.c_changes WHERE op = 'I'}), 0, 'changes go after their time');
ask(q{SELECT tiktok.forget('mart.c')});
is(states(), $n + $open . "|$open", 'forget leaves it');
ask(q{DELETE FROM mart.c WHERE campaign_name = 'meanwhile'; UPDATE mart.c SET budget = 7, _synced_at = now() WHERE budget > 0});
ask(q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.c', history => true, changes => true)});
is(differences(qq{SELECT c::text FROM (SELECT $columns FROM mart.c WHERE _deleted_at IS NULL) AS c},
	qq{SELECT c::text FROM (SELECT $columns FROM mart.c_history WHERE _valid_to IS NULL) AS c}), '0|t', 'and then it is taken over as the table is');
ask(q{CALL tiktok.refresh('mart.c')});

# a column that is new, and one that is no more
ask(q{ALTER FOREIGN TABLE ads.campaigns DROP COLUMN budget; ALTER TABLE mart.c DROP COLUMN budget});
is(ask(q{CALL tiktok.refresh('mart.c'); SELECT count(budget) > 0 FROM mart.c_history}), 't', 'a column that is no more stays in the history');
ask(q{ALTER FOREIGN TABLE ads.campaigns ADD COLUMN budget numeric; ALTER TABLE mart.c ADD COLUMN budget numeric;
	ALTER TABLE mart.c_history DROP COLUMN budget});
fails(q{CALL tiktok.refresh('mart.c')}, qr/42703: .*HINT:  ALTER TABLE mart\.c_history ADD COLUMN budget numeric/s, 'one that is new is missed');
ask(q{ALTER TABLE mart.c_history ADD COLUMN budget numeric; CALL tiktok.refresh('mart.c')});
is(ask(q{SELECT count(*) FROM mart.c JOIN mart.c_history AS h USING (campaign_id) WHERE _valid_to IS NULL
	AND c.budget IS DISTINCT FROM h.budget}), 0, 'and then there');

# ---- clocks that go back, errors ------------------------------------------------------------

ask(q{UPDATE tiktok._snapshot SET last_change = '2100-01-01' WHERE target = 'mart.c'::regclass});
foreach my $name (qw(one two))
{
	api_mutate({ %it, op => 'rename', name => $name });
	ask(q{CALL tiktok.refresh('mart.c')});
}
is(ask(qq{SELECT string_agg(concat(campaign_name, ' ', _valid_from - '2100-01-01'), ', ' ORDER BY _valid_from)
	FROM mart.c_history WHERE _valid_from > '2100-01-01' AND campaign_id = $id}), 'one 00:00:00.000001, two 00:00:00.000002', 'moments only grow');
my $everything = q{SELECT md5(string_agg(x, E'\n' ORDER BY x)) FROM (SELECT t::text FROM mart.c AS t UNION ALL SELECT h::text FROM mart.c_history AS h
	UNION ALL SELECT c::text FROM mart.c_changes AS c) AS x (x)};
my $was = ask($everything);
api_mutate({ %it, op => 'rename', name => 'three' });
ask(q{CREATE FUNCTION mart.no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$});
foreach my $table (qw(c c_history c_changes))
{
	ask("CREATE TRIGGER no BEFORE INSERT OR UPDATE ON mart.$table FOR EACH ROW EXECUTE FUNCTION mart.no()");
	fails(q{CALL tiktok.refresh('mart.c')}, qr/no/, "an error of $table");
	is(ask($everything), $was, 'leaves neither half');
	ask("DROP TRIGGER no ON mart.$table");
}
ask(q{CALL tiktok.refresh('mart.c')});
isnt(ask($everything), $was, 'and then all of it');

# ---- dump and restore --------------------------------------------------------------------------

ask(q{ALTER TABLE mart.c_history RENAME TO "Hi story"});
my $dump = "$dir/dump";
my $shown = q{SELECT target, history, changes, changes_keep, last_change FROM tiktok.snapshots ORDER BY target::text};
my $registered = ask($shown);
like($registered, qr/"Hi story"/, 'a table that was renamed is known');
foreach my $case ([ 'restored', [] ], [ 'without', [ '-T', 'mart."Hi story"' ] ])
{
	my ($name, $options) = @$case;
	$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres'), @$options ], 'pg_dump');
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, 'CREATE TABLE a(); CREATE TABLE b(); DROP TABLE a, b');
	$node->command_ok([ 'pg_restore', '-e', '-d', $node->connstr($name), $dump ], 'pg_restore');
}
api_mutate({ %it, op => 'rename', name => 'restored' });
$db = 'restored';
is(ask($shown), $registered, 'state survives');
ask(q{CALL tiktok.refresh('mart.c')});
is(ask(qq{SELECT campaign_name FROM mart."Hi story" WHERE campaign_id = $id AND _valid_to IS NULL})
	. ask('SELECT new->>\'campaign_name\' FROM mart.c_changes ORDER BY at DESC LIMIT 1'), 'restoredrestored', 'and both go on');
$db = 'without';
fails(q{CALL tiktok.refresh('mart.c')}, qr/42P01: .*history.*HINT: .*history => false/s, 'without the table a refresh says so');
ask(q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.c', history => true); CALL tiktok.refresh('mart.c')});
is(ask(qq{SELECT campaign_name FROM mart.c_history WHERE campaign_id = $id AND _valid_to IS NULL}), 'restored', 'and begins a new one if told');
is_deeply(api_violations(), [], 'asked as documented');

done_testing();
