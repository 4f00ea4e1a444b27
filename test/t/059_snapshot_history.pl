
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
my %done;        # and how often
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
		my $next = $all[ int(rand(@all)) ];
		my $back = @was < @{ $state{$id} // [] };
		$state{$id} = $back ? \@was : [ @was, $next ];
		$done{ $back ? 'back' : $next->{fields} ? (keys %{ $next->{fields} })[0] : $next->{op} }++;
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
is(join(' ', sort keys %done), 'back budget delete operation_status rename vanish', 'after all that campaigns go through');
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

# nor run another's triggers, when it is given up
ask(q{CREATE TABLE mart.ran (who name); CREATE FUNCTION mart.run() RETURNS trigger LANGUAGE plpgsql AS
		$$BEGIN INSERT INTO mart.ran VALUES (current_user); RETURN NEW; END$$;
	CREATE TRIGGER run BEFORE UPDATE ON mart.v_history FOR EACH ROW EXECUTE FUNCTION mart.run(); ALTER TABLE mart.v_history OWNER TO reader});
fails(q{SELECT tiktok.create_snapshot('ads.creative_assets_videos', 'mart.v', history => false)}, qr/42501: .*v_history/, 'nor ended');
is(ask(q{SELECT count(*) FROM mart.ran}) . ask(q{SELECT history FROM tiktok.snapshots WHERE target = 'mart.v'::regclass}), '0mart.v_history', 'by nothing that it brings');
ask(q{ALTER TABLE mart.v_history OWNER TO CURRENT_USER; DROP TRIGGER run ON mart.v_history});

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

# two snapshots do not share a table
ask(q{ALTER TABLE mart.m RENAME TO m_old});
foreach my $what (qw(history changes))
{
	fails("SELECT tiktok.create_snapshot('ads.creative_assets_videos', 'mart.m', $what => true)",
		qr/42P07: .*mart\.m_$what .*another snapshot.*HINT:  Rename it/s, "a table of $what of another snapshot");
}
is(ask(q{SELECT to_regclass('mart.m'), history, changes FROM tiktok.snapshots WHERE target = 'mart.m_old'::regclass}),
	'|mart.m_history|mart.m_changes', 'is left to it');
ask(q{ALTER TABLE mart.m_history RENAME TO m_old_history});
is(materialize('creative_assets_videos', 'mart.m', ', history => true') =~ /^\d+\|0\|0$/
	&& ask(q{SELECT string_agg(history::text, ' ' ORDER BY history::text) FROM tiktok.snapshots WHERE target::text LIKE 'mart.m%'}),
	'mart.m_history mart.m_old_history', 'renamed it is in nobody\'s way');
ask(q{DROP TABLE mart.m_old});
is(ask(q{SELECT tiktok.create_snapshot('ads.creative_assets_videos', 'mart.m', changes => true);
	SELECT changes FROM tiktok.snapshots WHERE target = 'mart.m'::regclass}), "mart.m\nmart.m_changes", 'nor that of one that was dropped');
ask(q{SELECT tiktok.forget('mart.m'); DROP TABLE mart.m, mart.m_history, mart.m_changes, mart.m_old_history});

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
ask('UPDATE mart.v SET preview_url = NULL WHERE video_id = ' . sql_literal($video->('video_id')));
is(links() . $video->('preview_url, _synced_at'), "0|0|0http://three|$synced", 'one that is missing comes');
links(preview_url => undef);
ask('UPDATE mart.v SET preview_url = NULL WHERE video_id = ' . sql_literal($video->('video_id')));
my $without = $video->('ctid, xmin, xmax, video_cover_url');
is(links(video_cover_url => "http://four?x-expires=$long_hence") . $video->('ctid, xmin, xmax, video_cover_url'), "0|0|0$without",
	'where there is none, the row is not written');
is(links(preview_url => 'http://three') . $video->('preview_url, video_cover_url'), "0|0|0http://three|http://four?x-expires=$long_hence", 'until there is');
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
# a table without what keeps states apart is taken over with it, or not at all
my $constraints = q{SELECT string_agg(x, ', ' ORDER BY x) FROM (SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'mart.c_history'::regclass AND contype = 'c'
	UNION ALL SELECT pg_get_expr(indpred, indrelid) FROM pg_index WHERE indrelid = 'mart.c_history'::regclass AND indpred IS NOT NULL) AS x (x)};
is(ask($constraints), '(_valid_to IS NULL), CHECK ((_valid_from < _valid_to))', 'what keeps states apart');
ask(q{DO $$ BEGIN EXECUTE 'DROP INDEX ' || (SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'mart.c_history'::regclass AND indpred IS NOT NULL);
	EXECUTE format('ALTER TABLE mart.c_history DROP CONSTRAINT %I', (SELECT conname FROM pg_constraint WHERE conrelid = 'mart.c_history'::regclass AND contype = 'c')); END $$});
my $again = q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.c', history => true)};
my $second = "INSERT INTO mart.c_history SELECT $columns, _synced_at, NULL, %s FROM mart.c_history WHERE _valid_to IS NULL LIMIT 1";
ask(sprintf($second, q{'2001-01-01', NULL}));
fails($again, qr/23505/, 'two states without an end are not taken over');
ask(q{DELETE FROM mart.c_history WHERE _valid_from = '2001-01-01'; } . sprintf($second, q{'2001-01-01', '2000-01-01'}));
fails($again, qr/23514/, 'nor one that ends before it begins');
ask(q{DELETE FROM mart.c_history WHERE _valid_from = '2001-01-01'; BEGIN; } . "$again; $again; COMMIT");
is(ask("$constraints"), '(_valid_to IS NULL), CHECK ((_valid_from < _valid_to))', 'what is missing is added');
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

# ---- tables that are partitioned ---------------------------------------------------------------

ask(qq{CREATE TABLE mart.p (LIKE ads.campaigns, _synced_at timestamptz NOT NULL, _deleted_at timestamptz,
		PRIMARY KEY (advertiser_id, campaign_id)) PARTITION BY LIST (advertiser_id);
	CREATE TABLE mart.p1 PARTITION OF mart.p FOR VALUES IN ($accounts[0]) PARTITION BY HASH (campaign_id);
	CREATE TABLE mart.p1a PARTITION OF mart.p1 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE mart.p1b PARTITION OF mart.p1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	CREATE TABLE mart.p2 PARTITION OF mart.p DEFAULT;
	CREATE TABLE mart.p_history (LIKE mart.p, _valid_from timestamptz NOT NULL, _valid_to timestamptz,
		PRIMARY KEY (advertiser_id, campaign_id, _valid_from)) PARTITION BY HASH (advertiser_id);
	CREATE TABLE mart.h1 PARTITION OF mart.p_history FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE mart.h2 PARTITION OF mart.p_history FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	CREATE TABLE mart.p_changes (run bigint NOT NULL, op text NOT NULL, advertiser_id bigint, campaign_id bigint, old jsonb, new jsonb,
		at timestamptz, PRIMARY KEY (at, advertiser_id, campaign_id)) PARTITION BY RANGE (at);
	CREATE TABLE mart.p_changes1 PARTITION OF mart.p_changes FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
	CREATE TABLE mart.p_changes2 PARTITION OF mart.p_changes DEFAULT;
	CREATE TABLE mart.y (LIKE ads.campaigns_reports_daily, _synced_at timestamptz NOT NULL,
		PRIMARY KEY (advertiser_id, campaign_id, stat_time_day)) PARTITION BY RANGE (stat_time_day);
	CREATE TABLE mart.y1 PARTITION OF mart.y FOR VALUES FROM (MINVALUE) TO ('@{[ strftime('%Y-%m-%d', gmtime(time - 3 * 86400)) ]}');
	CREATE TABLE mart.y2 PARTITION OF mart.y DEFAULT;
	SELECT tiktok.create_snapshot('ads.campaigns', 'mart.p', history => true, changes => true);
	SELECT tiktok.create_snapshot('ads.campaigns_reports_daily', 'mart.y', since => current_date - 20, changes => true)});
my $campaign_columns = ask(q{SELECT string_agg(quote_ident(name), ', ' ORDER BY attnum) FROM tiktok._source_columns('ads.campaigns')});
ask("CREATE TABLE past AS SELECT now() AS moment, $campaign_columns FROM mart.p WITH NO DATA");
foreach my $round (1 .. 6)
{
	my ($account, $id) = @{ $campaigns[ $round % 3 * 4 % @campaigns ] };
	my %which = (advertiser_id => $account, kind => 'campaign', id => $id, touch => JSON::PP::false);

	api_reset(data => 1);
	api_mutate([ $round % 2 ? { %which, op => 'vanish' } : { %which, op => 'rename', name => "Round $round" },
		{ op => 'restate', advertiser_id => $accounts[1], percent => 100 + $round, from => strftime('%Y-%m-%d', gmtime(time - 4 * 86400)), to => $today } ]);
	ask(q{CALL tiktok.refresh('mart.p'); CALL tiktok.refresh('mart.y')});
	is(differences("SELECT c::text FROM (SELECT $campaign_columns FROM mart.p WHERE _deleted_at IS NULL) AS c",
		"SELECT c::text FROM (SELECT $campaign_columns FROM ads.campaigns) AS c"), '0|t', "partitioned, round $round: as the source");
	ask("INSERT INTO past SELECT now(), $campaign_columns FROM ads.campaigns");
}
is(differences('SELECT p::text FROM past AS p', qq{SELECT h::text FROM (SELECT moment, $campaign_columns FROM (SELECT DISTINCT moment FROM past) AS m
	JOIN mart.p_history ON _valid_from <= moment AND moment < coalesce(_valid_to, 'infinity')) AS h}), '0|t', 'each past state is as the source was');
is(ask(q{SELECT count(*) FILTER (WHERE _valid_to IS NOT NULL) > 5, count(DISTINCT tableoid) FROM mart.p_history}), 't|2', 'in both partitions');
is(ask(q{SELECT count(DISTINCT op) FROM mart.p_changes}) . ask(q{SELECT count(DISTINCT op) FROM mart.y_changes}), '33', 'all that can happen');
is(replay('mart.p'), '0|t', 'changes of a partitioned target give it');
is(replay('mart.y'), '0|t', 'and of a report that its owner partitioned');
ask(q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.p', history => false)});
is(ask(q{SELECT count(*) FROM mart.p_history WHERE _valid_to IS NULL}), 0, 'switched off');
ask(q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.p', history => true)});
is(ask(q{SELECT (SELECT count(*) FROM mart.p_history WHERE _valid_to IS NULL) = count(*) FROM mart.p WHERE _deleted_at IS NULL}), 't', 'and on');

# ---- triggers that change what is written -------------------------------------------------------

# Without states and changes a row that a trigger keeps out is merely tried again.
my $beside = q{SELECT md5(string_agg(x, E'\n' ORDER BY x)) FROM (SELECT t::text FROM mart.p AS t UNION ALL SELECT h::text FROM mart.p_history AS h
	UNION ALL SELECT c::text FROM mart.p_changes AS c UNION ALL SELECT y::text FROM mart.y AS y UNION ALL SELECT c::text FROM mart.y_changes AS c) AS x (x)};
my $leaf = ask(qq{SELECT tableoid::regclass FROM mart.p WHERE campaign_id = $campaigns[0][1]});
ask(q{CREATE FUNCTION mart.meddle() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF TG_ARGV[0] = 'change' THEN NEW.campaign_name := upper(NEW.campaign_name); RETURN NEW; END IF;
		IF TG_ARGV[0] = 'note' THEN NEW.note := NEW.campaign_name; RETURN NEW; END IF;
		IF TG_ARGV[0] = 'time' THEN NEW._synced_at := now(); RETURN NEW; END IF;
		IF TG_ARGV[0] = 'tidy' THEN DELETE FROM mart.p WHERE _deleted_at IS NOT NULL; END IF;
		RETURN NULL;
	END $$;
	ALTER TABLE mart.p ADD COLUMN note text});
my @this = (advertiser_id => $campaigns[0][0], kind => 'campaign', id => $campaigns[0][1], touch => JSON::PP::false);
my $rename = sub { return { @this, op => 'rename', name => "Meddled with $_[0]" } };
foreach my $case ([ 'keeps out a new state', 'p', "CREATE TRIGGER t BEFORE UPDATE ON mart.p FOR EACH ROW EXECUTE FUNCTION mart.meddle('skip')", $rename->(1) ],
	[ 'changes it', 'p', "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON mart.p FOR EACH ROW EXECUTE FUNCTION mart.meddle('change')", $rename->(2) ],
	[ 'sets its time', 'p', "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON mart.p FOR EACH ROW EXECUTE FUNCTION mart.meddle('time')", $rename->(3) ],
	[ 'of a partition keeps it out', 'p', "CREATE TRIGGER t BEFORE UPDATE ON $leaf FOR EACH ROW EXECUTE FUNCTION mart.meddle('skip')", $rename->(4) ],
	[ 'keeps out a mark', 'p', "CREATE TRIGGER t BEFORE UPDATE ON mart.p FOR EACH ROW EXECUTE FUNCTION mart.meddle('skip')", { @this, op => 'vanish' } ],
	[ 'deletes what is marked', 'p', "CREATE TRIGGER t AFTER UPDATE ON mart.p FOR EACH ROW EXECUTE FUNCTION mart.meddle('tidy')", { @this, op => 'vanish' } ],
	[ 'keeps a row that is gone', 'y', "CREATE TRIGGER t BEFORE DELETE ON mart.y FOR EACH ROW EXECUTE FUNCTION mart.meddle('skip')", { @this, op => 'vanish' } ],
	[ 'or a rule does', 'y', 'CREATE RULE t AS ON DELETE TO mart.y DO INSTEAD NOTHING', { @this, op => 'vanish' } ])
{
	my ($name, $table, $create, $change) = @$case;
	api_reset(data => 1);
	ask(q{CALL tiktok.refresh('mart.p'); CALL tiktok.refresh('mart.y', probe => false)});
	api_mutate($change);
	my $was = ask($beside);
	ask($create);
	fails("CALL tiktok.refresh('mart.$table'" . ($table eq 'y' ? ', probe => false' : '') . ')',
		qr/27000: \d+ rows? of mart\.$table (is|are) not what was written.*HINT: .*changes => false/s, "a trigger that $name is an error");
	is(ask($beside), $was, 'and nothing is written');
	ask($create =~ /RULE/ ? "DROP RULE t ON mart.$table" : $create =~ /ON (\Q$leaf\E) / ? "DROP TRIGGER t ON $1" : "DROP TRIGGER t ON mart.$table");
}
ask(q{CREATE TRIGGER t BEFORE INSERT OR UPDATE ON mart.p FOR EACH ROW EXECUTE FUNCTION mart.meddle('note');
	CALL tiktok.refresh('mart.p'); CALL tiktok.refresh('mart.y', probe => false)});
is(ask(qq{SELECT count(*) FROM mart.p WHERE campaign_id = $campaigns[0][1] AND _deleted_at IS NOT NULL}), 1, 'without it, the refresh goes on');
api_reset(data => 1);
api_mutate($rename->(5));
ask(q{CALL tiktok.refresh('mart.p')});
is(ask(qq{SELECT note FROM mart.p WHERE campaign_id = $campaigns[0][1]}), 'Meddled with 5', 'a trigger that writes to a column of its owner\'s is none of ours');
is(ask(qq{SELECT campaign_name FROM mart.p_history WHERE campaign_id = $campaigns[0][1] AND _valid_to IS NULL}), 'Meddled with 5', 'and the states go on');
ask(q{DROP TRIGGER t ON mart.p; SELECT tiktok.create_snapshot('ads.campaigns', 'mart.fresh', history => true);
	CREATE TRIGGER t BEFORE INSERT ON mart.fresh FOR EACH ROW WHEN (NEW.campaign_id = } . $campaigns[0][1] . q{) EXECUTE FUNCTION mart.meddle('skip')});
fails(q{CALL tiktok.refresh('mart.fresh')}, qr/27000: 1 row of mart\.fresh is not what was written.*HINT: [^\n]*history => false\)/s, 'in a first refresh, too');
is(ask('SELECT count(*) FROM mart.fresh_history'), 0, 'without a trace');
ask(q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.fresh', history => false); CALL tiktok.refresh('mart.fresh')});
is(ask("SELECT count(*) FROM mart.fresh WHERE campaign_id = $campaigns[0][1]") . ask('SELECT count(*) > 0 FROM mart.fresh'), '0t', 'without states it is the trigger\'s affair');
ask(q{SELECT tiktok.forget('mart.fresh'); DROP TABLE mart.fresh, mart.fresh_history});
api_reset(data => 1);
ask(q{CALL tiktok.refresh_all()});

# ---- dump and restore --------------------------------------------------------------------------

ask(q{ALTER TABLE mart.c_history RENAME TO "Hi story"});
my $dump = "$dir/dump";
my $shown = q{SELECT target, history, changes, changes_keep, last_change FROM tiktok.snapshots ORDER BY target::text};
my $registered = ask($shown);
like($registered, qr/"Hi story"/, 'a table that was renamed is known');
# keys, constraints, partitions, rights and comments of the target and what is beside it
my $described = q{WITH t AS (SELECT c.oid, c.oid::regclass::text AS name, c.relkind, (SELECT string_agg(a::text, ' ' ORDER BY a::text)
			FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS a) AS relacl FROM pg_class AS c WHERE relnamespace = 'mart'::regnamespace AND relkind IN ('r', 'p')
		AND (relname ~ '^[cdvpy]_changes|^[cdvpy]$|^[pv]_history' OR relname = 'Hi story'))
	SELECT string_agg(x, E'\n' ORDER BY x) FROM (
		SELECT concat_ws(' ', name, relkind, relacl, obj_description(oid, 'pg_class')) FROM t
		UNION ALL SELECT concat_ws(' ', name, pg_get_constraintdef(c.oid)) FROM t JOIN pg_constraint AS c ON c.conrelid = t.oid
		UNION ALL SELECT concat_ws(' ', name, pg_get_indexdef(i.indexrelid)) FROM t JOIN pg_index AS i ON i.indrelid = t.oid
		UNION ALL SELECT concat_ws(' ', name, attname, atttypid::regtype, attnotnull, col_description(attrelid, attnum)) FROM t JOIN pg_attribute ON attrelid = t.oid AND attnum > 0
			WHERE NOT attisdropped
		UNION ALL SELECT concat_ws(' ', name, i.inhrelid::regclass) FROM t JOIN pg_inherits AS i ON i.inhparent = t.oid) AS x (x)};
my $was_described = ask($described);
like($was_described, qr/$_/, "$_ is described") foreach ('Hi story.*_valid_to IS NULL', 'c_changes PRIMARY KEY \(at, ', 'Hi story" CHECK', 'c_changes old jsonb f the row as it was', 'mart\\.d p .*snapshot of');
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
is(ask($described), $was_described, 'and so do keys, constraints, rights and comments');
ask(q{CALL tiktok.refresh('mart.c')});
is(ask(qq{SELECT campaign_name FROM mart."Hi story" WHERE campaign_id = $id AND _valid_to IS NULL})
	. ask('SELECT new->>\'campaign_name\' FROM mart.c_changes ORDER BY at DESC LIMIT 1'), 'restoredrestored', 'and both go on');
$db = 'without';
fails(q{CALL tiktok.refresh('mart.c')}, qr/42P01: .*history.*HINT: .*history => false/s, 'without the table a refresh says so');
ask(q{SELECT tiktok.create_snapshot('ads.campaigns', 'mart.c', history => true); CALL tiktok.refresh('mart.c')});
is(ask(qq{SELECT campaign_name FROM mart.c_history WHERE campaign_id = $id AND _valid_to IS NULL}), 'restored', 'and begins a new one if told');
is_deeply(api_violations(), [], 'asked as documented');

done_testing();
