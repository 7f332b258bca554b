"""Names that look the same and are not: shown with the code points in which they differ."""

from __future__ import annotations

from functools import lru_cache

from goclient.errors.wording import quote

MOST_SHOWN = 5  # code points of one name

# Letters of other alphabets that most fonts draw like these (Unicode Technical Standard 39, confusables.txt).
_LOOKS_LIKE = dict(
    zip(  # noqa: B905  # it travels to nodes: Python 3.9 has no strict
        "АВЕЅІЈКМНОРСТУХѴаесіјорѕухԁԛԝһѵ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧνοιρυ" + "ıɡɑ",  # noqa: RUF001
        "ABESIJKMHOPCTYXVaecijopsyxdqwhv" + "ABEZHIKMNOPTYXvoipu" + "iga",
    )
)
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2e3a\u2e3b\ufe58\ufe63\uff0d", "-")
_COLONS = dict.fromkeys("\u2236\ua789\u02d0\ufe55\uff1a", ":")
_SLASHES = dict.fromkeys("\u2044\u2215\u29f8\uff0f", "/")
_QUOTES = dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'") | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"')
_TABLE = {ord(one): like for one, like in (_LOOKS_LIKE | _DASHES | _COLONS | _SLASHES | _QUOTES).items()}


@lru_cache(4096)
def skeleton(text: str) -> str:
    """Return what a text looks like, in plain letters: equal for two texts that a reader cannot tell apart.

    Invisible characters are left out, full-width letters are narrow, and every dash is a hyphen.
    """
    if text.isascii():
        return text
    import unicodedata  # nearly all names are ASCII

    plain = unicodedata.normalize("NFKC", text.translate(_TABLE)).translate(_TABLE)
    return "".join(" " if one.isspace() else one for one in plain if unicodedata.category(one) != "Cf")


def are_confusable(one: str, other: str) -> bool:
    """Return True if two different names look the same: other code points, or one of another alphabet."""
    return one != other and skeleton(one) == skeleton(other)


def with_code_points(name: str) -> str:
    """Return the name in quotes, with the code points that set it apart from a name that looks the same."""
    odd = [f"{at} is U+{ord(one):04X}" for at, one in enumerate(name, 1) if not one.isascii()]
    if not odd:
        return f"{quote(name)} (ASCII only)"
    more = f", and {len(odd) - MOST_SHOWN} more" if len(odd) > MOST_SHOWN else ""
    return f"{quote(name)} (character {', '.join(odd[:MOST_SHOWN])}{more})"
