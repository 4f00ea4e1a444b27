#!/bin/sh
# Runs a command that finds the TikTok API in $TIKTOK_API_URL: test/with_api.sh COMMAND…
# Where the variable is not set, a local API runs for as long as the command.
# Its calendar stands still, so that expected outputs do too.

[ -z "${TIKTOK_API_URL:-}" ] || exec "$@"

. "$(dirname "$0")/lib.sh"
trap tt_api_stop EXIT
trap 'exit 130' HUP INT TERM
tt_api_start ${TIKTOK_API_ARGS:---today 2026-06-30 --scale small} || exit 1
TIKTOK_API_URL=$TT_API_URL
export TIKTOK_API_URL
"$@" 7>&-
