# The catalogue against the facts: each stream, column and metric that the
# extension lists is as test/api/facts.json has it from TikTok's documentation,
# which no part of the extension reads; and none of what the facts have is left
# out, but for streams that connectors lack.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokTest;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $facts = decode_json(slurp_file("$FindBin::Bin/../api/facts.json"));
my %level = (V => 'AUCTION_ADVERTISER', C => 'AUCTION_CAMPAIGN', G => 'AUCTION_ADGROUP',
	A => 'AUCTION_AD');
my $node = new_node('main');
$node->safe_psql('postgres', 'CREATE EXTENSION tiktok_fdw');

# the rows of a view, by a column or two
sub rows
{
	my ($sql) = @_;

	return decode_json($node->safe_psql('postgres',
			"SELECT coalesce(json_agg(r), '[]') FROM ($sql) AS r"));
}

# ---- streams -------------------------------------------------------------------

my %fact = %{ $facts->{streams} };
my %stream = map { $_->{name} => $_ } @{ rows('TABLE tiktok.streams') };

# Weeks, months and periods are no streams of TikTok's but uses of its reports
# without time dimension: below, by themselves.
my @periods = grep { ($stream{$_}{grain} // '') =~ /^(week|month|period)$/ } sort keys %stream;
my %period;
@period{@periods} = delete @stream{@periods};
is_deeply([ grep { !$fact{$_} } sort keys %stream ], [], 'the facts have every stream');
is_deeply([ grep { ($fact{$_}{seed} // 1) && !$stream{$_} } sort keys %fact ],
	[], 'no stream that connectors have is missing');
is_deeply([ grep { ($stream{$_}{note} // '') =~ /^In doubt/ xor $fact{$_}{doubt} } sort keys %stream ],
	[], 'those that the facts doubt are doubted');
is_deeply([ grep { defined $stream{$_}{seed_name} != ($fact{$_}{seed} // 1) } sort keys %stream ],
	[], 'the others have no name of the connectors');

my (%columns, @wrong);
push @{ $columns{ $_->{stream} } }, $_
  foreach @{ rows('SELECT * FROM tiktok.stream_columns ORDER BY stream, ordinal') };
foreach my $name (sort keys %stream)
{
	my ($is, $should) = ($stream{$name}, $fact{$name} // next);
	my $listed = sub { join(',', @{ $_[0] }) };

	push @wrong, "$name: endpoint $is->{endpoint}" if $is->{endpoint} ne "$should->{path}/";
	push @wrong, "$name: key @{ $is->{key_columns} }"
	  if $listed->($is->{key_columns}) ne $listed->($should->{key});
	push @wrong, "$name: environments @{ $is->{environments} }"
	  if $listed->($is->{environments}) ne $listed->($should->{environments});
	push @wrong, "$name: kind $is->{kind}"
	  if ($is->{kind} =~ /report$/) != exists $should->{report}
	  || ($is->{kind} eq 'audience_report')
	  != (($should->{report}{report_type} // '') eq 'AUDIENCE');
}
is_deeply(\@wrong, [], 'endpoint, key, environments and kind are those of the facts');

# ---- columns -------------------------------------------------------------------

@wrong = ();
foreach my $name (sort keys %stream)
{
	my $should = $fact{$name} // next;
	my %type = map { $_ => $should->{columns}{$_}{type} } keys %{ $should->{columns} };
	my %is = map { $_->{name} => $_ } @{ $columns{$name} };

	foreach my $column (@{ $columns{$name} })
	{
		my $type = $type{ $column->{name} } // ($column->{name} eq 'advertiser_id' ? 'bigint' : undef);
		my $metric = $facts->{metrics}{ $column->{name} };

		if (!defined $type && $should->{report} && $metric)
		{
			my $at = $should->{report}{data_level};

			$type = $metric->{type};
			push @wrong, "$name.$column->{name}: not at $at"
			  if !grep { $level{$_} eq $at } split(//, $metric->{levels});
		}
		push @wrong, "$name.$column->{name}: $column->{type}, not " . ($type // 'in the facts')
		  if ($type // '') ne $column->{type};
	}
	push @wrong, map { "$name.$_: missing" } grep { !$is{$_} } sort keys %type;
}
is_deeply(\@wrong, [], 'names and types of columns are those of the facts');

@wrong = ();
foreach my $name (grep { $fact{$_}{pushable} } sort keys %stream)
{
	my $is = join(',', sort map { $_->{name} }
		grep { defined $_->{pushdown} && $_->{name} ne 'advertiser_id' } @{ $columns{$name} });
	my %exists = map { $_->{name} => 1 } @{ $columns{$name} };
	my $should = join(',', grep { $exists{$_} && $_ ne 'advertiser_id' } @{ $fact{$name}{pushable} });

	push @wrong, "$name: $is, not $should" if $is ne $should;
}
is_deeply(\@wrong, [], 'a condition on a column is sent where the facts have a filter for it');

# ---- weeks, months, periods ------------------------------------------------------

@wrong = ();
foreach my $name (@periods)
{
	my ($objects, $of) = $name =~ /^(.*)_reports_(weekly|monthly|period)$/;
	my $daily = $fact{"${objects}_reports_daily"} or next;
	my $at = $daily->{report}{data_level};
	my %when = (
		weekly => ['stat_time_week'], monthly => ['stat_time_month'],
		period => [ 'start_date', 'end_date' ]);
	my @key = ((grep { $_ ne 'stat_time_day' } @{ $daily->{key} }), @{ $when{$of} });
	my %own = map { $_ => 'date' } @{ $when{$of} }, 'covered_to';

	push @wrong, "$name: key @{ $period{$name}{key_columns} }, not @key"
	  if "@{ $period{$name}{key_columns} }" ne "@key";
	push @wrong, "$name: endpoint $period{$name}{endpoint}"
	  if $period{$name}{endpoint} ne "$daily->{path}/";
	foreach my $column (@{ $columns{$name} })
	{
		my $type = $own{ $column->{name} } // $daily->{columns}{ $column->{name} }{type}
		  // ($column->{name} eq 'advertiser_id' ? 'bigint' : undef);
		my $metric = $facts->{metrics}{ $column->{name} };

		if (!defined $type && $metric)
		{
			$type = $metric->{type};
			push @wrong, "$name.$column->{name}: not at $at"
			  if !grep { $level{$_} eq $at } split(//, $metric->{levels});
		}
		push @wrong, "$name.$column->{name}: $column->{type}, not " . ($type // 'in the facts')
		  if ($type // '') ne $column->{type};
		push @wrong, "$name.$column->{name}: has a day" if $column->{name} =~ /^stat_time_(day|hour)$/;
	}
}
is(scalar(@periods), 12, 'four levels by week, month and period');
is_deeply(\@wrong, [], 'their keys, and names and types of their columns, are those of the facts');

# ---- metrics -------------------------------------------------------------------

my %metric = map { $_->{name} => $_ } @{ rows('TABLE tiktok.report_metrics') };
is_deeply([ grep { !$facts->{metrics}{$_} } sort keys %metric ], [], 'the facts have every metric');
is_deeply([ grep { !$metric{$_} } sort keys %{ $facts->{metrics} } ], [], 'and no other');

# how tiktok.report_metrics says what stands in the facts
my %restriction = (
	hour => 'not with stat_time_hour',
	lifetime => 'not in lifetime reports',
	extra => 'only id and time dimensions');
@wrong = ();
foreach my $name (sort keys %metric)
{
	my ($is, $should) = ($metric{$name}, $facts->{metrics}{$name} // next);
	my $audience = $should->{audience};
	my $said = ref $audience eq 'ARRAY' ? 'with' : ref $audience ? ($audience ? 'yes' : 'no') : $audience;
	my %has = map { $_ => 1 } @{ $is->{restrictions} };
	# says both
	@has{ @restriction{qw(hour lifetime)} } = (1, 1) if $has{'only with stat_time_day'};

	push @wrong, "$name: type $is->{type}" if $is->{type} ne $should->{type};
	push @wrong, "$name: attribute" if !!$is->{attribute} ne ($should->{kind} eq 'attribute');
	push @wrong, "$name: levels @{ $is->{levels} }"
	  if "@{ $is->{levels} }" ne join(' ', map { $level{$_} } split(//, $should->{levels}));
	push @wrong, "$name: audience $is->{audience}" if $is->{audience} !~ /^\Q$said\E\b/;
	push @wrong, "$name: counts people"
	  if $should->{unique} && ($is->{additive} || !$has{'counts people'});
	foreach my $key (sort keys %restriction)
	{
		push @wrong, "$name: $restriction{$key}, or not"
		  if !!$has{ $restriction{$key} } ne !($should->{$key} // 1);
	}
	push @wrong, "$name: needs dimension $should->{only_with}"
	  if $should->{only_with} && !$has{"only with dimension $should->{only_with}"};
}
is_deeply(\@wrong, [], 'types, levels and restrictions of metrics are those of the facts');

$node->stop;
done_testing();
