#!/bin/sh
# SIMULATED: the receiver refuses the first attempt of each run, so that a walkthrough has something to retry.
# usage: demo_publish.sh FILE
set -eu
file=${1:?file}
echo "connecting to warehouse.example (SIMULATED)"
echo "sending $(wc -c < "$file") bytes of $file"
if [ "${CAUDAL_ATTEMPT:-1}" = 1 ]; then
    echo "ERROR 503 warehouse.example refused the load: maintenance window (SIMULATED, the first attempt only)" >&2
    echo "the transfer was rolled back; nothing was loaded; try again" >&2
    exit 75
fi
echo "accepted by warehouse.example (SIMULATED)"
