from __future__ import annotations

import pytest

from tests.harness.paths import ROOT
from tests.write_docs import BEGIN, END, MarkersMissing, between_markers, pages


@pytest.mark.parametrize("path", pages())
def test_generated_documentation_is_what_the_code_says(path: str) -> None:
    """Names, defaults and meanings are those of the code; `python -m tests.write_docs` renews them."""
    text = (ROOT / path).read_text("utf-8")
    assert text == pages()[path](text)


def test_what_is_written_by_hand_stays() -> None:
    """Only what stands between the markers is renewed."""
    page = f"# Title\n\n{BEGIN}\nold\n{END}\n\nby hand\n"
    assert between_markers(page, "new\n") == f"# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nby hand\n"


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_a_page_without_its_markers_is_refused(page: str) -> None:
    """A page is never overwritten by guesswork."""
    with pytest.raises(MarkersMissing):
        between_markers(page, "new")
