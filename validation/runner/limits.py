"""How long reading takes, and may take, by how much there is to read. Pure.

A restored volume fetches its blocks from S3 at their first touch. FRESH_RATE is that of a fresh RDS volume, as measured
with pg_prewarm: 163,984 blocks of 8 KiB in 24.28 s (github.com/robins/PrewarmRDSPostgres, README, 2018-09-29).
"""

from __future__ import annotations

from collections.abc import Iterable

from validation.connect.query import Question
from validation.expectations.model import BUDGET_SECONDS, Limits
from validation.terminal import format_size
from validation.verdict import Depth

BLOCK = 8192
FRESH_RATE = 163_984 * BLOCK / 24.28
"""Bytes a second."""
SLOWEST_RATE = FRESH_RATE / 3
"""What is waited for: volumes differ (EBS User Guide, "Initialize Amazon EBS volumes": the rate fluctuates)."""
WARM_RATE = 125e6
"""Of blocks that were read before: the least of a gp3 volume (EBS User Guide, "General Purpose SSD volumes")."""
APART = 1
"""Sessions besides those that share the questions: amcheck's."""
PASSES = 5
"""How often all checks together read a table: its rows, their values, keys, blocks, and the indexes on them."""
SMALLEST_SAMPLE = 1 << 30
"""Bytes: small tables are read in full, and of each large one at least some runs."""
SAMPLED_PART = 0.1
"""The part of a large database that a sample has the volume fetch at most (bench/large measures it)."""


def estimate_page_seconds(limits: Limits, sessions: int) -> float:
    """Returns what a statement may take for each page, while other sessions read from the same volume; nothing more
    where its seconds are declared."""
    return (sessions + APART) * BLOCK / SLOWEST_RATE if limits.statement_seconds is None else 0.0


def allow_budget(limits: Limits, questions: Iterable[Question], blocks: int, depth: Depth) -> float:
    """Returns the seconds that a run may take: those that are declared, or what reading needs.

    Args:
        blocks: of all tables; each is fetched once, and about as many of indexes.
    """
    if limits.budget_seconds is not None:
        return limits.budget_seconds
    read = sum(question.cost for question in questions)
    fetched = estimate_fetched_bytes(2 * blocks * BLOCK, depth)
    return BUDGET_SECONDS + fetched / SLOWEST_RATE + read * BLOCK / WARM_RATE


def estimate_fetched_bytes(size: float, depth: Depth) -> float:
    """Returns how much of a database of so many bytes a fresh volume fetches for the checks, at most."""
    return size if depth is Depth.FULL else min(size, SMALLEST_SAMPLE + SAMPLED_PART * size)


def describe_reading(questions: Iterable[Question], blocks: int, depth: Depth, reused: int) -> str:
    """Returns how much a run is going to read of tables of `blocks` pages (8 KiB), and how long that takes where the
    volume is fresh."""
    read = sum(question.cost for question in questions) * BLOCK
    fetched = min(read, estimate_fetched_bytes(2 * blocks * BLOCK, depth))
    of_before = f"; {reused:,} answers of an earlier run still hold" if reused else ""
    return (
        f"depth {depth}: tables of {format_size(blocks * BLOCK)}; up to {format_size(fetched)} to fetch, about "
        f"{format_duration(estimate_seconds(fetched))} where the volume is fresh{of_before}"
    )


def format_duration(seconds: float) -> str:
    """Returns a duration in words: `40 s`, `25 min`, `9.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def estimate_seconds(size: float) -> float:
    """Returns how long a fresh volume takes to fetch so many bytes."""
    return size / FRESH_RATE


def allow_for_size(size: float, depth: Depth) -> float:
    """Returns the seconds that checks of a database of so many bytes may take, where no more is known of it."""
    fetched = estimate_fetched_bytes(size, depth)
    return BUDGET_SECONDS + fetched / SLOWEST_RATE + PASSES * fetched / WARM_RATE
