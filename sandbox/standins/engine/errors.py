"""What can go wrong, by who has to act on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.standins.engine.property_values import Props

FAILED = 1
NO_SUCH_STACK = 6
CHANGES_FOUND = 7
CANCELLED = 8


class Problem(Exception):
    """Shown to the user as `error: ...`; ends the command with `code`. An empty text has been shown already."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


class Refusal(Exception):
    """A provider's, a hook's or the engine's refusal of one step; shown against the resource."""


class InitFailed(Refusal):
    """The resource exists but did not initialise: its state is saved, the step fails."""

    def __init__(self, identity: str, outputs: Props, reasons: list[str]) -> None:
        number = f"{len(reasons)} errors" if len(reasons) > 1 else "1 error"
        super().__init__("\n\t* ".join([f"{number} occurred:", *reasons]))
        self.id, self.outputs, self.reasons = identity, outputs, reasons


class Stopped(Exception):
    """The deployment is over for the caller: a step failed or the user cancelled."""


class StepFailed(Stopped):
    """Raised under --continue-on-error: this resource failed, or stands on one that did; others go on."""


@dataclass(frozen=True)
class Failure:
    """One property that a provider's Check refuses."""

    property: str
    reason: str


@dataclass
class Failures:
    """What a Check returned: the inputs to go on with, and what is wrong with them."""

    inputs: Props
    failures: list[Failure] = field(default_factory=list[Failure])
