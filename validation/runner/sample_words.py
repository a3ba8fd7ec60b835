"""What a report says of a sample: what was read, what wasn't, and which kinds of defect it can't find. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from validation.runner.limits import BLOCK
from validation.schema.sample import RUN, SampleSummary, count_for_certainty
from validation.terminal import format_number, format_size

NO_LARGE = "every table to its end: none is larger than 32 MiB"
BY_LOOKUP = ("foreign-key", "unique-key")
SHOWN = 3


def tell_verdict(summary: SampleSummary) -> str:
    """Returns the words that stand beside the verdict."""
    if not summary.tables:
        return "by a sample that is all of it"
    large = format_number(len(summary.tables), "large table")
    return f"by a sample: {format_chance(summary.share)} of {large}, all of the others"


def tell_read(summary: SampleSummary) -> str:
    """Returns what was read."""
    if not summary.tables:
        return NO_LARGE
    blocks = sum(coverage.blocks for coverage in summary.tables.values())
    read = sum(coverage.read for coverage in summary.tables.values())
    return (
        f"{format_chance(summary.share)} of {format_number(len(summary.tables), 'large table')} "
        f"({format_size(read * BLOCK)} of {format_size(blocks * BLOCK)}), in runs of {RUN * BLOCK // 1024} KiB: the "
        "last one, and others drawn by lot; all smaller tables to their end; the whole schema, sequences, roles, "
        "settings"
    )


def tell_unread(summary: SampleSummary) -> str:
    """Returns what was left out; empty where nothing was."""
    if not summary.unread:
        return ""
    families = Counter(name.partition(":")[0] for name in summary.unread)
    named = ", ".join(f"{family} {count:,}" for family, count in sorted(families.items()))
    return f"the rest of these tables, and their indexes but for single look-ups; checks that were left out: {named}"


def tell_missed(summary: SampleSummary) -> tuple[str, ...]:
    """Returns the kinds of defect that a sample may miss, each with the probability that one is found."""
    return tuple(_tell_missed(summary)) if summary.tables else ()


def _tell_missed(summary: SampleSummary) -> Iterator[str]:
    least = min(summary.tables, key=lambda table: summary.tables[table].chance)
    chance = summary.tables[least].chance
    yield (
        f"a lost value, or a damaged block: one in {least} is found with probability {format_chance(chance)}, of "
        f"{count_for_certainty(chance):,} spread over it at least one with 99 %"
    )
    looked_up = {name: c for name, c in summary.chances.items() if name.partition(":")[0] in BY_LOOKUP}
    if looked_up:
        rarest = min(looked_up, key=lambda name: looked_up[name])
        chance = looked_up[rarest]
        yield (
            f"a row without the row that it refers to, or with a key that is there twice: one, by {rarest}, is found "
            f"with probability {format_chance(chance)}, of {count_for_certainty(chance):,} at least one with 99 %"
        )
    yield "a few rows too few or too many: the counts of large tables are estimates"
    yield "a row that an index doesn't know, unless it was looked up; an index out of order; a file's missing block"


def format_chance(chance: float) -> str:
    """Returns a probability or a part in percent, with two digits that count."""
    percent = chance * 100
    digits = 0 if percent >= 10 else 1 if percent >= 1 else 2 if percent >= 0.1 else 4 if percent >= 0.001 else 6
    return f"{percent:.{digits}f} %"


def as_json(summary: SampleSummary) -> dict[str, Any]:
    """Returns the same for the evidence, with the figures of each table and check."""
    tables: Mapping[str, Any] = {
        name: {"blocks_read": c.read, "blocks": c.blocks, "chance": c.chance} for name, c in summary.tables.items()
    }
    return {
        "verdict": tell_verdict(summary),
        "read": tell_read(summary),
        "unread": tell_unread(summary),
        "may_miss": list(tell_missed(summary)),
        "tables": dict(tables),
        "chances": dict(summary.chances),
        "unread_checks": list(summary.unread),
    }
