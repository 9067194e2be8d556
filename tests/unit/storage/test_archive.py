"""Keys of the archive: user and time can be read from them, and foreign names are no keys."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.archive import original_key, parse_key, reply_key, safe_id, wav_key

AT = datetime(2026, 11, 21, 8, 15, 57, tzinfo=UTC)
moments = st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (Hypothesis adds the zone)


@given(st.text(min_size=1), moments, st.text(min_size=1), st.sampled_from([".caf", ".wav", ".opus", ".bin"]))
def test_keys_of_recordings_are_read_back(user: str, at: datetime, message_id: str, suffix: str) -> None:
    """User, time and id are read from the key, as far as it holds them."""
    for key in (original_key(user, at, message_id, suffix), wav_key(user, at, message_id)):
        parsed = parse_key(key)
        assert parsed is not None
        assert (parsed.user, parsed.at, parsed.memo) == (safe_id(user), at.replace(microsecond=0), safe_id(message_id))


@given(moments, st.text(min_size=1), st.sampled_from([".m4a", ".wav"]), st.integers(1, 12))
def test_keys_of_replies_are_read_back(at: datetime, message_id: str, suffix: str, generation: int) -> None:
    """A reply's key has no user, and a number from the second on."""
    parsed = parse_key(reply_key(at, message_id, suffix, generation=generation))
    assert parsed is not None
    again = f"-{generation}" if generation > 1 else ""
    assert (parsed.user, parsed.at, parsed.memo) == (None, at.replace(microsecond=0), f"{safe_id(message_id)}{again}")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "notes.txt",
        "voicememo-probe",
        "voice_memo_.caf",
        "voice_memo_user_20261121T081557Z_1",
        "voice_memo_user_20261121T081557Z_.caf",
        "voice_memo_user_20261321T081557Z_1.caf",
        "voice_memo_user_20261121T081557Z_1.caf.backup.caf",
        "tts_response_20261121T081557Z_1_1.m4a",
        "other/voice_memo_user_20261121T081557Z_1.caf",
        "x_voice_memo_user_20261121T081557Z_1.caf",
    ],
)
def test_what_is_no_key_of_ours(key: str) -> None:
    """Foreign names are no keys."""
    assert parse_key(key) is None


def test_a_name_tells_nobody_in_a_repr() -> None:
    """The repr hides the user, which may be a phone number (ARCHIVE_USER=phone)."""
    parsed = parse_key(original_key("+15550100001", AT, "1", ".caf"))
    assert parsed is not None
    assert not re.search("5550100001", repr(parsed))
