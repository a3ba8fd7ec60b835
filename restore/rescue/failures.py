"""What a server refuses in a rescue, in this program's words: nothing was written then."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from restore.errors import PermanentError, Problem, RestoreError, TemporaryError

PAGE = "docs/rescue.md"
REFUSED_ROWS = (
    errors.IntegrityError,
    errors.DataError,
    errors.GeneratedAlways,
    errors.WithCheckOptionViolation,
    errors.RaiseException,
)
"""What columns, constraints and the triggers that fire say of rows."""


@contextmanager
def translate_errors() -> Generator[None]:
    """Raises the errors whose meaning a rescue knows better than any connection: TemporaryError where others hold a
    lock, PermanentError where rows are refused or hidden."""
    try:
        yield
    except psycopg.Error as error:
        if known := translate(error):
            raise known from error
        raise


def translate(error: psycopg.Error) -> RestoreError | None:
    """Returns the error in a rescue's words; None for others."""
    again = "python -m restore rescue --table <table> (nothing was written: again, when the source is less busy)"
    found = " ".join(str(error).partition("\nCONTEXT:")[0].split())
    if isinstance(error, errors.LockNotAvailable):
        return TemporaryError.of(Problem("instance source", found, "locks within 10 s", again))
    if isinstance(error, errors.DeadlockDetected | errors.SerializationFailure):
        return TemporaryError.of(Problem("instance source", found, "locks that nobody waits for in a circle", again))
    if isinstance(error, REFUSED_ROWS):
        needed = "rows that its constraints and triggers let in (nothing was written)"
        return PermanentError.of(Problem("instance source", found, needed, PAGE))
    if isinstance(error, errors.InsufficientPrivilege) and "row-level security" in found:
        needed = "a login whose rows no policy hides: BYPASSRLS, or the table's owner without FORCE ROW LEVEL SECURITY"
        return PermanentError.of(Problem("instance source", found, needed, PAGE))
    return None
