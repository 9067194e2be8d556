"""How recognisers name the language they heard: as a code of two or three letters, or in English words.

Whisper behind the OpenAI wire says "english" or "en", depending on the server; ElevenLabs says "eng" (ISO 639-3,
https://elevenlabs.io/docs/api-reference/speech-to-text/convert).
"""

from __future__ import annotations

from providers.language import primary

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
"""ISO 639-3 → ISO 639-1, for the languages that we may meet."""
_OTHERS = {
    "cmn": "zh", "yue": "zh", "nob": "no", "fil": "tl", "arb": "ar", "pes": "fa", "zsm": "ms", "swh": "sw",
    "ekk": "et", "lvs": "lv", "khk": "mn", "npi": "ne", "uzn": "uz", "azj": "az", "als": "sq",
    "jw": "jv", "nb": "no", "iw": "he", "myanmar": "my", "mandarin": "zh", "cantonese": "zh", "flemish": "nl",
    "castilian": "es",
}  # fmt: skip
"""Members of those languages, and what Whisper calls otherwise than we do
(https://github.com/openai/whisper/blob/main/whisper/tokenizer.py)."""


def subtag(said: object) -> str | None:
    """Give the primary subtag ("en") of what a recogniser said; None where that names no language that we know."""
    if not isinstance(said, str):
        return None
    bare = said.strip().lower()
    return primary(bare) or ISO_639_3.get(bare) or _OTHERS.get(bare)
