#!/usr/bin/perl
# A filter for --worker-io npy: see threshold_npy.c, which does the same.
#
#     pw-stream run image.tif --fn 'exec:perl examples/workers/threshold_npy.pl 300' --worker-io npy \
#         --merge touch -o labels.zarr
#
# Perl's own modules only.  A plane or a volume of uint8 or uint16; voxels above the threshold that touch in a face are
# one label.
use strict;
use warnings;

my $threshold = shift // die "usage: threshold_npy.pl THRESHOLD\n";
binmode STDIN;
binmode STDOUT;
$| = 1;    # pw-stream waits for each answer

# All of the n bytes that belong to a frame.
sub take {
    my ($n, $bytes, $got) = (shift, '', 0);
    while ($got < $n) {
        my $step = read STDIN, $bytes, $n - $got, $got;
        die "a frame is not whole\n" unless $step;
        $got += $step;
    }
    return $bytes;
}

while (read(STDIN, my $head, 10) == 10) {
    die "no .npy, version 1\n" unless $head =~ /^\x93NUMPY\x01/;
    my $text = take(unpack 'x8 v', $head);
    my ($bytes) = $text =~ /'descr': '[<|]u([12])'/ or die "not uint8 or uint16: $text";
    my ($shape) = $text =~ /'shape': \(([\d, ]+)\)/ or die "no shape: $text";
    my @shape = split /, */, $shape;
    unshift @shape, 1 while @shape < 3;
    my ($planes, $rows, $columns) = @shape;
    my $n = $planes * $rows * $columns;
    my @voxel = unpack $bytes == 1 ? 'C*' : 'v*', take($n * $bytes);

    # A voxel that has no label yet floods what it is connected with.
    my @label = map { $_ > $threshold ? -1 : 0 } @voxel;
    my $count = 0;
    for my $first (0 .. $n - 1) {
        next unless $label[$first] < 0;
        $label[$first] = ++$count;
        my @stack = ($first);
        while (defined(my $at = pop @stack)) {
            my ($x, $y, $z) = ($at % $columns, int($at / $columns) % $rows, int($at / $columns / $rows));
            my @next;
            push @next, $at - 1                 if $x > 0;
            push @next, $at + 1                 if $x + 1 < $columns;
            push @next, $at - $columns          if $y > 0;
            push @next, $at + $columns          if $y + 1 < $rows;
            push @next, $at - $columns * $rows  if $z > 0;
            push @next, $at + $columns * $rows  if $z + 1 < $planes;
            for (@next) {
                next unless $label[$_] < 0;
                $label[$_] = $count;
                push @stack, $_;
            }
        }
    }
    my $header = "{'descr': '<u4', 'fortran_order': False, 'shape': ($shape), }";
    print "\x93NUMPY\x01\x00", pack('v', 246), sprintf('%-245s', $header), "\n", pack('V*', @label);
}
