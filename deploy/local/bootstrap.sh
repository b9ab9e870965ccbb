#!/bin/sh
# Makes .venv and installs into it what the requirements file says, where that has not been done yet.
#
# usage: deploy/local/bootstrap.sh [run|dev]     run: what `make up` needs; dev: also tests and linters
#
# POSIX sh and nothing else, since it is the first thing that runs on a fresh machine. When nothing has changed it takes
# milliseconds. Environment: PYTHON (default python3).
set -eu

kind=${1:-run}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
venv=$root/.venv
python=${PYTHON:-python3}
packages='libs/events libs/chassis services/customer services/pipeline services/ops services/metrics services/gateway
deploy/local cli'

fail() {
    echo "$1" >&2
    exit 2
}

case $kind in
run) requirements=requirements.txt ;;
dev) requirements=requirements-dev.txt ;;
*) fail "usage: deploy/local/bootstrap.sh [run|dev]" ;;
esac

fingerprint() {
    # shellcheck disable=SC2086 # the list is meant to be split
    (cd "$root" && cksum "$requirements" deploy/local/bootstrap.sh $(printf '%s/pyproject.toml ' $packages) && echo "$root")
}

# A folder that was made with `dev` serves `run` as well.
for stamp in "$venv/.installed-dev" "$venv/.installed-run"; do
    if [ "$kind" = dev ] && [ "$stamp" = "$venv/.installed-run" ]; then
        continue
    fi
    if [ -f "$stamp" ] && [ -x "$venv/bin/python" ]; then
        saved=$requirements
        [ "$stamp" = "$venv/.installed-dev" ] && requirements=requirements-dev.txt
        [ "$(fingerprint)" = "$(cat "$stamp")" ] && exit 0
        requirements=$saved
    fi
done

# Two of us at once would break each other's installation. The lock is a directory: mkdir is atomic everywhere.
lock=$root/.venv.lock
tries=0
until mkdir "$lock" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -gt 600 ] && fail "another installation has run for ten minutes; if there is none, remove $lock"
    sleep 1
done
trap 'rmdir "$lock"' EXIT
trap 'exit 130' INT TERM HUP
