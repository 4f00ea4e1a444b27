#!/bin/sh
# Runs TikTok's own SDK, unchanged, against the local API.
# Prints "ok …" lines; exit 0: all passed, 1: a failure, 77: npm or the SDK cannot be had.
# Nothing is written below the checkout.
here=$(cd "$(dirname "$0")" && pwd)
for tool in node npm python3; do
    command -v "$tool" >/dev/null 2>&1 || { echo "skipped: no $tool"; exit 77; }
done
work=$(mktemp -d) || exit 1
server=
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

cp "$here/sdk_test.mjs" "$work/" && cd "$work" || exit 1
echo '{"private": true}' > package.json
if ! timeout 180 npm install --no-audit --no-fund --no-package-lock --ignore-scripts \
        tiktok-business-api-sdk-official@1 >npm.log 2>&1; then
    echo "skipped: npm cannot install tiktok-business-api-sdk-official"
    exit 77
fi

python3 "$here/../tiktok_api.py" --today 2026-01-15 --port-file port >server.log 2>&1 &
server=$!
for _ in $(seq 100); do
    [ -s port ] && break
    sleep 0.1
done
[ -s port ] || { echo "not ok - the local API did not start"; cat server.log; exit 1; }
node sdk_test.mjs "http://127.0.0.1:$(cat port)"
