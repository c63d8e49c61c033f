#!/usr/bin/perl
# access-log FILE OLDER BYTES
# Appends the lines of standard input to FILE. At BYTES it becomes FILE.1, at the end of a line; what was FILE.1 becomes
# FILE.2, and so on up to FILE.OLDER. SIGTERM ends it once all that has come is written.
# It takes what has come and then rests, so that a busy HAProxy wakes it fifty times a second and not for every line:
# waking somebody is what costs. Lines wait in the pipe meanwhile, which has room for far more.
use strict;
use warnings;
use Errno;

my ($path, $older, $bytes) = @ARGV;
defined $bytes or die "usage: access-log FILE OLDER BYTES\n";
my $rest_seconds = 0.02;
my $most = 1024 * 1024; # of the pipe

my ($log, $size);
my $ended = 0;
$SIG{TERM} = sub { $ended = 1 };

sub begin_file {
    open $log, '>>', $path or die "$path cannot be opened: $!\n";
    $size = -s $log;
}

sub move_on {
    for my $n (reverse 1 .. $older - 1) {
        rename "$path.$n", "$path." . ($n + 1);
    }
    rename $path, "$path.1" or die "$path cannot become $path.1: $!\n";
    begin_file();
}

# A disk that is full is waited for: meanwhile lines wait in the pipe, and then HAProxy drops and counts them.
sub append {
    my ($lines) = @_;
    my ($done, $told) = (0, 0);
    while ($done < length $lines) {
        my $written = syswrite $log, $lines, length($lines) - $done, $done;
        if (defined $written) {
            $done += $written;
        } elsif (!$!{EINTR}) {
            warn "$path cannot be written, which is tried every second: $!\n" unless $told++;
            exit 1 if $ended;
            sleep 1;
        }
    }
    $size += $done;
}

sub has_come {
    my $input = '';
    vec($input, fileno STDIN, 1) = 1;
    return select($input, undef, undef, 0) > 0;
}

# What an earlier configuration kept and this one does not.
for my $old (glob "$path.*") {
    unlink $old if $old =~ /\.(\d+)\z/ && $1 > $older;
}
begin_file();
move_on() if $size >= $bytes;

until ($ended && !has_come()) {
    my $lines;
    my $read = sysread STDIN, $lines, $most;
    next if !defined $read && $!{EINTR};
    defined $read or die "standard input cannot be read: $!\n";
    last if $read == 0;
    # The line that reaches the limit is the last one there.
    while ($size + length $lines >= $bytes) {
        my $missing = $bytes - $size;
        my $end = index $lines, "\n", $missing > 1 ? $missing - 1 : 0;
        last if $end < 0;
        append(substr $lines, 0, $end + 1, '');
        move_on();
    }
    append($lines);
    select undef, undef, undef, $rest_seconds unless $ended;
}
