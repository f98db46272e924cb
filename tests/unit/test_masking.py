"""The mask: nothing of a secret remains, whatever it is made of and however it is quoted; JSON stays JSON."""

from __future__ import annotations

import html
import io
import json
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapstack import app, masking
from tapstack.masking import MASK, MASKED, Mask
from tapstack.report.screen import MaskedStream, Screen

# A secret with a piece of "(sensitive)" in it could arise anew beside a mask.
ALPHABET = st.characters(exclude_categories=["Cs"], exclude_characters="()")
LONG = st.text(ALPHABET, min_size=8, max_size=30).filter(
    lambda text: (
        len(text.strip()) >= 8
        and not text.strip().lstrip("-").replace(".", "", 1).isdigit()
        and text not in MASKED
    )
)
ANY = st.text(ALPHABET, max_size=20)


def go(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


WAYS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON in ASCII": json.dumps,
    "Go's JSON": go,
    "JSON in JSON": lambda text: json.dumps(json.dumps({"a": text})),
    "Python": repr,
    "XML": html.escape,
    "indented lines": lambda text: "\n".join(f"   | {line}" for line in text.splitlines()),
}


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch) -> Mask:
    """The mask of the process, which knows nothing yet."""
    mask = Mask()
    for name in ("_secrets", "_forms", "_lengths"):
        monkeypatch.setattr(MASK, name, getattr(mask, name))
    return MASK


@given(st.lists(LONG, min_size=1, max_size=4), st.data())
def test_no_secret_remains_in_any_text(secrets: list[str], data: st.DataObject) -> None:
    pieces = st.one_of(
        ANY,
        st.builds(
            lambda secret, way: WAYS[way](secret), st.sampled_from(secrets), st.sampled_from(sorted(WAYS))
        ),
    )
    text = "".join(data.draw(st.lists(pieces, max_size=8)))
    masked = Mask(secrets).text(text)
    for secret in secrets:
        for quoted in (secret, json.dumps(secret)[1:-1], go(secret)[1:-1], repr(secret)[1:-1]):
            assert quoted not in masked
        assert not [line for line in secret.splitlines() if len(line.strip()) >= 8 and line.strip() in masked]


@given(st.lists(LONG, min_size=1, max_size=4), st.data())
def test_masked_json_is_json_with_the_same_keys(secrets: list[str], data: st.DataObject) -> None:
    texts = st.one_of(ANY, st.builds("{}{}{}".format, ANY, st.sampled_from(secrets), ANY))
    keys = st.one_of(st.sampled_from(["actual", "message", "a b"]), st.sampled_from(secrets))
    values = st.recursive(
        st.one_of(
            texts, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)
        ),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
        max_leaves=8,
    )
    document = {"message": data.draw(values), "findings": data.draw(st.lists(values, max_size=3))}
    text = json.dumps(
        document, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.sampled_from([None, 2]))
    )
    masked = json.loads(Mask(secrets).output(text))
    assert masked.keys() == document.keys()
    left = list(texts_of(masked))
    assert not [(secret, one) for secret in secrets for one in left if secret in one]


def texts_of(value: Any) -> list[str]:
    if isinstance(value, dict):
        keys = [key for key in value if not re.fullmatch("[a-z_]+", key)]
        return [*keys, *(text for item in value.values() for text in texts_of(item))]
    if isinstance(value, list):
        return [text for item in value for text in texts_of(item)]
    return [value] if isinstance(value, str) else []


@given(st.lists(st.text("ab", min_size=4, max_size=6), min_size=1, max_size=12), st.text("ab ", max_size=60))
def test_looking_for_each_and_looking_everywhere_find_the_same(secrets: list[str], text: str) -> None:
    mask = Mask(secrets)
    assert sorted(masking._each(text, tuple(mask._forms))) == sorted(mask._every_place(text))


def test_ten_thousand_secrets_in_a_megabyte() -> None:
    secrets = [f"secret-{number:06}-{'x' * (number % 30)}" for number in range(10_000)]
    text = " and ".join(f"word {secret}" for secret in [*secrets, *secrets])
    assert len(text) > 700_000
    assert set(Mask(secrets).text(text).split(" and ")) == {f"word {MASKED}"}


@pytest.mark.parametrize(
    ("secrets", "text", "expected"),
    [
        (["abcdefgh", "abcdefgh-longer"], "x abcdefgh-longer y", f"x {MASKED} y"),
        (["abcdefgh", "efghijkl"], "abcdefghijkl", MASKED),
        (["abcdefgh"], "abcdefghabcdefgh", MASKED * 2),
        ([123456, 0.123456], "123456 and 0.123456", f"{MASKED} and {MASKED}"),
        (
            ["hunt"],
            "hunt hunts shunted my_hunt hunt_x 'hunt' a/hunt",
            f"{MASKED} hunts shunted my_hunt hunt_x '{MASKED}' a/{MASKED}",
        ),
        (["hunter2"], "line\\nhunter2\\n", f"line\\n{MASKED}\\n"),
        # Not worth a hole in a report.
        (
            ["abc", "12345", 12345, 3.14, True, None, "true", "None", "password", "sensitive", ""],
            "abc 12345 3.14 true None password",
            None,
        ),
        ([], "nothing is known", None),
    ],
)
def test_what_is_masked_and_what_is_not(secrets: list[Any], text: str, expected: str | None) -> None:
    assert Mask(secrets).text(text) == (text if expected is None else expected)


def test_a_private_key_is_masked_line_by_line() -> None:
    lines = [
        "-----BEGIN PRIVATE KEY-----",
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
        "short",
        "-----END PRIVATE KEY-----",
    ]
    said = Mask(["\n".join(lines) + "\n"]).text("\n".join(f"  12 | {line}" for line in lines))
    assert said.splitlines() == [f"  12 | {MASKED}", f"  12 | {MASKED}", "  12 | short", f"  12 | {MASKED}"]


def test_in_json_a_secret_number_becomes_a_text_and_a_key_of_taps_own_stays() -> None:
    mask = Mask([12345678, "findings", "the-password"])
    text = '{"findings": [12345678, 1.5, "findings"], "the-password" : {"a": "say \\"the-password\\""}}'
    assert json.loads(mask.output(text)) == {
        "findings": [MASKED, 1.5, MASKED],
        MASKED: {"a": f'say "{MASKED}"'},
    }
    assert mask.tree(json.loads(text)) == json.loads(mask.output(text))
    untouched = '{"b":   [1,2] }'
    assert mask.output(untouched) is untouched
    assert mask.output("[12:30] the-password") == f"[12:30] {MASKED}"


def test_threads_learn_while_others_mask() -> None:
    mask = Mask()
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for count in range(300):
                secret = f"secret-{number}-{count}-value"
                mask.learn([secret])
                assert mask.text(f"<{secret}>") == f"<{MASKED}>"
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_whoever_writes_to_a_stream_goes_through_the_mask(
    empty: Mask, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty.learn(["pässwörd-of-all"])
    raw = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", MaskedStream(raw))
    print("print: pässwörd-of-all ä")
    click.echo("echo: pässwörd-of-all")
    Screen().result("screen: pässwörd-of-all")
    raw.flush()
    said = raw.buffer.getvalue().decode()
    assert said.splitlines() == [f"print: {MASKED} ?", f"echo: {MASKED}", f"screen: {MASKED}"]


def test_only_what_the_user_names_goes_past_it(empty: Mask, monkeypatch: pytest.MonkeyPatch) -> None:
    empty.learn(["the-password"])
    raw = io.StringIO()
    monkeypatch.setattr("sys.stdout", MaskedStream(raw))
    screen = Screen()
    screen.revealed("the-password")
    screen.result("the-password")
    assert raw.getvalue() == f"the-password\n{MASKED}\n"
    sources = Path(app.__file__).parent.rglob("*.py")
    users = [path.name for path in sources if "screen.revealed" in path.read_text()]
    assert users == ["output.py"]


def test_a_crash_report_is_masked_and_private(
    empty: Mask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["tap", "plan", "--var=secret"])
    empty.learn(["the-password"])
    before = os.umask(0)
    try:
        code = app._crash(ValueError("it was 'the-password'"))
    finally:
        os.umask(before)
    (report,) = tmp_path.iterdir()
    assert code == 70
    assert f"ValueError: it was '{MASKED}'" in report.read_text()
    assert report.stat().st_mode & 0o777 == 0o600
    assert "the-password" not in report.read_text() + "".join(capsys.readouterr())
