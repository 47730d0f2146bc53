"""Words are folded alike, whichever way they go."""

from hypothesis import given
from hypothesis.strategies import characters, text

from engage_api.db.search import fold


@given(text(characters(max_codepoint=127)))
def test_the_quick_way_folds_as_the_other_does(words: str) -> None:
    assert words.isascii()
    assert [*fold(words), "e"] == fold(f"{words} é")


def test_case_accents_and_signs_do_not_matter() -> None:
    assert fold("Zoë O'Neill-ÉCOLE 12_b") == ["zoe", "o", "neill", "ecole", "12", "b"]
    assert fold("o'NEILL 12_b") == ["o", "neill", "12", "b"]
