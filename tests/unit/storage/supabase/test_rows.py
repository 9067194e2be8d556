from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from storage.ledger import Event, Place
from storage.supabase.rows import event_to_arguments, read_event, storable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@given(JSON)
def test_ordinary_words_stay_as_they_are(value: object) -> None:
    """Text that PostgreSQL can hold is stored unchanged."""
    if "\\u0000" not in json.dumps(value):
        assert storable(value) == value


@given(st.text(st.characters(exclude_categories=())))
def test_everything_becomes_storable(text: str) -> None:
    """Stored text is UTF-8 without NUL, and stays so."""
    stored = storable(text)
    assert "\0" not in stored.encode().decode()
    assert storable(stored) == stored


def test_halves_that_belong_together_are_put_together() -> None:
    """A pair of surrogates is one character."""
    assert storable({"a": ("\ud83d\ude00", "\ud83d", 1)}) == {"a": ["😀", "\ufffd", 1]}


@given(
    st.builds(
        Event,
        st.builds(Place, st.sampled_from("tu"), st.integers(0, 9), st.integers(0, 2**40)),
        st.floats(0, 2**40),
        st.none() | st.binary(),
        st.none() | st.binary(),
        st.lists(st.tuples(st.text("abc"), st.binary())).map(tuple),
    )
)
def test_event_survives_its_two_parts(given_event: Event) -> None:
    """An event sent in two parts is read back, with None and empty values distinct."""
    sent = json.loads(json.dumps(event_to_arguments(given_event)))
    assert read_event({**sent["p_event"], "value": sent["p_value"]}) == given_event
