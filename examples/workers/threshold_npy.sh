#!/bin/sh
# A filter for --worker-io npy of head, od and awk: see threshold_npy.c, which does the same.
#
#     pw-stream run image.tif --fn 'exec:sh examples/workers/threshold_npy.sh 100' --worker-io npy \
#         --merge touch -o labels.zarr
#
# A plane of uint8; voxels above the threshold that touch in a face are one label.  awk labels them, and printf makes bytes
# of the labels, so this is slow: a few thousand voxels a second.  It shows that a shell is enough.
set -eu
threshold=${1:?usage: threshold_npy.sh THRESHOLD}
export LC_ALL=C

# bytes N: the next N bytes of standard input, as numbers.  dd reads no more than it is asked for.
bytes() {
    dd bs=1 count="$1" 2>/dev/null | od -An -v -tu1
}

while :; do
    # shellcheck disable=SC2046 # ten numbers
    set -- $(bytes 10)
    [ $# -eq 10 ] || break # the end: no more tiles
    header=$(dd bs=1 count=$((${9} + 256 * ${10})) 2>/dev/null)
    shape=$(printf '%s' "$header" | sed -n "s/.*'descr': '|u1'.*'shape': (\([0-9]*, [0-9]*\)).*/\1/p")
    [ -n "$shape" ] || { echo "not a plane of uint8: $header" >&2; exit 1; }
    rows=${shape%,*} columns=${shape#*, }
    printf '\223NUMPY\001\000\366\000%-245s\n' "{'descr': '<u4', 'fortran_order': False, 'shape': ($shape), }"
    # The labels as octal escapes, least byte first, for printf to make bytes of.
    bytes $((rows * columns)) | awk -v threshold="$threshold" -v rows="$rows" -v columns="$columns" '
        { for (i = 1; i <= NF; i++) label[n++] = $i > threshold ? -1 : 0 }
        END {
            for (first = 0; first < n; first++) {
                if (label[first] < 0)
                    flood(first, ++count)
                v = label[first]
                for (i = 0; i < 4; i++) {
                    printf "\\%03o", v % 256
                    v = int(v / 256)
                }
                if (first % 64 == 63 || first == n - 1)
                    print ""
            }
        }
        function visit(at, number) {
            if (label[at] < 0) {
                label[at] = number
                stack[depth++] = at
            }
        }
        function flood(from, number,   at, x) {
            depth = 0
            visit(from, number)
            while (depth > 0) {
                at = stack[--depth]
                x = at % columns
                if (x > 0) visit(at - 1, number)
                if (x + 1 < columns) visit(at + 1, number)
                if (at >= columns) visit(at - columns, number)
                if (at + columns < n) visit(at + columns, number)
            }
        }' | while read -r line; do
        # shellcheck disable=SC2059 # the escapes are what is wanted
        printf "$line"
    done
done
