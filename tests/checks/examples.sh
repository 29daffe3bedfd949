#!/bin/sh
# check-examples: the example programs do what their comments say, on the bundled sample.  Runs in the build directory.
#
# The object counts are those of scipy.ndimage.label on the whole sample: of (image > 90); of the mean of the up to
# nine in-plane neighbours > 90; and of (image > 117.5), the mean of its 50th and 99th percentiles, opened with a row of
# six voxels.  Small tiles make every large object cross seams.
set -u
srcdir=${srcdir:-.}
sample=$srcdir/share/nuclei.tif
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0

# expect NAME COUNT OUTPUT: the first number of OUTPUT that stands before "objects" is COUNT.
expect() {
    count=$(printf '%s\n' "$3" | sed -n 's/^\([0-9]*\) objects.*/\1/p')
    [ "$count" = "$2" ] && return
    echo "check-examples: $1 gave \"$3\", expected $2 objects" >&2
    bad=1
}

# n_objects STORE: what pw-stream info says of a label store.
n_objects() {
    "$PW_STREAM" info --json "$1" | tr ',' '\n' | sed -n 's/.*"n_objects": *\([0-9]*\).*/\1 objects/p'
}

said=$(examples/embed "$sample" "$dir/embed.zarr" 90) || bad=1
expect examples/embed.c 85 "$said"

"$PW_STREAM" run "$sample" --fn examples/.libs/plugin_threshold.so:90 --tile 10,40,40 -o "$dir/plugin.zarr" --quiet ||
    bad=1
expect examples/plugin_threshold.c 78 "$(n_objects "$dir/plugin.zarr/labels/smooth_threshold")"

"$PW_STREAM" run "$sample" --fn examples/.libs/plugin_runs.so:width=6 --tile 10,40,40 -o "$dir/runs.zarr" --quiet ||
    bad=1
expect examples/plugin_runs.c 69 "$(n_objects "$dir/runs.zarr/labels/bright_runs")"

if "$PW_STREAM" run "$sample" --fn examples/.libs/plugin_threshold.so:bright -o "$dir/no.zarr" --quiet 2>"$dir/said"; then
    echo "check-examples: plugin_threshold.so:bright was accepted" >&2
    bad=1
elif ! grep -q 'limit=bright is not a number' "$dir/said"; then
    echo "check-examples: the option and its value are missing from: $(cat "$dir/said")" >&2
    bad=1
fi

[ $bad -eq 0 ] || exit 1
echo "check-examples: passed, 4 runs"
