
# tiktok.completeness(): the sums of an account at each level, and why one is
# less than the account's own: prepared gaps, each with its reason; a handful of
# requests.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $api = api_start();
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000, -import => [ 'advertisers_reports_daily' ]);

my $whole = '7219930054437175298'; # nothing is hidden in it
my $some_deleted = '7030219640413208578';
my ($since, $until) = ('2026-05-01', '2026-06-30');

# The rows of a call as {level/reason => [spend, impressions, clicks]}, and all
# that was said.
sub completeness
{
	my ($account, %more) = @_;
	my $first = $more{since} // $since;

	api_reset();
	api_faults($more{faults}) if $more{faults};
	my ($rc, $out, $said) = $node->psql('postgres', "\\set VERBOSITY verbose\n"
		  . "SELECT level, reason, spend, impressions, clicks, note "
		  . "FROM tiktok.completeness('tiktok', '$first', '$until', $account)");
	my %found;

	foreach (split /\n/, $out)
	{
		my ($level, $reason, @numbers) = split /\|/;
		$found{ $reason eq '' ? $level : "$level/$reason" } = [ @numbers[ 0 .. 2 ], $numbers[3] // '' ];
	}
	return (\%found, $said, scalar @{ api_log() });
}

# What a table must hold, without HTTP: [spend, impressions, clicks] summed.
my @changes;

sub expected
{
	my ($stream, $account, @options) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/changes.json";

	open(my $out, '>', $file) or die "$file: $!";
	print $out encode_json(\@changes);
	close($out);
	my ($printed, $errors) = run_command([
		$ENV{PYTHON} // 'python3', "$FindBin::Bin/../api/expected.py", '--stream', $stream,
		'--columns', 'spend:numeric:metrics.spend,impressions:bigint:metrics.impressions,clicks:bigint:metrics.clicks', '--from', $since, '--to', $until,
		'--accounts', $account, '--today', $TODAY, '--scale', 'small', '--mutations', $file,
		@options ]);
	my @sums = (0, 0, 0);

	die "expected.py: $errors" if $errors ne '';
	foreach my $row (split /\n/, $printed)
	{
		my @values = split /[,\t]/, $row;

		next unless $values[0] =~ /^[\d.]+$/;
		$sums[$_] += $values[$_] foreach (0 .. 2);
	}
	return sprintf('%.2f|%d|%d', @sums);
}

sub text
{
	my ($numbers) = @_;

	return defined $numbers ? sprintf('%.2f|%d|%d', @$numbers) : 'no such row';
}

# All rows of a level together.
sub sum
{
	my ($found, $level) = @_;
	my @sums = (0, 0, 0);

	foreach my $key (grep { m{^\Q$level\E(/|$)} } keys %$found)
	{
		$sums[$_] += $found->{$key}[$_] || 0 foreach (0 .. 2);
	}
	return text(\@sums);
}

my @levels = ('campaign', 'ad group', 'ad', 'country');

# ---- nothing is missing ---------------------------------------------------
my ($found, $said, $requests) = completeness($whole);
my $all = expected('advertisers_reports_daily', $whole);
is_deeply([ sort keys %$found ], [ sort 'advertiser', @levels ], 'nothing is missing: a row for each level');
is(text($found->{$_}), $all, "$_: what the account has") foreach ('advertiser', @levels);
is($requests, 5, 'a request for each');

# ---- deleted, Promote, TopView ---------------------------------------------
($found, $said, $requests) = completeness($some_deleted);
foreach ([ 'campaign', 'campaigns' ], [ 'ad group', 'ad_groups' ], [ 'ad', 'ads' ])
{
	my ($level, $table) = @$_;

	is(text($found->{$level}),
		expected("${table}_reports_daily", $some_deleted, '--include-deleted', 'false'),
		"$level: what is not deleted");
	is(sum($found, $level), text($found->{advertiser}), "$level: with what is deleted, all");
	ok($found->{"$level/deleted"}[0] > 0, "$level: the reason is that it is deleted");
}
is_deeply([ grep { m{/} && !m{/deleted} } keys %$found ], [], 'there is no other reason');
cmp_ok($requests, '<=', 14, 'at most three more requests for a level');

foreach ([ 'PROMOTE', 'Promote' ], [ 'RESERVATION_TOP_VIEW', 'TopView' ])
{
	my ($kind, $reason) = @$_;

	api_reset(data => 1);
	@changes = ({ op => 'add_objects', advertiser_id => $whole, kind => $kind, ads => 7 });
	api_mutate(\@changes);
	my $promote = $kind eq 'PROMOTE';
	my $only = $promote ? $all : expected('ads_reports_daily', $whole, '--buying-types', 'RESERVATION_TOP_VIEW');

	($found) = completeness($whole);
	foreach my $level ('campaign', 'ad group', 'ad')
	{
		is(text($found->{$level}), $all, "$reason objects are hidden at level $level");
		is(text($found->{"$level/$reason"}), $only, "and what they have is told") unless $promote;
		is(sum($found, $level), text($found->{advertiser}), "$level: with $reason, all");
	}
	is_deeply([ grep { m{/} && !m{/$reason} } keys %$found ], [], "there is no reason but $reason");
}

# ---- a country report that says less -----------------------------------------
api_reset(data => 1);
@changes = ();
my %country = (report_type => 'AUDIENCE', data_level => 'AUCTION_ADVERTISER');
($found) = completeness($whole, faults => [
	{ match => {%country}, times => 1, action => { patch => { row => 0, field => 'metrics.spend', value => '-' } } } ]);
ok($found->{'country/no country'}[0] > 0, 'what the API attributes to no country');
is($found->{'country/no country'}[1], 0, 'and nothing else');
is(sum($found, 'country'), $all, 'all together');

# ---- the account is cut --------------------------------------------------------
api_settings(ad_limit => 10);
($found, $said) = completeness($whole);
is($found->{"$_/20,000 cut"}[0], '', "$_: cut, nobody knows by how much") foreach ('advertiser', @levels);
like($found->{'advertiser/20,000 cut'}[3], qr/20,000 ads or more/, 'and is told');
api_settings(ad_limit => 20000);
my %fewer = (total_metrics => { spend => '1.00', impressions => '10', clicks => '1' },
	list => [], page_info => { page => 1, page_size => 1, total_number => 1, total_page => 1 });
my %campaigns = (report_type => 'BASIC', data_level => 'AUCTION_CAMPAIGN');
($found) = completeness($whole, faults => [
	{ match => {%campaigns}, times => 2, action => { data => { %fewer, extra_info => { search_ads_throttle => JSON::PP::true } } } } ]);
is(sum($found, 'campaign'), $all, 'one level is cut: the amount is known');
ok($found->{'campaign/20,000 cut'}[0] > 0, 'and its reason');

# ---- and a gap that nobody explains --------------------------------------------
($found) = completeness($whole, faults => [
	{ match => {%campaigns}, times => 2, action => { data => \%fewer } } ]);
is_deeply([ grep { m{/} } keys %$found ], ['campaign/unknown'], 'an unknown reason is unknown');
is(text($found->{campaign}), '1.00|10|1', 'beside what there is');
is(sum($found, 'campaign'), $all, 'it makes up the rest');

# ---- a filter that the API does not take ------------------------------------------
api_mutate({ op => 'add_objects', advertiser_id => $whole, kind => 'PROMOTE', ads => 7 });
($found) = completeness($whole, faults => [
	{ match => { path => 'report/integrated/get' }, times => 0, action => { refuse_filter => 'campaign_system_origins' } } ]);
is($found->{'ad/Promote'}[0], '', 'a filter that is refused: the amount is not known');
like($found->{'ad/Promote'}[3], qr/^not known: .*campaign_system_origins/, 'and why');
is(sum($found, 'ad'), text($found->{advertiser}), 'it is part of the unknown rest');

$node->safe_psql('postgres', "ALTER SERVER tiktok OPTIONS (ADD concurrency '1')");
api_reset();
api_faults([ { match => { path => 'report/integrated/get' }, times => 0, action => { refuse_filter => 'campaign_system_origins' } } ]);
is($node->safe_psql('postgres', "SELECT count(DISTINCT advertiser_id), sum(spend) FILTER (WHERE level = 'campaign')
		= sum(spend) FILTER (WHERE level = 'advertiser')
	FROM tiktok.completeness('tiktok', '$since', '$until')"), '7|t', 'of all accounts, too, one request at a time');
$node->safe_psql('postgres', "ALTER SERVER tiktok OPTIONS (DROP concurrency)");

# ---- a long period --------------------------------------------------------------------
api_reset(data => 1);
($found, $said, $requests) = completeness($whole, since => '2024-01-01');
is($requests, 3 * 14, 'three requests of at most 365 days for each question');
is(sum($found, 'ad'), text([ split /\|/, $node->safe_psql('postgres',
	"SELECT sum(spend), sum(impressions), sum(clicks) FROM ads.advertisers_reports_daily
	 WHERE advertiser_id = $whole AND stat_time_day BETWEEN '2024-01-01' AND '$until'") ]),
	'which are added');

# ---- accounts that are refused, and all of them ----------------------------------------
api_reset();
my ($rc, $out, $err) = (0, '', '');
api_faults([ { match => { path => 'report/integrated/get', advertiser_id => $some_deleted }, times => 0,
	action => { code => 40001, message => 'No permission to operate advertiser' } } ]);
($rc, $out, $err) = $node->psql('postgres', "SELECT advertiser_id, count(level), min(note) FILTER (WHERE level IS NULL)
	FROM tiktok.completeness('tiktok', '$since', '$until') GROUP BY 1 ORDER BY 1");
is($rc, 0, 'a refused account is no error');
like($err, qr/WARNING:  skipping advertiser $some_deleted: No permission/, 'but a warning');
like($out, qr/^$some_deleted\|0\|the API refuses this account/m, 'and a row');
is(scalar(() = $out =~ /\|[1-9]\d*\|$/mg), 6, 'the others have theirs');

# ---- errors -----------------------------------------------------------------------------
sub fails
{
	my ($call, $like, $what, $user) = @_;

	($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n" . ($user ? "SET ROLE $user;" : '')
		. "SELECT * FROM tiktok.completeness($call)");
	like($err, $like, $what);
}

api_reset();
$node->safe_psql('postgres', "CREATE ROLE outsider; GRANT USAGE ON SCHEMA tiktok TO outsider;
	CREATE SERVER sand FOREIGN DATA WRAPPER tiktok_fdw OPTIONS (api_url '" . api_url() . "', environment 'sandbox', advertiser_ids '1');
	CREATE USER MAPPING FOR CURRENT_USER SERVER sand OPTIONS (access_token '$TOKEN')");
fails("'tiktok', '$since', '$until'", qr/42501.*permission denied for foreign server tiktok/, 'USAGE is needed', 'outsider');
fails("'tiktok', '$until', '$since'", qr/22023.*not after until/, 'since is after until');
fails("'tiktok', '-infinity', '$until'", qr/22023/, 'a period has a beginning');
fails("'tiktok', '4713-01-01 BC', '5874897-01-01'", qr/22023.*more than 7300 days/, 'and is not for ever');
fails("'tiktok', NULL, '$until'", qr/22004/, 'and is given');
fails("'nowhere', '$since', '$until'", qr/42704/, 'no such server');
fails("'sand', '$since', '$until'", qr/0A000.*sandbox/, 'nor has the sandbox what it needs');
is(scalar @{ api_log() }, 0, 'which is known without a request');
$node->safe_psql('postgres', "ALTER SERVER tiktok OPTIONS (ADD advertiser_ids '$whole')");
fails("'tiktok', '$since', '$until', $some_deleted", qr/22023.*is not in option advertiser_ids/, 'an account that is not the server\'s');
is($node->safe_psql('postgres', "SELECT count(DISTINCT advertiser_id) FROM tiktok.completeness('tiktok', '$since', '$until')"), 1,
	'the accounts are those of the option');
is_deeply(api_violations(), [], 'asked as documented');

done_testing();
