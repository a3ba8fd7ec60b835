"""One event loop for the Pulumi SDK's mocks, and nothing left open at the end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def event_loop() -> Iterator[None]:
    """One loop for all: the SDK keeps the root stack's futures, which belong to the loop that made them.

    The SDK leaves loops of its own open (pulumi.runtime.sync_await); they are closed here, or the interpreter warns.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    # By type(): isinstance would ask what a dead weak reference refers to
    loops = [found for found in gc.get_objects() if issubclass(type(found), asyncio.AbstractEventLoop)]
    for found in loops:
        if not found.is_running() and not found.is_closed():
            found.close()
