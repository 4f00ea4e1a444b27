# What the documentation says can be typed, is typed: the SQL that README.md
# and doc/*.md mark as runnable, and examples/*.sql, against the local API.
#
# A mark is a comment in the line before a block:
#
#   <!-- run -->                the block runs without an error
#   <!-- run first -->          and before the others (the set-up)
#   <!-- run, same output -->   and psql prints the ```text block that follows
#   <!-- run, output has -->    and psql prints each line of it
#
# Values that a reader fills in ('...') are filled in, and servers of
# tiktok_fdw get the option api_url.  Each file of examples/ has a database of
# its own, set up as in README.md unless the file does it; the documentation
# shares one.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use Cwd qw(abs_path);
use PostgreSQL::Test::Utils;
use Test::More;

my $top = abs_path("$FindBin::Bin/../..");
my @documents = ("$top/README.md", glob("$top/doc/*.md"));
my @examples = glob("$top/examples/*.sql");

my $api = api_start('--scale', 'demo');
my $node = new_node('main');

# The text with its placeholders filled in.
sub fill_in
{
	my ($sql) = @_;
	my %value = (access_token => $TOKEN, app_id => $APP_ID, secret => $SECRET);

	$sql =~ s/\b(access_token|app_id|secret) '(\.\.\.|…)'/$1 '$value{$1}'/g;
	my $url = api_url();
	$url =~ s,/open_api,/sandbox/open_api, if $sql =~ /environment 'sandbox'/;
	$sql =~ s/(WRAPPER\s+tiktok_fdw\s+OPTIONS\s*\()/$1api_url '$url', /g;
	$sql =~ s/(WRAPPER\s+tiktok_fdw)\s*;/$1 OPTIONS (api_url '$url');/g;
	return $sql;
}

# psql's output as a reader sees it, without blanks at the ends of lines
sub run_sql
{
	my ($db, $sql) = @_;
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run(
		[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-P', 'pager=off', '-d', $node->connstr($db) ],
		'<', \fill_in($sql), '>', \$out, '2>', \$err);

	return ($ok, tidy($out), $err);
}

sub tidy
{
	my ($text) = @_;
	$text =~ s/[ \t]+$//mg;
	$text =~ s/^\n+|\n+$//g;
	return $text;
}

# The marked blocks of a document: { mark, line, sql, output }
sub blocks
{
	my ($file) = @_;
	my (@blocks, $mark, $in, $block);

	my $line = 0;
	foreach my $text (split(/\n/, slurp_file($file)))
	{
		$line++;
		if (defined $in)
		{
			if ($text =~ /^```\s*$/) { $in = undef; }
			elsif (defined $block) { $block->{$in} .= "$text\n"; }
		}
		elsif ($text =~ /^<!-- (run\b.*?) -->$/) { $mark = $1; }
		elsif ($text =~ /^```(\w*)$/)
		{
			my $kind = $1;
			if ($kind eq 'sql' && defined $mark)
			{
				push @blocks, $block = { mark => $mark, line => $line, sql => '', output => undef };
				$in = 'sql';
			}
			elsif ($kind eq 'text' && defined $block && $block->{mark} =~ /output/
				&& !defined $block->{output})
			{
				$block->{output} = '';
				$in = 'output';
			}
			else
			{
				($in, $block) = ('', undef);
			}
			$mark = undef;
		}
	}
	die "$file: a block does not end" if defined $in;
	return @blocks;
}

# ---- the documentation -------------------------------------------------------

my @all;
foreach my $document (@documents)
{
	my $name = $document =~ s,^\Q$top\E/,,r;
	push @all, map { $_->{name} = "$name, line $_->{line}"; $_ } blocks($document);

	# links to files of the tree lead somewhere
	my $dir = $document =~ s,/[^/]*$,,r;
	my @dead = grep { !/^(https?:|#|mailto:)/ && !-e "$dir/" . s/#.*//r }
	  slurp_file($document) =~ /\]\(([^)\s]+)\)/g;
	is_deeply(\@dead, [], "$name: links to files lead somewhere");
}
cmp_ok(scalar(grep { $_->{name} =~ /^README/ } @all), '>=', 5, 'README.md has SQL to run');

$node->safe_psql('postgres', 'CREATE DATABASE readme');
foreach my $block ((grep { $_->{mark} =~ /first/ } @all), (grep { $_->{mark} !~ /first/ } @all))
{
	my ($ok, $out, $err) = run_sql('readme', $block->{sql});

	ok($ok, "$block->{name} runs") or diag("$block->{sql}\n$err");
	next unless defined $block->{output};
	if ($block->{mark} =~ /same/)
	{
		is($out, tidy($block->{output}), "$block->{name} prints what it says");
	}
	else
	{
		my %has = map { s/^\s+//r => 1 } split(/\n/, $out);
		my @missing = grep { !$has{ s/^\s+//r } } split(/\n/, tidy($block->{output}));
		is_deeply(\@missing, [], "$block->{name} prints what it says");
	}
}
my @unnamed = grep { index(slurp_file("$top/README.md"), "`$_`") < 0 }
  split(/\n/, $node->safe_psql('readme', 'SELECT name FROM tiktok.streams WHERE seed_name IS NOT NULL'));
is_deeply(\@unnamed, [], 'README.md names every stream that connectors have');

# ---- the examples ------------------------------------------------------------

cmp_ok(scalar(@examples), '>', 0, 'there are examples');
my $number = 0;
foreach my $example (@examples)
{
	my $db = 'example_' . ++$number;
	my $name = $example =~ s,^\Q$top\E/,,r;

	my $sql = slurp_file($example);
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$sql = join('', map { $_->{sql} } grep { $_->{mark} =~ /first/ } @all) . $sql
	  unless $sql =~ /^CREATE EXTENSION/m;
	my ($ok, $out, $err) = run_sql($db, $sql);
	ok($ok, "$name runs") or diag($err);
	like($out, qr/\(([2-9]|\d{2,}) rows\)/, "$name: and shows rows");
}

is_deeply(api_violations(), [], 'the API was asked as it documents');
$node->stop('fast');
done_testing();
