#!/bin/sh
# check-exports: what libpatchworks.so exports is what include/patchworks.h declares with PW_API, the version script
# lists the same names, and the tool's objects need no other name of the library.
# Runs in the build directory; srcdir and NM come from make.
set -u
srcdir=${srcdir:-.}
nm=${NM:-nm}
library=.libs/libpatchworks.so
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
bad=0

# same WHAT FILE: the names in FILE are those of the header.
same() {
    comm -23 "$dir/header" "$2" | sed "s|^|check-exports: declared PW_API, but not in $1: |" >"$dir/missing"
    comm -13 "$dir/header" "$2" | sed "s|^|check-exports: in $1, but not PW_API in include/patchworks.h: |" >"$dir/extra"
    cat "$dir/missing" "$dir/extra" >&2
    [ -s "$dir/missing" ] || [ -s "$dir/extra" ] && bad=1
}

grep '^PW_API ' "$srcdir/include/patchworks.h" | sed 's/(.*//; s/.*[ *]//' | sort >"$dir/header"
if [ ! -s "$dir/header" ]; then
    echo "check-exports: no PW_API declaration found in include/patchworks.h" >&2
    exit 1
fi

sed -n 's/^ *\(pw_[a-z0-9_]*\);.*/\1/p' "$srcdir/src/libpatchworks.map" | sort >"$dir/map"
same src/libpatchworks.map "$dir/map"

if [ -f $library ]; then
    # The version node itself is an absolute symbol (A) without being a name that anyone can call.
    $nm -D --defined-only $library | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u >"$dir/library"
    same $library "$dir/library"
else
    echo "check-exports: SKIP $library: configured with --disable-shared"
fi

if ls tools/pw-stream/*.o >/dev/null 2>&1; then
    $nm --defined-only tools/pw-stream/*.o | awk 'NF == 3 { print $3 }' | sort -u >"$dir/tool"
    $nm --undefined-only tools/pw-stream/*.o | awk '$1 == "U" && $2 ~ /^pw_/ { print $2 }' | sort -u >"$dir/needs"
    sort -u "$dir/header" "$dir/tool" | comm -13 - "$dir/needs" |
        sed 's|^|check-exports: pw-stream uses an internal name of the library: |' >"$dir/internal"
    cat "$dir/internal" >&2
    [ -s "$dir/internal" ] && bad=1
fi

[ $bad -eq 0 ] || exit 1
echo "check-exports: passed, $(wc -l <"$dir/header") names"
