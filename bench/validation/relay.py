"""A relay between clients and a server that counts the bytes that pass, in both directions."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

BLOCK = 1 << 16


@dataclass
class Relay:
    """Listens at `port` of the server's own address."""

    address: str
    port: int
    passed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, size: int) -> None:
        with self.lock:
            self.passed += size


@contextmanager
def relaying(address: str, server_port: int) -> Generator[Relay]:
    with socket.create_server((address, 0)) as listener:
        relay = Relay(address, listener.getsockname()[1])
        threading.Thread(target=_serve, args=(listener, relay, (address, server_port)), daemon=True).start()
        yield relay


def _serve(listener: socket.socket, relay: Relay, server: tuple[str, int]) -> None:
    with suppress(OSError):  # closed at the end
        while True:
            client, _ = listener.accept()
            upstream = socket.create_connection(server)
            for one, other in ((client, upstream), (upstream, client)):
                threading.Thread(target=_pump, args=(one, other, relay), daemon=True).start()


def _pump(one: socket.socket, other: socket.socket, relay: Relay) -> None:
    with suppress(OSError):
        while block := one.recv(BLOCK):
            relay.count(len(block))
            other.sendall(block)
        other.shutdown(socket.SHUT_WR)
