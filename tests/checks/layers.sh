#!/bin/sh
# check-layers: a file includes its own layer and the layers above it, never one below.
#
# label stands directly below base: it is pure functions on buffers, without I/O and threads.  The tool and the
# examples see the public header only.  File base names are unique, and every source file is in a fragment: a file
# that is in none is not built, not tested and not in the tarball.
set -u
cd "${srcdir:-.}" || exit 1
layers="base label sys ext io codec store tile segment merge output qc table relate run"
bad=0

complain() {
    echo "check-layers: $*" >&2
    bad=$((bad + 1))
}

rank_of() {
    n=0
    for layer in $layers; do
        [ "$layer" = "$1" ] && { echo $n; return; }
        n=$((n + 1))
    done
    echo none
}

# check_include FILE LINE-NUMBER NAME: one #include "NAME" of a file below src/.
check_include() {
    own=${1#src/}
    own=${own%%/*}
    [ "$3" = patchworks.h ] && return
    case $3 in
    */*) theirs=${3%%/*} ;;
    *) complain "$1:$2: write #include \"layer/file.h\", not \"$3\""; return ;;
    esac
    theirs_rank=$(rank_of "$theirs")
    if [ "$theirs_rank" = none ]; then
        complain "$1:$2: \"$3\" is in no layer ($layers)"
    elif [ "$theirs_rank" -gt "$(rank_of "$own")" ]; then
        complain "$1:$2: $own may not include \"$3\": $theirs is a layer below it"
    elif [ ! -f "src/$3" ]; then
        complain "$1:$2: there is no src/$3"
    fi
}

includes_of() {
    grep -n '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$@" /dev/null |
        sed 's/^\([^:]*\):\([0-9]*\):[^"]*"\([^"]*\)".*/\1 \2 \3/'
}

sources=$(find src -name '*.[ch]' | sort)
for file in $sources; do
    layer=${file#src/}
    layer=${layer%%/*}
    [ "$(rank_of "$layer")" = none ] && complain "$file: src/$layer is no layer ($layers)"
    grep -qs "$file\([[:space:]\\]\|$\)" "src/$layer/$layer.am" || complain "$file: not in src/$layer/$layer.am"
done
list=$(mktemp) || exit 1
trap 'rm -f "$list"' EXIT
# shellcheck disable=SC2086 # file names here have no spaces
includes_of $sources >"$list"
while read -r file line name; do
    check_include "$file" "$line" "$name"
done <"$list"

grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<(pthread|threads|stdio|fcntl|unistd|sys/.*)\.h>' \
    src/label/*.[ch] /dev/null >"$list"
while IFS= read -r where; do
    complain "$where: label is pure: no I/O and no threads"
done <"$list"

includes_of tools/pw-stream/*.[ch] examples/*.c >"$list"
while read -r file line name; do
    [ "$name" = patchworks.h ] && continue
    [ -f "$(dirname "$file")/$name" ] || complain "$file:$line: \"$name\" is neither patchworks.h nor its own header"
done <"$list"

find src tools -name '*.[ch]' -exec basename {} \; | sort | uniq -d >"$list"
while IFS= read -r name; do
    complain "two files are called $name: $(find src tools -name "$name" | tr '\n' ' ')"
done <"$list"

for file in tools/pw-stream/*.[ch]; do
    grep -qs "$file" tools/pw-stream/pw-stream.am || complain "$file: not in tools/pw-stream/pw-stream.am"
done
for file in tests/unit/*.[ch]; do
    [ -f "$file" ] || continue
    grep -qs "$file" tests/unit/unit.am || complain "$file: not in tests/unit/unit.am"
done

if [ $bad -gt 0 ]; then
    echo "check-layers: $bad complaints" >&2
    exit 1
fi
echo "check-layers: passed, $(echo "$sources" | wc -l) files"
