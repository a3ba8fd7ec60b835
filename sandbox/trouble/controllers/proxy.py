"""A proxy between pods and their database, as PgBouncer or a NAT gateway is: sessions come from its address.

It forwards to the host that the application's Secret names when a connection begins; TLS goes through it untouched.
"""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import threading
from urllib.parse import urlsplit

from sandbox.application.names import SECRET, SECRET_KEY
from sandbox.trouble.controllers.loop import Controller, say

PORT = 6432
BLOCK = 64 * 1024


def run(controller: Controller) -> None:
    address = os.environ["POD_IP"]
    with socket.create_server((address, PORT)) as listener:
        listener.settimeout(0.2)
        say(f"listening at {address}:{PORT}")
        while not controller.ended.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = listener.accept()
                threading.Thread(target=serve, args=(controller, client, address), daemon=True).start()


def serve(controller: Controller, client: socket.socket, address: str) -> None:
    """One session: both directions until either side ends."""
    client.settimeout(None)
    with client:
        try:
            with socket.create_connection(target(controller), timeout=5, source_address=(address, 0)) as server:
                server.settimeout(None)
                back = threading.Thread(target=forward, args=(server, client), daemon=True)
                back.start()
                forward(client, server)
                back.join()
        except OSError as error:
            say(f"not forwarded: {error}")


def target(controller: Controller) -> tuple[str, int]:
    """Where the Secret says that the database is."""
    secret = controller.secret(SECRET)
    parts = urlsplit(base64.b64decode((secret or {})["data"][SECRET_KEY]).decode())
    return str(parts.hostname), int(parts.port or 5432)


def forward(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(BLOCK):
            sink.sendall(block)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
