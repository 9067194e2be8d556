from __future__ import annotations

import pytest

from providers.language_codes import ISO_639_3, subtag
from providers.language_names import NAMES


def test_every_language_that_we_may_meet_has_a_code_of_three_letters() -> None:
    """Scribe's code for each of our languages leads to its subtag, and to no other."""
    assert sorted(ISO_639_3.values()) == sorted(NAMES)
    assert all(len(code) == 3 and subtag(code.upper()) == language for code, language in ISO_639_3.items())


@pytest.mark.parametrize(
    ("said", "language"), [(" English ", "en"), ("cmn", "zh"), ("jw", "jv"), ("und", None), ("", None), (3, None)]
)
def test_names_and_codes_lead_to_subtags(said: object, language: str | None) -> None:
    """Names, codes and what Whisper calls otherwise lead to the subtag; anything else to none."""
    assert subtag(said) == language
