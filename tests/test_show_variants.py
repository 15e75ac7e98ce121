"""Text of ``show sslcert`` as people have it: each decoration, release and language."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import IIS, OTHER, A, B, Run
from test_format_netsh_show import told

from sslbind.binding import Binding
from sslbind.formats.imported import Imported
from sslbind.formats.netsh import show_reader, show_writer
from sslbind.formats.netsh.show_layouts import labels
from sslbind.keys import IPPORT, infer_key, parse_key
from sslbind.release import Release
from sslbind.tags import TAGS

DIGITS = "1234567890123456789012345678901234567890"

WORDS = {
    "english": ("Enabled", "Disabled", "Set", "Not Set"),
    "german": ("Aktiviert", "Deaktiviert", "Festgelegt", "Nicht festgelegt"),
    "french": ("Activé", "Désactivé", "Défini", "Non défini"),
    "chinese": ("启用", "禁用", "已设置", "未设置"),
}
LABELS = {"german": "Bezeichnung", "french": "Libellé n° ", "chinese": "标签"}


def records(release: Release) -> list[Binding]:
    """Return three records of a release, one with flags on that it has."""
    flags = [tag.name for tag in TAGS if tag.since <= release and tag.default is False][-2:]
    first = {"certhash": DIGITS, "appid": OTHER, "certstorename": "Web Hosting"}
    second = {"certhash": A, "appid": IIS, "revocationfreshnesstime": 60}
    return [
        Binding(infer_key("0.0.0.0:443"), first | dict.fromkeys(flags, True)),
        Binding(infer_key("[2001:db8::5]:8443"), second | {"usagecheck": False}),
        Binding(infer_key("192.0.2.9:444"), {"certhash": B, "appid": IIS}),
    ]


def in_language(text: str, language: str) -> str:
    """Return a listing with the labels and words of another language."""
    if language == "english":
        return text
    lines = []
    for line in text.split("\n"):
        label, colon, value = line.partition(" : ")
        if not colon:
            label, colon, value = line.partition(": ")
        if label.strip().lower() in labels():
            old = dict(zip(WORDS["english"], WORDS[language], strict=True))
            number = list(labels()).index(label.strip().lower())
            word = old.get(value.strip(), value.strip())
            blanks = " " * (len(label) - len(label.rstrip()))
            lines.append(f"    {LABELS[language]}{number:02}{blanks} : {word}")
        else:
            lines.append(line)
    return "\n".join(lines)


def each(change: Callable[[str], str]) -> Callable[[str], str]:
    """Return what changes each line of a text that is not empty."""
    return lambda text: "\n".join(change(line) if line else line for line in text.split("\n"))


DECORATIONS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "nbsp": each(lambda line: line.replace(" : ", " :\u00a0 ").replace(": ", ":\u00a0 ")),
    "nbsp-everywhere": each(lambda line: line.replace(" ", "\u00a0")),
    "backticks": each(lambda line: f"`{line}`"),
    "mail": each(lambda line: f"> {line}"),
    "verbose": each(lambda line: f"VERBOSE: {line}"),
    "json-lines": lambda text: "[\n" + ",\n".join(map(json_line, text.split("\n"))) + "\n]\n",
    "trailing-blanks": each(lambda line: f"{line}   "),
    "marks": each(lambda line: f"\u200e{line}\u200e"),
    "lost-backslashes": lambda text: (
        f"E:UsersOperator>netsh http show ssl\n{text}\n\nE:UsersOperator>"
    ),
    "console": lambda text: f"C:\\>netsh http show sslcert\n{text}\n\nC:\\>",
    "powershell": lambda text: f"PS C:\\Users\\adm> netsh http show sslcert\n{text}\nPS C:\\>",
    "grep": each(lambda line: f"web01.txt:17:{line}"),
    "tabs": each(lambda line: line.replace("    ", "\t", 1)),
    "indented": each(lambda line: f"        {line}"),
    "table": each(lambda line: "| " + line.replace(" : ", " | ", 1) + " |"),
    "tab-separated": each(lambda line: re.sub(r" *: ", "\t", line, count=1)),
    "wide-colon": each(lambda line: re.sub(r" *: ", "\uff1a", line, count=1)),
    "pages": lambda text: re.sub(r"((?:.*\n){9})", r"\1-- More  --\n", text),
    "comments": lambda text: text.replace(f": {A}\n", f": {A}\n# renewed: in March\n"),
    "collapsed": each(lambda line: " ".join(line.split())),
}


def json_line(line: str) -> str:
    """Return a line as Ansible prints it in ``stdout_lines``."""
    return f"    {json.dumps(line, ensure_ascii=False)}"


def read(text: str) -> Imported:
    """Return what a text of ``show`` has."""
    assert show_reader.detect(text)
    return show_reader.read(text, "x")


@pytest.mark.parametrize("decoration", DECORATIONS)
@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("release", list(Release), ids=str)
def test_every_decoration_of_every_layout_in_every_language(
    decoration: str, language: str, release: Release
) -> None:
    """The records are the ones that were printed, and a guess at words is reported."""
    wanted = records(release)
    text = in_language(show_writer.show(wanted, release), language)
    imported = read(DECORATIONS[decoration](text))
    assert imported.bad == ()
    assert [one.binding for one in imported.records] == wanted
    assert all("a guess" in note for note in imported.notes)
    assert bool(imported.notes) == (language != "english")


MASKS = [
    "redacted", "<redacted>", "[REDACTED]", "xxxxxxxxxxxxxxxxxxxx", "XXXX", "****", "<hash>",
    "...", "…", "<thumbprint>", "a1b2c3xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx9f00", "{GUID}", "?",
]  # fmt: skip


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("release", list(Release), ids=str)
def test_a_masked_thumbprint_is_unknown(mask: str, language: str, release: Release) -> None:
    """The record stays, with everything else that was printed; a note has the count."""
    wanted = records(release)
    text = in_language(show_writer.show(wanted, release), language)
    imported = read(text.replace(A, mask).replace(DIGITS, mask))
    kept = [one.binding for one in imported.bad if one.binding is not None]
    assert [one.key for one in kept] == [one.key for one in wanted[:2]]
    assert [one.unknown for one in kept] == [frozenset({"certhash"})] * 2
    assert kept[0].values.items() == wanted[0].values.items() - {("certhash", DIGITS)}
    assert "certhash of 2 bindings is not known: it is masked" in imported.notes


@pytest.mark.parametrize("value", ["11111-not-a-hash", "aaaa", "the hash was cut out", "C0FFEE"])
def test_a_thumbprint_that_is_garbled_is_a_record_that_cannot_be_read(value: str) -> None:
    """Its key is known, and nothing else."""
    text = show_writer.show(records(Release.W2019), Release.W2019).replace(A, value)
    imported = read(text)
    assert [(one.key, one.binding) for one in imported.bad] == [
        (infer_key("[2001:db8::5]:8443"), None)
    ]


@pytest.mark.parametrize("label", ["Revocation Freshness Time", "Usage Check", "Application ID"])
def test_another_value_that_cannot_be_read_is_unknown(label: str) -> None:
    """The record is kept without it, and the line is reported."""
    record = records(Release.W2012R2)[0]
    lines = show_writer.show([record], Release.W2012R2).split("\n")
    at = next(place for place, line in enumerate(lines) if label in line)
    lines[at] = lines[at].rpartition(": ")[0] + ": b0rken!"
    imported = read("\n".join(lines))
    [bad] = imported.bad
    assert bad.binding is not None
    [name] = bad.binding.unknown
    assert (
        bad.message == f"ipport=0.0.0.0:443: line {at + 1} has 'b0rken!' where {name} is expected"
    )
    assert imported.notes == (f"{name} of 1 binding is not known: it cannot be read",)


@pytest.mark.parametrize("host", ["x.x.x.x", "10.x.x.5", "***.***.***.***", "192.0.2.xxx"])
def test_a_masked_address_is_no_host_name(host: str) -> None:
    """The label gives the kind, or in another language the form; the port is known."""
    text = show_writer.show(records(Release.W2016), Release.W2016).replace("0.0.0.0", host)
    for language in WORDS:
        imported = read(in_language(text, language))
        assert [(one.key, one.kind, one.port) for one in imported.bad] == [(None, IPPORT, 443)]
        assert [one.binding.key.port for one in imported.records] == [8443, 444]


NEWER = f"""
    IP:port                      : 0.0.0.0:21443
    Certificate Hash             : {A}
    Application ID               : {IIS}
    Certificate Store Name       : My
    Verify Client Certificate Revocation : Enabled
    Verify Revocation Using Cached Client Certificate Only : Disabled
    Usage Check                  : Enabled
    Revocation Freshness Time    : 0
    URL Retrieval Timeout        : 0
    Ctl Identifier               : (null)
    Ctl Store Name               : (null)
    DS Mapper Usage              : Disabled
    Negotiate Client Certificate : Disabled
    Reject Connections           : Disabled
    Disable HTTP2                : Not Set
    Some New Switch              : Set
    Disable Session ID           : Set
    Enable Caching Client Hello  : Set

"""


def test_a_layout_that_no_known_release_has_is_read_by_its_labels() -> None:
    """Values with a known label are kept, the other lines are named, and nothing is lost."""
    imported = read(NEWER)
    [record] = imported.records
    assert record.binding["disablesessionid"] is True
    assert record.binding.other == {"DefaultFlags": 0x8000}
    assert imported.release is Release.W2025
    more = "ipport=0.0.0.0:21443 has 1 line more than in any known release; left out"
    assert imported.notes == (f"{more}: Some New Switch",)


def test_the_release_is_at_least_what_a_record_needs() -> None:
    """A wildcard name needs 2016, whatever the lines look like."""
    binding = Binding(
        infer_key("*.contoso.com:443"), {"certhash": A, "appid": IIS, "certstorename": "MY"}
    )
    assert read(show_writer.show([binding], Release.W2012)).release is Release.W2016


def test_an_inferred_release_is_called_a_guess(run: Run, tmp_path: Path) -> None:
    """A message that depends on the guess says so; a release that is named is not a guess."""
    flags = [Binding(infer_key("0.0.0.0:443"), {"certhash": A, "appid": IIS})]
    (tmp_path / "web01.txt").write_text(show_writer.show(flags, Release.W2019))
    words = ("-r", "web01.txt", "resolve", "10.0.0.5:443", "--explain")
    guess = "release: Windows Server 2019 (inferred from the lines), without"
    assert guess in run(*words).out
    assert "inferred from" not in run("--windows", "2022", *words).out


@pytest.mark.parametrize("release", list(Release), ids=str)
def test_labels_of_which_some_are_english(release: Release) -> None:
    """A line with another label is read by its position, and is not left out."""
    wanted = records(release)
    text = show_writer.show(wanted, release)
    for label in ("Certificate Hash", "Certificate Store Name", "Usage Check"):
        text = text.replace(label, label.replace("e", "é"))
    imported = read(text)
    assert ([one.binding for one in imported.records], imported.bad) == (wanted, ())


def test_notes_after_values_are_no_part_of_them() -> None:
    """What people write after a value is skipped if the end of the value is known."""
    text = show_writer.show(records(Release.W2016)[:1], Release.W2016)
    noted = text.replace(DIGITS, f"{DIGITS}   <-- this one").replace(
        "Enabled\n", "Enabled  # why?\n"
    )
    assert read(noted).records == read(text).records


def test_keys_and_thumbprints_alone(run: Run, tmp_path: Path) -> None:
    """Select-String of these two is enough for resolve; the rest is unknown, not at its default."""
    text = (
        "\n    IP:port                      : 0.0.0.0:443\n"
        f"    Certificate Hash             : {A}\n"
        "    Hostname:port                : www.contoso.com:443\n"
        f"    Certificate Hash             : {B}\n\n"
    )
    (tmp_path / "web01.txt").write_text(text)
    result = run(
        "-r", "web01.txt", "--windows", "2012", "resolve", "10.0.0.5:443", "www.contoso.com"
    )
    assert (result.code, result.out.split(" by ")[0]) == (0, B)
    [row, _] = run("-r", "web01.txt", "list", "--format", "json").json["bindings"]
    assert (row["certhash"], row["appid"], row["usagecheck"]) == (A, None, None)


@pytest.mark.parametrize("end", [3, 5, 9, 14])
def test_a_capture_that_ends_inside_a_word(end: int) -> None:
    """What comes before the cut is read, and the last word is unknown or missing, never wrong."""
    record = records(Release.W2019)[0]
    text = show_writer.show([record], Release.W2019)
    lines = text.split("\n")[: 4 + end]
    cut = "\n".join(lines)[:-3]
    imported = read(cut)
    found = [one.binding for one in imported.records]
    [binding] = found + [one.binding for one in imported.bad if one.binding is not None]
    assert binding.key == record.key
    for name, value in binding.values.items():
        assert record[name] == value


def test_a_redacted_capture(run: Run, tmp_path: Path) -> None:
    """resolve says which binding answers, list has the owners, and import refuses it."""
    text = show_writer.show(records(Release.W2019), Release.W2019)
    (tmp_path / "web01.txt").write_text(text.replace(DIGITS, "redacted").replace(A, "xxxx"))
    result = run("-r", "web01.txt", "resolve", "10.0.0.5:443", "x.example.com")
    assert result.code == 0
    assert result.out.startswith(
        "a certificate that is not known by ipport=0.0.0.0:443: 0.0.0.0 answers"
    )
    document = run("-r", "web01.txt", "resolve", "10.0.0.5:443", "--format", "json").json
    assert (document["outcome"], document["certificate"]) == ("certificate", None)
    rows = run("-r", "web01.txt", "list", "--format", "json").json["bindings"]
    assert [(one["certhash"], one["appid"]) for one in rows] == [
        (None, OTHER),
        (None, IIS),
        (B, IIS),
    ]
    findings = run("check", "web01.txt", "--format", "json").json["findings"]
    assert ("record-unreadable", "warn") in {(one["rule"], one["severity"]) for one in findings}
    result = run("import", "web01.txt")
    assert result.code != 0
    assert "line 6 has 'redacted' where certhash is expected" in result.err
    for words in (("export", "--strict", "netsh-script"), ("export", "--strict", "json")):
        result = run("-r", "web01.txt", *words)
        assert (result.code, B in result.out, IIS in result.out) == (1, True, True)
        assert (
            "note: ipport=0.0.0.0:443 could not be read completely, and is left out (" in result.err
        )
    shown = run("-r", "web01.txt", "show", "sslcert").out
    assert "    Certificate Hash             : ?\n" in shown
    again = read(shown)
    assert [one.binding and one.binding.unknown for one in again.bad] == [{"certhash"}] * 2


ONE = "C:\\Users\\adm>netsh http show sslcert hostnameport=pilot.contoso.com:443\n"


def test_the_answer_about_one_key(run: Run, tmp_path: Path) -> None:
    """Other records are unknown (exit 2): no finding from absence, and no difference."""
    binding = Binding(
        infer_key("pilot.contoso.com:443"), {"certhash": A, "appid": IIS, "certstorename": "MY"}
    )
    (tmp_path / "one.txt").write_text(ONE + show_writer.show([binding], Release.W2019) + "C:\\>\n")
    result = run("-r", "one.txt", "resolve", "192.0.2.1:443")
    assert (result.code, result.out[:8]) == (2, "unknown:")
    assert "one.txt covers hostnameport=pilot.contoso.com:443" in result.out
    assert run("check", "one.txt", "--format", "json").json["findings"] == []
    everything = [binding, *records(Release.W2019)]
    (tmp_path / "all.txt").write_text(show_writer.show(everything, Release.W2019))
    document = run("diff", "all.txt", "one.txt", "--format", "json").json
    assert (document["same"], document["unknown"], document["differences"]) == (1, 3, [])


@pytest.mark.parametrize("above", ["", "# web01, before the change\n"], ids=["bare", "comment"])
def test_an_absent_key_is_that_key(run: Run, bare: Path, above: str) -> None:
    """Only that key is known to be absent, and a script of changes adds no other."""
    run("add", "sslcert", "ipport=0.0.0.0:443", f"certhash={A}", f"appid={IIS}", "certstorename=MY")
    run(
        "add", "sslcert", "ipport=0.0.0.0:8443", f"certhash={A}", f"appid={IIS}", "certstorename=MY"
    )
    asked = f"{above}C:\\>netsh http show sslcert ipport=0.0.0.0:443\n"
    (bare.parent / "none.txt").write_text(asked + show_writer.NOT_FOUND + "\nC:\\>")
    result = run("export", "netsh-script", "--changes-from", "none.txt")
    assert "0.0.0.0:443" in result.out
    assert "8443" not in result.out
    assert "is about ipport=0.0.0.0:443" in result.err
    assert run("-r", "none.txt", "resolve", "192.0.2.1:443").code == 2
    assert run("-r", "none.txt", "show", "sslcert", "ipport=0.0.0.0:443").code == 1


def test_a_record_of_the_central_store_without_its_provider(run: Run, tmp_path: Path) -> None:
    """What answers depends on what the capture does not record: both are said, exit 2."""
    wanted = [
        Binding(infer_key("0.0.0.0:443"), {"certhash": A, "appid": IIS}),
        Binding(infer_key("443"), {"appid": IIS}),
    ]
    (tmp_path / "web01.txt").write_text(show_writer.show(wanted, Release.W2019))
    result = run("-r", "web01.txt", "resolve", "192.0.2.1:443", "shop.contoso.com")
    assert result.code == 2
    assert result.out.startswith(
        "unknown: ccs=443 answers if the central store is enabled and has shop.contoso.com.pfx or"
        f" _.contoso.com.pfx, which web01.txt does not record; otherwise {A} by ipport=0.0.0.0:443:"
    )
    assert "not enabled" not in run("-r", "web01.txt", "resolve").out
    assert run("-r", "web01.txt", "resolve", "192.0.2.1:443").code == 0  # without a name


def test_every_record_that_add_takes_with_only_digits() -> None:
    """Forty digits are a thumbprint, not a port."""
    key = parse_key(IPPORT, "0.0.0.0:443")
    wanted = Binding(key, {"certhash": DIGITS, "appid": IIS, "certstorename": "MY"})
    imported = read(show_writer.show([wanted], Release.W2012))
    assert told(imported) == {key.spec: dict(wanted.values)}


@pytest.mark.parametrize(
    "text",
    ["x" * 2_000_000, f"IP:port : {'x' * 2_000_000}", "`" * 2_000_000],
    ids=["word", "value", "marks"],
)
def test_a_line_without_end_takes_no_time(text: str) -> None:
    """The cost grows with the text, not with its square, which would be hours here."""
    assert not show_reader.detect(text)
    assert show_reader.read(text, "x").records == ()
