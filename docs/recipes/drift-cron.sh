#!/bin/sh
# Drift every hour on a machine of your own. In a crontab:
#
#   17 * * * *  /opt/fleet/drift-cron.sh
#
# FLEET is the folder with the configuration, REPORTS where reports are kept. Prints nothing where nothing drifted, so
# that cron sends mail only when there is something to read. Credentials are those of the machine's own role.
set -eu
: "${FLEET:=/opt/fleet}" "${REPORTS:=/var/lib/terrane/drift}"

mkdir -p "$REPORTS"
# The run before may still be reading a large fleet: then this one is left out.
exec 9> "$REPORTS/running"
flock --nonblock 9 || exit 0

cd "$FLEET"
terrane init -input=false > /dev/null
code=0
terrane drift -input=false -no-color -log-file "$REPORTS/drift.log" \
  -report text="$REPORTS/drift.txt" -report html="$REPORTS/drift.html" > /dev/null || code=$?
case $code in
  0) ;;
  2) cat "$REPORTS/drift.txt" ;;
  *) echo "terrane drift ended with $code, see $REPORTS/drift.log" >&2 ;;
esac
exit "$code"
