#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Goal: our handshake code interoperates with two implementations that others wrote.
# Method: noise_interop.sh npm|dissononce NOISE_PEER; run in the top directory. The npm package goes
# to build/npm, the Debian one is python3-dissononce, which the system's Python alone imports. What
# is not there is said to be skipped (exit 77).
set -eu

here=$(dirname "$0")
package=noise-handshake
version=4.2.0
prefix=build/npm

skip()
{
    echo "SKIP: $1"
    exit 77
}

install_npm_package()
{
    manifest=$prefix/node_modules/$package/package.json
    if [ -f "$manifest" ] && [ "$(node -p "require('./$manifest').version")" = "$version" ]; then
        return
    fi
    mkdir -p "$prefix"
    npm install --no-save --no-audit --no-fund --prefix "$prefix" "$package@$version" ||
        skip "npm cannot fetch $package@$version"
}

case ${1:-} in
npm)
    command -v npm >/dev/null 2>&1 || skip "there is no npm"
    command -v node >/dev/null 2>&1 || skip "there is no node"
    install_npm_package
    exec node "$here/noise_handshake_peer.mjs" "$2" "$prefix"
    ;;
dissononce)
    [ -x /usr/bin/python3 ] || skip "there is no /usr/bin/python3"
    exec /usr/bin/python3 "$here/dissononce_peer.py" "$2"
    ;;
*)
    echo "usage: $0 npm|dissononce NOISE_PEER" >&2
    exit 2
    ;;
esac
