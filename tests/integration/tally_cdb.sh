#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Goal: a network is founded, operators enrol, numbers are looked up and faults are named with
# nothing but tally-cdb, and what must not happen is refused with its exit status.
# Method: the real program in a fresh directory under build/, from the key ceremony to tampering.
#
# usage: tally_cdb.sh PROGRAM
set -eu

[ $# -eq 1 ] || { echo "usage: tally_cdb.sh PROGRAM" >&2; exit 2; }
program=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$root/build"
dir=$(mktemp -d "$root/build/tally_cdb_XXXXXX")
trap 'rm -rf "$dir"' EXIT
k=$dir/keys
db=$dir/db
mkdir "$k"
checks=0

fail() {
    echo "FAILED: $*" >&2
    sed 's/^/    /' "$dir/out" "$dir/err" >&2
    exit 1
}

# expect STATUS WORDS... : runs tally-cdb; its status has to be STATUS.
expect() {
    want=$1
    shift
    status=0
    "$program" "$@" >"$dir/out" 2>"$dir/err" </dev/null || status=$?
    checks=$((checks + 1))
    [ "$status" -eq "$want" ] || fail "status $status, not $want: tally-cdb $*"
}
says() { grep -qF -e "$1" "$dir/out" "$dir/err" || fail "does not say: $1"; }
is_silent_about() { ! grep -qF -e "$1" "$dir/out" "$dir/err" || fail "says: $1"; }
ok() { expect 0 "$@"; }

# --- keys: mode 0600, never overwritten ---
for name in root-1 root-2 root-3 witness-1 witness-2 gb-1 gb-2 fr-1 alfa bravo mallory; do
    ok key sign $name "$k/$name"
    [ "$(stat -c %a "$k/$name")" = 600 ] || fail "mode of $name"
done
for operator in alfa bravo; do
    ok key noise "$k/$operator.noise"
    ok key sign $operator "$k/$operator.evidence"
done
before=$(cat "$k/root-1")
expect 1 key sign root-1 "$k/root-1"
[ "$before" = "$(cat "$k/root-1")" ] || fail "a key was overwritten"
expect 2 key sign 'Root 1' "$k/other"
ok key show "$k/root-1"
[ "$(cat "$dir/out")" = "$(cat "$k/root-1.pub")" ] || fail "key show"
ok key show "$k/alfa.noise"
[ "$(cat "$dir/out")" = "$(cat "$k/alfa.noise.pub")" ] || fail "key show of a Noise key"
expect 3 key show "$k/nothing"
for secret in "$k/root-1" "$k/alfa.noise"; do
    ! grep -qF "$(awk '{print $NF}' "$secret")" "$dir/out" "$k"/*.pub || fail "a secret is public"
done

# --- the root: 2 of 3, one of the keys elsewhere, so a draft goes round ---
ok init "$db" --network demo --root "$k/root-1" --root "$k/root-2.pub" --root "$k/root-3.pub" \
    --threshold 2 --witness "$k/witness-1.pub" --witness "$k/witness-2.pub" --out "$dir/root.note"
expect 1 publish "$db" "$dir/root.note"
says "fewer keys have signed it than must"
ok sign "$dir/root.note" --key "$k/root-3"
ok publish "$db" "$dir/root.note"
expect 1 init "$db" --network demo --root "$k/root-1" --witness "$k/witness-1.pub"
says "cannot be made"
expect 2 init "$dir/other" --network demo --root "$k/root-1"
says "--witness"

# --- authorities ---
ok authority add "$db" --authority gb --country +44 --authority-key "$k/gb-1.pub" \
    --authority-key "$k/gb-2.pub" --threshold 2 --key "$k/root-1" --key "$k/root-2"
expect 1 authority add "$db" --authority fr --country +33 --authority-key "$k/fr-1.pub" \
    --key "$k/root-1"
says "fewer keys"
ok authority add "$db" --authority fr --country +33 --authority-key "$k/fr-1.pub" \
    --key "$k/root-1" --key "$k/root-3"

# --- enrolment ---
request() { # ID AUTHORITY PORT
    ok enrol request "$dir/$1.note" --operator "$1" --authority "$2" --key "$k/$1" \
        --noise-key "$k/$1.noise.pub" --evidence-key "$k/$1.evidence.pub" \
        --endpoint "tcp://127.0.0.1:$3" --egress 127.0.0.1 --redress "noc@$1.example"
}
request alfa gb 7001
request bravo fr 7002
expect 1 enrol accept "$db" "$dir/alfa.note" --key "$k/gb-1" --key "$k/gb-2"
says "new operator alfa"
says "+ endpoint tcp://127.0.0.1:7001"
says "not countersigned"
expect 1 enrol accept "$db" "$dir/alfa.note" --key "$k/gb-1" --yes
says "fewer keys"
ok enrol accept "$db" "$dir/alfa.note" --key "$k/gb-1" --key "$k/gb-2" --yes
expect 1 enrol accept "$db" "$dir/bravo.note" --key "$k/gb-1" --key "$k/gb-2" --yes
ok enrol accept "$db" "$dir/bravo.note" --key "$k/fr-1" --yes
expect 2 enrol request "$dir/x.note" --operator alfa --authority gb --key "$k/bravo" \
    --noise-key "$k/alfa.noise" --evidence-key "$k/alfa.evidence" --endpoint tcp://127.0.0.1:1
says "the key is called bravo"
expect 2 enrol request "$dir/x.note" --operator alfa --authority gb --key "$k/alfa" \
    --noise-key "$k/alfa.noise" --evidence-key "$k/alfa.evidence" --endpoint 127.0.0.1:1
says "tcp://HOST:PORT"

# --- ranges and numbering ---
gb="--authority gb --operator alfa --key $k/gb-1 --key $k/gb-2"
# shellcheck disable=SC2086
ok range add "$db" $gb +44207:12-12 +44161 +44999
# shellcheck disable=SC2086
expect 1 range add "$db" $gb +33
says "claims numbers that its issuer does not hold"
# shellcheck disable=SC2086
ok range remove "$db" $gb +44999
# shellcheck disable=SC2086
expect 3 range remove "$db" $gb +44999
# shellcheck disable=SC2086
expect 2 range add "$db" $gb 0207
ok range add "$db" --authority fr --operator bravo --key "$k/fr-1" +331
expect 1 range add "$db" --authority fr --operator alfa --key "$k/fr-1" +331
says "somebody else holds the same"
expect 1 range add "$db" --authority fr --operator zulu --key "$k/fr-1" +332
says "names an operator that has no statement in force"
ok numbering set "$db" --operator alfa --key "$k/alfa" --answers calls --mobility fixed \
    --policy strict --no-porting --authorise bravo +44207
ok numbering set "$db" --operator alfa --key "$k/alfa" --answers calls --policy lenient +44161
expect 1 numbering set "$db" --operator alfa --key "$k/alfa" --answers calls +331
says "claims numbers"
expect 1 numbering set "$db" --operator alfa --key "$k/bravo" --answers calls +44161
says "no key that may sign it"
expect 2 numbering set "$db" --operator alfa --key "$k/alfa" --answers perhaps +44161
says "expected none, roaming or calls"

# --- the stamp ---
expect 1 verify "$db"
says "no stamp to be believed"
ok stamp "$db" --key "$k/witness-1"
expect 1 verify "$db"
says "stamp.note: fewer keys"
ok stamp "$db" --key "$k/witness-2" --join
ok verify "$db"
is_silent_about fault
ok verify "$db" --json
says '"good":true'
id=$(sed 's/.*"network_id":"\([0-9a-f]*\)".*/\1/' "$dir/out")
ok verify "$db" --root-hash "$id"
expect 1 verify "$db" --root-hash "$(echo "$id" | tr '0123456789abcdef' '123456789abcdef0')"
says "not the pinned root"
expect 3 verify "$dir/nothing"

# --- look-ups ---
ok lookup "$db" +442071838750
says "holder=alfa answers=calls mobility=fixed policy=strict no-porting entitled=alfa,bravo"
says "range 2, range_gb_alfa_1.note, signed by gb-1,gb-2"
says "operator 1, operator_alfa_1.note, signed by alfa,gb-1,gb-2"
ok lookup "$db" 441618387500 --json
says '"policy":"lenient"'
says '"signed_by":"root-1,root-3"'
expect 3 lookup "$db" +4420718387
says "no participant holds this number"
expect 3 lookup "$db" +491711234567
expect 2 lookup "$db" zero
ok lookup "$db" +33140000000
says "holder=bravo"
expect 1 lookup "$db" +442071838750 --at 2199-01-01T00:00:00Z
ok list "$db"
says "operator alfa endpoints=tcp://127.0.0.1:7001 egress=127.0.0.1"
ok list "$db" --json
says '"standing":"held"'

# --- renewal, by the operator alone; a new key; a taken one ---
ok operator set "$db" --operator alfa --key "$k/alfa" --endpoint tcp://127.0.0.9:7009
ok key sign alfa "$k/alfa-new"
ok operator set "$db" --operator alfa --key "$k/alfa" --key "$k/alfa-new"
expect 1 operator set "$db" --operator alfa --key "$k/alfa" --endpoint tcp://127.0.0.9:7010
says "no key that may sign it"
expect 1 verify "$db"
says "fault: numbering_alfa_1.note: no key that may sign it has signed it"
ok numbering set "$db" --operator alfa --key "$k/alfa-new"
ok stamp "$db" --key "$k/witness-1" --key "$k/witness-2"
ok verify "$db"
ok list "$db"
says "endpoints=tcp://127.0.0.9:7009"
ok numbering remove "$db" --operator alfa --key "$k/alfa-new" +44161
ok stamp "$db" --key "$k/witness-1" --key "$k/witness-2"
ok lookup "$db" +441618387500
says "answers=none"
expect 1 publish "$db" "$dir/alfa.note"
says "no key that may sign it"

# --- the next root: two of the old and all of the new ---
ok root set "$db" --root "$k/root-3.pub" --root "$k/mallory.pub" --key "$k/root-3" \
    --key "$k/root-1" --key "$k/mallory"
expect 1 root set "$db" --key "$k/root-1" --key "$k/root-3"
expect 1 verify "$db"
says "fault: authority_fr.note: fewer keys"
ok authority add "$db" --authority gb --key "$k/root-3" --key "$k/mallory"
ok authority add "$db" --authority fr --key "$k/root-3" --key "$k/mallory"
ok stamp "$db" --key "$k/witness-1" --key "$k/witness-2"
ok verify "$db"
says "id $id, root 2"

# --- tampering ---
cp -r "$db" "$dir/tampered"
t=$dir/tampered
sed 's/^range +331/range +332/' "$db/statements/range_fr_bravo_1.note" \
    >"$t/statements/range_fr_bravo_1.note"
expect 1 verify "$t"
says "fault: range_fr_bravo_1.note: a signature of its issuer does not verify"
says "fault: stamp.note: the stamp was made over other statements"
expect 1 lookup "$t" +33240000000
expect 1 stamp "$t" --key "$k/witness-1" --key "$k/witness-2"
says "not stamped"
cp "$db/statements/range_fr_bravo_1.note" "$t/statements/"
ok verify "$t"
printf 'tallystick/1 range\n' >"$t/statements/half.note"
expect 1 verify "$t"
says "fault: half.note"
says "ends early"
rm "$t/statements/half.note" "$t/statements/numbering_alfa_1.note"
expect 1 verify "$t"
says "stamp was made over other"
chmod 644 "$k/witness-1"
expect 5 stamp "$db" --key "$k/witness-1"

# --- the command line ---
expect 2
expect 2 frobnicate
expect 2 verify
expect 2 verify "$db" --nonsense
ok --help
ok --version
for verb in 'key noise' 'key sign' 'key show' init 'root set' 'authority add' 'enrol request' \
    'enrol accept' 'operator set' 'range add' 'range remove' 'numbering set' 'numbering remove' \
    sign publish stamp verify lookup list; do
    # shellcheck disable=SC2086
    ok $verb --help
    says "Usage: tally-cdb $verb"
done

# --- the script that others use ---
checks=$((checks + 1))
"$root/tests/integration/make_cdb.sh" "$dir/two" --tally-cdb "$program" \
    --alfa-strict +44208 >"$dir/out" 2>"$dir/err" || fail make_cdb.sh
ok lookup "$dir/two/cdb" +442081234567
says "holder=alfa"
"$root/tests/integration/make_cdb.sh" "$dir/two" --tally-cdb "$program" --db lone \
    --without alfa >"$dir/out" 2>"$dir/err" || fail "make_cdb.sh --without"
expect 3 lookup "$dir/two/lone" +442081234567
ok lookup "$dir/two/lone" +33140000000

echo "$checks runs of tally-cdb as expected"
