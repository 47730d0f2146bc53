"""Nobody throws everybody's dice: Hypothesis, and whoever else seeds them, counts on what comes."""

from collections.abc import Iterator

from tests.architecture.source import Module, modules

DICE = "core/dice.py"
OWN = {"random.Random", "random.SystemRandom"}


def shares_dice(module: Module) -> Iterator[str]:
    """What is imported of `random` is a class: its functions are of one object for the whole process."""
    for line, name in module.imported():
        if name.partition(".")[0] == "random" and name not in OWN:
            yield f"{module.name}:{line} imports {name}; {DICE} has dice"


def test_the_package_has_dice_of_its_own() -> None:
    broken = [found for module in modules() for found in shares_dice(module)]
    assert not broken, "\n".join(broken)


def test_planted_dice_are_found() -> None:
    for code in ("import random\nrandom.shuffle([])", "from random import uniform"):
        assert len(list(shares_dice(Module("cases/planted.py", code)))) == 1
    assert not list(shares_dice(Module("cases/planted.py", "from random import Random")))
