"""What SNS refuses in a Publish, which moto takes. Pure.

Amazon SNS API Reference, "Publish": the message at most 262,144 bytes of UTF-8, its attributes included, unless the
topic's MaximumMessageSize says otherwise; the subject without line breaks and control characters, shorter than 100
characters, of ASCII that begins with a letter, a number or a punctuation mark (the reference of 2026 says UTF-8: what
holds for ASCII holds for both).
"""

from __future__ import annotations

from collections.abc import Mapping

MESSAGE_BYTES = 262_144
SUBJECT_CHARACTERS = 100
PUBLISH = "Publish"


def find_fault(parameters: Mapping[str, object]) -> str:
    """What is wrong with a Publish, in SNS's words; empty for nothing."""
    message, subject = str(parameters.get("Message") or ""), parameters.get("Subject")
    attributes = [str(value) for name, value in parameters.items() if name.startswith("MessageAttributes.")]
    if not message:
        return "Invalid parameter: Empty message"
    if len(message.encode()) + sum(len(value.encode()) for value in attributes) > MESSAGE_BYTES:
        return "Invalid parameter: Message too long"
    if subject is None:
        return ""
    text = str(subject)
    if not text or len(text) >= SUBJECT_CHARACTERS or not text.isascii() or not text.isprintable() or text[0] == " ":
        return "Invalid parameter: Subject"
    return ""
