
# Values and pages have short ways in: decimals and integers without the type's
# input function, expected keys and plain strings without the lexer. They must
# give what the long way gives: here replies of our own making are read by both.

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
setup_fdw($node, %ONE_SERIES, concurrency => 1, rate_limit => 1000, max_retries => 0,
	advertiser_ids => '7002238017842757633');
$node->safe_psql('postgres', q{
	CREATE FOREIGN TABLE v (campaign_id bigint, t text OPTIONS (path 'v'), n numeric OPTIONS (path 'v'))
	SERVER tiktok OPTIONS (stream 'campaigns');
	CREATE FOREIGN TABLE i (campaign_id bigint, t text OPTIONS (path 'v'), i8 bigint OPTIONS (path 'v'))
	SERVER tiktok OPTIONS (stream 'campaigns');
	CREATE FOREIGN TABLE shape (campaign_id bigint, a text, b text, c numeric, d text OPTIONS (path 'o.d'),
		e bigint OPTIONS (path 'o.e')) SERVER tiktok OPTIONS (stream 'campaigns');
	-- what the input function says of it
	CREATE FUNCTION cast_to(type text, value text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		result text;
	BEGIN
		EXECUTE format('SELECT %L::%s::text', value, type) INTO result;
		RETURN result;
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE || ' ' || SQLERRM;
	END $$;
	CREATE FUNCTION read_all(query text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		result text;
	BEGIN
		EXECUTE query INTO result;
		RETURN result;
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE || ' ' || SQLERRM;
	END $$;
});

# the next requests get this page
sub serve
{
	my ($n, $list) = @_;
	api_faults([ {
		match => { path => 'campaign/get' },
		times => 0,
		action => {
			text => qq({"code":0,"message":"OK","request_id":"r","data":{"list":$list,"page_info":)
			  . qq({"page":1,"page_size":1000,"total_number":$n,"total_page":1}}})
		} } ]);
	return;
}

sub serve_values
{
	my @values = @_;
	my $id = 0;
	serve(scalar @values, '[' . join(',', map { $id++; qq({"campaign_id":"$id","v":$_}) } @values) . ']');
	return;
}

sub query
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

# ---- spellings -----------------------------------------------------------
my @spellings = qw(0 -0 00 007 -007 1 -1 10 100 1000 10000 100000000 0.0 -0.0 -0.00 0.5 -0.5 10.50 1.10
	12345.6789 0.0001 0.00010000 9999.9999 10000.0001 99999999.9999999 0.0000000000001 0.00000000000001
	999999999999999 -999999999999999 9999999999999999 123456789012345678 1234567890123456789
	9223372036854775807 -9223372036854775808 9223372036854775808 -9223372036854775809
	123456789012345678901234567890.123456789 999999999999999999 -999999999999999999
	20.000 -20.0 1e3 1E-2 1.5e10 -2e0 .5 5. -.5 +5 NaN Infinity -inf 1_000 0x1F 0b1 1.2.3 --1 1- 1.-2 -. .
	abc 1e 1.5e 5.x 12a a12 true - 1;2 1:2 1/2 9: 0.;);
@spellings = grep { $_ ne '-' } @spellings;    # NULL
push @spellings, '1,000', ' 5', '5 ', "5\t", '1 2', '- 5', "\x{ff11}", "5\x{e9}", '5\\', "1\n";

my $seed = 1;
sub random_below
{
	my ($n) = @_;
	$seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
	return ($seed >> 8) % $n;
}
for (1 .. 2500)
{
	my $text = join '', map { random_below(4) ? random_below(10) : 0 } 0 .. random_below(20);
	substr($text, random_below(length $text), 1) = '.' if random_below(4);
	$text = "-$text" if random_below(4) == 0;
	# and now and then what is no number
	substr($text, random_below(length $text), 1) = substr('.-+ e,:/x', random_below(9), 1)
	  if random_below(50) == 0;
	push @spellings, $text if $text ne '-' && $text ne '';
}

my $json = JSON::PP->new->ascii->allow_nonref;
for ([ 'v', 'n', 'numeric' ], [ 'i', 'i8', 'bigint' ])
{
	my ($table, $column, $type) = @$_;
	my $whole = $type eq 'bigint' ? q{CASE WHEN %s ~ '^-?[0-9]+\.0+$' THEN split_part(%1$s, '.', 1) ELSE %1$s END} : '%s';
	my (@good, @bad);
	my $array = 'ARRAY[' . join(',', map { my $s = $_; $s =~ s/'/''/g; $s =~ s/\\/\\\\/g; "E'$s'" } @spellings) . ']';
	utf8::encode($array);
	my $asked = sprintf($whole, 's');
	my @verdicts = split /\n/, query("SELECT cast_to('$type', $asked) ~ '^22'
		FROM unnest($array) WITH ORDINALITY u (s, i) ORDER BY i");
	push @{ $verdicts[$_] eq 't' ? \@bad : \@good }, $spellings[$_] for 0 .. $#spellings;
	cmp_ok(scalar @good, '>', 500, "$type: enough spellings that are good");
	cmp_ok(scalar @bad, '>', 20, "$type: enough that are not");

	while (my @some = splice @good, 0, 1000)
	{
		# as strings, and as numbers what JSON takes for one
		my @as_numbers = grep { /\A-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\z/ } @some;
		for ([ string => map { $json->encode("$_") } @some ], [ number => @as_numbers ])
		{
			my ($kind, @values) = @$_;
			next unless @values;
			my $text = sprintf($whole, 't');
			serve_values(@values);
			is( query("SELECT count(*) || ' ' || coalesce(string_agg(t || ' is ' || $column, ', ')
					FILTER (WHERE $column\::text IS DISTINCT FROM cast_to('$type', $text)), 'all as the input function')
				FROM $table"),
				@values . ' all as the input function',
				"$type: $kind values");
		}
	}

	# those written above, and a few more: each is a query
	my @wrong;
	splice @bad, 60;
	for my $spelling (@bad)
	{
		serve_values($json->encode("$spelling"));
		my $text = sprintf($whole, 't');
		my $both = query("SELECT cast_to('$type', (SELECT $text FROM $table)) = read_all('SELECT $column FROM $table')");
		push @wrong, $spelling if $both ne 't';
	}
	is("@wrong", '', "$type: the input function's errors for " . scalar(@bad) . ' that are no numbers');
}

# ---- shapes --------------------------------------------------------------
my @rows = map {
	{
		campaign_id => "$_",
		a => "a$_ \"quoted\" \\ \x{e9}",
		b => $_ % 3 ? "b$_" : undef,
		c => $_ % 7 == 0 ? undef : $_ + 0,
		o => { d => "d$_", e => $_ + 0, x => [ { a => 1 } ] },
		unknown => [ 'a', { campaign_id => 'no' } ]
	}
} 1 .. 50;
my $read = q{SELECT count(*) || md5(string_agg(s::text, '|' ORDER BY campaign_id)) FROM shape s};
my $plain = JSON::PP->new->ascii->canonical;
serve(50, $plain->encode(\@rows));
my $right = query($read);
like($right, qr/^50/, 'rows of a page, written short');
is(query(q{SELECT a || '|' || b || '|' || c || '|' || d || '|' || e FROM shape WHERE campaign_id + 0 = 4}),
	"a4 \"quoted\" \\ \xc3\xa9|b4|4|d4|4", 'and read right');

my $spaced = $plain->encode(\@rows) =~ s/("(?:[^"\\]|\\.)*")|([:,])/defined $1 ? $1 : "$2 "/ger;
my $escaped = $plain->encode(\@rows) =~ s/"(campaign_id|a|b|c|o|d|e)":/sprintf('"\\u%04x%s":', ord $1, substr $1, 1)/ger;
my $turn = 0;
my %shapes = (
	'with spaces' => $spaced,
	'over many lines' => JSON::PP->new->ascii->canonical->pretty->encode(\@rows),
	'in UTF-8' => JSON::PP->new->utf8->canonical->encode(\@rows) =~ s/\\u00e9/\xe9/gr,
	'with escaped keys' => $escaped,
	'with keys in another order each row' => '[' . join(',',
		map {
			my $row = $_;
			my @keys = sort keys %$row;
			push @keys, splice @keys, 0, $turn++ % @keys;
			'{' . join(',', map { qq("$_":) . $json->encode($row->{$_}) } @keys) . '}';
		} @rows) . ']',
	'with missing keys for null' => $plain->encode(
		[ map { my $row = $_; +{ map { defined $row->{$_} ? ($_ => $row->{$_}) : () } keys %$row } } @rows ]),
	'with unknown keys between' => $plain->encode(\@rows) =~ s/"(a|b|c|d|e)":/"$1$1":[{"$1":"no"}],"$1":/gr =~
	  s/"x":\[\{"aa":\[\{"a":"no"\}\],"a":1\}\]/"x":0/gr,
	'with keys twice, the last counts' => $plain->encode(\@rows) =~ s/"(b|c|d|e)":/"$1":"0","$1":/gr,);
for my $shape (sort keys %shapes)
{
	serve(50, $shapes{$shape});
	is(query($read), $right, "rows written $shape");
}

# what is no JSON stays none, wherever the short way has just been taken
for (
	[ 'two colons', '"a"::1', 'expected a value' ],
	[ 'no colon', '"a" 1', 'expected ":"' ],
	[ 'no value', '"a":', 'expected a value' ],
	[ 'two commas', '"a":1,,"b":2', 'expected a key' ],
	[ 'a comma at the end', '"a":1,', 'expected a key' ],
	[ 'no comma', '"a":1 "b":2', 'expected ","' ],
	[ 'a control character', qq("a":"x\ty"), 'control character' ],
	[ 'a wrong escape', '"a":"\\q"', 'invalid escape' ],
	[ 'half an escape', '"a":"\\u12"', 'invalid \\u escape' ],
	[ 'an open string', '"a":"x', 'invalid token' ],
	[ 'a bare word', '"a":nil', 'invalid token' ],
	[ 'a key that is none', '"a":1,b:2', 'invalid token' ])
{
	my ($what, $middle, $error) = @$_;
	serve(2, qq([{"campaign_id":"1","a":"x","b":"y"},{"campaign_id":"2",$middle}]));
	my ($rc, $out, $err) = $node->psql('postgres', 'SELECT a, b FROM shape');
	like($err, qr/ERROR: .* invalid JSON at byte 1\d\d: \Q$error\E/, "$what: an error");
}

done_testing();
