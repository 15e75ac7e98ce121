"""The house: imports point one way, fences hold, and tags are named in one place."""

from __future__ import annotations

import ast
import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sslbind
from sslbind.tags import PROPERTIES, TAGS

ROOT = Path(sslbind.__file__).parent
MODULES = {
    ".".join(("sslbind", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): (path)
    for path in sorted(ROOT.rglob("*.py"))
}

LAYERS = (
    ("errors", "printable", "devices", "shells", "version", "digest", "wording"),
    ("moments", "bounds"),
    ("release", "owners", "hosts"),
    ("tags", "keys"),
    ("sslflags", "grammar"),
    ("binding", "netsh_messages"),
    ("tls_versions", "resolver", "sites", "validation"),
    ("memory",),
    ("folders", "files", "locks", "cache", "ntfiles"),
    ("certificates",),
    ("registry",),
    ("session", "consequences"),
    (
        "passwords",
        "lookup",
        "provisioning",
        "inventory",
        "selection",
        "relocation",
        "cached_answer",
    ),
    ("rebinding", "renewal", "answers", "comparison"),
    ("check", "probing", "expiry"),
    ("checking",),
    ("formats", "reports", "explanations", "engines", "page"),
    ("targets", "parallel"),
    ("transports",),
    ("sources",),
    ("importing", "exporting"),
    ("imports",),
    ("live",),
    ("planning",),
    ("cli",),
)
"""From the bottom to the top; a module may only import from its own layer and those below."""

RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
FENCES = {
    "click": ("cli",),
    "rich": ("cli",),
    "tomlkit": ("registry",),
    "cryptography": (
        "certificates.parsing",
        "certificates.reading",
        "certificates.sealing",
        "certificates.key_spec",
    ),
    "pypsrp": ("transports.winrm",),
}


TYPING_ONLY = {
    "sslbind.certificates.identity"
}  # it carries a private key, whose type is cryptography's


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def package(module: str) -> str:
    """Return the part of the house that a module belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports(path: Path, *, typing: bool = True) -> Iterator[tuple[int, str]]:
    """Give each imported module with its line; ``typing`` counts those below TYPE_CHECKING too."""
    tree = parsed(path)
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) and not typing:
            skipped.update(child for part in node.body for child in ast.walk(part))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            module = node.module or ""
            for alias in node.names:
                member = f"{module}.{alias.name}"
                yield node.lineno, member if member in MODULES or module == "sslbind" else module


INSIDE = [name for name in MODULES if name not in ("sslbind", "sslbind.__main__")]


@pytest.mark.parametrize("module", INSIDE)
def test_imports_point_one_way(module: str) -> None:
    """A module imports its own layer and those below; nothing imports the package root."""
    own = package(module)
    assert own in RANK, f"{module} has no layer: say where it belongs"
    for line, name in imports(MODULES[module]):
        if name.split(".")[0] != "sslbind":
            continue
        where = f"{MODULES[module]}:{line}"
        assert name != "sslbind", f"{where}: imports the package root"
        other = package(name)
        assert other in RANK, f"{where}: the package root gives {other}"
        assert RANK[other] <= RANK[own], f"{where}: {own} imports {other}, which stands above it"


@pytest.mark.parametrize("module", MODULES)
def test_fences(module: str) -> None:
    """click, rich in cli/ only, tomlkit in registry/, cryptography in four of certificates/."""
    typing = module not in TYPING_ONLY
    for line, name in imports(MODULES[module], typing=typing):
        fences = FENCES.get(name.split(".")[0])
        if fences is not None:
            inside = tuple(f"sslbind.{fence}." for fence in fences)
            assert f"{module}.".startswith(inside), f"{MODULES[module]}:{line}: imports {name}"


def test_no_cycles() -> None:
    """No module imports itself through others, including late imports and those of types."""
    arrows = {
        module: {name for _, name in imports(MODULES[module]) if name in MODULES}
        for module in INSIDE
    }
    while leaves := {module for module, targets in arrows.items() if not targets & arrows.keys()}:
        for module in leaves:
            del arrows[module]
    while roots := arrows.keys() - set().union(*arrows.values()):
        for module in roots:
            del arrows[module]
    assert not arrows, "on a circle: " + ", ".join(sorted(arrows))


def test_one_list_of_public_names() -> None:
    """What type checkers see of the package is what ``PUBLIC`` has; no name is a module's too."""
    tree = parsed(MODULES["sslbind"])
    typed = {
        alias.asname: (node.module or "").removeprefix("sslbind.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sslbind.")
        for alias in node.names
    }
    assert typed.pop("__version__") == "version"
    assert typed == sslbind.PUBLIC
    assert sorted(sslbind.__all__) == sorted([*sslbind.PUBLIC, "__version__"])
    assert set(dir(sslbind)) >= set(sslbind.__all__)
    for name, home in sslbind.PUBLIC.items():
        assert getattr(sslbind, name).__module__ == f"sslbind.{home}", name
        assert f"sslbind.{name}" not in MODULES, f"{name} is a module: which one it is would vary"


def test_no_utils() -> None:
    """No module is called utils, helpers or common."""
    words = {part for name in MODULES for part in name.split(".")}
    assert not words & {"utils", "util", "helpers", "common", "misc"}


@pytest.mark.slow
def test_each_imports_alone() -> None:
    """Each module can be imported first, with warnings as errors."""
    code = (
        "import sys, importlib\n"
        "for name in sys.argv[1:]:\n"
        "    for loaded in [m for m in sys.modules if m.split('.')[0] == 'sslbind']:\n"
        "        del sys.modules[loaded]\n"
        "    importlib.import_module(name)\n"
    )
    names = [name for name in MODULES if name != "sslbind.__main__"]
    halves = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, *half],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT.parent)},
        )
        for half in (names[::2], names[1::2])
    ]
    assert [(one.communicate()[1], one.returncode) for one in halves] == [("", 0), ("", 0)]


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Give each string literal that is not a docstring, with its line."""
    tree = parsed(path)
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


IDENTITY = {"certhash", "appid", "certstorename"}
"""What a record cannot do without: code that works with certificates and owners names these."""

EXCEPTIONS = {
    "sslbind.binding": {"revocationfreshnesstime"},  # a bit of CheckMode follows from it
}
NAMES = {tag.name for tag in TAGS} | {prop.tag.name for prop in PROPERTIES}


@pytest.mark.parametrize("module", [name for name in MODULES if name != "sslbind.tags"])
def test_one_list_of_tags(module: str) -> None:
    """The names of tags are literals in tags.py only, except those required in every record."""
    allowed = IDENTITY | EXCEPTIONS.get(module, set())
    for line, text in strings(MODULES[module]):
        assert text not in NAMES - allowed, f"{MODULES[module]}:{line}: names the tag {text}"


LABELS = {tag.label for tag in TAGS if " " in tag.label}


@pytest.mark.parametrize("module", [name for name in MODULES if name != "sslbind.tags"])
def test_one_list_of_labels(module: str) -> None:
    """The labels of ``show`` are in tags.py only."""
    for line, text in strings(MODULES[module]):
        assert text not in LABELS, f"{MODULES[module]}:{line}: has the label {text}"


def test_functions_are_short() -> None:
    """No function is longer than 50 lines."""
    for path in MODULES.values():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                assert length <= 50, f"{path}:{node.lineno}: {node.name} has {length} lines"


def test_class_names_are_unique() -> None:
    """Class names are unique across all modules, except private ones, which one module uses."""
    homes: dict[str, list[str]] = {}
    for module, path in MODULES.items():
        for node in parsed(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(module)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_long_patterns_have_examples() -> None:
    """A regular expression longer than a line has an example of what it matches above it."""
    for path in MODULES.values():
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) != "re.compile":
                continue
            if (node.end_lineno or 0) > node.lineno:
                above = lines[node.lineno - 2].strip()
                assert above.startswith("#"), f"{path}:{node.lineno}: no example above it"


def test_cheap_start() -> None:
    """The help of ``show`` is printed without rich, cryptography, tomlkit, pathlib and json."""
    code = (
        "import sys\nfrom sslbind.cli.entry import main\ncode = main(sys.argv[1:])\n"
        "heavy = {'rich', 'cryptography', 'tomlkit', 'asyncio', 'pathlib', 'json'}\n"
        "print(code, *sorted(heavy & {m.split('.')[0] for m in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "show", "sslcert", "10.0.0.5:443", "-h"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT.parent)},
    )
    assert done.stdout.splitlines()[-1] == "0"
