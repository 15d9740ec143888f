#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# clean_machine.sh - the README on a computer that has never seen the project.
#
# usage: tests/run/clean_machine.sh [VERB...]    (default: demo test; "test unit" is one VERB)
#
# Makes a Debian 12 from nothing in a temporary folder, puts a clone of HEAD and, when it is there,
# ../shared into it, and runs `./build.sh VERB` inside for each verb, as root, without a terminal.
# Packages come from where this machine's own come from. The network is this machine's.
#
# Mounts are made in a mount namespace of their own and processes in a process namespace, so that
# both are gone with it, whatever happens; the folder is removed last, by a trap.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly RELEASE=bookworm
readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
readonly PROJECT=/src/tallystick

say() {
    printf 'test-clean: %s\n' "$*" >&2
}

die() {
    say "$@"
    exit 1
}

# One line of sources.list for each of Debian's own archives that apt uses here. Repositories of
# other parties have no place on a clean machine.
debian_sources() {
    # shellcheck disable=SC2016 # apt's format, not the shell's
    apt-get indextargets \
        --format '$(ORIGIN)|$(CODENAME)|deb $(SITE) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' |
        sed -n "s/^Debian|${RELEASE}[^|]*|//p" | sort -u
}

# How apt gets at its archives: proxies, retries, checks of dates.
apt_ways() {
    apt-config dump | grep -E '^Acquire::(https?|Retries|Check-Valid-Until|Check-Date)\b' || true
}

inside() {
    chroot "$1" /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=dumb CI=true \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        sh -c "cd $PROJECT && exec ./build.sh $2" </dev/null
}

# Runs in namespaces of its own: what it mounts and starts ends with it.
run_verbs() {
    local root=$1 verb
    shift

    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
    for verb in "$@"; do
        say "./build.sh $verb"
        inside "$root" "$verb" || die "./build.sh $verb: exit status $?"
    done
}

prepare() {
    local root=$1 sources=$2

    say "making a fresh Debian $RELEASE in $root from"
    sed 's/^/    /' "$sources" >&2
    apt_ways >"$root.apt"
    mmdebstrap --quiet --mode=root --variant=minbase --keyring="$KEYRING" --aptopt="$root.apt" \
        "$RELEASE" "$root" "$sources"
    cp "$root.apt" "$root/etc/apt/apt.conf.d/90host"
    cp -L /etc/hosts /etc/resolv.conf "$root/etc/"

    say "cloning HEAD, $(git log -1 --format='%h %s')"
    [ -z "$(git status --porcelain)" ] || say "note: what is not committed is not tested"
    git clone --quiet --no-hardlinks . "$root$PROJECT"
    if [ -d ../shared ]; then
        # A copy: the root is removed in the end, and must not hold anything of somebody else's.
        cp -rL ../shared "$root$(dirname $PROJECT)/shared"
    fi
}

if [ "${1:-}" = --in-namespaces ]; then
    shift
    run_verbs "$@"
    exit
fi

[ "$(id -u)" -eq 0 ] || die "it takes root to make a file system and change into it"
[ $# -gt 0 ] || set -- demo test

place=$(mktemp -d "${TMPDIR:-/tmp}/tally-clean.XXXXXX")
chmod 755 "$place" # apt fetches as a user of its own
running=
# shellcheck disable=SC2317 # the trap calls it
clean_up() {
    # unshare does not listen to TERM; when it is gone, --kill-child takes all that it started along.
    if [ -n "$running" ] && kill -KILL "$running" 2>/dev/null; then
        wait "$running" || true
    fi
    # The namespaces are gone, so nothing can be mounted here; if something is, leave it alone.
    if grep -q " $place/" /proc/self/mounts; then
        say "something is still mounted under $place: not removing it"
        return
    fi
    rm -rf --one-file-system "$place"
    say "removed $place"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

debian_sources >"$place/sources.list"
if [ ! -s "$place/sources.list" ]; then
    apt-get update -q
    debian_sources >"$place/sources.list"
fi
[ -s "$place/sources.list" ] || die "apt knows no archive of Debian $RELEASE here"

prepare "$place/root" "$place/sources.list"
# In the background, since a trap waits for the end of what runs in the foreground.
unshare --mount --pid --fork --kill-child \
    tests/run/clean_machine.sh --in-namespaces "$place/root" "$@" &
running=$!
wait "$running"
