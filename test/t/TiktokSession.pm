
# TiktokSession: a psql that stays, for tests that do something while a query
# runs.
#
#   my $s = TiktokSession->new($node);    # db => 'postgres'; connstr => of something else
#   $s->query('SELECT 1');           # what psql prints, errors included
#   $s->send('SELECT …');           # does not wait
#   $s->finish;                      # what it printed
#   $s->pid;                         # of its backend

package TiktokSession;

use strict;
use warnings;

use Errno;
use IO::Select;
use IPC::Open3;
use Time::HiRes qw(time);

my $count = 0;

sub new
{
	my ($class, $node, %options) = @_;
	my $self = bless { buffer => '' }, $class;

	# one pipe for both, so that errors stand where they belong
	$self->{psql} = open3($self->{in}, $self->{out}, undef,
		'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $options{connstr} // $node->connstr($options{db} // 'postgres'));
	$self->{in}->autoflush(1);
	$self->{pid} = $self->query('SELECT pg_backend_pid()');
	return $self;
}

sub pid
{
	my ($self) = @_;
	return $self->{pid};
}

sub send
{
	my ($self, $sql) = @_;

	local $SIG{PIPE} = 'IGNORE';
	$self->{marker} = sprintf('<<%d>>', ++$count);
	print { $self->{in} } "$sql;\n\\echo $self->{marker}\n";
	return;
}

# What came since send(), until all of it came or the session ended.
sub finish
{
	my ($self) = @_;
	my $select = IO::Select->new($self->{out});
	my $until = time() + 240;

	while ($self->{buffer} !~ /\Q$self->{marker}\E\n/)
	{
		# the end of a child interrupts both: PostgreSQL 18's modules have a handler for that
		$! = 0;
		my $ready = $select->can_read($until - time());
		next if !$ready && $!{EINTR} && time() < $until;
		die "no answer: $self->{buffer}" unless $ready;
		my $got = sysread($self->{out}, $self->{buffer}, 65536, length($self->{buffer}));
		next if !defined $got && $!{EINTR};
		last unless $got;
	}
	my $result = $self->{buffer};
	$self->{buffer} = '';
	$result =~ s/\n?\Q$self->{marker}\E\n\z//;
	return $result;
}

sub query
{
	my ($self, $sql) = @_;

	$self->send($sql);
	return $self->finish;
}

# Time that passes, all of it: the end of a child interrupts select().
sub pause
{
	my ($seconds) = @_;
	my $until = time() + $seconds;

	while ((my $left = $until - time()) > 0)
	{
		select(undef, undef, undef, $left);
	}
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!);

	close($self->{in}) if $self->{in};
	waitpid($self->{psql}, 0) if $self->{psql};
	return;
}

1;
