#!/usr/bin/env bash
# Runs cci-migrate on a copy of examples/shop, in each of its ways. Prints what it runs.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
bin=${BIN:-$here/../.venv/bin}
case $bin in /*) ;; *) bin=$PWD/$bin ;; esac
export PATH="$bin:$PATH"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -R "$here/shop" "$work/shop"
cd "$work/shop"
git init --quiet
git add --all
git -c user.name=demo -c user.email=demo@example.com commit --quiet --message "The shop as it was"

run() {
    local expected=$1 code=0
    shift
    printf '\n$ %s\n' "$*"
    "$@" || code=$?
    printf '(exit code %s)\n' "$code"
    [ "$code" = "$expected" ] || { echo "expected exit code $expected" >&2; exit 1; }
}

echo "A copy of examples/shop is in $work/shop."

# What is wrong, and why it matters; for CI. Something is to be done, so it ends with 1.
run 1 cci-migrate --check

# The diff on standard output; git apply takes it.
run 1 cci-migrate --dry-run --quiet

# In place.
run 0 cci-migrate
run 0 git --no-pager diff --stat

# Once more: there is nothing left to do.
run 0 cci-migrate --check --quiet

cat <<'NEXT'

What to try next, in a repository of yours:
  cci-migrate --check          report, write nothing
  cci-migrate --interactive    decide on each fix
  cci-migrate explain          show each pull and what authenticates it
  cci-migrate doctor           ask CircleCI whether the contexts and variables exist
  cci-migrate batch --help     fix many repositories by pull requests
NEXT
