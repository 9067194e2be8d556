"""A reply that is sent as a text message: plain lines, as people write on their phones."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversation.replying.texted import MAX_WORDS, TextReply, writable


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("It costs 20% of $35.", "It costs 20% of $35."),
        ("**Sure**, do *not* go, ***never***, __ever__!", "Sure, do not go, never, ever!"),
        ("# Title\n\nText", "Title\n\nText"),
        ("- milk\n- bread", "- milk\n- bread"),
        ("Run `make check` now.", "Run make check now."),
        ("```python\nprint(1)\n```", "print(1)"),
        (
            "See [the page](https://a.b/c) or [https://d.e](https://d.e).",
            "See the page (https://a.b/c) or https://d.e.",
        ),
        ("one\n\n\n\n\ntwo\r\nthree\rfour", "one\n\ntwo\nthree\nfour"),
        ("Great 😀👍🏽 news", "Great 😀👍🏽 news"),
        ("2 * 3 * 4 is snake_case_name", "2 * 3 * 4 is snake_case_name"),
        ("<b>Hi</b><|im_end|>", "Hi"),
        ("a\u202eb\u200bc\x00d", "abc d"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("  ", ""),
        ("", ""),
    ],
)
def test_what_is_fit_to_be_sent(written: str, sent: str) -> None:
    """Markup and unseen characters go; figures, signs, lines, lists, addresses and emoji stay."""
    assert writable(written) == sent


def test_too_long_ends_at_a_sentence() -> None:
    """An endless reply is cut after a whole sentence."""
    sent = writable("One two three four. " * 100)
    assert sent.endswith("four.")
    assert len(sent.split()) <= MAX_WORDS


def test_a_reply_is_one_piece() -> None:
    """Nothing is returned before the model is done; then all of it, once."""
    cutter = TextReply("en")
    assert cutter.feed("Hello **the") == []
    assert cutter.feed("re**. Bye.") == []
    assert not cutter.full
    assert cutter.end() == ["Hello there. Bye."]
    assert cutter.end() == []


def test_an_endless_reply_is_full() -> None:
    """An endless stream is read no further than what can be sent."""
    cutter = TextReply("en")
    given_ = [piece for _ in range(1000) if not cutter.full for piece in cutter.feed("Word after word. " * 10)]
    assert cutter.full
    assert len(given_) == 1
    assert given_[0].endswith("word.")
    assert cutter.end() == []


@given(st.text(st.sampled_from("ab .!?\n*_`#<>[](){}|~-1😀:/htps你。")) | st.text())
def test_any_text_is_bounded_and_visible(text: str) -> None:
    """Whatever a model writes, the text has no control or bidi characters, no outer blanks, and an end."""
    sent = writable(text)
    assert sent == sent.strip()
    assert not re.search("[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]", sent)
    assert "\n\n\n" not in sent
