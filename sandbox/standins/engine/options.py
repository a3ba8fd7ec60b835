"""What an operation is asked to do."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """`parallel` is the number of steps at once; `kind` is update, refresh or destroy."""

    kind: str = "update"
    dry_run: bool = False
    message: str = ""
    refresh: bool = False
    run_program: bool = False
    clear_pending: bool = False
    forgotten: tuple[str, ...] = ()
    """URNs whose pending creations are dropped."""
    ignore_protect: bool = False
    expect_no_changes: bool = False
    targets: tuple[str, ...] = ()
    diff: bool = False
    json: bool = False
    event_log: str = ""
    show_secrets: bool = False
    client: str = ""
    exec_kind: str = "cli"
    parallel: int = 4 * (os.cpu_count() or 1)
    continue_on_error: bool = False
    exclude_protected: bool = False
    save_plan: str = ""
    validate_config: bool = True
    suppress_outputs: bool = False
    suppress_progress: bool = False
    debug: bool = False
    interactive: bool = False
    """Somebody watches at a terminal."""

    @property
    def destroying(self) -> bool:
        return self.kind == "destroy"

    @property
    def noun(self) -> str:
        return "preview" if self.dry_run else "update"
