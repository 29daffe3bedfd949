#!/bin/sh
# check-headers: each header compiles alone, with every warning an error; the public one also as C++11.
# CC, CXX, CHECK_CFLAGS (preprocessor flags and warnings) and CHECK_SKIP (headers to leave out) come from make.
set -u
srcdir=${srcdir:-.}
bad=0
count=0
source=$(mktemp -d) || exit 1
trap 'rm -rf "$source"' EXIT

# compile COMPILER SUFFIX HEADER FLAGS...: the header alone, included twice, so that a missing guard shows too.
compile() {
    compiler=$1 suffix=$2 header=$3
    shift 3
    printf '#include "%s"\n#include "%s"\ntypedef int pw_not_empty;\n' "$header" "$header" >"$source/alone.$suffix"
    count=$((count + 1))
    # shellcheck disable=SC2086 # a compiler may be two words: ccache gcc
    if ! $compiler "$@" -I"$srcdir/include" -Werror -fsyntax-only "$source/alone.$suffix"; then
        echo "check-headers: $header does not compile alone with $compiler" >&2
        bad=$((bad + 1))
    fi
}

for header in $(cd "$srcdir/src" && find . -name '*.h' | sed 's|^\./||' | sort); do
    case " ${CHECK_SKIP-} " in *" $header "*) continue ;; esac
    # shellcheck disable=SC2086 # flags are words
    compile "${CC:-cc}" c "$header" -std=c11 ${CHECK_CFLAGS-} -I"$srcdir/src"
done
for header in $(cd "$srcdir/tools/pw-stream" && find . -name '*.h' | sed 's|^\./||' | sort); do
    # shellcheck disable=SC2086
    compile "${CC:-cc}" c "$header" -std=c11 ${CHECK_CFLAGS-} -I"$srcdir/tools/pw-stream"
done
compile "${CC:-cc}" c patchworks.h -std=c99 -Wall -Wextra -Wpedantic
if [ "${CXX:-no}" != no ]; then
    compile "$CXX" cc patchworks.h -std=c++11 -Wall -Wextra -Wpedantic
elif [ "${CI-}" = true ]; then
    echo "check-headers: no C++ compiler, and CI needs one" >&2
    bad=$((bad + 1))
else
    echo "check-headers: SKIP patchworks.h as C++: no C++ compiler (Debian: apt install g++)"
fi

[ $bad -eq 0 ] || exit 1
echo "check-headers: passed, $count compilations"
