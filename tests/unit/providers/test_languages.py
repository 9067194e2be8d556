"""The languages we know, by subtag, name and code."""

from __future__ import annotations

import subprocess
import sys

import pytest

from providers.languages import KNOWN, english_name, primary_subtag

ISO_639_3 = {
    "afr": "af", "amh": "am", "ara": "ar", "asm": "as", "aze": "az", "bak": "ba", "bel": "be", "bul": "bg",
    "ben": "bn", "bod": "bo", "bre": "br", "bos": "bs", "cat": "ca", "ces": "cs", "cym": "cy", "dan": "da",
    "deu": "de", "ell": "el", "eng": "en", "spa": "es", "est": "et", "eus": "eu", "fas": "fa", "fin": "fi",
    "fao": "fo", "fra": "fr", "glg": "gl", "guj": "gu", "hau": "ha", "heb": "he", "hin": "hi", "hrv": "hr",
    "hat": "ht", "hun": "hu", "hye": "hy", "ind": "id", "isl": "is", "ita": "it", "jpn": "ja", "jav": "jv",
    "kat": "ka", "kaz": "kk", "khm": "km", "kan": "kn", "kor": "ko", "lat": "la", "ltz": "lb", "lin": "ln",
    "lao": "lo", "lit": "lt", "lav": "lv", "mlg": "mg", "mri": "mi", "mkd": "mk", "mal": "ml", "mon": "mn",
    "mar": "mr", "msa": "ms", "mlt": "mt", "mya": "my", "nep": "ne", "nld": "nl", "nno": "nn", "nor": "no",
    "oci": "oc", "pan": "pa", "pol": "pl", "pus": "ps", "por": "pt", "ron": "ro", "rus": "ru", "san": "sa",
    "snd": "sd", "sin": "si", "slk": "sk", "slv": "sl", "sna": "sn", "som": "so", "sqi": "sq", "srp": "sr",
    "sun": "su", "swe": "sv", "swa": "sw", "tam": "ta", "tel": "te", "tgk": "tg", "tha": "th", "tuk": "tk",
    "tgl": "tl", "tur": "tr", "tat": "tt", "ukr": "uk", "urd": "ur", "uzb": "uz", "vie": "vi", "yid": "yi",
    "yor": "yo", "zho": "zh",
}  # fmt: skip


def test_every_known_language_has_a_code_of_three_letters() -> None:
    """Scribe's code for each of our languages leads to its subtag, and to no other."""
    assert sorted(ISO_639_3.values()) == sorted(KNOWN)
    assert all(len(code) == 3 and primary_subtag(code.upper()) == language for code, language in ISO_639_3.items())


@pytest.mark.parametrize(
    ("reported", "subtag"),
    [
        *(("en", "en"), ("en-US", "en"), ("EN_us", "en"), ("English", "en"), ("zh-cn", "zh"), ("xx", None)),
        *((" English ", "en"), ("cmn", "zh"), ("jw", "jv"), ("und", None), ("", None), (3, None), (None, None)),
    ],
)
def test_tags_names_and_codes_lead_to_subtags(reported: object, subtag: str | None) -> None:
    """Tags, names, codes and what Whisper calls otherwise lead to the subtag; anything else to none."""
    assert primary_subtag(reported) == subtag


@pytest.mark.parametrize(
    ("subtag", "name"),
    [("fr", "French"), ("bn", "Bengali"), ("nn", "Nynorsk"), ("ht", "Haitian Creole"), ("tlh", "tlh")],
)
def test_english_names(subtag: str, name: str) -> None:
    """The names are Whisper's, and lead back to the subtag."""
    assert english_name(subtag) == name
    assert primary_subtag(name) in {subtag, None}


def test_start_up_does_not_wait_for_names() -> None:
    """CLDR is read when a language is first named, not with the import."""
    code = "import sys, providers.languages; sys.exit('babel' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 (our own interpreter and code)
