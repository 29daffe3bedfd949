#!/bin/sh
# sanitized.sh COMMAND... - runs a test command and fails when a sanitizer had anything to say in it or its children.
#
# Without this, reports get lost: Criterion does not look at the exit status of a test's process, so a leak that is
# found when the process ends would pass; and a tool that a test expects to fail with status 1 would also do so with
# ASan's default status.  Reports go to files, which are printed here; the status 99 is nobody else's.
# An empty one is of a process that a test killed while it began.  In a build without sanitizers this only runs the command.
set -u
reports=$(mktemp -d) || exit 1
trap 'rm -rf "$reports"' EXIT
common="log_path=$reports/report:exitcode=99"
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}$common"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}print_stacktrace=1:$common"
export TSAN_OPTIONS="${TSAN_OPTIONS:+$TSAN_OPTIONS:}$common"
"$@"
status=$?
count=0
for report in "$reports"/report*; do
    [ -s "$report" ] || continue
    count=$((count + 1))
    [ $count -le 10 ] && cat "$report" >&2
done
if [ $count -gt 0 ]; then
    echo "sanitizers: $count reports (the first 10 are above) from: $*" >&2
    exit 1
fi
exit $status
