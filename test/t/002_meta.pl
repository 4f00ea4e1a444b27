# META.json: what PGXN's specification of it wants (https://pgxn.org/spec/, 1.0.0),
# and what it says is so: of the archive that "make dist" makes, and of the control file.

use strict;
use warnings;

use FindBin;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::Bin/../..";
my $meta = JSON::PP->new->utf8->decode(slurp_file("$top/META.json"));
my $term = qr{^[^\s/\\[:cntrl:]]{2,}$};
my $semver = qr/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-?[A-Za-z][-0-9A-Za-z]*)?$/;
my @fields = qw(name version abstract maintainer license provides meta-spec);
my %others = map { $_ => 1 } qw(description generated_by tags no_index prereqs release_status resources);

foreach my $field (@fields)
{
	ok(defined $meta->{$field} && $meta->{$field} ne '', "$field, which is mandatory");
	$others{$field} = 1;
}
is_deeply([ grep { !$others{$_} && !/^x_/i } sort keys %$meta ], [], 'no field that the specification does not know');
like($meta->{name}, $term, 'name: a term');
like($meta->{version}, $semver, 'version: a semantic one');
like($meta->{'meta-spec'}{version}, qr/^1\.0\.\d+$/, 'of the specification that PGXN has');
like($meta->{license}, qr/^(agpl_3|apache_1_1|apache_2_0|artistic_1|artistic_2|bsd|freebsd|gfdl_1_2|gfdl_1_3|gpl_1|gpl_2|gpl_3|lgpl_2_1|lgpl_3_0|mit|mozilla_1_0|mozilla_1_1|openssl|perl_5|postgresql|qpl_1_0|ssleay|sun|zlib|open_source|restricted|unrestricted|unknown)$/,
	'a licence that it has a word for');
like($meta->{release_status} // 'stable', qr/^(stable|testing|unstable)$/, 'release_status');
is_deeply([ grep { ref || length > 255 || $_ !~ m{^[^/\\[:cntrl:]]+$} } @{ $meta->{tags} } ], [], 'tags: short words');

while (my ($phase, $relations) = each %{ $meta->{prereqs} })
{
	like($phase, qr/^(configure|build|test|runtime|develop)$/, "prereqs: $phase");
	foreach my $relation (sort keys %$relations)
	{
		like($relation, qr/^(requires|recommends|suggests|conflicts)$/, "prereqs: $phase $relation");
		like($_, $semver, "prereqs: $phase $relation: a version") foreach values %{ $relations->{$relation} };
	}
}

# what it says of this tree
my $control = slurp_file("$top/tiktok_fdw.control");
my ($version) = $control =~ /^default_version = '(.*)'/m;
my ($oldest) = slurp_file("$top/test/lib.sh") =~ /^TT_OLDEST=(\d+)/m;
my $provided = $meta->{provides}{tiktok_fdw};

is_deeply([ keys %{ $meta->{provides} } ], ['tiktok_fdw'], 'provides: the extension');
is($meta->{prereqs}{runtime}{requires}{PostgreSQL}, "$oldest.0.0", 'the oldest server is that of the tests');
is($provided->{version}, $meta->{version}, 'its version is that of the archive');
like($meta->{version}, qr/^\Q$version\E\./, 'and that of the control file');
is($provided->{file}, "sql/tiktok_fdw--$version.sql", 'file: what CREATE EXTENSION runs');
ok(-s "$top/$provided->{$_}", "$_: is there") foreach qw(file docfile);

done_testing();
