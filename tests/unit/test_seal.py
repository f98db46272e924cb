"""What a seal says, that no byte of it can change, and whether it still holds."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapstack.deployment.verify import (
    Now,
    differences,
    require_account,
    require_approval,
    verified_plan,
)
from tapstack.errors import GateClosed, GateFailed, InputError, Refused, SealBroken, TapError
from tapstack.seal import store
from tapstack.seal.signature import new_pair, sign, signed_by
from tapstack.seal.statement import (
    PLAN_NAME,
    Predicate,
    Statement,
    digest,
    encode,
    schema,
    statement,
)
from tapstack.seal.store import Sealed
from tapstack.settings import Settings, load

CREATED = datetime(2026, 11, 21, 10, 15, 0, 42000, tzinfo=UTC)
SOON = CREATED + timedelta(hours=1)
PLAN, LEDGER = b"plan" * 50, b'{"obligations": []}\n'
WHOLE: dict[str, Any] = {
    "operation": "apply",
    "configuration": {
        "files": {"main.tf": digest(b"main"), ".tap/packages/writer.zip": digest(b"zip")},
        "git": {"commit": "c" * 40, "dirty": False},
    },
    "variables": {"salt": "00", "digests": {"company": digest(b"acme")}},
    "where": {
        "environment": "sandbox",
        "workspace": "default",
        "backend": "s3 bucket=b key=k region=eu-west-1",
        "lineage": "2b191fb7-e157-4421-1954-fe63f251d090",
        "serial": 7,
        "account_id": "123456789012",
        "regions": ("eu-west-1",),
        "default_region": "eu-west-1",
        "endpoint": "aws",
    },
    "tools": {
        "terraform": "terraform 1.11.4",
        "providers": {"registry.terraform.io/hashicorp/aws": "5.100.0"},
        "tap": "0.1.0",
        "python": "3.11.7",
        "platform": "linux_x86_64",
    },
    "judgement": {
        "decision": "open",
        "exit_code": 0,
        "ledger": digest(LEDGER),
        "policies": {"CKV_TAP_101": digest(b"policy")},
        "parameters": digest(b"parameters"),
        "waivers": digest(b"waivers"),
        "waivers_expire": "2026-12-01",
        "counts": {"pass": 3},
        "obligations": 1,
        "changes": {"create": 2},
        "refusals": (),
        "override": {"by": "ops", "reason": "outage", "of": ("max_destroy",)},
    },
    "created": CREATED,
    "valid_until": CREATED + timedelta(hours=24),
}


def predicate(**changes: Any) -> Predicate:
    """The whole predicate with some dotted fields changed, `judgement__decision="closed"`."""
    document: dict[str, Any] = orjson.loads(orjson.dumps(WHOLE))
    for path, value in changes.items():
        *parents, last = path.split("__")
        part = document
        for name in parents:
            part = part[name]
        part[last] = value
    return Predicate.model_validate_json(orjson.dumps(document))


def sealed(plans: Path, key: str = "", **changes: Any) -> Sealed:
    directory = store.begin(plans)
    (directory / PLAN_NAME).write_bytes(PLAN)
    made = statement(digest(PLAN), predicate(**changes))
    return store.finish(directory, made, LEDGER, sign(encode(made), key) if key else None)


def now(of: Predicate) -> Now:
    return Now(of.configuration, of.tools, of.where, of.judgement.parameters, of.judgement.waivers)


def settings(directory: Path, text: str = "") -> Settings:
    (directory / "tap.toml").write_text(f"[environments.sandbox]\n{text}\n")
    return load(directory, "sandbox")


def holds(plans: Path, plan_id: str, where: Settings) -> bytes:
    """What `tap apply` does with a seal before it applies: read, ask for approval, verify."""
    found = store.read(plans, plan_id)
    require_approval(found, where, now=SOON)
    return verified_plan(found, now(predicate()))


# --- the document


def test_a_seal_is_an_in_toto_statement_of_the_published_schema(tmp_path: Path) -> None:
    document = orjson.loads((sealed(tmp_path).directory / store.SEAL).read_bytes())
    assert (document["_type"], document["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "urn:tapstack:plan-seal:v1",
    )
    assert document["subject"] == [{"name": "tfplan", "digest": {"sha256": digest(PLAN)}}]
    jsonschema.validate(document, schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "more": 1}, schema())


def test_everything_of_a_plan_is_for_its_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        found = sealed(tmp_path / "plans")
    finally:
        os.umask(before)
    for directory in (found.directory, found.directory.parent):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    modes = {
        name: stat.S_IMODE((found.directory / name).stat().st_mode) for name in (store.SEAL, store.LEDGER)
    }
    assert modes == {store.SEAL: 0o600, store.LEDGER: 0o600}


def test_an_untouched_seal_holds(tmp_path: Path) -> None:
    assert holds(tmp_path, sealed(tmp_path).id, settings(tmp_path)) == PLAN


# --- tampering


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sealed, Settings]:
    """A signed seal in an environment that demands the signature."""
    directory = tmp_path_factory.mktemp("kept")
    new_pair(directory / "k", directory / "k.pub")
    found = sealed(directory / "plans", str(directory / "k"))
    return directory, found, settings(directory, 'require_signature = true\ntrusted_keys = ["k.pub"]')


@given(name=st.sampled_from([PLAN_NAME, store.LEDGER, store.SEAL, store.ENVELOPE]), data=st.data())
def test_no_byte_of_a_sealed_plan_can_be_changed(
    kept: tuple[Path, Sealed, Settings], name: str, data: st.DataObject
) -> None:
    directory, found, where = kept
    path = found.directory / name
    whole = path.read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[position]))
    path.write_bytes(whole[:position] + bytes([other]) + whole[position + 1 :])
    try:
        with pytest.raises((SealBroken, Refused)):
            holds(directory / "plans", found.id, where)
    finally:
        path.write_bytes(whole)
    assert holds(directory / "plans", found.id, where) == PLAN


@pytest.mark.parametrize("name", [PLAN_NAME, store.LEDGER, store.SEAL, store.ENVELOPE])
@pytest.mark.parametrize("change", ["cut", "longer", "empty"])
def test_no_file_of_a_sealed_plan_can_be_cut_or_grow(
    kept: tuple[Path, Sealed, Settings], name: str, change: str
) -> None:
    directory, found, where = kept
    path = found.directory / name
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[:-1], "longer": whole + b"\n", "empty": b""}[change])
    try:
        with pytest.raises(SealBroken):
            holds(directory / "plans", found.id, where)
    finally:
        path.write_bytes(whole)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict) and value:
        for key in value:
            yield from leaves(value[key], (*path, key))
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from leaves(item, (*path, number))
    else:
        yield path


DOCUMENT = orjson.loads(encode(statement(digest(PLAN), predicate())))


@pytest.mark.parametrize("path", list(leaves(DOCUMENT)), ids=lambda path: ".".join(map(str, path)))
@pytest.mark.parametrize("renamed", [False, True])
def test_no_field_of_a_seal_can_be_changed(tmp_path: Path, path: tuple[Any, ...], renamed: bool) -> None:
    """Also by one who gives the directory the name that belongs to the changed seal: it was not signed."""
    new_pair(tmp_path / "k", tmp_path / "k.pub")
    where = settings(tmp_path, 'require_signature = true\ntrusted_keys = ["k.pub"]')
    found = sealed(tmp_path / "plans", str(tmp_path / "k"))
    document = orjson.loads(found.seal)
    part = document
    for step in path[:-1]:
        part = part[step]
    before = part[path[-1]]
    part[path[-1]] = {str: f"{before}x", int: 9, bool: not before, type(None): "x", list: ["x"]}[type(before)]
    changed = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    (found.directory / store.SEAL).write_bytes(changed)
    name = found.id
    if renamed:
        with contextlib.suppress(ValueError):  # a value that a seal can't have makes no id either
            name = store.identity(Statement.model_validate_json(changed), changed)
        found.directory.rename(found.directory.parent / name)
    with pytest.raises(SealBroken):
        holds(tmp_path / "plans", name, where)


# --- what has changed since


def compared(change: dict[str, Any]) -> list[str]:
    before = predicate()
    return [str(one) for one in differences(before, now(predicate(**change)))]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {
                "configuration__files": {
                    "main.tf": digest(b"other"),
                    ".tap/packages/writer.zip": digest(b"zip"),
                }
            },
            f"main.tf: sealed {digest(b'main')[:12]}, now {digest(b'other')[:12]}",
        ),
        (
            {"configuration__files": {"main.tf": digest(b"main")}},
            f".tap/packages/writer.zip: sealed {digest(b'zip')[:12]}, now absent",
        ),
        (
            {"tools__terraform": "terraform 1.12.0"},
            "terraform: sealed terraform 1.11.4, now terraform 1.12.0",
        ),
        ({"tools__tap": "0.2.0"}, "tap: sealed 0.1.0, now 0.2.0"),
        ({"tools__python": "3.12.1"}, "python: sealed 3.11.7, now 3.12.1"),
        ({"tools__platform": "darwin_arm64"}, "platform: sealed linux_x86_64, now darwin_arm64"),
        (
            {"tools__providers": {"registry.terraform.io/hashicorp/aws": "6.0.0"}},
            "providers[registry.terraform.io/hashicorp/aws]: sealed 5.100.0, now 6.0.0",
        ),
        ({"where__environment": "prod"}, "environment: sealed sandbox, now prod"),
        ({"where__workspace": "blue"}, "workspace: sealed default, now blue"),
        ({"where__backend": "local"}, "backend: sealed s3 bucket=b key=k region=eu-west-1, now local"),
        ({"where__serial": 8}, "serial: sealed 7, now 8"),
        ({"where__lineage": ""}, "lineage: sealed 2b191fb7-e157-4421-1954-fe63f251d090, now none"),
        ({"where__account_id": "999999999999"}, "account_id: sealed 123456789012, now 999999999999"),
        ({"where__endpoint": "sandbox x"}, "endpoint: sealed aws, now sandbox x"),
        ({"where__default_region": "us-east-1"}, "default_region: sealed eu-west-1, now us-east-1"),
        ({"judgement__waivers": digest(b"x")}, f"settings of waivers: sealed {digest(b'waivers')[:12]}, now"),
        ({"judgement__parameters": digest(b"x")}, "settings of parameters: sealed"),
    ],
)
def test_each_difference_is_named_with_both_values(change: dict[str, Any], said: str) -> None:
    (found,) = compared(change)
    assert found.startswith(said)


def test_another_commit_with_the_same_files_is_no_difference() -> None:
    assert compared({"configuration__git": {"commit": "d" * 40, "dirty": True}}) == []


def test_all_differences_are_in_one_sentence_and_what_to_do(tmp_path: Path) -> None:
    found = sealed(tmp_path)
    other = now(predicate(tools__tap="9", where__serial=9))
    with pytest.raises(SealBroken) as caught:
        verified_plan(found, other)
    assert caught.value.message.count("\n") == 2
    assert "nothing was applied" in caught.value.message
    assert caught.value.hint == "`tap plan` judges what is there now"


# --- what an environment refuses

OLD = CREATED + timedelta(hours=24, seconds=1)


@pytest.mark.parametrize(
    ("change", "moment", "error", "said"),
    [
        ({"judgement__decision": "closed"}, SOON, GateClosed, "The gate is closed"),
        ({"judgement__decision": "error"}, SOON, GateFailed, "could not decide"),
        ({"judgement__refusals": ["It destroys 3."]}, SOON, Refused, "It destroys 3."),
        ({}, OLD, Refused, "was valid until 2026-11-22 10:15 UTC"),
        ({}, CREATED - timedelta(hours=1), Refused, "in the future: a clock is wrong"),
        ({"judgement__waivers_expire": "2026-11-20"}, SOON, GateFailed, "ended on 2026-11-20"),
    ],
)
def test_what_is_refused_whatever_the_digests_say(
    tmp_path: Path, change: dict[str, Any], moment: datetime, error: type[TapError], said: str
) -> None:
    with pytest.raises(error, match=said):
        require_approval(sealed(tmp_path, **change), settings(tmp_path), now=moment)


def test_clocks_may_differ_a_little_and_a_waiver_holds_on_its_last_day(tmp_path: Path) -> None:
    found = sealed(tmp_path, judgement__waivers_expire=date(2026, 11, 21).isoformat())
    require_approval(found, settings(tmp_path), now=CREATED - timedelta(minutes=4))


def test_credentials_of_another_account_are_refused(tmp_path: Path) -> None:
    where = settings(tmp_path, 'account_id = "123456789012"')
    require_account(where, "123456789012")
    with pytest.raises(Refused, match="of account 999999999999"):
        require_account(where, "999999999999")


# --- signatures


def test_a_demanded_signature_must_be_there_and_by_a_trusted_key(tmp_path: Path) -> None:
    for name in ("a", "b"):
        new_pair(tmp_path / name, tmp_path / f"{name}.pub")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    demands = settings(tmp_path, 'require_signature = true\ntrusted_keys = ["a.pub"]')
    with pytest.raises(Refused, match="has no signature"):
        require_approval(sealed(tmp_path / "1"), demands, now=SOON)
    with pytest.raises(Refused, match="by none of the trusted keys"):
        require_approval(sealed(tmp_path / "2", str(tmp_path / "b")), demands, now=SOON)
    require_approval(sealed(tmp_path / "3", str(tmp_path / "a")), demands, now=SOON)
    require_approval(sealed(tmp_path / "4", (tmp_path / "a").read_text()), demands, now=SOON)


def test_a_signature_of_another_seal_is_none_also_where_none_is_demanded(tmp_path: Path) -> None:
    new_pair(tmp_path / "a", tmp_path / "a.pub")
    found = sealed(tmp_path / "plans", str(tmp_path / "a"))
    other = sign(b"other", str(tmp_path / "a"))
    (found.directory / store.ENVELOPE).write_bytes(other)
    with pytest.raises(SealBroken, match="of another seal"):
        require_approval(store.read(tmp_path / "plans", found.id), settings(tmp_path), now=SOON)


def test_a_removed_signature_is_refused_where_one_is_demanded(tmp_path: Path) -> None:
    new_pair(tmp_path / "a", tmp_path / "a.pub")
    found = sealed(tmp_path / "plans", str(tmp_path / "a"))
    (found.directory / store.ENVELOPE).unlink()
    demands = settings(tmp_path, 'require_signature = true\ntrusted_keys = ["a.pub"]')
    with pytest.raises(Refused, match="has no signature"):
        require_approval(store.read(tmp_path / "plans", found.id), demands, now=SOON)


def test_any_of_several_trusted_keys_will_do(tmp_path: Path) -> None:
    for name in ("a", "b"):
        new_pair(tmp_path / name, tmp_path / f"{name}.pub")
    keys = [tmp_path / "a.pub", tmp_path / "b.pub"]
    assert signed_by(b"x", sign(b"x", str(tmp_path / "b")), keys) == tmp_path / "b.pub"


@pytest.mark.parametrize(
    "text", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_what_is_no_key_is_said_in_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    with pytest.raises(InputError, match="no private key"):
        sign(b"x", str(path))
    with pytest.raises(InputError, match="no public key"):
        signed_by(b"x", b"{}", [path])
    with pytest.raises(InputError, match="can't be read"):
        sign(b"x", str(tmp_path / "missing"))


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "k").write_text("mine")
    with pytest.raises(InputError, match="never overwritten"):
        new_pair(tmp_path / "k", tmp_path / "k.pub")
    assert (tmp_path / "k").read_text() == "mine"


# --- which plan


def test_ids_sort_by_time_to_the_millisecond(tmp_path: Path) -> None:
    ids = [
        sealed(tmp_path, created=(CREATED + timedelta(milliseconds=n)).isoformat()).id
        for n in (0, 1, 20, 2000)
    ]
    assert ids == sorted(ids)


def test_the_newest_plan_of_the_environment_is_offered_and_none_after_it_was_applied(tmp_path: Path) -> None:
    sealed(tmp_path)
    newest = sealed(tmp_path, created=SOON.isoformat())
    sealed(tmp_path, created=(SOON + timedelta(hours=1)).isoformat(), where__environment="prod")
    store.begin(tmp_path)
    assert store.newest(tmp_path, "sandbox") == newest
    newest.plan.unlink()
    assert store.newest(tmp_path, "sandbox") is None


@pytest.mark.parametrize("plan_id", ["missing", "../x", ".hidden", "", "x" * 300])
def test_a_plan_that_is_not_there_is_said(tmp_path: Path, plan_id: str) -> None:
    with pytest.raises(InputError, match="There is no plan"):
        store.read(tmp_path, plan_id)


def test_only_the_latest_plans_of_an_environment_are_kept(tmp_path: Path) -> None:
    made = [sealed(tmp_path, created=(CREATED + timedelta(seconds=n)).isoformat()) for n in range(4)]
    other = sealed(tmp_path, where__environment="prod")
    store.prune(tmp_path, "sandbox", 2)
    assert [one.directory.exists() for one in (*made, other)] == [False, False, True, True, True]
    store.discard(made[3])
    assert not made[3].directory.exists()


def test_what_a_killed_tap_left_half_made_goes_and_what_another_is_making_stays(tmp_path: Path) -> None:
    left, being_made = store.begin(tmp_path), store.begin(tmp_path)
    os.utime(left, (0, 0))
    store.prune(tmp_path, "sandbox", 2)
    assert [left.exists(), being_made.exists()] == [False, True]
