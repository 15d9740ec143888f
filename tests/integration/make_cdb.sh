#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes keys and a participant database for two operators, alfa (+44) and bravo (+33).
#
# usage: make_cdb.sh DIR [OPTION...]
#   --without alfa|bravo         make its keys, but leave it out of the database
#   --db NAME                    the database is DIR/NAME (default: cdb)
#   --alfa-endpoint tcp://H:P    (default tcp://127.0.0.1:7001)
#   --bravo-endpoint tcp://H:P   (default tcp://127.0.0.1:7002)
#   --alfa-egress ADDRESS        (default 127.0.0.1); the same for bravo
#   --alfa-strict +PREFIX        strict, fixed, no porting, answers calls (default +44207)
#   --alfa-lenient +PREFIX       the same, but lenient (default +44161)
#   --bravo-strict +PREFIX       (default +331)
#   --tally-cdb PROGRAM          (default: $TALLY_CDB, or tally-cdb in the build)
#
# Afterwards there are
#   DIR/cdb/                              the database, stamped
#   DIR/keys/                             of the root, the authorities gb and fr, the witness
#   DIR/alfa/, DIR/bravo/                 noise.key, evidence.key, statement.key, each with .pub
# Keys that are there are used again: on one day the same root makes the same network id.
set -eu

usage() {
    sed -n '3,20s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

[ $# -ge 1 ] || usage
case $1 in -*) usage ;; esac
dir=$1
shift
db=cdb
without=
alfa_endpoint=tcp://127.0.0.1:7001
bravo_endpoint=tcp://127.0.0.1:7002
alfa_egress=127.0.0.1
bravo_egress=127.0.0.1
alfa_strict=+44207
alfa_lenient=+44161
bravo_strict=+331
root=$(cd "$(dirname "$0")/../.." && pwd)
program=${TALLY_CDB:-}

while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || usage
    case $1 in
    --without) without="$without $2 " ;;
    --db) db=$2 ;;
    --alfa-endpoint) alfa_endpoint=$2 ;;
    --bravo-endpoint) bravo_endpoint=$2 ;;
    --alfa-egress) alfa_egress=$2 ;;
    --bravo-egress) bravo_egress=$2 ;;
    --alfa-strict) alfa_strict=$2 ;;
    --alfa-lenient) alfa_lenient=$2 ;;
    --bravo-strict) bravo_strict=$2 ;;
    --tally-cdb) program=$2 ;;
    *) usage ;;
    esac
    shift 2
done

if [ -z "$program" ]; then
    for candidate in "$root"/build/bin/tally-cdb "$root"/build/*/bin/tally-cdb; do
        [ -x "$candidate" ] && program=$candidate && break
    done
fi
[ -n "$program" ] || { echo "make_cdb.sh: no tally-cdb; build it, or say --tally-cdb" >&2; exit 2; }

cdb() { "$program" "$@" >/dev/null; }
noise() { [ -e "$1" ] || cdb key noise "$1"; }
signing() { [ -e "$2" ] || cdb key sign "$1" "$2"; }

# An operator asks, its authority agrees.
enrol() { # ID AUTHORITY ENDPOINT EGRESS
    cdb enrol request "$dir/$1/request.note" --operator "$1" --authority "$2" \
        --key "$dir/$1/statement.key" --noise-key "$dir/$1/noise.key.pub" \
        --evidence-key "$dir/$1/evidence.key.pub" --endpoint "$3" --egress "$4" \
        --redress "noc@$1.example"
    cdb enrol accept "$dir/$db" "$dir/$1/request.note" --key "$dir/keys/$2-1.key" --yes
}

numbers() { # ID POLICY PREFIX...
    operator=$1
    policy=$2
    shift 2
    cdb numbering set "$dir/$db" --operator "$operator" --key "$dir/$operator/statement.key" \
        --answers calls --mobility fixed --policy "$policy" --no-porting "$@"
}

mkdir -p "$dir/keys" "$dir/alfa" "$dir/bravo"
signing root-1 "$dir/keys/root-1.key"
signing witness-1 "$dir/keys/witness-1.key"
for authority in gb fr; do
    signing "$authority-1" "$dir/keys/$authority-1.key"
done
for operator in alfa bravo; do
    noise "$dir/$operator/noise.key"
    signing "$operator" "$dir/$operator/statement.key"
    signing "$operator" "$dir/$operator/evidence.key"
done

cdb init "$dir/$db" --network demo --root "$dir/keys/root-1.key" \
    --witness "$dir/keys/witness-1.key.pub" --from "$(date -u +%Y-%m-%dT00:00:00Z)"
cdb authority add "$dir/$db" --authority gb --country +44 \
    --authority-key "$dir/keys/gb-1.key.pub" --key "$dir/keys/root-1.key"
cdb authority add "$dir/$db" --authority fr --country +33 \
    --authority-key "$dir/keys/fr-1.key.pub" --key "$dir/keys/root-1.key"

case $without in *' alfa '*) ;; *)
    enrol alfa gb "$alfa_endpoint" "$alfa_egress"
    cdb range add "$dir/$db" --authority gb --operator alfa --key "$dir/keys/gb-1.key" \
        "$alfa_strict" "$alfa_lenient"
    numbers alfa strict "$alfa_strict"
    numbers alfa lenient "$alfa_lenient"
    ;;
esac
case $without in *' bravo '*) ;; *)
    enrol bravo fr "$bravo_endpoint" "$bravo_egress"
    cdb range add "$dir/$db" --authority fr --operator bravo --key "$dir/keys/fr-1.key" \
        "$bravo_strict"
    numbers bravo strict "$bravo_strict"
    ;;
esac
cdb stamp "$dir/$db" --key "$dir/keys/witness-1.key"
"$program" verify "$dir/$db"
