
# The dashboard (examples/dashboard) as a person sees it, in a headless Chromium: no
# error on the console, and its numbers are those that SQL has from the API itself.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use POSIX qw(strftime);
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($browser) = grep { -x } map { my $d = $_; map { "$d/$_" } qw(chromium-headless-shell chromium) }
  split /:/, $ENV{PATH};
plan skip_all => 'no Chromium' unless $browser;
plan skip_all => 'no Chart.js' unless -e '/usr/share/javascript/chart.js/chart.min.js';
plan skip_all => 'the day is about to end' if strftime('%H%M', gmtime) >= 2350;

my $examples = "$FindBin::Bin/../../examples/dashboard";
my $dir = PostgreSQL::Test::Utils::tempdir('dashboard');

# the days that snapshots keep end today
api_start('--today', strftime('%Y-%m-%d', gmtime), '--pictures');
my $node = new_node('main');
setup_fdw($node, rate_limit => 1000);
my $hostile = q{</script><script>document.title = "ran"</script><b>"'&amp;};
$node->safe_psql('postgres', 'CREATE SCHEMA ads_weekly;
	IMPORT FOREIGN SCHEMA tiktok LIMIT TO (advertisers_reports_weekly) FROM SERVER tiktok INTO ads_weekly');
my ($account, @ads) = split /[|,]/, $node->safe_psql('postgres', <<'SQL');
SELECT advertiser_id, string_agg(DISTINCT ad_id::text, ',') FROM ads.ads_reports_daily
WHERE stat_time_day BETWEEN current_date - 30 AND current_date - 1 GROUP BY 1 ORDER BY sum(spend) DESC LIMIT 1
SQL
cmp_ok(scalar @ads, '>', 1, 'there are ads');
api_mutate([ map { { op => 'rename', kind => 'ad', advertiser_id => $account, id => $_, name => $hostile } } @ads ]);

$node->command_ok(['psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', 'postgres', '-f', "$examples/snapshots.sql"],
	'snapshots.sql runs') foreach 1 .. 2;
my $page = "$dir/page.html";
my ($html, $said) = build();
is($said, '', 'the page is built, with all pictures');
append_to_file($page, $html);

# What a browser makes of a page: the document after its scripts ran, and its console.
sub look
{
	my ($url) = @_;
	my ($dom, $log) = ('', '');
	IPC::Run::run([ $browser, '--no-sandbox', '--disable-gpu', "--user-data-dir=$dir/profile", '--enable-logging=stderr',
			'--virtual-time-budget=10000', '--dump-dom', $url ], '>', \$dom, '2>', \$log);
	return ($dom, join "\n", grep { /CONSOLE/ } split /\n/, $log);
}

sub build
{
	my ($out, $err) = ('', '');
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	local $ENV{PGDATABASE} = 'postgres';
	IPC::Run::run([ 'python3', "$examples/build.py", @_ ], '>', \$out, '2>', \$err);
	return ($out, $err);
}

# The texts of a table's body, a list a row.
sub cells
{
	my ($dom, $id) = @_;
	my ($body) = $dom =~ m{<table id="$id">.*?<tbody>(.*?)</tbody>}s;
	return [ map { [ map { s/<[^>]*>//gr =~ s/,(?=\d)//gr } m{<td.*?>(.*?)</td>}gs ] } $body =~ m{<tr>(.*?)</tr>}gs ];
}

# Rows of SQL in the same form.
sub rows
{
	return [ map { [ split /\|/, $_, -1 ] } split /\n/, $node->safe_psql('postgres', $_[0]) ];
}

(undef, my $complaint) = look('data:text/html,<script>console.error("listen")</script>');
like($complaint, qr/listen/, 'a console error would be seen');

my $days = "stat_time_day BETWEEN settled.day - 29 AND settled.day";
my $settled = "(SELECT watermark AS day FROM tiktok.snapshots WHERE target = 'mart.advertisers_reports_daily'::regclass) AS settled";
my $accounts = rows('SELECT advertiser_id, name, currency FROM ads.advertisers ORDER BY 1');
cmp_ok(scalar @$accounts, '>=', 2, 'there are several accounts');

foreach my $row (@$accounts)
{
	my ($id, $name, $currency) = @$row;
	my ($dom, $console) = look("file://$page#$id");
	my $digits = $currency eq 'JPY' ? 0 : 2;
	my %total = map { s/,//gr } $dom =~ m{<b id="total_(\w+)">([^<]*)</b>}g;

	is($console, '', "$id: nothing on the console");
	my $shown = $name =~ s/&/&amp;/gr =~ s/"/&quot;/gr;
	ok($dom =~ /data-drawn="\Q$shown\E \($currency\)"/, "drawn to the end: $name");
	my ($expected) = @{ rows(<<SQL) };
SELECT round(a.spend, $digits), coalesce(round(r.value / nullif(r.spend, 0), 2)::text, '–'), a.impressions, a.clicks,
	coalesce(round(100.0 * a.clicks / nullif(a.impressions, 0), 2)::text, '–'), r.conversions
FROM (SELECT coalesce(sum(spend), 0) AS spend, coalesce(sum(impressions), 0) AS impressions, coalesce(sum(clicks), 0) AS clicks
		FROM ads.advertisers_reports_daily, $settled WHERE advertiser_id = $id AND $days) AS a,
	(SELECT sum(spend) AS spend, coalesce(sum(total_purchase_value), 0) AS value, coalesce(sum(conversion), 0) AS conversions
		FROM ads.ads_reports_daily, $settled WHERE advertiser_id = $id AND $days) AS r
SQL
	is_deeply([ @total{qw(spend roas impressions clicks ctr conversions)} ], $expected, 'the totals');
	is_deeply([ map { [ @$_[0, 1] ] } @{ cells($dom, 'spend_numbers') } ], rows(<<SQL), 'the days');
SELECT stat_time_day, round(spend, $digits) FROM ads.advertisers_reports_daily, $settled
WHERE advertiser_id = $id AND $days ORDER BY 1
SQL
	is_deeply([ map { [ @$_[0, 2, 3] ] } @{ cells($dom, 'reach_numbers') } ], rows(<<SQL), 'the weeks');
SELECT stat_time_week, covered_to, reach FROM ads_weekly.advertisers_reports_weekly
WHERE advertiser_id = $id AND stat_time_week BETWEEN date_trunc('week', current_date - 90 + 6)::date AND current_date ORDER BY 1
SQL
	my %heat = $dom =~ m{<td[^>]*data-key="([^"]+)"[^>]*>([^<]*)</td>}g;
	my %audience = map { ("$_->[0] $_->[1]" => $_->[2]) } @{ rows(<<SQL) };
SELECT gender, age, coalesce(round(100.0 * sum(clicks) / nullif(sum(impressions), 0), 2)::text, '–')
FROM ads.advertisers_audience_reports_daily, $settled WHERE advertiser_id = $id AND $days GROUP BY 1, 2
SQL
	$audience{$_} //= '–' foreach keys %heat;
	is_deeply(\%heat, \%audience, 'who saw the ads');
	my @values = map { s/,//gr =~ s/ .*//r } $dom =~ m{<span class="value">([^<]*)</span>}g;
	is_deeply(\@values, [ map { $_->[0] } @{ rows(<<SQL) } ], 'the best creatives');
SELECT round(sum(coalesce(r.total_purchase_value, 0)), $digits)
FROM $settled, ads.ads_reports_daily AS r LEFT JOIN ads.ads AS d ON d.advertiser_id = r.advertiser_id AND d.ad_id = r.ad_id
WHERE r.advertiser_id = $id AND r.$days
GROUP BY coalesce(nullif(d.video_id, ''), d.image_ids[1], r.ad_id::text)
ORDER BY sum(coalesce(r.total_purchase_value, 0)) DESC LIMIT 8
SQL
	is(scalar @{ cells($dom, 'completeness') }, $node->safe_psql('postgres',
			"SELECT count(*) FROM $settled, tiktok.completeness('tiktok', day - 29, day, $id)"), 'what is missing');
	next unless $id == $account;
	unlike($dom, qr/<title>ran/, 'a name is no script');
	like($dom, qr{<strong title="[^"]*">\Q&lt;/script&gt;&lt;script&gt;\E}, 'but text');
	like($dom, qr{<img src="data:image/svg\+xml;base64,}, 'creatives have pictures');
}

# what goes wrong says how it is mended
(undef, $said) = build('--chart-js', "$dir/missing.js");
like($said, qr/Chart\.js is missing .*libjs-chart\.js/, 'Chart.js is asked for');
$node->safe_psql('postgres', "UPDATE mart.creative_assets_images SET image_url = 'file:///etc/passwd'");
$node->safe_psql('postgres', "UPDATE mart.creative_assets_videos SET video_cover_url = 'http://127.0.0.1:1/gone?sig=secret'");
($html, $said) = build();
like($said, qr{^no picture from http://127\.0\.0\.1:1/gone: }m, 'a picture that is gone is said to be');
unlike($said, qr/secret/, 'without its signature');
unlike($html, qr/data:image|root:x:0/, 'and nothing but pictures of the web gets in');
$node->safe_psql('postgres', 'DROP SCHEMA reports CASCADE');
($html, $said) = build();
like($said, qr/the dashboard is not built.*snapshots\.sql/, 'the order of steps is told');

is_deeply(api_violations(), [], 'asked as documented');
$node->stop;
done_testing();
