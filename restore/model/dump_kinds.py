"""What of a dump can be left out, and what is run only when somebody asked for it: one list for the configuration and
for the loader's flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

DECISIONS: Mapping[str, str] = {
    "foreign": "foreign servers and tables reach other databases",
    "subscription": "a subscription reaches another database",
    "untrusted_language": "functions in C or an untrusted language can do what the server's process can",
    "security_label": "security labels need a provider that the server has loaded",
    "language": "a procedural language runs code in the server's process",
    "base_type": "a base type is made of functions in C",
    "event_trigger": "an event trigger runs as whoever changes a definition or logs in, the operator too",
}
"""Kinds of statements that are either run or left out by choice, and why."""
PRIVILEGED_OWNER = "privileged_owner"
"""What lets owners pass that have rights beyond the database, the operator's login among them."""
SKIPPABLE: Sequence[str] = (
    *DECISIONS,
    "comment",
    "extension",
    "matview",
    "policy",
    "publication",
    "statistics",
    "tablespace",
    "trigger",
)
"""What can be left out with all that depends on it: all of a kind, or one object of it, as `extension:postgis`."""
ALLOWABLE: Sequence[str] = (*DECISIONS, PRIVILEGED_OWNER)


def find_skip_fault(text: str) -> str | None:
    """Returns what is wrong with what is to be left out; None where nothing is."""
    kind, colon, name = text.partition(":")
    if kind not in SKIPPABLE:
        return f"no kind of objects that can be left out: {kind}"
    return "no name behind the colon" if colon and not name else None


def find_allow_fault(text: str) -> str | None:
    """Returns what is wrong with a kind to be run; None where nothing is."""
    return None if text in ALLOWABLE else "no kind of statements that waits for a decision"
