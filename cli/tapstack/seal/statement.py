"""What a seal says: an in-toto statement about a plan file, and all that its judgement rests on.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tapstack.errors import SealBroken

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:tapstack:plan-seal:v1"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
PLAN_NAME: Final = "tfplan"

Sha256 = str


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Git(_Part):
    """The commit that was planned; `dirty` if files differed from it."""

    commit: str
    dirty: bool


class Configuration(_Part):
    """sha256 of each file that Terraform or tap reads, by path relative to the stack; packages included."""

    files: Mapping[str, Sha256]
    git: Git | None = None


class Variables(_Part):
    """The root module's variables: sha256 of `salt` + JSON value by name. Never a value."""

    salt: str
    digests: Mapping[str, Sha256]


class Where(_Part):
    """The place the plan is for. `account_id` is None where nobody asked: in the sandbox, and without AWS.

    `default_region` is what AWS_REGION gives to providers that name no region, "" where nothing does. `endpoint` is
    "aws", "sandbox ID", or the addresses that AWS_ENDPOINT_URL* name. `lineage` is "" and `serial` 0 before there is
    a state.
    """

    environment: str
    workspace: str
    backend: str
    lineage: str
    serial: int
    account_id: str | None
    regions: tuple[str, ...]
    default_region: str
    endpoint: str


class Tools(_Part):
    """What planned and judged. `providers` maps a provider's address to its version."""

    terraform: str
    providers: Mapping[str, str]
    tap: str
    python: str
    platform: str


class Override(_Part):
    """Who went past soft-mandatory findings and limits, and why; `of` says what, a sentence each."""

    by: str
    reason: str
    of: tuple[str, ...]


class Judgement(_Part):
    """What the gate and the guards said. `policies` maps ids to sha256 of their files; `parameters` and `waivers`
    are digests of the settings; `changes` counts actions; `refusals` are the guards' sentences, with which nothing
    is applied. `waivers_expire` is the earliest end of a waiver that was needed.
    """

    decision: Literal["open", "closed", "error"]
    exit_code: int
    ledger: Sha256
    policies: Mapping[str, Sha256]
    parameters: Sha256
    waivers: Sha256
    waivers_expire: date | None
    counts: Mapping[str, int]
    obligations: int
    changes: Mapping[str, int]
    refusals: tuple[str, ...] = ()
    override: Override | None = None


class Predicate(_Part):
    """Everything but the plan's own digest. Times are UTC."""

    operation: Literal["apply", "destroy"]
    configuration: Configuration
    variables: Variables
    where: Where
    tools: Tools
    judgement: Judgement
    created: datetime
    valid_until: datetime


class Digest(_Part):
    """An in-toto DigestSet with the one algorithm used here."""

    sha256: Sha256 = Field(pattern=r"^[0-9a-f]{64}$")


class Subject(_Part):
    """The plan file."""

    name: Literal["tfplan"]
    digest: Digest


class Statement(_Part):
    """The whole document."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(STATEMENT_TYPE, alias="_type")
    subject: tuple[Subject]
    predicate_type: Literal["urn:tapstack:plan-seal:v1"] = Field(PREDICATE_TYPE, alias="predicateType")
    predicate: Predicate

    @property
    def plan_sha256(self) -> Sha256:
        """Of the plan file that was judged."""
        return self.subject[0].digest.sha256


def statement(plan_sha256: Sha256, predicate: Predicate) -> Statement:
    """The statement about one plan file."""
    subject = Subject(name=PLAN_NAME, digest=Digest(sha256=plan_sha256))
    return Statement.model_validate(
        {
            "_type": STATEMENT_TYPE,
            "subject": (subject,),
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
        }
    )


def encode(sealed: Statement) -> bytes:
    """UTF-8 JSON for people and programs, with a final newline; the same statement gives the same bytes."""
    document = sealed.model_dump(mode="json", by_alias=True)
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(document, option=options)


def decode(data: bytes, name: str) -> Statement:
    """The statement in `data`; raises SealBroken, naming `name` and the field, for anything else."""
    try:
        return Statement.model_validate_json(data)
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the document"
        raise SealBroken(f"{name} is no seal that this tap can read: {field}: {first['msg']}.") from None


def digest(data: bytes) -> Sha256:
    """sha256, as hexadecimal text."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Any) -> Sha256:
    """sha256 of a value as JSON with sorted keys."""
    return digest(orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str))


def fields(part: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted name and value of every leaf, members of mappings included."""
    for name, value in part:
        yield from _leaves(f"{prefix}{name}", value)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, BaseModel):
        yield from fields(value, f"{name}.")
    elif isinstance(value, Mapping):
        for key in value:
            yield f"{name}[{key}]", value[key]
    else:
        yield name, value


def schema() -> dict[str, Any]:
    """The JSON Schema of a seal."""
    return {"$id": PREDICATE_TYPE, **Statement.model_json_schema(by_alias=True)}
