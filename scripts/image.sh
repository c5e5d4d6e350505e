#!/usr/bin/env bash
# Makes an image of the program that was built.
#
#   scripts/image.sh [NAME]    localhost/caudal:latest unless another name is given
#   scripts/image.sh strip     only strips the program into .build/image, and says its size
#
# CAUDAL_PROGRAM names the program, BASE an image to begin with, and CAUDAL_IMAGE_BUILDER the program that builds.
set -euo pipefail
cd "$(dirname "$0")/.."
LARGEST=${CAUDAL_IMAGE_LARGEST:-96} # MiB: what is larger has taken in something that nobody meant

program=${CAUDAL_PROGRAM:-.build/release/caudal}
[ -x "$program" ] || {
    echo "image: there is no $program: run 'make build'" >&2
    exit 1
}
mkdir -p .build/image
strip -o .build/image/caudal "$program"
size=$(stat -c %s .build/image/caudal)
echo "image: the stripped program has $((size >> 20)) MiB"
if [ "$size" -gt $((LARGEST << 20)) ]; then
    echo "image: that is more than $LARGEST MiB: find out what was added, or raise LARGEST in $0" >&2
    exit 1
fi
[ "${1:-}" = strip ] && exit 0

name=${1:-localhost/caudal:latest}
builder=${CAUDAL_IMAGE_BUILDER:-}
for found in podman buildah docker; do
    if [ -z "$builder" ] && command -v "$found" >/dev/null 2>&1; then builder=$found; fi
done
[ -n "$builder" ] || {
    echo "image: none of podman, buildah and docker is here: install one of them" >&2
    exit 1
}
"$builder" build --target prebuilt ${BASE:+--build-arg "BASE=$BASE"} --tag "$name" --file Dockerfile .
echo "image: $name"
