#!/usr/bin/perl
# Answers agent checks of load balancers, each connection with one line: what a roll-out had written, else `up`; `down`
# while bin/veza maintenance keeps the application stopped.
# `up 100%` undoes the weight 0 that load balancers remember of a roll-out. It is said for 15 s only, after a boot and
# after a roll-out, because it would undo an operator's own weight as well.
# Every pool of every load balancer asks once a second, so one process answers them all. Perl is part of every Debian.
# Parameter: the port.
use strict;
use warnings;
use Errno;
use Socket;

my $stopped = '/var/lib/veza/notes/services-stopped';
my $directory = '/run/veza'; # made at boot
my $written = "$directory/agent";

sub line {
    return 'down' if -e $stopped;
    my ($since, $line) = ($directory, 'up 100%');
    if (open my $file, '<', $written) {
        my $first = <$file>;
        ($since, $line) = ($written, $first =~ s/\n\z//r) if defined $first;
    }
    return $line if $line ne 'up 100%';
    my $changed = (stat $since)[9];
    return defined $changed && time - $changed < 15 ? $line : 'up';
}

my ($port) = @ARGV or die "usage: agent PORT\n";
socket my $server, PF_INET, SOCK_STREAM, 0 or die "no socket: $!\n";
setsockopt $server, SOL_SOCKET, SO_REUSEADDR, 1 or die "SO_REUSEADDR: $!\n";
bind $server, sockaddr_in($port, INADDR_ANY) or die "port $port cannot be listened at: $!\n";
listen $server, SOMAXCONN or die "port $port cannot be listened at: $!\n";

while (1) {
    if (accept my $client, $server) {
        # It fits into the connection's own buffer: nobody can make this wait.
        send $client, line() . "\n", MSG_DONTWAIT | MSG_NOSIGNAL;
    } elsif (!$!{EINTR} && !$!{ECONNABORTED}) {
        die "no connection can be taken: $!\n";
    }
}
