
# What the API refuses by name costs as little as possible: a field costs the
# projection, a metric its values, the order a sort, a condition more rows to
# read; an account that is skipped leaves no row that was not handed on yet, and
# says so where some were.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $api = api_start();
my $node = new_node('main');
setup_fdw($node, %ONE_SERIES, concurrency => 1, rate_limit => 1000);
my $large = '7088160322559787010';
my $small = '7002238017842757633';

# ---- a field -------------------------------------------------------------
my $fields = "SELECT campaign_id, po_number FROM ads.campaigns WHERE advertiser_id = $large ORDER BY 1";
my $right = $node->safe_psql('postgres', $fields);
api_reset();
api_faults([
	{
		match => { path => 'campaign/get' },
		times => 1,
		action => { code => 40002, message => 'fields: po_number is not a valid field' }
	} ]);
is($node->safe_psql('postgres', $fields), $right, 'a refused field costs no row and no value');
my @asked = map { exists $_->{params}{fields} ? 1 : 0 } @{ api_log(qr{campaign/get}) };
is_deeply(\@asked, [ 1, 0 ], 'it is asked for once, then the whole row');

api_reset();
api_faults([
	{
		match => { path => 'campaign/get' },
		times => 0,
		action => { code => 40002, message => 'fields: po_number is not a valid field' }
	} ]);
my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$fields");
like($err, qr/22023/, 'refused again without fields, it is the error that it is');
is(scalar @{ api_log(qr{campaign/get}) }, 2, 'and nobody insists');

# ---- an account that is skipped ------------------------------------------
$node->safe_psql('postgres', q{ALTER SERVER tiktok OPTIONS (ADD on_advertiser_error 'skip')});
my $both = "SELECT advertiser_id, count(ad_name) FROM ads.ads
	WHERE advertiser_id IN ($small, $large) GROUP BY 1 ORDER BY 1";
my $refuse = { code => 40001, message => 'No permission to operate advertiser' };
my $ads = $node->safe_psql('postgres', "SELECT count(ad_name) FROM ads.ads WHERE advertiser_id = $small");

api_reset();
api_faults([ { match => { path => 'ad/get', advertiser_id => $large }, times => 0, action => $refuse } ]);
($rc, $out, $err) = $node->psql('postgres', $both);
is($out, "$small|$ads", 'refused at once: none of its rows, all of the others');
like($err, qr/WARNING:  skipping advertiser $large/, 'and a warning');

api_reset();
api_faults([ { match => { path => 'ad/get', advertiser_id => $large, page => 2 }, times => 0, action => $refuse } ]);
($rc, $out, $err) = $node->psql('postgres', $both);
is($rc, 0, 'refused after a page: the query goes on');
like($out, qr/^$small\|$ads$/m, 'with all rows of the others');
like($err, qr/WARNING:  rows of advertiser $large are missing/, 'and is told that rows are missing');
is(scalar(() = $err =~ /WARNING/g), 1, 'once');

# ---- the order -----------------------------------------------------------
my $report = "FROM ads.ads_reports_daily WHERE advertiser_id = $large
	AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-30'";

# Runs a statement under faults: its rows, what else was said, requests.
sub under
{
	my ($sql, @faults) = @_;

	api_reset();
	api_faults(\@faults);
	my (undef, $rows, $said) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return ($rows, $said, scalar @{ api_log() });
}

my $no_clicks = { match => { path => 'report/integrated/get' }, action => { refuse_metric => 'clicks' } };
my $said;
my $n;
unlike($node->safe_psql('postgres', "EXPLAIN SELECT ad_id, clicks $report ORDER BY clicks LIMIT 5"),
	qr/Sort/, 'the order is left to the API');
foreach my $order ('ASC', 'DESC', 'ASC NULLS FIRST', 'DESC NULLS LAST')
{
	($out, $said, $n) = under("SELECT coalesce(clicks::text, 'null'), impressions IS NOT NULL $report ORDER BY clicks $order LIMIT 5", $no_clicks);
	is($out, join("\n", ('null|t') x 5), "ORDER BY a refused metric $order: NULL");
	is(scalar(() = $said =~ /WARNING:  HV005: .*"clicks".*reads as NULL/g), 1, "$order: one warning");
	unlike($said, qr/ERROR/, "$order: no error");
	is($n, 2, "$order: refused once, asked once");
}
foreach my $aggregate ('max', 'min')
{
	($out, $said, $n) = under("SELECT coalesce($aggregate(clicks)::text, 'null') $report", $no_clicks);
	is($out, 'null', "$aggregate of a refused metric is NULL");
	like($said, qr/WARNING:  HV005/, "$aggregate: with a warning");
	cmp_ok($n, '<', 20, "$aggregate: not a request a row");
}
my $second = "SELECT ad_id, stat_time_day $report ORDER BY clicks DESC, ad_id, stat_time_day LIMIT 5";
($out, $said) = under($second, $no_clicks);
is($out, $node->safe_psql('postgres', "SELECT ad_id, stat_time_day $report ORDER BY ad_id, stat_time_day LIMIT 5"),
	'a second key orders what the first leaves equal');
# another metric than that of the order
my $best = "SELECT clicks %s $report ORDER BY clicks DESC LIMIT 5";
api_reset();
my $top = $node->safe_psql('postgres', sprintf($best, ''));
($out, $said) = under(sprintf($best, ', impressions IS NULL'),
	{ match => { path => 'report/integrated/get' }, action => { refuse_metric => 'impressions' } });
is($out, $top =~ s/$/|t/mgr, 'another metric refused: the order stays');

# the order alone is refused: the metric is there, and sorted here
foreach my $message ('order_field: clicks is not a metric that can be sorted by', 'Invalid parameter')
{
	my $fault = { match => { path => 'report/integrated/get', order_field => 'clicks' }, times => 0,
		action => { code => 40002, message => $message } };

	($out, $said) = under(sprintf($best, ''), $fault);
	is($out, $top, "$message: sorted locally");
	is($said, '', "$message: nothing to warn of");
	($out, $said) = under("SELECT max(clicks) $report", $fault);
	is($out, (split /\n/, $top)[0], "$message: max");
	($out) = under("SELECT min(clicks) $report", $fault);
	is($out, $node->safe_psql('postgres', "SET tiktok_fdw.enable_pushdown = off; SELECT min(clicks) $report"),
		"$message: min");
}

# ---- conditions in batches -----------------------------------------------
my @ids = split /\n/, $node->safe_psql('postgres', "SELECT ad_id FROM ads.ads WHERE advertiser_id = $large ORDER BY 1 LIMIT 250");
is(scalar @ids, 250, 'ids for three requests');
my $status = 'AD_STATUS_DELIVERY_OK';
my $ids = join(',', @ids);
my $batched = "SELECT count(*), count(DISTINCT ad_id), md5(string_agg(ad_name, ',' ORDER BY ad_id))
	FROM ads.ads WHERE advertiser_id = $large AND ad_id IN (%s) AND secondary_status = '$status' AND ad_id > 0";
$right = $node->safe_psql('postgres', 'SET tiktok_fdw.enable_pushdown = off;' . sprintf($batched, $ids));
like($right, qr/^[1-9]/, 'some of them are delivered');
($out, $said, $n) = under(sprintf($batched, $ids));
is("$out in $n", "$right in 3", 'three batches');
($out, $said, $n) = under(sprintf($batched, $ids),
	{ match => { path => 'ad/get' }, action => { refuse_value => $status } });
is($out, $right, 'a refused value beside 250 ids: asked without it');
is($said, '', 'without a word');
is($n, 6, 'a batch at a time');

# what is batched is itself refused, in the first batch: all in one piece
my $bad = "1000000000000000000,$ids";
($out, $said, $n) = under(sprintf($batched, $bad),
	{ match => { path => 'ad/get' }, action => { refuse_value => '1000000000000000000' } });
is($out, $right, 'a refused id among 251: no row missing, none twice');
# in the last one, after rows were handed on
($out, $said) = under(sprintf($batched, "$ids,9000000000000000000"),
	{ match => { path => 'ad/get' }, action => { refuse_value => '9000000000000000000' } });
ok($out eq $right || $said =~ /ERROR:  22023/, 'a refused id at the end: the rows or the error')
  or diag("$out $said");

# LIMIT asked for small pages, of what matches
my $some = "SELECT count(*) FROM (SELECT ad_name FROM ads.ads WHERE advertiser_id = $large
	AND secondary_status = '$status' LIMIT 3) x";
($out, $said, $n) = under($some, { match => { path => 'ad/get' }, action => { refuse_value => $status } });
is("$out$said", '3', 'LIMIT of a refused condition');
cmp_ok($n, '<', 8, 'not in pages of three');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal|TRAP/, 'nothing crashed');
done_testing();
