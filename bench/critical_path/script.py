"""What by_hand.sh asks of a person: counted from the script itself. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("by_hand.sh")
TYPED = re.compile(r"^(?:[A-Z_]+=\$\(|PGPASSWORD=\S+ |until )?(?:aws|kubectl|psql) ")
PHASE = re.compile(r'^at "(?P<name>[^"]+)"$')
UNCOUNTED = "undo of it, not counted"
BY_STRING, BY_RENAME = "cutover by connection string", "cutover by rename"


@dataclass(frozen=True)
class Asked:
    """Commands typed, decisions made, and changes without which the procedure doesn't work."""

    commands: int
    decisions: int
    changes: int

    def __add__(self, other: Asked) -> Asked:
        return Asked(self.commands + other.commands, self.decisions + other.decisions, self.changes + other.changes)


def asked_by_phase(text: str) -> dict[str, Asked]:
    """Returns what each phase of the script asks."""
    found: dict[str, Asked] = {}
    phase, changing = "", False
    for line in text.splitlines():
        if match := PHASE.match(line):
            phase = match["name"]
        if not phase:
            continue
        change = line.startswith("# changed: ")
        one = Asked(int(bool(TYPED.match(line))), int(line.startswith("# decides: ")), int(change and not changing))
        changing = change
        found[phase] = found.get(phase, Asked(0, 0, 0)) + one
    return found


def asked_to(cutover: str, text: str) -> Asked:
    """Returns what the way to a switch by this cutover asks; the other cutover is none of it."""
    left_out = {BY_STRING, BY_RENAME, UNCOUNTED} - {cutover}
    phases = asked_by_phase(text).items()
    return sum((asked for phase, asked in phases if phase not in left_out), Asked(0, 0, 0))
