# ruff: noqa: RUF001 (credits in many scripts, some of whose letters look like others)
"""What Whisper writes where nobody speaks: it learned from subtitles, and silence there stood under their credits.

Pure. Only whole texts are judged: credits behind real words are left, for real words are worth more than a clean text.
"""

from __future__ import annotations

import re
from typing import Final
from unicodedata import normalize

_SENTENCE_END: Final = re.compile(r"[.!?…।؟]+(?:\s+|$)|[。！？\n]+")
_NOTES: Final = re.compile(r"(?:\s*(?:\[[^\[\]]*\]|\([^()]*\)|（[^（）]*）|【[^【】]*】))+\s*")
"""What subtitles say of sounds that are no words, such as "[Music]"."""
_FAINT_SECONDS: Final = 0.3
_FAINT_SHARE: Final = 0.02
"""Voiced, of the whole: a click and a breath are as much; "bye" alone is more, and half a minute that holds just half a
second of voice is noise."""
_FEWEST_ROUNDS: Final = 8
_LONGEST_ROUND: Final = 60
"""Letters of a phrase that is said again and again."""
_ENDLESS_LETTERS: Final = 200
_MOST_LETTERS_A_SECOND: Final = 50.0
"""Of speech: three times what is spoken in one, for the seconds of speech are counted with caution."""

_CREDITS_AS_WRITTEN: Final = (
    "Thank you for watching",
    "Thank you so much for watching",
    "Thank you very much for watching",
    "Thanks for watching",
    "Thank you for watching and see you next time",
    "Thanks for watching and I'll see you in the next video",
    "See you in the next video",
    "I'll see you in the next video",
    "Please subscribe",
    "Please subscribe to my channel",
    "Please like and subscribe",
    "Don't forget to like and subscribe",
    "Like and subscribe",
    "Subtitles by the Amara.org community",
    "Subtitles created by the Amara.org community",
    "Transcription by CastingWords",
    "Amara.org",
    "www.mooji.org",
    "Sous-titres réalisés par la communauté d'Amara.org",
    "Sous-titres réalisés para la communauté d'Amara.org",
    "Sous-titrage Société Radio-Canada",
    "Sous-titrage ST' 501",
    "Merci d'avoir regardé cette vidéo",
    "Merci d'avoir regardé la vidéo",
    "Abonnez-vous",
    "N'oubliez pas de vous abonner",
    "Untertitel der Amara.org-Community",
    "Untertitel von der Amara.org-Community",
    "Untertitelung des ZDF für funk",
    "Vielen Dank fürs Zuschauen",
    "Danke fürs Zuschauen",
    "Danke fürs Zusehen",
    "Subtítulos realizados por la comunidad de Amara.org",
    "Subtítulos por la comunidad de Amara.org",
    "Subtitulado por la comunidad de Amara.org",
    "Gracias por ver el video",
    "Gracias por ver",
    "Muchas gracias por ver el video",
    "Suscríbete al canal",
    "¡Suscríbete!",
    "Legendas pela comunidade Amara.org",
    "Obrigado por assistir",
    "Obrigada por assistir",
    "Inscreva-se no canal",
    "Sottotitoli creati dalla comunità Amara.org",
    "Sottotitoli e revisione a cura di QTSS",
    "Grazie per aver guardato il video",
    "Grazie per la visione",
    "Ondertitels ingediend door de Amara.org gemeenschap",
    "Ondertiteld door de Amara.org gemeenschap",
    "Bedankt voor het kijken",
    "Napisy stworzone przez społeczność Amara.org",
    "Dziękuję za oglądanie",
    "Tack för att ni tittade",
    "Undertexter från Amara.org-gemenskapen",
    "Takk for at du så på",
    "Tak for at I så med",
    "Kiitos että katsoitte",
    "Titulky vytvořil JohnyX",
    "Altyazı M.K.",
    "İzlediğiniz için teşekkür ederim",
    "İzlediğiniz için teşekkürler",
    "Abone olmayı unutmayın",
    "Hãy subscribe cho kênh",
    "Cảm ơn các bạn đã theo dõi",
    "Cảm ơn các bạn đã xem video",
    "Terima kasih telah menonton",
    "Продолжение следует...",
    "Спасибо за просмотр",
    "Подписывайтесь на канал",
    "Субтитры сделал DimaTorzok",
    "Субтитры создавал DimaTorzok",
    "Субтитры добавил DimaTorzok",
    "Дякую за перегляд",
    "Дякуємо за перегляд",
    "Ευχαριστώ που παρακολουθήσατε",
    "Υπότιτλοι AUTHORWAVE",
    "תודה שצפיתם",
    "اشتركوا في القناة",
    "شكرا للمشاهدة",
    "شكرا على المشاهدة",
    "देखने के लिए धन्यवाद",
    "ご視聴ありがとうございました",
    "ご視聴ありがとうございます",
    "ご清聴ありがとうございました",
    "最後までご視聴いただきありがとうございます",
    "チャンネル登録をお願いいたします",
    "チャンネル登録お願いします",
    "次回の動画でお会いしましょう",
    "谢谢观看",
    "谢谢大家观看",
    "谢谢收看",
    "感谢观看",
    "感谢收看",
    "謝謝觀看",
    "謝謝收看",
    "感謝觀看",
    "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
    "請不吝點贊 訂閱 轉發 打賞支持明鏡與點點欄目",
    "中文字幕志愿者",
    "시청해주셔서 감사합니다",
    "시청해 주셔서 감사합니다",
    "구독과 좋아요 부탁드립니다",
    "구독 좋아요 부탁드려요",
    "다음 영상에서 만나요",
    "다음 시간에 만나요",
)
"""Nobody says these to a friend: they are not believed, however much there is to be heard."""
_CREDITS_BEGIN_AS_WRITTEN: Final = (
    "字幕by",
    "字幕志愿者",
    "字幕由Amara.org",
    "Субтитры делал",
    "Untertitel im Auftrag des",
)
"""Credits that go on with a name or a year."""
_LONGEST_CREDIT: Final = 60
_POLITE_AS_WRITTEN: Final = (
    *("thank you", "thanks", "thank you very much", "thank you so much", "you", "bye", "bye bye", "goodbye"),
    *("okay", "ok", "oh", "yeah", "uh", "um", "hmm", "mm", "so", "the", "I", "see you", "see you next time"),
    *("merci", "merci beaucoup", "au revoir", "gracias", "muchas gracias", "adiós", "danke", "vielen dank", "tschüss"),
    *("grazie", "ciao", "obrigado", "obrigada", "tchau", "dank je wel", "dziękuję", "tack", "takk", "tak", "kiitos"),
    *("teşekkürler", "teşekkür ederim", "cảm ơn", "terima kasih", "спасибо", "пока", "дякую", "ευχαριστώ", "תודה"),
    *(
        "شكرا",
        "धन्यवाद",
        "ありがとうございました",
        "ありがとうございます",
        "ありがとう",
        "おやすみなさい",
        "谢谢",
        "謝謝",
    ),
    *("谢谢大家", "再见", "감사합니다", "고맙습니다", "네"),
    *("merci d'avoir regardé", "bis zum nächsten mal", "vielen dank für ihre aufmerksamkeit"),
    *("dziękuję za uwagę", "спасибо за внимание"),
)
"""People do say these; Whisper says them, too, where there is next to nothing to be heard."""


def _bare(text: str) -> str:
    """Take away all but letters and digits: case, accents, spaces and punctuation tell nothing here."""
    dotted = normalize("NFKD", text).casefold().replace("ı", "i")  # Turkish capitals lose the difference elsewhere
    return "".join(each for each in dotted if each.isalnum())


_CREDITS: Final = frozenset(map(_bare, _CREDITS_AS_WRITTEN))
_CREDITS_BEGIN: Final = tuple(map(_bare, _CREDITS_BEGIN_AS_WRITTEN))
_POLITE: Final = frozenset(map(_bare, _POLITE_AS_WRITTEN))


def is_hallucination(text: str, *, seconds: float, speech_seconds: float) -> bool:
    """Say whether a recogniser imagined a text.

    Args:
        text: all that it made of a recording; an empty one is no hallucination.
        seconds: how long the recording plays, in seconds.
        speech_seconds: how long a voice is heard in it, in seconds (audio.loudness, voiced_seconds).
    """
    if not text.strip():
        return False
    whole = _bare(text)
    if not whole or _NOTES.fullmatch(text) or _is_credit(whole):  # not a letter: dots, or a ♪
        return True
    sentences = [bare for part in _SENTENCE_END.split(text) if (bare := _bare(part))]
    if all(map(_is_credit, sentences)):
        return True
    faint = speech_seconds < max(_FAINT_SECONDS, _FAINT_SHARE * seconds)
    if faint and (whole in _POLITE or all(each in _POLITE or _is_credit(each) for each in sentences)):
        return True
    return _is_endless(whole, speech_seconds)


def _is_credit(bare: str) -> bool:
    return bare in _CREDITS or (bare.startswith(_CREDITS_BEGIN) and len(bare) <= _LONGEST_CREDIT)


def _is_endless(bare: str, speech_seconds: float) -> bool:
    """Say whether one short phrase goes round and round, for longer or faster than anybody would say it."""
    length = _round(bare)
    if length > _LONGEST_ROUND or len(bare) < _FEWEST_ROUNDS * length:
        return False
    return len(bare) >= _ENDLESS_LETTERS or len(bare) > _MOST_LETTERS_A_SECOND * speech_seconds


def _round(bare: str) -> int:
    """Give the length of the shortest phrase that, said again and again, gives the text; the last may be cut short.

    By the prefix function of Knuth, Morris and Pratt, in linear time: a stranger's recording decides the text.
    """
    borders = [0] * len(bare)
    for at in range(1, len(bare)):
        border = borders[at - 1]
        while border and bare[at] != bare[border]:
            border = borders[border - 1]
        borders[at] = border + (bare[at] == bare[border])
    return len(bare) - borders[-1]
