# CONTRIBUTING.md against the tree: the scripts, make targets, tests and files
# that it names are there, and the lines of the catalogue that it shows have as
# many fields as those of src/catalog.

use strict;
use warnings;

use FindBin;
use Cwd qw(abs_path);
use PostgreSQL::Test::Utils;
use Test::More;

my $top = abs_path("$FindBin::Bin/../..");
my $text = slurp_file("$top/CONTRIBUTING.md");
my $makefile = slurp_file("$top/Makefile");

# whether files have such a name
sub there_is
{
	my @found = glob("$top/$_[0]");

	return scalar(grep { -e $_ } @found);
}

my @lost = grep { !-e "$top/$_" } $text =~ /\]\(([^):#]+)\)/g;
is_deeply(\@lost, [], 'links lead somewhere');

# ---- commands ----------------------------------------------------------------

my @commands = map { split(/\n/, $_) } $text =~ /^ *```sh\n(.*?)```/gms;
my ($parts) = slurp_file("$top/test/check.sh") =~ /^PARTS="(.*)"/m;
my %part = map { $_ => 1 } split(/ /, $parts);
cmp_ok(scalar(@commands), '>', 15, 'there are commands');

@lost = ();
foreach my $command (@commands)
{
	my ($line) = split(/ {2,}#|\t#/, $command);

	push @lost, map { "$line: $_" } grep { !-e "$top/$_" } $line =~ /(?:sh|python3) ([\w\/.]+)/g;
	push @lost, map { "$line: $_" } grep { $makefile !~ /^$_\b.*:/m } $line =~ /^make ([a-z-]+)/;
	next if $line !~ /check\.sh (.+)/;
	my $tap = $line =~ /\btap\b/;
	push @lost, map { "$line: $_" }
	  grep { !$part{$_} && !there_is($tap ? "test/t/*$_*.pl" : "sql/$_.sql") } split(/ /, $1);
}
is_deeply(\@lost, [], 'what the commands name is there');

# ---- names of tests and files --------------------------------------------------

@lost = grep { !there_is("test/t/$_*.pl") && $_ ne '036_cursor' } $text =~ /`?\b(0\d\d_[a-z_]+)/g;
is_deeply(\@lost, [], 'TAP tests');
@lost = grep { my $f = $_; !grep { there_is("$_$f") } '', 'src/catalog/', 'test/api/' }
  grep { $_ !~ /036_cursor|OLD--NEW/ } $text =~ /`([\w\/.*]+\.(?:def|py|sql|md|sh|pl|h|json|control))`/g;
is_deeply(\@lost, [], 'files');
my $sources = join('', map { slurp_file($_) } glob("$top/src/*/*.[ch]"));
@lost = grep { index($sources, $_) < 0 } $text =~ /`(tt_\w+)`/g;
is_deeply(\@lost, [], 'functions');

# ---- lines of the catalogue ------------------------------------------------------

# the fields of a macro's call
sub fields
{
	my ($call) = @_;

	$call =~ s/"(?:[^"\\]|\\.)*"/x/g;
	return 1 + ($call =~ tr/,//);
}

my %wanted;
foreach my $def (glob("$top/src/catalog/*.def"))
{
	my $lines = slurp_file($def);

	$wanted{$1} //= fields($2) while $lines =~ /^(TT_\w+)\((.*)\)$/mg;
}
my @shown = join("\n", map { s/^ *[-+ ] {0,4}//mgr } $text =~ /^```diff\n(.*?)```/gms) =~ /^(TT_\w+\(.*?\))$/gms;
cmp_ok(scalar(@shown), '>=', 8, 'there are lines of the catalogue');
@lost = grep { my ($name, $call) = /^(TT_\w+)\((.*)\)$/s; fields($call) != ($wanted{$name} // 0) } @shown;
is_deeply(\@lost, [], 'with the fields that they have');
done_testing();
