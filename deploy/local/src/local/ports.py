"""The ports of a stack, and how to find free ones for a second stack."""

import random
import socket


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A free port below the range from which the kernel serves outgoing connections.

    A port from that range (bind to 0) can be taken by somebody's client before the server that asked for it is up.
    """
    while True:
        port = random.randint(15000, 32000)  # noqa: S311 - no secret
        if is_free(port):
            return port
