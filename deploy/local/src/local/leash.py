"""Run a command that cannot outlive the process which started it.

Usage: python leash.py SIGNAL PARENT_PID ACCOUNT COMMAND…

The kernel sends SIGNAL to the command when the launcher dies, even by `kill -9`. The wrapper
replaces itself, so that the pid which the launcher holds is the pid of the command. It runs without
site-packages: starting it must cost milliseconds, and it is started for each process of the stack.

ACCOUNT is "-" or the name of the unprivileged account that root gives PostgreSQL, which refuses to
run as root. That account keeps the right to pass closed directories, since a clone under /root is
otherwise out of its reach.
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def become(account: str) -> None:
    """Change to the account for good, keeping nothing of root's rights but access to files."""
    libc = ctypes.CDLL(None, use_errno=True)
    entry = pwd.getpwnam(account)
    # Otherwise access(2), by which PostgreSQL looks for its own programs, ignores what is kept.
    libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    kept = 1 << CAP_DAC_OVERRIDE
    # effective, permitted, inheritable of the capabilities 0..31, then of 32..63
    libc.capset(header, (ctypes.c_uint32 * 6)(kept, kept, kept, 0, 0, 0))
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def main() -> None:
    signal_number, parent, account, *command = sys.argv[1:]
    if account != "-":
        become(account)
    if sys.platform == "linux":  # elsewhere the clean-up at the next start has to do
        # After the change of account, which would clear it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit("the launcher is gone already")
    os.execvp(command[0], command)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main()
