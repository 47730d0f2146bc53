"""Sizes: a file 250 lines, a function 40, a route handler 8, a signature 6 parameters. Docstrings are free."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import PACKAGE, ROOT, Module, modules

FILE, FUNCTION, HANDLER, PARAMETERS = 250, 40, 8, 6
VERBS = {"get", "post", "put", "patch", "delete", "head", "options", "api_route"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def over_budget(module: Module) -> Iterator[str]:
    lines = len(module.text.splitlines())
    if lines > FILE:
        yield f"{module.name}: {lines} lines, {FILE} allowed"
    for node in ast.walk(module.tree):
        if isinstance(node, Function):
            for what, size, allowed in sizes(node):
                if size > allowed:
                    yield f"{module.name}:{node.lineno} {node.name}: {size} {what}, {allowed} allowed"


def sizes(node: Function) -> Iterator[tuple[str, int, int]]:
    """Each measure of a function with what is allowed."""
    first, last = node.body[0], node.end_lineno or node.lineno
    free = (first.end_lineno or first.lineno) - first.lineno + 1 if ast.get_docstring(node) else 0
    yield "lines", last - node.lineno + 1 - free, FUNCTION
    if any(is_route(decorator) for decorator in node.decorator_list):
        yield "lines of a handler", last - first.lineno + 1 - free, HANDLER
    given = node.args
    named = [a.arg for a in given.posonlyargs + given.args + given.kwonlyargs if a.arg not in {"self", "cls"}]
    yield "parameters", len(named) + (given.vararg is not None) + (given.kwarg is not None), PARAMETERS


def is_route(decorator: ast.expr) -> bool:
    """`@router.get(…)` and the like."""
    return (
        isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute) and decorator.func.attr in VERBS
    )


def test_nothing_is_over_its_budget() -> None:
    over = [found for module in modules() for found in over_budget(module)]
    assert not over, "\n".join(over)


@pytest.mark.parametrize("folder", ["tests", "benchmarks", "portal"])
def test_what_stands_around_the_package_keeps_to_it_too(folder: str) -> None:
    # A test takes the fixtures that it needs, so parameters are not counted.
    found = [found for module in modules(ROOT / folder, ROOT) for found in over_budget(module)]
    over = [text for text in found if " parameters, " not in text]
    assert not over, "\n".join(over)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("x = 1\n" * 251, "251 lines, 250 allowed"),
        ("def f():\n" + "    x = 1\n" * 40, "f: 41 lines, 40 allowed"),
        ("class A:\n    async def f(self):\n" + "        x = 1\n" * 40, "f: 41 lines, 40 allowed"),
        ("@router.get('/')\nasync def f():\n" + "    x = 1\n" * 9, "f: 9 lines of a handler, 8 allowed"),
        ("def f(a, b, c, /, d, *e, f, **g): ...", "f: 7 parameters, 6 allowed"),
    ],
    ids=["file", "function", "method", "handler", "parameters"],
)
def test_a_planted_violation_is_found(code: str, told: str) -> None:
    found = list(over_budget(Module("planted.py", code)))
    assert len(found) == 1
    assert found[0].endswith(told)


def test_a_docstring_is_free() -> None:
    code = (
        '@router.get("/")\ndef f(self, a, b, c, d, e, g):\n    """One.\n\n'
        + "    More.\n" * 40
        + '    """\n'
        + "    x = 1\n" * 8
    )
    assert list(over_budget(Module("planted.py", code))) == []


def test_the_package_is_really_read() -> None:
    assert len(modules()) >= len(list(PACKAGE.glob("*/__init__.py")))
    assert modules(ROOT / "tests", ROOT)
