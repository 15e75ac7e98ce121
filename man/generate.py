"""Write the man page of each command from the commands themselves.

``python man/generate.py`` writes ``man/sslbind-COMMAND.1``, and in
``man/sslbind.1``, which is written by hand, the sections that list the commands.
``--check`` says what is missing, differs or has no command any more, and exits
with 1 then. The text depends on the commands and on the date of ``sslbind.1``
only: not on the terminal, the clock, the locale or the version of click.
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from sslbind.cli.root import root
from sslbind.grammar import VERBS, tag_names
from sslbind.keys import KIND_BY_NAME
from sslbind.tags import PROPERTIES, STORED, Type

FOLDER = Path(__file__).resolve().parent
MAIN_PAGE = "sslbind.1"
WIDTH = 78
LONGEST = 1000
"""More characters than a summary has, which click would cut."""
_MADE = '.\\" Made by man/generate.py from the commands: change those.'
# mdoc(7): a word of a macro line that is itself a macro, or a delimiter, needs "\&" before it.
_MACRO = re.compile(r"[A-Z][a-z]{1,2}|[.,:;()\[\]?!|]")
_SENTENCE = re.compile(r"(?<=[A-Za-z0-9)\]'\"q][.?]) (?=[\\A-Z'\"0-9])")


def pages() -> dict[str, str]:
    """Return every page by its file name."""
    context = click.Context(root, info_name="sslbind", resilient_parsing=True)
    names = root.list_commands(context)
    return {MAIN_PAGE: _main_page(context), **{f"sslbind-{n}.1": _page(context, n) for n in names}}


def main() -> int:
    """Write the pages, or compare them; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the man pages of the commands.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 if any differs")
    check = parser.parse_args().check
    wanted = {name: text.encode() for name, text in pages().items()}
    there = {p.name: p.read_bytes() for p in FOLDER.glob("sslbind*.1")}
    stale = sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))
    for name in stale:
        if check:
            print(f"man/{name} does not match the commands: run python man/generate.py")
        elif name in wanted:
            (FOLDER / name).write_bytes(wanted[name])
            print(f"wrote man/{name}")
        else:
            (FOLDER / name).unlink()
            print(f"removed man/{name}")
    return 1 if check and stale else 0


def _main_page(context: click.Context) -> str:
    """Return sslbind.1 with the commands listed as they are now, and their pages."""
    listed = [_MADE, ".Bl -tag -width Ds"]
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        assert command is not None
        listed += [f".It Xr sslbind-{name} 1", *_text(command.get_short_help_str(LONGEST))]
    see = sorted(f".Xr sslbind-{name} 1" for name in root.list_commands(context))
    text = (FOLDER / MAIN_PAGE).read_text(encoding="utf-8")
    text = _with_section(text, "COMMANDS", [*listed, ".El"])
    return _with_section(text, "SEE ALSO", [_MADE, " ,\n".join([".Xr openssl 1", *see])])


def _with_section(page: str, name: str, lines: list[str]) -> str:
    """Return ``page`` with ``lines`` as the whole of its section ``name``."""
    head, found, rest = page.partition(f".Sh {name}\n")
    assert found, f"{MAIN_PAGE} has no section {name}"
    following = re.search(r"^\.Sh ", rest, re.MULTILINE)
    end = rest[following.start() :] if following else ""
    return head + found + "".join(f"{line}\n" for line in lines) + end


def _page(root_context: click.Context, name: str) -> str:
    command = root.get_command(root_context, name)
    assert command is not None
    context = click.Context(command, parent=root_context, info_name=name, resilient_parsing=True)
    leaves = list(_leaves(context))
    lines = [
        _MADE,
        f".Dd {_date()}",
        f".Dt SSLBIND-{name.upper()} 1",
        ".Os sslbind",
        ".Sh NAME",
        f".Nm sslbind-{name}",
        f".Nd {_escape(_first_sentence(command))}",
        ".Sh SYNOPSIS",
        *(line for leaf in leaves for line in _synopsis(leaf)),
        ".Sh DESCRIPTION",
        *_text(command.help or ""),
    ]
    if isinstance(command, click.Group):
        for one in _grouped(leaves):
            lines += _section(one, name)
    else:
        lines += _options(context)
    if name in VERBS and name != "dump":
        lines += _tags(name)
    lines += _footer()
    return "\n".join(lines) + "\n"


def _date() -> str:
    text = (FOLDER / MAIN_PAGE).read_text(encoding="utf-8")
    found = re.search(r"^\.Dd (.+)$", text, re.MULTILINE)
    assert found
    return found[1]


def _leaves(context: click.Context) -> Iterator[click.Context]:
    """Give the command itself, or those below it, each in its context."""
    command = context.command
    if not isinstance(command, click.Group):
        yield context
        return
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        if child is not None and not child.hidden:
            yield from _leaves(
                click.Context(child, parent=context, info_name=name, resilient_parsing=True)
            )


def _words(context: click.Context) -> str:
    """Return ``store new`` for that command."""
    return context.command_path.removeprefix("sslbind ")


def _synopsis(context: click.Context) -> list[str]:
    pieces = [p for p in context.command.collect_usage_pieces(context) if p != "[OPTIONS]"]
    line = f".Nm sslbind {_escape(_words(context))}"
    return [line, ".Op Ar options", *(_argument(piece) for piece in pieces)]


def _argument(piece: str) -> str:
    """Return ``[NAME]...`` and the like as mdoc."""
    found = re.fullmatch(r"(\[?)([^\[\]]+?)(\]?)(\.\.\.)?", piece)
    assert found, piece
    name = found[2].removesuffix("...")
    dots = " ..." if found[4] or found[2].endswith("...") else ""
    return f".{'Op ' if found[1] else ''}Ar {_arg(name)}{dots}"


def _grouped(leaves: list[click.Context]) -> Iterator[list[click.Context]]:
    """Give the commands, neighbours with the very same options together."""
    together: list[click.Context] = []
    for leaf in leaves:
        if together and _option_list(leaf) != _option_list(together[0]):
            yield together
            together = []
        together.append(leaf)
    yield together


def _section(contexts: list[click.Context], parent: str) -> list[str]:
    names = [_words(c).removeprefix(f"{parent} ") for c in contexts]
    lines = [f".Ss {_escape(', '.join(names))}"]
    for number, context in enumerate(contexts):
        if number:
            lines.append(".Pp")
        lines += _text(context.command.help or "")
    return [*lines, *_options(contexts[0])]


def _options(context: click.Context) -> list[str]:
    found = _option_list(context)
    return [".Bl -tag -width Ds", *found, ".El"] if found else []


def _option_list(context: click.Context) -> list[str]:
    lines: list[str] = []
    for param in context.command.get_params(context):
        if not isinstance(param, click.Option) or param.hidden or "--help" in param.opts:
            continue
        value = "" if param.is_flag or param.count else f" Ar {_arg(_metavar(param))}"
        names = [f"Fl {_arg(name[1:])}{value}" for name in (*param.opts, *param.secondary_opts)]
        lines += [f".It {' , '.join(names)}", *_text(_option_help(param))]
    return lines


def _metavar(param: click.Parameter) -> str:
    if param.metavar:
        return param.metavar
    if isinstance(param.type, click.Choice):
        return "|".join(str(choice) for choice in param.type.choices)
    return {"integer": "N", "integer range": "N"}.get(param.type.name, param.type.name.upper())


def _option_help(param: click.Option) -> str:
    text = (param.help or "").strip()
    if isinstance(param.type, click.IntRange):
        text += f" From {param.type.min} to {param.type.max}."
    if param.show_default:
        text += f" The default is {param.default}."
    return text


def _tags(verb: str) -> list[str]:
    """Return the section on the tags of ``sslcert``, and of ``sslpropertyex``."""
    lines = [".Sh TAGS", "A tag is written", ".Ar name Ns = Ns Ar value ,", "in any order."]
    lines += _tag_list(tag_names(verb, "sslcert"), verb)
    if verb == "update":
        names = ("propertyid", *(p.tag.name for p in PROPERTIES))
        lines += [".Ss Tags of sslpropertyex", *_tag_list(names, verb)]
    return lines


def _tag_list(names: tuple[str, ...], verb: str) -> list[str]:
    lines = [".Bl -tag -width Ds"]
    for name in names:
        value, text = _tag(name, verb)
        lines += [f".It Cm {name} Ns = Ns {value}", *_text(text)]
    return [*lines, ".El"]


def _tag(name: str, verb: str) -> tuple[str, str]:
    """Return how a tag's value is written, as mdoc, and what it does."""
    if name in KIND_BY_NAME:
        kind = KIND_BY_NAME[name]
        served = "" if kind.certificate else ", served from the Central Certificate Store"
        return _syntax(kind.syntax), f"The key{served}. From Windows Server {kind.since} on."
    if name == "json":
        if verb == "show":
            return "Cm enable", "Print JSON in place of text."
        return "Ar file", "Take key and tags from JSON, as show prints it with json=enable."
    if name == "propertyid":
        pairs = "; ".join(f"{p.propertyid} goes with {p.tag.name}" for p in PROPERTIES)
        return "Ar number", f"Which property is set: {pairs}."
    tag = STORED[name]
    text = f"{tag.summary[0].upper()}{tag.summary[1:]}."
    if tag.default is not None:
        text += f" The default is {tag.text(tag.default)}."
    text += f" From Windows Server {tag.since} on." if int(tag.since) > 1 else ""
    return _syntax(tag.type.value), text


def _syntax(text: str) -> str:
    if text == Type.FLAG.value:
        return "Cm " + " Ns | Ns Cm ".join(text.split("|"))
    return f"Ar {_arg(text.strip('<>').replace(' ', '-'))}"


def _footer() -> list[str]:
    """Return the last sections; only sslbind(1) lists every command."""
    return [
        ".Sh EXIT STATUS",
        ".Bl -tag -width Ds",
        ".It 0",
        "Done, or yes.",
        ".It 1",
        "What netsh itself answers with a failure, or no.",
        ".It 2",
        "The question could not be asked: an unknown command or option,",
        "or a registry or an input that cannot be read.",
        ".El",
        ".Sh SEE ALSO",
        ".Xr sslbind 1",
    ]


def _first_sentence(command: click.Command) -> str:
    text = " ".join((command.help or "").split("\n\n")[0].split())
    sentence = re.split(r"(?<=[a-z\]])\. ", text, maxsplit=1)[0].removesuffix(".")
    return sentence[0].lower() + sentence[1:]


def _text(text: str) -> list[str]:
    """Return paragraphs of help as mdoc: a sentence starts a line, lines are short."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        display = paragraph.lstrip().startswith("\b")
        if lines and not display:  # a display has its own space
            lines.append(".Pp")
        if display:
            rows = [row.strip() for row in paragraph.split("\n")[1:]]
            lines += [".Bd -literal -offset indent", *map(_escape, rows), ".Ed"]
            continue
        for sentence in _SENTENCE.split(_escape(" ".join(paragraph.split()))):
            lines += textwrap.wrap(sentence, WIDTH, break_long_words=False, break_on_hyphens=False)
    return lines


def _escape(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    text = text.replace("'", "\\(aq").replace("^", "\\(ha").replace("~", "\\(ti")
    return re.sub(r"^(?=\.)", r"\\&", text)


def _arg(text: str) -> str:
    text = _escape(text)
    if " " in text:
        return f'"{text}"'
    return f"\\&{text}" if _MACRO.fullmatch(text) else text


if __name__ == "__main__":
    sys.exit(main())
