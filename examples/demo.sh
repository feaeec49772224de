#!/bin/sh
# Pentimento by itself, without a network or a keyboard: three saved sittings made again
# in the workbench, scene by scene. For a screen at a stand, or to see a build work.
#
#   examples/demo.sh              once
#   examples/demo.sh --forever    again and again, until Ctrl-C between two of them
#
# PENTIMENTO names the program where it is not on the path; SECONDS_A_SCENE how long
# each scene stands.
set -eu
cd "$(dirname "$0")/.."
program="${PENTIMENTO:-pentimento}"
command -v "$program" >/dev/null || {
    echo "$program is not there: cargo install --path . puts it on the path, or set PENTIMENTO" >&2
    exit 1
}
while :; do
    for sitting in statue company dish; do
        "$program" session replay --live --every "${SECONDS_A_SCENE:-3}" "sessions/$sitting.toml"
    done
    [ "${1:-}" = --forever ] || exit 0
    sleep 1
done
