"""A rotation that was killed goes on with the very passwords that it chose."""

from __future__ import annotations

import re

import pytest

from restore.credentials.journal import CHARACTERS, Journal, build_secret, make_password, make_version, parse
from restore.errors import PermanentError
from restore.redaction import redact

JOURNAL = Journal("restore-00", "v1", "old password", "new password")


def test_what_was_begun_is_read_again_and_its_passwords_are_kept_out_of_every_text() -> None:
    assert parse(build_secret(JOURNAL, "inc-1")) == JOURNAL
    assert redact("it is: new password, and was: old password") == "it is: [secret], and was: [secret]"
    assert "password" not in repr(JOURNAL)


def test_a_secret_of_that_name_that_is_no_journal_sets_no_password() -> None:
    item = {"metadata": {"name": "restore-rotation-inc-1", "namespace": "shop"}, "data": {"version": "eA=="}}
    with pytest.raises(PermanentError, match="the journal of a rotation"):
        parse(item)


def test_new_passwords_need_no_quoting_anywhere() -> None:
    passwords = {make_password() for _ in range(20)}
    assert len(passwords) == 20
    assert all(len(password) == 32 and set(password) <= set(CHARACTERS) for password in passwords)
    assert re.fullmatch(r"restore-[0-9a-f]{32}", make_version())
