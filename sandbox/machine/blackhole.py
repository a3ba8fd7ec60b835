"""A loopback address that swallows connections: what a client sees behind a security group without a rule for it."""

from __future__ import annotations

import socket

FILLERS = 2
"""One connection that is never accepted fills a backlog of zero; the next SYN gets no answer (listen(2), Linux)."""


class BlackHole:
    """Listens and never accepts: whoever connects waits until its own timeout. `close()` frees the address."""

    def __init__(self, address: str, port: int) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(0)
        self._fillers = [_begin_to_connect(address, port) for _ in range(FILLERS)]

    def close(self) -> None:
        for end in (*self._fillers, self._listener):
            end.close()


def _begin_to_connect(address: str, port: int) -> socket.socket:
    filler = socket.socket()
    filler.setblocking(False)
    filler.connect_ex((address, port))
    return filler
