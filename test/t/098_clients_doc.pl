# The programs that doc/clients.md shows run as they stand.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use TiktokClient;
use TiktokTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $text = slurp_file("$FindBin::Bin/../../doc/clients.md");
my %shown = (python => [ $text =~ /^```python\n(.*?)^```/gms ], js => [ $text =~ /^```js\n(.*?)^```/gms ]);
is(scalar(@{ $shown{python} }), 2, 'Python is shown');
is(scalar(@{ $shown{js} }), 1, 'JavaScript, too');

my %interpreter = (python => client_python('psycopg2', 'sqlalchemy.orm'), js => client_nodejs());
my %name = (python => 'psycopg2 and SQLAlchemy', js => 'node-postgres');

api_start('--scale', 'demo');
my $node = client_node();
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = 'postgres';
$ENV{PGUSER} = $ENV{USER} = getpwuid($<);

my $ad = $node->safe_psql('postgres', "SELECT min(ad_id) FROM ads.ads_reports_daily
	WHERE advertiser_id = $ACCOUNT AND stat_time_day BETWEEN '2026-06-01' AND '2026-06-29'");
foreach my $language ('python', 'js')
{
  SKIP:
	{
		skip "there is no $name{$language}", scalar(@{ $shown{$language} }) unless $interpreter{$language};
		my $n = 0;
		foreach my $program (@{ $shown{$language} })
		{
			my $file = "$PostgreSQL::Test::Utils::tmp_check/shown" . ++$n . ".$language";
			my ($out, $err) = ('', '');

			# an ad of the local API in place of the reader's
			append_to_file($file, $program =~ s/1714125042508817/$ad/r);
			IPC::Run::run([ $interpreter{$language}, $file ], '<', '/dev/null', '>', \$out, '2>', \$err,
				IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
			is($err, '', "$language $n runs");
			like($out, qr/^\d+/, 'and prints rows');
		}
	}
}
is_deeply(api_violations(), [], 'asked as documented');
done_testing();
