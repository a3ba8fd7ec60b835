"""What a team expects of a restored database: written in TOML or a mapping, read whole, all mistakes at once."""

from validation.expectations.file import ExpectationsError, from_mapping, load
from validation.expectations.model import Expectations

__all__ = ["Expectations", "ExpectationsError", "from_mapping", "load"]
