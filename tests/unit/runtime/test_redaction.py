from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.redaction import MASK, Redactor


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Authorization: Bearer abc.def", f"Authorization: {MASK}"),
        ("{'xi-api-key': 'abc', 'n': 1}", f"{{'xi-api-key': '{MASK}', 'n': 1}}"),
        ("failed with Bearer abc/def== today", f"failed with Bearer {MASK} today"),
        ("password=hunter2; user=x", f"password={MASK}; user=x"),
        ("token hf_abcdefghijk refused", f"token {MASK} refused"),
        ("to +15550100123.", f"to {MASK}."),
        ("to +1 (555) 010-0123!", f"to {MASK}!"),
        ("tel=%2B15550100123&x", f"tel={MASK}&x"),
        (f"data:{'QUJD' * 30}== end", f"data:{MASK} end"),
        ("value b'\\x00\\x01it\\'s' here", f"value {MASK} here"),
        ("offset 123456789 of message.received-3", "offset 123456789 of message.received-3"),
        ("2026-11-21T04:00:00.123+00:00", "2026-11-21T04:00:00.123+00:00"),
        (f"sha {'0123456789abcdef' * 4}", f"sha {'0123456789abcdef' * 4}"),
        ("red \x1b[31malert\r", "red  [31malert "),
        ("x " * 600, f"{'x ' * 250}…"),
    ],
)
def test_what_looks_private_is_masked_and_the_rest_is_not(text: str, redacted: str) -> None:
    """Credentials, numbers and sound are masked wherever they stand; ids, offsets and times stay readable."""
    assert Redactor().text(text) == redacted


@pytest.mark.parametrize(
    ("name", "value", "plain"),
    [
        ("chat_id", "chat-1", "chat-1"),
        ("seconds", 1.5, 1.5),
        ("again", True, True),
        ("rung", None, None),
        ("person", "Ann", MASK),
        ("from_phone", 15550100123, MASK),
        ("series.api_key", "k", MASK),
        ("where", ["a.py:1 f", b"sound"], ["a.py:1 f", "<bytes>"]),
        ("context", {"text": "hello", "n": {"deep": {"er": 1}}}, {"text": MASK, "n": {"deep": {"er": 1}}}),
        ("context", [[[[["deepest"]]]]], [[[["<list>"]]]]),
        ("task", object(), "<object>"),
    ],
)
def test_a_field_is_plain_or_named_by_its_type(name: str, value: object, plain: object) -> None:
    """Private fields are masked by their name, others are shown as far as they are plain."""
    assert Redactor().field(name, value) == plain


@given(st.text(max_size=200), st.text(min_size=4, max_size=40), st.text(max_size=200))
def test_a_known_secret_never_shows(before: str, secret: str, after: str) -> None:
    """Wherever a secret turns up, as it is, it is masked."""
    redacted = Redactor({secret}).text(f"{before}{secret}{after}")
    assert secret not in redacted or secret in MASK or secret in f"{before}{MASK}{after}"


def test_our_own_number_is_known_without_its_plus_too() -> None:
    """A number that is watched for is masked however a library spells its beginning."""
    redactor = Redactor({"+15550100123"})
    assert redactor.text("from 15550100123 or %2B15550100123") == f"from {MASK} or {MASK}"


@given(
    before=st.text(max_size=50),
    number=st.from_regex(r"\+[1-9]([ .-]?[0-9]){6,14}", fullmatch=True),
    after=st.text(max_size=50),
)
def test_a_phone_number_never_shows(before: str, number: str, after: str) -> None:
    """Whatever stands around it, a number with its plus sign is masked."""
    redacted = Redactor().text(f"{before}{number}{after}")
    assert number not in redacted
    assert re.sub(r"\D", "", number) not in re.sub(r"[ .-]", "", redacted)


@given(st.text(max_size=700))
def test_redacting_twice_changes_nothing(text: str) -> None:
    """A line that passes redaction again stays as it is."""
    once = Redactor().text(text)
    assert Redactor().text(once) == once or len(once) > 500
