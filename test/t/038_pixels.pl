# Pixels, their statistics, events of instant pages and custom conversions: what an endpoint
# requires comes from conditions, pixels are looked up. Rows against test/api/pixels.py, which
# has no HTTP.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my ($first, $second, $large) = qw(7002238017842757633 7030219640413208578 7088160322559787010);
my $api = api_start();
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, -import_options => { streams => 'all' });

sub ask { return $node->safe_psql('postgres', $_[0]); }

# rows that Python makes of the generators, as JSON
sub made
{
	my ($code) = @_;
	my ($out, $err) = ('', '');
	my $head = "import sys, json, datetime; sys.path.insert(0, '$FindBin::Bin/../api')\n"
	  . "import pixels; from data import Store\n"
	  . "store = Store(today=datetime.date.fromisoformat('$TODAY')); d = lambda t: datetime.date.fromisoformat(t).toordinal()\n"
	  . "A = lambda i: store.account(i)\n";

	IPC::Run::run([ $ENV{PYTHON} // 'python3', '-c', $head . "print(json.dumps($code))" ], '>', \$out, '2>', \$err)
	  or die $err;
	return $out;
}

# whether a query has the rows that were made, and that there are some
sub same
{
	my ($query, $code) = @_;
	my $rows = made($code);

	return ask(<<SQL);
CREATE TEMP TABLE x (r jsonb); INSERT INTO x SELECT jsonb_array_elements(\$j\$$rows\$j\$::jsonb);
CREATE TEMP TABLE g AS SELECT to_jsonb(q) AS r FROM ($query) AS q;
SELECT (SELECT count(*) FROM x) > 0, (SELECT count(*) FROM (TABLE x EXCEPT ALL TABLE g) a),
	(SELECT count(*) FROM (TABLE g EXCEPT ALL TABLE x) b)
SQL
}

sub requests { my ($path) = @_; return grep { $_->{path} eq $path } @{ api_log() }; }

# ---- pixels ----------------------------------------------------------------------

my $pixels = ask("SELECT count(nullif(pixel_id, 0)) FROM ads.pixels WHERE advertiser_id = $large");
is($pixels, scalar(@{ decode_json(made("pixels.pixel_ids(A($large))")) }), 'pixels, page after page');
cmp_ok(scalar(requests('pixel/list')), '>', 5, 'of twenty');
my ($id, $code) = split /\|/, ask("SELECT pixel_id, pixel_code FROM ads.pixels WHERE pixel_code ~ '^[a-z0-9_-]+\$' AND advertiser_id = $large ORDER BY 1 LIMIT 1");
api_reset();
is(ask("SELECT count(*) FROM ads.pixels WHERE advertiser_id = $large AND pixel_id = $id AND pixel_code = '$code'"), '1', 'one of them');
is_deeply([ grep { ($_->{params}{pixel_id} // '') eq $id && $_->{params}{code} eq $code } requests('pixel/list') ],
	[ requests('pixel/list') ], 'is asked for');

# ---- statistics --------------------------------------------------------------------

my $columns = 'pixel_id::text, statistics';
api_reset();
is(same("SELECT $columns FROM ads.pixel_events_statistics WHERE start_date = '2026-06-01' AND end_date = '2026-06-30'
		AND advertiser_id IN ($first, $large)",
	"[pixels.stats_row(A(a), p, d('2026-06-01'), d('2026-06-30')) for a in ($first, $large) for p in pixels.pixel_ids(A(a))]"),
	't|0|0', 'of all pixels of two accounts');
my @sizes = map { scalar @{ decode_json($_->{params}{pixel_ids}) } } requests('pixel/event/stats');
is((sort { $b <=> $a } @sizes)[0], 10, 'ten a request');
cmp_ok(scalar(@sizes), '>', 10, 'in several requests');
is(same("SELECT s.start_date::text AS a, s.end_date::text AS b, $columns FROM generate_series(0, 2) AS w
		JOIN LATERAL (SELECT date '2026-06-01' + 7 * w AS monday) m ON true
		JOIN ads.pixel_events_statistics s ON s.start_date = m.monday AND s.end_date = m.monday + 6
		WHERE s.advertiser_id = $large AND s.pixel_id = $id",
	"[{'a': a, 'b': b, **pixels.stats_row(A($large), $id, d(a), d(b))} for a, b in (('2026-06-01', '2026-06-07'), ('2026-06-08', '2026-06-14'), ('2026-06-15', '2026-06-21'))]"),
	't|0|0', 'of one pixel, week after week, from a join');
api_reset();
is(ask("SELECT count(*) FROM ads.pixel_events_statistics WHERE start_date = '2026-06-01' AND end_date = '2026-06-02' AND pixel_id = 5"),
	'0', 'a pixel that no account has');
is(scalar(requests('pixel/event/stats')), 0, 'is not asked for');
my ($rc, $out, $err) = $node->psql('postgres', "SELECT * FROM ads.pixel_events_statistics WHERE start_date = '2026-01-01' AND end_date = '2026-06-02' AND advertiser_id = $first");
like($err, qr/at most 30 days/, 'too many days are the API\'s error');
is(scalar(@{ api_violations() }), 1, 'and the only one');

# ---- instant pages -------------------------------------------------------------------

api_reset();
is(same("SELECT objective_type, optimization_goal, business_type, instant_page_events FROM ads.pixel_instant_page_events
		WHERE advertiser_id IN ($first, $second) AND (objective_type, optimization_goal) IN (('WEB_CONVERSIONS', 'CONVERT'), ('WEB_CONVERSIONS', 'VALUE'))
		AND objective_type = 'WEB_CONVERSIONS' AND optimization_goal IN ('CONVERT', 'VALUE')",
	"[{'objective_type': 'WEB_CONVERSIONS', 'optimization_goal': g, **r} for a in ($first, $second) for g in ('CONVERT', 'VALUE') for r in pixels.instant_rows(A(a), 'WEB_CONVERSIONS', g)]"),
	't|0|0', 'events of instant pages, the pair that was asked for beside them');
is(scalar(requests('pixel/instant_page/event')), 4, 'a request for each account and pair');

# ---- custom conversions ----------------------------------------------------------------

my $row = "custom_conversion_id, description, event_source_type, event_source_id, optimization_event, activity_info, rules";
is(same("SELECT $row FROM ads.custom_conversions WHERE event_source_type = 'PIXEL' AND advertiser_id = $first
		AND event_source_id = ANY (ARRAY(SELECT pixel_id::text FROM ads.pixels WHERE advertiser_id = $first))",
	"[{k: v for k, v in r.items() if not k.endswith('_time')} for r in pixels.conversion_rows(A($first)) if r['event_source_type'] == 'PIXEL']"),
	't|0|0', 'custom conversions of all pixels');
is(same("SELECT $row FROM ads.custom_conversions c JOIN ads.pixels p ON p.advertiser_id = c.advertiser_id AND c.event_source_id = p.pixel_id::text
		WHERE c.event_source_type = 'PIXEL' AND c.advertiser_id = $second",
	"[{k: v for k, v in r.items() if not k.endswith('_time')} for r in pixels.conversion_rows(A($second)) if r['event_source_type'] == 'PIXEL']"),
	't|0|0', 'of pixels of a join');
is_deeply(api_violations(), [], 'asked as documented');

$node->stop;
done_testing();
