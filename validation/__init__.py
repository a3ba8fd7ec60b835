"""Proves that a restored PostgreSQL database holds what it should. Depends on nothing else of this project.

report = run(Target.from_url(url), load(Path("checks.toml")), restore_point=time)
report.verdict  # PASS, FAIL or INCONCLUSIVE
"""

from validation.expectations import ExpectationsError, from_mapping, load
from validation.expected import Expectations
from validation.model import CheckResult, Report, Severity, Verdict
from validation.render import as_json, as_text
from validation.runner import run
from validation.target import Target

__all__ = [
    "CheckResult",
    "Expectations",
    "ExpectationsError",
    "Report",
    "Severity",
    "Target",
    "Verdict",
    "as_json",
    "as_text",
    "from_mapping",
    "load",
    "run",
]
