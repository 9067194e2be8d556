"""Tables of the names of signs and the full forms of abbreviations, by language."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class SignNames:
    """One language's words for signs, and its abbreviations."""

    at: str
    dot: str
    dash: str
    underscore: str
    plus: str
    minus: str
    equals: str
    times: str
    less: str
    more: str
    and_: str
    to: str
    number: str
    about: str
    percent: str
    dollar: tuple[str, str]
    """Singular and plural."""
    time: str
    """Template with hour {h} and minutes {m}."""
    hour: str
    """Template for a full hour {h}."""
    time_tail: str = ""
    """Pattern of a redundant word after a time."""
    cents: str = ""
    """Template with hundredths {c}; empty where they are decimals."""
    short: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    """Abbreviations before a name."""
    numbered: dict[str, str] = field(default_factory=dict)
    """Abbreviations before a number."""


ENDING: Final = frozenset({"etc.", "usw.", "ecc.", "إلخ."})
"""Abbreviations that may end a sentence."""

SIGN_NAMES: Final = {
    "en": SignNames(
        at="at", dot="dot", dash="dash", underscore="underscore", plus="plus", minus="minus", equals="equals",
        times="times", less="less than", more="more than", and_="and", to="to", number="number", about="about",
        percent="percent", dollar=("dollar", "dollars"), time="{h} {m}", hour="{h} o'clock", cents=" and {c} {cents}",
        short={"e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus", "w/o": "without",
               "approx.": "approximately", "Mrs.": "Mrs", "Ms.": "Ms"},
        titles={"Dr.": "Doctor", "Mr.": "Mister", "Prof.": "Professor"}, numbered={"No.": "number"},
    ),
    "es": SignNames(
        at="arroba", dot="punto", dash="guion", underscore="guion bajo", plus="más", minus="menos", equals="igual a",
        times="por", less="menos de", more="más de", and_="y", to="a", number="número", about="unos",
        percent="por ciento", dollar=("dólar", "dólares"), time="{h} y {m}", hour="{h} en punto",
        time_tail="(?:hs?|hrs|horas)", cents=" con {c}",
        short={"p.ej.": "por ejemplo", "etc.": "etcétera", "EE.UU.": "Estados Unidos", "aprox.": "aproximadamente",
               "Ud.": "usted", "Uds.": "ustedes", "Vd.": "usted"},
        titles={"Sr.": "señor", "Sra.": "señora", "Srta.": "señorita", "Dr.": "doctor", "Dra.": "doctora",
                "Prof.": "profesor"},
        numbered={"n.º": "número", "nº": "número", "núm.": "número"},
    ),
    "fr": SignNames(
        at="arobase", dot="point", dash="tiret", underscore="tiret bas", plus="plus", minus="moins", equals="égale",
        times="fois", less="moins de", more="plus de", and_="et", to="à", number="numéro", about="environ",
        percent="pour cent", dollar=("dollar", "dollars"), time="{h} heures {m}", hour="{h} heures", cents=" {c}",
        time_tail="(?:h|heures?)",
        short={"p.ex.": "par exemple", "etc.": "et cetera", "c.-à-d.": "c'est-à-dire", "Mme": "madame",
               "Mlle": "mademoiselle"},
        titles={"M.": "monsieur", "Dr.": "docteur", "Dr": "docteur", "Pr": "professeur"},
        numbered={"n°": "numéro", "nº": "numéro"},
    ),
    "de": SignNames(
        at="at", dot="Punkt", dash="Bindestrich", underscore="Unterstrich", plus="plus", minus="minus",
        equals="gleich", times="mal", less="weniger als", more="mehr als", and_="und", to="bis", number="Nummer",
        about="ungefähr", percent="Prozent", dollar=("Dollar", "Dollar"), time="{h} Uhr {m}", hour="{h} Uhr",
        time_tail="Uhr", cents=" {c}",
        short={"z.B.": "zum Beispiel", "d.h.": "das heißt", "u.a.": "unter anderem", "usw.": "und so weiter",
               "etc.": "et cetera", "bzw.": "beziehungsweise", "ca.": "circa", "evtl.": "eventuell",
               "ggf.": "gegebenenfalls", "inkl.": "inklusive"},
        titles={"Dr.": "Doktor", "Prof.": "Professor", "Hr.": "Herr"}, numbered={"Nr.": "Nummer"},
    ),
    "it": SignNames(
        at="chiocciola", dot="punto", dash="trattino", underscore="trattino basso", plus="più", minus="meno",
        equals="uguale", times="per", less="meno di", more="più di", and_="e", to="a", number="numero", about="circa",
        percent="per cento", dollar=("dollaro", "dollari"), time="{h} e {m}", hour="{h} in punto", cents=" e {c}",
        short={"ad es.": "ad esempio", "per es.": "per esempio", "p.es.": "per esempio", "ecc.": "eccetera",
               "etc.": "eccetera"},
        titles={"Sig.": "signor", "Sig.ra": "signora", "Dott.": "dottor", "Dott.ssa": "dottoressa", "Dr.": "dottor",
                "Prof.": "professor"},
        numbered={"n°": "numero", "nº": "numero"},
    ),
    "pt": SignNames(
        at="arroba", dot="ponto", dash="traço", underscore="sublinhado", plus="mais", minus="menos",
        equals="igual a", times="vezes", less="menos de", more="mais de", and_="e", to="a", number="número",
        about="cerca de", percent="por cento", dollar=("dólar", "dólares"), time="{h} e {m}", hour="{h} horas",
        time_tail="(?:hs?|horas)", cents=" e {c}",
        short={"p.ex.": "por exemplo", "etc.": "et cetera", "aprox.": "aproximadamente"},
        titles={"Sr.": "senhor", "Sra.": "senhora", "Dr.": "doutor", "Dra.": "doutora", "Prof.": "professor"},
        numbered={"n.º": "número", "nº": "número"},
    ),
    "hi": SignNames(
        at="ऐट", dot="डॉट", dash="डैश", underscore="अंडरस्कोर", plus="प्लस", minus="माइनस", equals="बराबर", times="गुणा",
        less="से कम", more="से ज़्यादा", and_="और", to="से", number="नंबर", about="लगभग", percent="प्रतिशत",
        dollar=("डॉलर", "डॉलर"), time="{h} बजकर {m} मिनट", hour="{h} बजे", time_tail="बजे",
        titles={"डॉ.": "डॉक्टर", "डॉ॰": "डॉक्टर", "प्रो.": "प्रोफ़ेसर"},
    ),
    "ar": SignNames(
        at="آت", dot="نقطة", dash="شرطة", underscore="شرطة سفلية", plus="زائد", minus="ناقص", equals="يساوي",
        times="ضرب", less="أقل من", more="أكثر من", and_="و", to="إلى", number="رقم", about="حوالي",
        percent="بالمئة", dollar=("دولار", "دولارات"), time="{h} و{m} دقيقة", hour="{h} تمامًا",
        short={"إلخ.": "إلى آخره"},
    ),
    "zh": SignNames(
        at="艾特", dot="点", dash="横杠", underscore="下划线", plus="加", minus="负", equals="等于", times="乘以",
        less="少于", more="多于", and_="和", to="到", number="第", about="约", percent="百分之",
        dollar=("美元", "美元"), time="{h}点{m}分", hour="{h}点",
    ),
    "ja": SignNames(
        at="アット", dot="ドット", dash="ハイフン", underscore="アンダーバー", plus="足す",
        minus="マイナス", equals="は", times="掛ける", less="未満", more="超", and_="と", to="から", number="ナンバー",
        about="約", percent="パーセント", dollar=("ドル", "ドル"), time="{h}時{m}分", hour="{h}時",
    ),
}  # fmt: skip
