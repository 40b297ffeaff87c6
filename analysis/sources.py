"""Which modules decide a result: those that it is made with, and what they import, read from their text."""

import ast
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
HOUSE = ("analysis", "report")


def deciding(names: Iterable[str], beside: Collection[str] = (), *, at_once: bool = False) -> list[str]:
    """These modules and all of this project that they import, directly or not, but for those beside; sorted.

    at_once: only what importing them imports, not what a function imports when it is called.
    """
    found: set[str] = set()
    wanted = set(names)
    while wanted:
        found |= wanted
        wanted = {name for module in wanted for name in imported(file_of(module), at_once)} - found - set(beside)
    return sorted(found)


def file_of(name: str) -> Path:
    """The file of a module, or of a package's __init__, whether it exists or not."""
    path = CHECKOUT.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def imported(file: Path, at_once: bool) -> frozenset[str]:
    """The modules of this project that a file imports. A package of which only modules are taken is not one of them."""
    tree = ast.parse(file.read_bytes())
    names: set[str] = set()
    for node in tree.body if at_once else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            taken = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= taken if all(map(_exists, taken)) else taken | {str(node.module)}
    return frozenset(filter(_exists, names))


def _exists(name: str) -> bool:
    return name.partition(".")[0] in HOUSE and file_of(name).is_file()
