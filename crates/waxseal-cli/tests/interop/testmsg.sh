#!/bin/sh
# opendkim-testmsg over many files, inside alone.sh.
#
# testmsg.sh FILE...   prints "FILE<TAB>exit code"
set -eu
for file in "$@"; do
    code=0
    opendkim-testmsg <"$file" >/dev/null 2>&1 || code=$?
    printf '%s\t%s\n' "$file" "$code"
done
