#!/bin/sh
# Hands a checked file over to its readers: here, a line in a list that says what was published when.
# usage: publish.sh FILE DAY
set -eu
file=${1:?file}
day=${2:?day}
rows=$(($(wc -l < "$file") - 1))
printf '%s %s %s rows=%s run=%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$day" "$file" "$rows" "${CAUDAL_RUN_ID:-none}" \
    >> data/outputs/published.log
echo "published $rows rows of $file for $day"
