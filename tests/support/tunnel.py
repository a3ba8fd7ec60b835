"""A tunnel to a server, as Session Manager's port forwarding makes one: a port of this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

TUNNEL = "127.0.0.99"
"""From where the end of the tunnel calls the database."""


@contextmanager
def forwarded(host: str, port: int, through: list[str]) -> Generator[str]:
    """A tunnel to a server, as a port of this machine; `through` counts who used it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, peer = listener.accept()
            except OSError:
                return
            through.append(str(peer))
            server = socket.create_connection((host, port), source_address=(TUNNEL, 0))
            for ends in ((client, server), (server, client)):
                threading.Thread(target=pump, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    with listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def pump(source: socket.socket, sink: socket.socket) -> None:
    with source, sink:
        try:
            while content := source.recv(1 << 16):
                sink.sendall(content)
        except OSError:
            return
