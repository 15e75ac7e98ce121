"""What a shell may offer for the word that is being typed.

Everything comes from the click commands and the table of tags. The scripts in
``completions/`` run ``sslbind`` with ``_SSLBIND_COMPLETE`` set to their shell and the words
so far as arguments; each line of the answer is

    VALUE<TAB>HELP              a whole word to complete to
    <TAB>files<TAB>PREFIX       any file name, after PREFIX

For ``bash`` the arguments are the line up to the cursor and the part of it that
readline replaces, and VALUE is what goes there, quoted. For ``powershell``,
which loses empty arguments, the words are the lines of ``_SSLBIND_WORDS``.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import click

from sslbind.cli.app import REGISTRY_VARIABLE, UnknownCommandError
from sslbind.cli.completion import linewords
from sslbind.cli.completion.known import Known
from sslbind.cli.completion.linewords import NetshLine, Suggestion
from sslbind.cli.netsh import LineCommand
from sslbind.cli.root import root
from sslbind.cli.streams import is_server
from sslbind.grammar import CONTEXT, HELP_WORDS, VERBS, is_context, tag_names
from sslbind.keys import IPPORT
from sslbind.printable import printable
from sslbind.registry.registry import DEFAULT_FILE
from sslbind.release import RELEASES

SHELL_VARIABLE = "_SSLBIND_COMPLETE"
WORDS_VARIABLE = "_SSLBIND_WORDS"
_HELP_WIDTH = 70


def complete(words: Sequence[str]) -> int:
    """Print what may complete the last of ``words``, those after the program's name.

    Returns 0, and never raises or prints an error, because the user is in the middle of a
    line.
    """
    with contextlib.suppress(BaseException):
        if os.environ.get(SHELL_VARIABLE) == "bash":
            lines = _bash_lines(words[0], words[1])
        else:
            if WORDS_VARIABLE in os.environ:
                words = os.environ[WORDS_VARIABLE].split("\n")
            lines = [_line(one) for one in candidates(words or [""])]
        encoding = sys.getfilesystemencoding()
        for line in lines:
            with contextlib.suppress(UnicodeEncodeError):  # a name that this locale cannot encode
                sys.stdout.buffer.write(f"{line}\n".encode(encoding, "surrogateescape"))
        sys.stdout.buffer.flush()
    return 0


def candidates(words: Sequence[str]) -> list[Suggestion]:
    """Return what may complete the last of ``words``, each value once."""
    *before, incomplete = words
    place = _walk(before)
    start = incomplete.casefold()
    return list(
        {
            (one.value, one.files): one
            for one in (_offers(place, incomplete) if place else ())
            if one.files or (one.value.casefold().startswith(start) and one.value.isprintable())
        }.values()
    )


def _line(candidate: Suggestion) -> str:
    if candidate.files:
        return f"\tfiles\t{candidate.value}"
    return f"{candidate.value}\t{printable(candidate.help)}"


def _bash_lines(line: str, replaced: str) -> list[str]:
    from sslbind.cli.completion import bashwords

    typed = bashwords.split(line)
    if typed.redirected:
        return ["\tfiles\t"]
    found = candidates(typed.words)
    values = (
        bashwords.replacement(line, typed.start, replaced, one.value)
        for one in found
        if not one.files
    )
    return [value for value in values if value] or [_line(one) for one in found if one.files]


@dataclass(slots=True)
class _Place:
    """The command, and the state of its options, that the words lead to."""

    command: click.Command
    context: click.Context
    in_context: bool = False
    """Whether ``http`` came before: only netsh's own words follow."""
    only_words: bool = False
    """Whether ``--`` came before."""
    words: list[str] = field(default_factory=list)
    """The words after the command that are not options; tags given as options are ``tag=value``."""
    pending: click.Option | str | None = None
    """The option, or the tag as an option, whose value comes next."""
    given: dict[str, str] = field(default_factory=dict)
    """The values of the options so far, by name, including those of parent commands."""

    @property
    def known(self) -> Known:
        """The registry that the line works on."""
        path = self.given.get("registry") or os.environ.get(REGISTRY_VARIABLE) or DEFAULT_FILE
        release = RELEASES.get(self.given.get("windows", "").lower())
        return Known(path, release, self.given.get("targets", ""))

    def option(self, name: str) -> click.Option | None:
        """Return the command's option ``-x`` or ``--name``."""
        for param in self.command.get_params(self.context):
            if isinstance(param, click.Option) and name in (*param.opts, *param.secondary_opts):
                return param
        return None

    def is_tag(self, name: str) -> bool:
        """Whether ``--name`` is a tag given as an option."""
        command = self.command
        if not isinstance(command, LineCommand) or command.verb == "dump":
            return False
        return name in tag_names(command.verb, command.word)

    @property
    def line(self) -> NetshLine | None:
        """Return the netsh line, if the command is one."""
        command = self.command
        if not isinstance(command, LineCommand) or command.verb == "dump":
            return None
        replaces = self.given.get("if_exists", "fail") != "fail"
        return NetshLine(command.verb, command.word, self.words, self.known, replaces=replaces)


def _walk(words: Iterable[str]) -> _Place | None:
    """Return where ``words`` lead, None if no line starts like this."""
    place = _Place(root, _context(root, "sslbind"))
    for word in words:
        if place.pending is not None:
            _take(place, place.pending, word)
        elif place.only_words or not word.startswith("-") or word == "-":
            if not isinstance(place.command, click.Group):
                place.words.append(word)
            elif not _enter(place, place.command, word):
                return None
        elif word == "--":
            place.only_words = True
        elif word.startswith("--"):
            _long_option(place, word)
        else:
            _short_options(place, word)
    return place


def _context(
    command: click.Command, name: str | None, parent: click.Context | None = None
) -> click.Context:
    settings = command.context_settings
    return click.Context(command, parent, name, resilient_parsing=True, **settings)


def _enter(place: _Place, group: click.Group, word: str) -> bool:
    """Enter the command that ``word`` means in ``group``; False if there is none."""
    if group is root and is_context(word) and not place.in_context:
        place.in_context = True
        return True
    if not word or word.lower() in HELP_WORDS:
        return False
    words = [CONTEXT, word] if place.in_context and group is root else [word]
    try:
        name, command, _ = group.resolve_command(place.context, words)
    except UnknownCommandError:
        return False
    if command is None:
        return False
    place.command = command
    place.context = _context(command, name, place.context)
    place.only_words = False
    return True


def _long_option(place: _Place, word: str) -> None:
    name, equals, value = word.partition("=")
    option: click.Option | str | None = place.option(name)
    if option is None and place.is_tag(name[2:]):
        option = name[2:]
    if option is None:
        return
    if equals or (isinstance(option, click.Option) and _is_switch(option)):
        _take(place, option, value)
    else:
        place.pending = option


def _short_options(place: _Place, word: str) -> None:
    for position, letter in enumerate(word[1:], 2):
        option = place.option(f"-{letter}")
        if option is None:
            return
        if not _is_switch(option):
            if word[position:]:
                _take(place, option, word[position:])
            else:
                place.pending = option
            return
        _take(place, option, "")


def _take(place: _Place, option: click.Option | str, value: str) -> None:
    place.pending = None
    if isinstance(option, str):
        place.words.append(f"{option}={value}")
    elif option.name:
        place.given[option.name] = value


def _is_switch(option: click.Option) -> bool:
    return option.is_flag or option.count


def _offers(place: _Place, incomplete: str) -> Iterator[Suggestion]:
    if place.pending is not None:
        yield from _option_values(place, place.pending, incomplete)
        return
    if incomplete.startswith("-") and not place.only_words:
        name, equals, value = incomplete.partition("=")
        if equals:
            option = place.option(name) or (name[2:] if place.is_tag(name[2:]) else None)
            if option is not None:
                offered = _option_values(place, option, value)
                yield from linewords.prefixed(f"{name}=", offered)
        else:
            yield from _options(place)
    elif isinstance(place.command, click.Group):
        yield from _commands(place, place.command, incomplete)
    elif place.line is not None:
        yield from place.line.candidates(incomplete)
    else:
        argument = _next_argument(place)
        if argument is not None:
            yield from _values(place, argument, incomplete)


def _options(place: _Place) -> Iterator[Suggestion]:
    for param in place.command.get_params(place.context):
        if not isinstance(param, click.Option) or param.hidden:
            continue
        if param.name in place.given and not param.multiple:
            continue
        for name in (*param.opts, *param.secondary_opts):
            yield Suggestion(name, _short(param.help or ""))


def _commands(place: _Place, group: click.Group, incomplete: str) -> Iterator[Suggestion]:
    for name in group.list_commands(place.context):
        if group is root and place.in_context and name not in VERBS:
            continue
        if not name.startswith(incomplete.lower()):
            continue
        command = group.get_command(place.context, name)
        if command is not None and not command.hidden:
            yield Suggestion(name, _short(command.short_help or command.help or ""))
    if group is root and incomplete and not place.in_context:
        yield Suggestion(CONTEXT, "netsh's context; optional")


def _next_argument(place: _Place) -> click.Argument | None:
    count = len(place.words)
    for param in place.command.get_params(place.context):
        if isinstance(param, click.Argument):
            if param.nargs < 0 or count < param.nargs:
                return param
            count -= param.nargs
    return None


def _option_values(
    place: _Place, option: click.Option | str, incomplete: str
) -> Iterator[Suggestion]:
    if isinstance(option, click.Option):
        yield from _values(place, option, incomplete)
    elif place.line is not None:
        yield from place.line.values(option)


def _values(place: _Place, param: click.Parameter, incomplete: str) -> Iterator[Suggestion]:
    """Yield the values of an option or argument: those its type knows, else by its metavar."""
    if is_server(incomplete):
        yield from (Suggestion(f"@{name}", what) for name, what in place.known.servers.items())
        return
    for item in param.shell_complete(place.context, incomplete):
        if item.type in ("file", "dir"):
            yield Suggestion("", files=True)
        else:
            yield Suggestion(str(item.value), str(item.help or ""))
    words = [str(param.name).replace("_", ""), re.sub("[^a-z]", "", (param.metavar or "").lower())]
    for word in words:
        if word in _BY_WORD:
            yield from _BY_WORD[word](place.known)
            return


def _some_file(known: Known) -> Iterator[Suggestion]:  # noqa: ARG001  # one of a table
    yield Suggestion("", files=True)


def _certificate(known: Known) -> Iterator[Suggestion]:
    yield from linewords.thumbprints(known)
    yield from _some_file(known)


def _bound_certificate(known: Known) -> Iterator[Suggestion]:
    yield from linewords.thumbprints(known, bound_only=True)
    yield from _some_file(known)


def _variables(known: Known) -> Iterator[Suggestion]:  # noqa: ARG001  # one of a table
    return map(Suggestion, sorted(os.environ))


def _rules(known: Known) -> Iterator[Suggestion]:  # noqa: ARG001  # one of a table
    from sslbind.check import rules

    return (Suggestion(rule.id, _short(rule.summary)) for rule in rules().values())


def _topics(known: Known) -> Iterator[Suggestion]:  # noqa: ARG001  # one of a table
    from sslbind.explanations.topics import topics

    return (
        Suggestion(topic, _short(summary))
        for group in topics().values()
        for topic, summary in group.items()
        if " " not in topic
    )


def _connections(known: Known) -> Iterator[Suggestion]:
    """Yield what a client may connect to: the addresses of records, and names as URLs."""
    for key in known.keys:
        if key.kind is IPPORT:
            yield Suggestion(str(key))
        elif key.host and not key.wildcard:
            yield Suggestion(f"https://{key}/")


def _places(known: Known) -> Iterator[Suggestion]:
    """Yield what is probed: addresses of records, names with their port, and servers."""
    for key in known.keys:
        if key.host and not key.wildcard:
            yield Suggestion(f"{key}")
    yield from (Suggestion(*one) for one in known.servers.items())


def _hosts_and_servers(known: Known) -> Iterator[Suggestion]:
    yield from map(Suggestion, known.hosts)
    yield from (Suggestion(*one) for one in known.servers.items())


def _renewable(known: Known) -> Iterator[Suggestion]:
    """Yield what needs-renewal asks about: bindings, certificates and files."""
    yield from (Suggestion(str(key)) for key in known.keys)
    yield from _certificate(known)


_BY_WORD: Mapping[str, Callable[[Known], Iterable[Suggestion]]] = {
    "appid": linewords.owners,
    "cert": _certificate,
    "certificate": _certificate,
    "file": _some_file,
    "folder": _some_file,
    "host": lambda known: map(Suggestion, known.hosts),
    "key": lambda known: (Suggestion(str(key)) for key in known.keys),
    "new": _certificate,
    "old": _bound_certificate,
    "more": _hosts_and_servers,
    "passwordenv": _variables,
    "place": _places,
    "renewable": _renewable,
    "rules": _rules,
    "script": _some_file,
    "store": lambda known: map(Suggestion, known.stores),
    "names": lambda known: (Suggestion(*one) for one in known.servers.items()),
    "planned": lambda known: (
        *(Suggestion(*one) for one in known.servers.items()),
        *_some_file(known),
    ),
    "target": _connections,
    "what": _topics,
}
"""What an option or argument takes, by its name or by its metavar."""


def _short(text: str) -> str:
    """Return the first sentence of a help text, truncated for a list."""
    paragraph = " ".join(text.split("\n\n", 1)[0].replace("\b", "").split())
    sentence = re.split(r"(?<=[.;]) ", paragraph, maxsplit=1)[0].rstrip(".;:")
    return sentence if len(sentence) <= _HELP_WIDTH else f"{sentence[: _HELP_WIDTH - 1].rstrip()}…"
