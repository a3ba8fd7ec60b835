"""The encodings in which a dump can be, and Python's codecs for the names in it.

Source: PostgreSQL documentation, "Supported Character Sets" (https://www.postgresql.org/docs/current/multibyte.html).
"""

from __future__ import annotations

UNSAFE = frozenset({"SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "SHIFT_JIS_2004"})
"""A second byte of theirs can look like a backslash or a quote."""
UTF8 = "utf-8"
CODECS = {
    "UTF8": UTF8,
    "SQL_ASCII": UTF8,
    "EUC_CN": "gb2312",
    "EUC_JIS_2004": "euc_jis_2004",
    "EUC_JP": "euc_jp",
    "EUC_KR": "euc_kr",
    "KOI8R": "koi8_r",
    "KOI8U": "koi8_u",
    "WIN866": "cp866",
    "WIN874": "cp874",
    **{f"WIN{page}": f"cp{page}" for page in range(1250, 1259)},
    **{f"ISO_8859_{part}": f"iso8859_{part}" for part in (5, 6, 7, 8)},
    **{f"LATIN{number}": f"iso8859_{part}" for number, part in enumerate((1, 2, 3, 4, 9, 10, 13, 14, 15, 16), 1)},
}
"""SQL_ASCII says nothing of its bytes: names are UTF-8 as a rule. Of EUC_TW and MULE_INTERNAL Python knows nothing."""


def is_supported(encoding: str) -> bool:
    """Tells whether Python has a codec for an encoding as pg_dump names it."""
    return encoding.upper() in CODECS


def find_codec(encoding: str) -> str:
    """Returns Python's codec for an encoding as pg_dump names it; UTF-8 for one that is not supported."""
    return CODECS.get(encoding.upper(), UTF8)


def decode(name: bytes, by: str) -> str:
    """Returns a text of the dump. A letter that the codec doesn't know is replaced: PostgreSQL's EUC_JP has some more
    than Python's."""
    return name.decode(by, errors="replace")


def encode(name: str, by: str) -> bytes:
    """Returns the bytes of a string in the dump's encoding; a letter that `decode` replaced is not restored."""
    return name.encode(by, errors="replace")
