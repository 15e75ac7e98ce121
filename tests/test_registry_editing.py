"""Editing a registry: the requested part changes, and not a byte of anything else."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import Spelled, bindings, keys, registries, spell, values
from tools import is_private

from sslbind import cache
from sslbind.binding import Binding
from sslbind.errors import RegistryError
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, Key, parse_key
from sslbind.registry.document import CentralCertProvider
from sslbind.registry.registry import Registry
from sslbind.registry.splice import render_binding
from sslbind.release import Release

APPID = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
HASH = "a1" * 20


def edited(text: str, *puts: Binding, delete: tuple[Key, ...] = ()) -> str:
    """The text of a registry after some edits."""
    registry = Registry(text.encode(), "sslbind.toml")
    for key in delete:
        registry.delete(key)
    for binding in puts:
        registry.put(binding)
    return registry.render()


def read(text: str) -> dict[Key, Binding]:
    return dict(Registry(text.encode(), "sslbind.toml").bindings)


def written(text: str) -> list[str]:
    """The lines of a text that are not blank, without their line ends."""
    return [line.rstrip("\r") for line in text.split("\n") if line.strip()]


def kept(spelled: Spelled, key: Key, tags: tuple[str, ...] = ()) -> list[str]:
    """The lines that an edit of ``key`` must leave alone; ``tags`` are those that it changes."""
    own = [line for line in spelled.lines if line.owner == key]
    gone = [line for line in own if not tags or line.tag in (*tags, "*")]
    text = "".join(line.text for line in spelled.lines if not any(line is one for one in gone))
    return written(text)


def is_subsequence(wanted: list[str], found: list[str]) -> bool:
    rest = iter(found)
    return all(line in rest for line in wanted)


def common_start(one: str, other: str) -> int:
    """How many characters two texts share from their start."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


@given(registries(min_size=1), st.data())
def test_a_deleted_binding_takes_its_lines_and_comments_and_nobody_elses(
    spelled: Spelled, data: st.DataObject
) -> None:
    """Every line of everything else survives a deletion, word for word and in order."""
    key = data.draw(st.sampled_from(list(spelled.bindings)))
    after = edited(spelled.text, delete=(key,))
    wanted = {other: one for other, one in spelled.bindings.items() if other != key}
    assert read(after) == wanted
    if key.kind not in spelled.shared:
        assert written(after.removeprefix("\ufeff")) == kept(spelled, key)


@given(registries(min_size=2), st.data())
@pytest.mark.slow
def test_several_bindings_deleted_at_once_leave_all_other_lines(
    spelled: Spelled, data: st.DataObject
) -> None:
    """Free-standing comments between two deleted bindings stay."""
    doomed = data.draw(st.lists(st.sampled_from(list(spelled.bindings)), min_size=2, unique=True))
    assume(not spelled.shared.intersection(key.kind for key in doomed))
    after = edited(spelled.text, delete=tuple(doomed))
    rest = "".join(line.text for line in spelled.lines if line.owner not in doomed)
    assert written(after.removeprefix("\ufeff")) == written(rest)
    assert read(after) == {k: one for k, one in spelled.bindings.items() if k not in doomed}


@given(registries(), bindings())
@pytest.mark.slow
def test_a_new_binding_is_one_block_put_into_an_unchanged_text(
    spelled: Spelled, new: Binding
) -> None:
    """Adding inserts: what was there before and after the new block is byte for byte the same."""
    assume(new.key not in spelled.bindings)
    before = spelled.text.removeprefix("\ufeff")
    after = edited(spelled.text, new)
    assert read(after) == {**spelled.bindings, new.key: new}
    if new.key.kind in spelled.shared:
        return
    assert common_start(before, after) + common_start(before[::-1], after[::-1]) >= len(before)


@given(registries(min_size=1), st.data())
@pytest.mark.slow
def test_a_changed_binding_keeps_every_line_of_what_did_not_change(
    spelled: Spelled, data: st.DataObject
) -> None:
    """Only the lines of the changed tags differ; spelling, order and comments stay."""
    key = data.draw(st.sampled_from(list(spelled.bindings)))
    old = spelled.bindings[key]
    other = data.draw(st.sampled_from([old.other, {}, {"DefaultFlags": 32768}]))
    new = Binding(key, data.draw(values(key.kind)), other)
    after = edited(spelled.text, new)
    assert read(after) == {**spelled.bindings, key: new}
    changed = tuple(
        name for name in {*old.values, *new.values} if old.values.get(name) != new.values.get(name)
    )
    changed += ("Other",) * (old.other != new.other)
    if not changed:
        assert after == spelled.text.removeprefix("\ufeff")
    elif key.kind not in spelled.shared:
        assert is_subsequence(kept(spelled, key, changed), written(after.removeprefix("\ufeff")))


@given(registries(), st.integers(17, 40))
@pytest.mark.slow
def test_many_changes_at_once_say_the_same_as_one_by_one(spelled: Spelled, count: int) -> None:
    """A script of many lines gives every binding that it asks for."""
    tags = {"certhash": HASH, "appid": APPID, "certstorename": "MY"}
    new = [
        Binding(parse_key(HOSTNAMEPORT, f"host{number}.example:443"), tags)
        for number in range(count)
    ]
    doomed = tuple(spelled.bindings)[::2]
    after = edited(spelled.text, *new, delete=doomed)
    wanted = {key: one for key, one in spelled.bindings.items() if key not in doomed}
    assert read(after) == wanted | {one.key: one for one in new}


@given(st.lists(bindings(), max_size=4, unique_by=lambda b: b.key), st.data())
def test_what_is_remembered_changes_no_answer_and_no_byte(
    found: list[Binding], data: st.DataObject
) -> None:
    """The quick way through a file that was seen before gives what the full parse gives."""
    text = 'version = 1\niplisten = ["10.0.0.1"]\n\n[CertStores]\npath = "certs"\n\n'
    text += "".join(f"# own\n{render_binding(one)}\n" for one in found)
    text += '[[Suppress]]\nrule = "x"\nreason = "y"\n'
    changes = data.draw(st.lists(bindings() | keys(), min_size=1, max_size=3))
    changes += [one.key for one in found[:1]]

    def change(registry: Registry) -> tuple[object, ...]:
        for one in changes:
            if isinstance(one, Binding):
                registry.put(one)
            else:
                registry.delete(one)
        registry.set_iplisten(("::1",))
        found = [registry.get(one.key if isinstance(one, Binding) else one) for one in changes]
        return found, registry.render(), registry.settings, dict(registry.bindings)

    slot = Path(str(cache.cache_folder()))
    for file in slot.glob("*"):
        file.unlink()
    in_full = change(Registry(text.encode(), "sslbind.toml"))
    if "'''" not in text:  # a text that might span lines is not searched by lines
        assert [*slot.glob("registry-*")]
    assert change(Registry(text.encode(), "sslbind.toml")) == in_full
    assert in_full[2] == Registry(text.encode(), "sslbind.toml").settings


@given(
    registries(),
    st.lists(st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", "::1", "fe80::5"]), unique=True),
)
def test_the_ip_listen_list_is_edited_in_place(spelled: Spelled, addresses: list[str]) -> None:
    """The list holds what is asked for, in that order; no other line changes."""
    registry = Registry(spelled.text.encode(), "sslbind.toml")
    before = registry.iplisten
    registry.set_iplisten(tuple(addresses))
    after = registry.render()
    again = Registry(after.encode(), "sslbind.toml")
    assert again.iplisten == tuple(addresses)
    assert dict(again.bindings) == spelled.bindings
    if before == tuple(addresses):
        assert after == spelled.text.removeprefix("\ufeff")
    lines = [line.text for line in spelled.lines if line.tag != "iplisten"]
    assert is_subsequence(written("".join(lines)), written(after))


@given(st.lists(bindings(), max_size=5, unique_by=lambda b: b.key), st.integers(0, 2**32))
def test_save_and_read_again(tmp_path: Path, found: list[Binding], seed: int) -> None:
    """What is saved to a file is what is read from it, and saving twice changes nothing."""
    path = tmp_path / "r.toml"
    path.write_bytes(spell([], Random(seed)).text.encode())
    with Registry.editing(path) as registry:
        for one in found:
            registry.put(one)
    data = path.read_bytes()
    with Registry.editing(path) as registry:
        for one in found:
            registry.put(one)
        assert not registry.save()
    assert path.read_bytes() == data
    assert dict(Registry.open(path).bindings) == {one.key: one for one in found}


EXAMPLE = f"""\
# The front of it all.
version = 1

# --- public sites ---

# www, ask Ann
[SslSniBindingInfo."www.contoso.com:443"]
certhash = '{HASH}'   # since March
appid = "{APPID}"
certstorename = "MY"
# clientcertnegotiation = true

# mail
[SslSniBindingInfo."mail.contoso.com:443"]
certhash = "{HASH}"
appid = "{APPID}"
certstorename = "MY"
# the default site
[SslBindingInfo."0.0.0.0:443"]
certhash = "{HASH}"
appid = "{APPID}"

# the end
"""
WWW = parse_key(HOSTNAMEPORT, "www.contoso.com:443")
MAIL = parse_key(HOSTNAMEPORT, "mail.contoso.com:443")
ANY = parse_key(IPPORT, "0.0.0.0:443")


@pytest.mark.parametrize("eol", ["\n", "\r\n"])
def test_the_comments_of_a_deleted_binding(eol: str) -> None:
    """The comment right above goes, and so do those inside; headlines and neighbours' stay."""
    text = EXAMPLE.replace("\n", eol)
    start, end = text.index("# www"), text.index("# mail")
    assert edited(text, delete=(WWW,)) == text[:start] + text[end:]
    start, end = text.index("# mail"), text.index("# the default")
    assert edited(text, delete=(MAIL,)) == text[:start] + text[end:]
    start, end = text.index("# the default"), text.index(f"{eol}# the end")
    assert edited(text, delete=(ANY,)) == text[:start] + text[end:]


def test_a_value_is_replaced_where_it_stands() -> None:
    """Quotes, spaces and the comment after a changed value are left as they are."""
    registry = Registry(EXAMPLE.encode(), "sslbind.toml")
    www = registry.get(WWW)
    assert www
    new = www.replace({"certhash": "b2" * 20, "clientcertnegotiation": True})
    text = edited(EXAMPLE, new)
    assert text == EXAMPLE.replace(f"'{HASH}'   # since", f'"{"b2" * 20}"   # since').replace(
        '"MY"\n# clientcert', '"MY"\nclientcertnegotiation = true\n# clientcert', 1
    )


def test_line_ends_and_a_missing_last_newline_stay() -> None:
    """A file with CRLF gets CRLF, and the line that had no line end keeps its text."""
    text = 'version = 1\r\nwindows = "2022"'
    new = Binding(parse_key(CCS, "443"), {"appid": APPID})
    assert edited(text, new) == (f'{text}\r\n\r\n[SslCcsBindingInfo.443]\r\nappid = "{APPID}"\r\n')


def test_a_byte_order_mark_stays(tmp_path: Path) -> None:
    """What Windows editors put before the text is kept."""
    path = tmp_path / "r.toml"
    path.write_bytes(b"\xef\xbb\xbfversion = 1\n")
    with Registry.editing(path) as registry:
        registry.put(Binding(parse_key(CCS, "443"), {"appid": APPID}))
    assert path.read_bytes().startswith(b"\xef\xbb\xbfversion = 1\n\n[SslCcsBindingInfo.443]\n")


def test_new_bindings_stand_behind_the_last_of_their_kind() -> None:
    """A new name is inserted below the names, a new kind at the end."""
    new = Binding(
        parse_key(HOSTNAMEPORT, "shop.contoso.com:443"),
        {"certhash": HASH, "appid": APPID, "certstorename": "MY"},
    )
    text = edited(EXAMPLE, new)
    at = EXAMPLE.index("# the default")
    assert text == EXAMPLE[:at] + "\n" + render_binding(new) + "\n" + EXAMPLE[at:]


def test_what_has_no_tag_is_written_word_for_word() -> None:
    """``Other`` takes any value that TOML has, also text that looks like its header."""
    other = {"a b": '[Other] \u007f\x01"\\', "list": [{"x": [1.5, True]}], "[Other": {}}
    new = Binding(parse_key(CCS, "443"), {"appid": APPID}, other)
    text = edited("version = 1\n", new)
    assert read(text) == {new.key: new}
    assert '[SslCcsBindingInfo.443.Other]\n"a b" = ' in text


def test_a_rollback_forgets_what_came_after_the_checkpoint() -> None:
    """``--atomic`` undoes puts, deletions and the IP listen list."""
    registry = Registry(EXAMPLE.encode(), "sslbind.toml")
    registry.delete(MAIL)
    checkpoint = registry.checkpoint()
    registry.delete(WWW)
    registry.set_iplisten(("10.0.0.1",))
    registry.rollback(checkpoint)
    assert registry.iplisten == ()
    assert list(registry.bindings) == [ANY, WWW]


def test_init_writes_the_release_and_hides_private_keys_from_git(tmp_path: Path) -> None:
    """``create`` makes the file, and certs/ with a .gitignore, which only its owner can access."""
    path = tmp_path / "new.toml"
    registry = Registry.create(path, Release.W2019)
    assert registry.settings.release is Release.W2019
    assert Registry.open(path).settings == registry.settings
    assert is_private(tmp_path / "certs")
    assert {"*.key", "*.pfx", "*.p12"} <= set(
        (tmp_path / "certs" / ".gitignore").read_text().split("\n")
    )
    assert sorted(file.name for file in tmp_path.iterdir()) == ["certs", "new.toml"]


def test_what_looks_like_a_comment_inside_a_string_stays() -> None:
    """The last line of a long string may look like a comment, and is not one."""
    head = 'version = 1\n[CertStores]\npath = """\\\n# certs"""\n'
    body = f'[SslBindingInfo."0.0.0.0:443"]\ncerthash = "{HASH}"\nappid = "{APPID}"\n'
    registry = Registry((head + body).encode(), "sslbind.toml")
    registry.set_central_store(CentralCertProvider(True, "ccs"))
    assert registry.render() == (
        f'{head}\n[CentralCertProvider]\nEnabled = true\nCertStoreLocation = "ccs"\n\n{body}'
    )
    assert edited(head + body, delete=(parse_key(IPPORT, "0.0.0.0:443"),)) == head


def test_other_goes_without_the_comment_of_its_binding() -> None:
    """If ``Other`` is the first line of a binding, the comment above it belongs to the binding."""
    text = f'[SslCcsBindingInfo]\n# ours\n443.Other = {{ x = 1 }}\n443.appid = "{APPID}"\n'
    key = parse_key(CCS, "443")
    assert edited(f"version = 1\n{text}", Binding(key, {"appid": APPID})) == (
        f'version = 1\n[SslCcsBindingInfo]\n# ours\n443.appid = "{APPID}"\n'
    )


def test_a_free_comment_before_other_outlives_the_binding() -> None:
    """A comment between a binding and its ``Other``, surrounded by empty lines, is free."""
    text = (
        f'version = 1\n\n[SslCcsBindingInfo.443]\nappid = "{APPID}"\n\n# free\n\n'
        "[SslCcsBindingInfo.443.Other]\nx = 1\n"
    )
    assert edited(text, delete=(parse_key(CCS, "443"),)) == "version = 1\n\n# free\n"


def test_a_free_comment_outlives_a_binding_whose_other_comes_first() -> None:
    """``Other`` may be above its binding: what is between them and belongs to neither stays."""
    text = (
        f'version = 1\n\n[SslBindingInfo."0.0.0.0:443".Other]\nDefaultFlags = 1\n\n# nobody\'s\n\n'
        f'# of it\n[SslBindingInfo."0.0.0.0:443"]\ncerthash = "{HASH}"\nappid = "{APPID}"\n'
    )
    deleted = edited(text, delete=(parse_key(IPPORT, "0.0.0.0:443"),))
    assert deleted == "version = 1\n\n# nobody's\n"


def test_odd_commas_in_the_listen_list() -> None:
    """A list that tomlkit cannot edit is written anew."""
    text = "iplisten=[\n'10.0.0.2'\n, # x\n\"10.0.0.1\" # y\n,\n\t]  #\nversion = 1\n"
    registry = Registry(text.encode(), "sslbind.toml")
    registry.set_iplisten(("10.0.0.1", "10.0.0.3"))
    assert registry.render() == 'iplisten=["10.0.0.1", "10.0.0.3"]  #\nversion = 1\n'


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes of a command line that are not UTF-8 give an error message, and the file stays."""
    path = tmp_path / "sslbind.toml"
    path.write_text("version = 1\n")
    registry = Registry.open(path)
    registry.set_central_store(CentralCertProvider(True, "\udcff"))
    with pytest.raises(RegistryError, match=r"cannot store '\\udcff', which is not valid text"):
        registry.save()
    assert path.read_text() == "version = 1\n"
