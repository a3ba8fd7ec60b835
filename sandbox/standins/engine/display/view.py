"""What the user sees of an operation: step lines or diffs, diagnostics, outputs, the summary."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Mapping

from sandbox.standins.engine.deployment.goals import Step
from sandbox.standins.engine.display import json_digest, property_text
from sandbox.standins.engine.display.engine_events import Events
from sandbox.standins.engine.display.resource_tree import Row, render_tree
from sandbox.standins.engine.options import Options
from sandbox.standins.engine.property_values import MASK, Props, Value, redact_all
from sandbox.standins.engine.state.stack_settings import Entry
from sandbox.standins.engine.urns import STACK, name_of, short_type, type_of

SYMBOLS = {
    "same": " ",
    "create": "+",
    "update": "~",
    "delete": "-",
    "replace": "+-",
    "create-replacement": "++",
    "delete-replaced": "--",
    "read": ">",
    "read-replacement": ">>",
    "refresh": "~",
    "import": "=",
    "import-replacement": "=>",
    "remove-pending-replace": "<",
}
DOING = {
    "create": "creating",
    "update": "updating",
    "delete": "deleting",
    "replace": "replacing",
    "create-replacement": "creating replacement",
    "delete-replaced": "deleting original",
    "read": "reading",
    "refresh": "refreshing",
    "import": "importing",
    "import-replacement": "importing replacement",
    "read-replacement": "reading for replacement",
    "same": "",
    "remove-pending-replace": "completing deletion",
}
DONE = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "replace": "replaced",
    "same": "unchanged",
    "create-replacement": "created replacement",
    "delete-replaced": "deleted original",
    "read": "read",
    "refresh": "refreshed",
    "import": "imported",
    "import-replacement": "imported replacement",
    "read-replacement": "read for replacement",
    "remove-pending-replace": "completed deletion",
}
PREFIXES = {"warning": "warning: ", "error": "error: ", "debug": "debug: "}
WHOLE = ("create", "import", "read", "delete", "delete-replaced")


class View:
    def __init__(self, title: str, options: Options, stack_urn: str, config: Mapping[str, Entry]) -> None:
        self._options, self._stack_urn = options, stack_urn
        self._mutex = threading.Lock()
        self._began: dict[str, float] = {}
        self._start = time.monotonic()
        self._diagnostics: dict[str, list[str]] = {}
        self._shown_stack: Step | None = None
        self._parents: dict[str, str] = {}
        self._rows: dict[str, Row] | None = None
        if options.interactive and options.dry_run and not options.diff:
            self._rows = {}
        self.logged_error = False
        shown: Props = {
            k: MASK if entry.secret and not options.show_secrets else entry.text for k, entry in config.items()
        }
        self._digest = json_digest.Digest(shown, options.show_secrets)
        self._events = Events(options.event_log, options.show_secrets, aloud=options.json and not options.dry_run)
        self._events.send("preludeEvent", {"config": shown})
        self.line(f"{title}:\n")

    def line(self, text: str) -> None:
        if not self._options.json:
            print(text + "\n", end="", flush=True)  # one write: steps run in parallel

    # Steps

    def before(self, step: Step) -> None:
        self._began[step.urn] = time.monotonic()
        self._parents[step.urn] = step.resource.parent
        self._events.step("resourcePreEvent", step)
        quiet = self._options.dry_run or self._options.diff or self._options.suppress_progress
        if not quiet and not step.internal and step.op not in ("same", "refresh"):
            self._step(step, f"{DOING[step.op]} (0s){_diff(step)}")

    def after(self, step: Step) -> None:
        op = step.shown_op
        whole = self._options.dry_run or step.resource.custom or op.startswith("delete") or step.op == "refresh"
        if whole:
            self._events.step("resOutputsEvent", step, op)
        if step.internal:
            return
        if type_of(step.urn) == STACK:
            self._shown_stack = step
        self._digest.add(step)
        if self._options.diff:
            if op != "same" or step is self._shown_stack:
                self._block(step, op)
        elif self._rows is not None:
            self._row(self._rows, step)
        elif op != "same" and self._options.dry_run:
            self._step(step, f"{op}{_diff(step)}")
        elif op != "same" and (step.resource.custom or not step.new):
            self._step(step, f"{DONE[op]} ({self._took(step)}){_diff(step)}")

    def outputs(self, step: Step) -> None:
        """The outputs of a component are there: it is done."""
        self._events.step("resOutputsEvent", step)
        if not self._options.diff and not self._options.dry_run and step.op != "same":
            self._step(step, f"{DONE[step.op]} ({self._took(step)})")

    def failed(self, step: Step) -> None:
        if not self._options.dry_run:
            self._events.step("resOpFailedEvent", step, status=0, steps=0)
            self._step(step, f"**{DOING[step.op]} failed**")

    def _took(self, step: Step) -> str:
        return f"{time.monotonic() - self._began.get(step.urn, time.monotonic()):.2f}s"

    def _step(self, step: Step, status: str) -> None:
        self.line(f" {SYMBOLS[step.shown_op]:2} {short_type(step.urn)} {name_of(step.urn)} {status}")

    def _row(self, rows: dict[str, Row], step: Step) -> None:
        """A preview in a terminal is one tree at its end; what is only read isn't in it."""
        op = "replace" if step.shown_op in ("create-replacement", "delete-replaced") else step.shown_op
        if op.startswith("read"):
            return
        plan = "" if op == "same" else op
        retained = bool(step.old and step.old.retain_on_delete and op in ("delete", "replace"))
        parent = step.resource.parent
        rows[step.urn] = Row(step.urn, parent, SYMBOLS[op].strip(), plan + "[retain]" * retained, _diff(step).strip())

    def _tree(self, rows: dict[str, Row]) -> None:
        for urn, messages in self._diagnostics.items():
            if row := rows.get(urn):
                said = "; ".join([*filter(None, [row.info]), *_counted(messages)])
                rows[urn] = Row(urn, row.parent, row.symbol, row.plan, said)
        width = shutil.get_terminal_size().columns
        self.line("\n".join([*render_tree(rows, self._stack_urn, width), ""]))

    def _depth(self, urn: str) -> int:
        parent = self._parents.get(urn, "")
        return 1 + self._depth(parent) if parent else 0

    def _block(self, step: Step, op: str) -> None:
        indent = property_text.STEP * self._depth(step.urn)
        lines = [f"{indent}{SYMBOLS[op]:2}".rstrip() + f" {short_type(step.urn)}: ({op})"]
        if step.old and step.old.id:
            lines.append(f"{indent}    [id={step.old.id}]")
        lines.append(f"{indent}    [urn={step.urn}]")
        inner = indent + property_text.STEP
        old, new = (redact_all(r.inputs, self._options.show_secrets) if r else {} for r in (step.old, step.new))
        if op in WHOLE or not step.old:
            lines += property_text.properties(new if step.new else old, inner)
        elif step.op == "refresh":
            before, after = (redact_all(r.outputs) if r else {} for r in (step.old, step.new))
            lines += property_text.changes(before, after, inner)
        elif step.old is not step.new:
            lines += property_text.changes(old, new, inner)
        self.line("\n".join(lines))

    # Diagnostics and the end

    def diagnostic(self, severity: str, message: str, urn: str = "") -> None:
        prefix = PREFIXES.get(severity, "")
        body: Props = {"prefix": prefix, "message": message + "\n", "color": "never", "severity": severity}
        self._events.send("diagnosticEvent", {**({"urn": urn} if urn else {}), **body})
        if severity == "debug" and not self._options.debug:
            return
        self._digest.diagnostic(urn, message, severity)
        with self._mutex:
            self._diagnostics.setdefault(urn or self._stack_urn, []).append(prefix + message)
        quiet = self._options.suppress_progress or self._rows is not None
        if severity in ("info", "warning", "error") and not quiet:
            shown = urn or self._stack_urn
            text = (prefix + message).strip().partition("\n")[0]
            self.line(f"    {short_type(shown)} {name_of(shown)} {text}")

    def finish(
        self,
        result: str,
        counts: Mapping[str, int],
        outputs: tuple[Props, Props],
        *,
        errored: int = 0,
        maybe_corrupt: bool = False,
    ) -> None:
        """Says how it ended; `outputs`: the stack's, before and after."""
        seconds = time.monotonic() - self._start
        summary: dict[str, Value] = {
            "maybeCorrupt": maybe_corrupt,
            "durationSeconds": int(seconds),
            "resourceChanges": {**counts},
            "PolicyPacks": {},
            "isPreview": self._options.dry_run,
            "result": result,
        }
        self._events.send("summaryEvent", summary)
        self._events.close()
        if self._options.json:
            if self._options.dry_run:
                print(self._digest.text(seconds, counts), flush=True)
            return
        if self._rows is not None:
            self._tree(self._rows)
        self._list_diagnostics()
        if not self._options.suppress_outputs:
            self._outputs(*(redact_all(properties, self._options.show_secrets) for properties in outputs))
        self._summary(counts, errored, seconds)

    def give_up(self) -> None:
        """It ended before it began."""
        self._events.close()
        self._list_diagnostics()

    def _list_diagnostics(self) -> None:
        if self._diagnostics:
            self.line("Diagnostics:")
        for urn, messages in self._diagnostics.items():
            self.line(f"  {short_type(urn)} ({name_of(urn)}):")
            self.line("\n".join("    " + line for message in messages for line in message.splitlines()) + "\n")

    def _outputs(self, old: Props, new: Props) -> None:
        if not old and not new:
            return
        self.line("Outputs:")
        width = max(map(len, {*old, *new}))
        for key in sorted({*old, *new}):
            if old and old.get(key) != new.get(key):
                before, after = ({key: properties[key]} if key in properties else {} for properties in (old, new))
                self.line("\n".join(property_text.changes(before, after, property_text.STEP, width)))
            else:
                first, *more = property_text.render(new.get(key), property_text.STEP)
                self.line("\n".join([f"    {key:{width}}: {first}", *more]))
        self.line("")

    def _summary(self, counts: Mapping[str, int], errored: int, seconds: float) -> None:
        self.line("Resources:")
        changed = {op: n for op, n in counts.items() if op != "same"}
        for op, number in sorted(changed.items(), key=lambda item: list(SYMBOLS).index(item[0])):
            self.line(f"    {SYMBOLS[op]} {number} {f'to {op}' if self._options.dry_run else DONE[op]}")
        total = f"{sum(changed.values())} changes. " if len(changed) > 1 else ""
        if counts.get("same") or total:
            self.line(f"    {total}{counts.get('same', 0)} unchanged")
        if errored:
            self.line(f"    {errored} errored")
        self.line("" if self._options.dry_run else f"\nDuration: {_duration(seconds)}\n")


def _diff(step: Step) -> str:
    if step.op == "same" or not step.old or not step.new:
        return ""
    return property_text.short_diff(step.old.inputs, step.new.inputs, step.diff.keys)


def _counted(messages: list[str]) -> list[str]:
    """How many errors, warnings and messages there are, as the column Info says it."""
    kinds = [
        next((kind for kind in ("error", "warning", "debug") if message.startswith(f"{kind}: ")), "")
        for message in messages
    ]
    counts = [(kind or "message", kinds.count(kind)) for kind in ("error", "warning", "", "debug")]
    return [f"{count} {kind}{'s' * (count > 1)}" for kind, count in counts if count]


def _duration(seconds: float) -> str:
    whole = max(1, round(seconds))
    hours, minutes = divmod(whole // 60, 60)
    text = (f"{hours}h" if hours else "") + (f"{minutes}m" if whole >= 60 else "")
    return f"{text}{whole % 60}s"


def warn(message: str) -> None:
    """A line for the user on stderr, apart from the output of the operation."""
    print(f"warning: {message}", file=sys.stderr, flush=True)
