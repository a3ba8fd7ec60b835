"""The page opens where its evidence can't be read by a browser, and nobody else on the machine can read it."""

from __future__ import annotations

import tempfile
import webbrowser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from restore.cli.report import open_copy


@pytest.mark.parametrize("browser", [True, False])
def test_the_opened_page_is_a_private_copy_and_is_named_where_no_browser_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, browser: bool
) -> None:
    asked: list[str] = []

    def ask(url: str) -> bool:
        asked.append(url)
        return browser

    monkeypatch.setattr(webbrowser, "open", ask)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    said = open_copy("<p>PASS</p>", "inc-1")
    file = Path(unquote(urlsplit(asked[0]).path))
    assert file.read_text() == "<p>PASS</p>"
    assert file.parent.stat().st_mode & 0o077 == 0
    assert str(file) in said
    assert ("open it yourself" in said) is not browser
