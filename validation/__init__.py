"""Proves that a restored PostgreSQL database holds what it should. Depends on nothing else of this project.

report = run(Target.from_url(url), load(Path("checks.toml")), RunOptions(restore_point=time))
report.verdict  # PASS, FAIL or INCONCLUSIVE
"""

from validation.connect.target import Target
from validation.expectations import ExpectationsError, from_mapping, load
from validation.expectations.model import Expectations
from validation.runner.render import as_json, as_text
from validation.runner.result import CheckResult, ValidationReport
from validation.runner.run import RunOptions, run
from validation.verdict import Severity, Verdict

__all__ = [
    "CheckResult",
    "Expectations",
    "ExpectationsError",
    "RunOptions",
    "Severity",
    "Target",
    "ValidationReport",
    "Verdict",
    "as_json",
    "as_text",
    "from_mapping",
    "load",
    "run",
]
