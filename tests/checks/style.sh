#!/bin/sh
# check-style: every C file is as clang-format with .clang-format writes it.  `style.sh --fix` (make format) rewrites.
#
# Only version 14 (Debian 12) is asked: other versions break lines elsewhere, and the check is about people's edits,
# not about whose clang-format is newer.
set -u
version=14
cd "${srcdir:-.}" || exit 1
format=${CLANG_FORMAT:-clang-format}

refuse() {
    if [ "${CI-}" = true ]; then
        echo "check-style: $1, and CI needs it" >&2
        exit 1
    fi
    echo "check-style: SKIP: $1 (Debian: apt install clang-format)"
    exit 0
}

command -v "$format" >/dev/null 2>&1 || refuse "there is no clang-format $version"
"$format" --version | grep -q "version $version\." || refuse "$("$format" --version) is not version $version"

files=$(find include src tools examples tests -name '*.[ch]' | sort)
if [ "${1-}" = --fix ]; then
    # shellcheck disable=SC2086 # file names here have no spaces
    exec "$format" -i $files
fi
difference=$(mktemp) || exit 1
trap 'rm -f "$difference"' EXIT
bad=0
count=0
for file in $files; do
    count=$((count + 1))
    "$format" "$file" | diff -u --label "$file" --label "$file as clang-format has it" "$file" - >"$difference" && continue
    bad=$((bad + 1))
    head -n 20 "$difference" >&2
done
if [ $bad -gt 0 ]; then
    echo "check-style: $bad of $count files differ; 'make format' rewrites them" >&2
    exit 1
fi
echo "check-style: passed, $count files"
