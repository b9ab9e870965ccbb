#!/bin/sh
# Makes .venv and installs into it what the requirements say, where that is still to do.
#
# usage: deploy/local/bootstrap.sh [run|dev]   run: what `make up` needs; dev: tests and linters too
#
# POSIX sh and nothing else, since it is the first thing that runs on a fresh machine. When nothing
# has changed it takes milliseconds. PYTHON names the interpreter; without it the newest is taken.
# On failure: one line that says the mend, exit code 2.
set -eu

kind=${1:-run}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
venv=$root/.venv
lock=$root/.venv.lock
log=$venv/install.log
packages='libs/events libs/chassis services/customer services/pipeline services/ops services/metrics
services/gateway deploy/local cli'
cd "$root"

fail() {
    echo "$1" >&2
    exit 2
}

# What .venv must have been made from: requirements, packages, and the path that it is bound to.
fingerprint() {
    case $1 in
    run) files='requirements.txt requirements-build.txt' ;;
    dev) files='requirements-dev.txt requirements-build.txt' ;;
    esac
    # shellcheck disable=SC2046,SC2086 # these lists are meant to be split
    cksum $files deploy/local/bootstrap.sh $(printf '%s/pyproject.toml ' $packages)
    echo "$root"
}

is_installed() {
    [ -x "$venv/bin/tandem" ] && [ -f "$venv/.$1" ] && [ "$(fingerprint "$1")" = "$(cat "$venv/.$1")" ]
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    found=$("${PYTHON:-python3}" --version 2>/dev/null || echo "no ${PYTHON:-python3}")
    fail "Tandem needs Python 3.11 or newer, here is $found; install it (Debian: apt-get install python3 python3-venv) or name one: make up PYTHON=/path/to/python"
}

# Two installations at once would break each other. A directory, because mkdir is atomic everywhere.
take_lock() {
    until mkdir "$lock" 2>/dev/null; do
        [ -w "$root" ] || fail "$root cannot be written, so .venv cannot be made; mend its permissions"
        if ! kill -0 "$(cat "$lock/pid" 2>/dev/null || echo 0)" 2>/dev/null; then
            sleep 1 # its owner may be about to write the pid
            kill -0 "$(cat "$lock/pid" 2>/dev/null || echo 0)" 2>/dev/null || rm -rf "$lock"
        fi
        sleep 1
    done
    echo $$ >"$lock/pid"
    trap 'rm -rf "$lock"' EXIT
    trap 'exit 130' INT TERM HUP
}

make_venv() {
    python=$1
    # A .venv that was moved with its folder, or whose interpreter is gone, cannot be mended.
    if [ -d "$venv" ] && "$venv/bin/python" -c '' 2>/dev/null; then
        [ ! -f "$venv/.root" ] || [ "$(cat "$venv/.root")" = "$root" ] || clear=--clear
    else
        clear=--clear
    fi
    if [ -n "${clear:-}" ]; then
        "$python" -m venv --clear "$venv" >/dev/null 2>&1 ||
            fail "$python cannot make a virtual environment in $venv; install its venv module (Debian: apt-get install python3-venv) and look for free disk space"
        echo "$root" >"$venv/.root"
    fi
}

install() {
    "$venv/bin/python" -m pip --disable-pip-version-check --no-input "$@" >>"$log" 2>&1 ||
        fail "pip failed: $(grep -E '^(ERROR|error)' "$log" | tail -n 1); details in $log; mend that (often the network or the disk) and run the same command again"
}

# pip compiles what it installs, but not the packages of ours, which stay where they are. Where
# PYTHONDONTWRITEBYTECODE is set each process would do it again: a fifth of a service's start.
compile_bytecode() {
    # shellcheck disable=SC2046,SC2086 # lists are meant to be split
    "$venv/bin/python" -m compileall -q $(printf '%s/src ' $packages) >/dev/null || true
}

case $kind in
run | dev) ;;
*) fail "usage: deploy/local/bootstrap.sh [run|dev]" ;;
esac
if is_installed "$kind"; then
    compile_bytecode
    exit 0
fi
python=$(find_python) || exit $?
take_lock
is_installed "$kind" && exit 0
make_venv "$python"
echo "Installing into .venv (once; about a minute)."
: >"$log"
requirements='requirements.txt'
[ "$kind" = dev ] && requirements='requirements-dev.txt'
install install --require-hashes -r "$requirements" -r requirements-build.txt
editable=
for package in $packages; do
    editable="$editable -e $package"
done
# shellcheck disable=SC2086 # a list of options
install install --no-deps --no-build-isolation $editable
rm -f "$venv/.dev"
fingerprint run >"$venv/.run"
[ "$kind" = run ] || fingerprint dev >"$venv/.dev"
compile_bytecode
