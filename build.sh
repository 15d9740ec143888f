#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh - the one entry point: packages, build, demonstration, tests.
#
# What a verb needs of Debian is listed once, in `packages` below. The test run itself is
# tests/run/run.py, the run on a fresh system tests/run/clean_machine.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# The system's own interpreter: Debian's Python packages are made for it and for no other.
readonly PYTHON=/usr/bin/python3

usage() {
    cat <<'END'
usage: ./build.sh VERB

  deps [build|demo|test]  install the Debian packages that are missing (default: all of them)
  build                   build everything; the programs land in build/bin
  demo                    deps, build, then two operators on this machine and a call between them
  test [PART...]          deps, then every test, or only these parts:
                            build unit scenario integration lint asan tsan fuzz
  lint                    only the lints
  fuzz [SECONDS]          every fuzz target for this long (default 20)
  scenarios [FILE...]     play tests/scenario/*.scn, or these files
  test-clean [VERB...]    demo and test (or these verbs) on a fresh Debian, from a clone of HEAD
  clean                   remove build/

Start with `./build.sh demo`. docs/HACKING.md goes on from there.
END
}

say() {
    printf '%s\n' "build.sh: $*" >&2
}

die() {
    say "$@"
    exit 1
}

# Every Debian package that the project wants, by what wants it. Each set includes those before.
packages() {
    case $1 in
    build)
        echo build-essential cmake ninja-build pkg-config
        echo libsodium-dev libzmq3-dev liblmdb-dev libconfig-dev libjansson-dev
        ;;
    demo)
        packages build
        echo sip-tester python3
        ;;
    test)
        packages demo
        echo libcmocka-dev clang clang-format clang-tidy cppcheck llvm libclang-rt-14-dev
        echo shellcheck mandoc tshark kamailio libosip2-dev
        echo python3-dissononce procps iproute2 unzip
        ;;
    clean-machine)
        echo mmdebstrap git
        ;;
    *)
        die "deps: no such set of packages: $1 (there are build, demo and test)"
        ;;
    esac
}

# Prints those of the named packages that are not installed.
missing() {
    local package
    for package in "$@"; do
        # shellcheck disable=SC2016 # the format is dpkg-query's, not the shell's
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            printf '%s\n' "$package"
        fi
    done
}

deps() {
    local -a wanted lacking as_root=()
    local list

    list=$(packages "$1")
    # shellcheck disable=SC2206 # package names, one word each
    wanted=($list)
    if ! command -v dpkg-query >/dev/null; then
        die "this is no Debian system; install the equivalents of: ${wanted[*]}"
    fi
    mapfile -t lacking < <(missing "${wanted[@]}")
    if [ ${#lacking[@]} -eq 0 ]; then
        return
    fi

    if [ "$(id -u)" -ne 0 ]; then
        # Without a terminal nobody can answer a question about a password.
        if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
            as_root=(sudo)
        else
            say "these packages are missing and only root may install them. Run as root:"
            printf '%s\n' "apt-get install --no-install-recommends ${lacking[*]}"
            exit 1
        fi
    fi
    say "installing ${#lacking[@]} of ${#wanted[@]} packages: ${lacking[*]}"
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends "${lacking[@]}"
}

build() {
    cmake --preset dev
    cmake --build build/dev
    say "the programs are in build/bin"
}

demo() {
    deps demo
    build
    exec "$PYTHON" tests/demo/demo.py
}

run_tests() {
    deps test
    exec "$PYTHON" -B tests/run/run.py "$@"
}

scenarios() {
    local runner file failed=0 played=0

    deps test
    build
    runner=$(find build/bin build/dev -type f -name tally-scenario -perm -u+x -print -quit)
    [ -n "$runner" ] || die "the build left no tally-scenario"
    [ $# -gt 0 ] || set -- tests/scenario/*.scn
    for file in "$@"; do
        [ -r "$file" ] || die "cannot read $file"
        played=$((played + 1))
        if "$runner" "$file"; then
            echo "passed  $file"
        else
            echo "FAILED  $file"
            failed=$((failed + 1))
        fi
    done
    echo "$((played - failed)) passed, $failed failed"
    [ "$failed" -eq 0 ]
}

fuzz() {
    local seconds=${1:-20}

    case $seconds in
    '' | 0 | *[!0-9]*) die "fuzz: $seconds is not a number of seconds" ;;
    esac
    deps test
    exec "$PYTHON" -B tests/run/run.py --fuzz-seconds "$seconds" --keep-corpus fuzz
}

test_clean() {
    deps clean-machine
    exec tests/run/clean_machine.sh "$@"
}

verb=${1:-}
[ $# -eq 0 ] || shift
case $verb in
deps) deps "${1:-test}" ;;
build) build ;;
demo) demo ;;
test) run_tests "$@" ;;
lint) run_tests lint ;;
fuzz) fuzz "$@" ;;
scenarios) scenarios "$@" ;;
test-clean) test_clean "$@" ;;
clean) rm -rf build ;;
'' | help | -h | --help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
