"""What a recovery found and did: lines for a person as it goes, one document for a program at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from tapstack.report.screen import Screen

SCHEMA: Final = "tap.recovery/1"
_KINDS: Final = {
    "aws_instance": ("an instance", "aws ec2 describe-instances"),
    "aws_kms_key": ("a key", "aws kms list-keys"),
    "aws_lambda_event_source_mapping": ("an event source mapping", "aws lambda list-event-source-mappings"),
    "aws_secretsmanager_secret": ("a secret", "aws secretsmanager list-secrets"),
    "aws_security_group": ("a security group", "aws ec2 describe-security-groups"),
    "aws_vpc": ("a VPC", "aws ec2 describe-vpcs"),
}
# Of what only the tags tell of.
_LISTED: Final = 20


class RecoveryReport:
    """Says each thing at once, or keeps it for the document. `option` is the environment's, "" for the default one."""

    def __init__(self, screen: Screen, *, as_json: bool, option: str) -> None:
        self._screen = screen
        self._as_json = as_json
        self._option = option
        self._document: dict[str, Any] = {
            "schema": SCHEMA,
            "interrupted": [],
            "tainted": [],
            "errored_states": [],
            "adopted": {},
            "absent": [],
            "unclear": {},
            "possible_orphans": [],
            "unrecorded": [],
            "said": [],
        }

    def say(self, sentence: str) -> None:
        """Anything else."""
        self._document["said"].append(sentence)
        self._line(sentence)

    def interrupted(self, plan_id: str, sentence: str) -> None:
        """An apply that did not come to its end."""
        self._document["interrupted"].append(plan_id)
        self._line(sentence)

    def tainted(self, addresses: Sequence[str]) -> None:
        """Creations that were cut short."""
        self._document["tainted"] += addresses
        for address in addresses:
            self._line(f"{address} is tainted: its creation was cut short, and the next plan replaces it.")

    def errored(self, path: str, state: str) -> None:
        """A state that could not be saved."""
        self._document["errored_states"].append(path)
        self._line(f"{path} is a state that could not be saved: {state}.")

    def possible_orphan(
        self, address: str, kind: str, at: str, known: Mapping[str, str], tags: Mapping[str, str]
    ) -> None:
        """What to look for where no name leads to it."""
        what, how = _KINDS.get(kind, (f"something of type {kind}", ""))
        marks = [f'{attribute} "{value}"' for attribute, value in sorted(known.items())]
        marks += [f"tag {key}={value}" for key, value in sorted(tags.items())]
        signs = f" with {', '.join(marks)}" if marks else ""
        ask = f" ({how})" if how else ""
        self._document["possible_orphans"].append(address)
        self._line(
            f"{address} was being created at {_time(at)}: there may be {what}{signs}, made then{ask}. "
            f"Delete it, or adopt it: tap recover{self._option} --import '{address}=ID'"
        )

    def unrecorded(self, tags: Mapping[str, str], arns: Sequence[str]) -> None:
        """What carries the stack's tags and is not in its state."""
        self._document["unrecorded"] += arns
        if not tags:
            self._line("Nothing of this stack carries tags: AWS can't be asked what belongs to it.")
            return
        marks = ", ".join(f"{key}={value}" for key, value in sorted(tags.items()))
        if not arns:
            self._line(f"Everything that AWS lists with {marks} is in the state.")
            return
        self._line(
            f"Not in the state, though it carries {marks}; an orphan, unless another stack has these tags:"
        )
        for arn in arns[:_LISTED]:
            self._line(f"  {arn}")
        if len(arns) > _LISTED:
            self._line(f"  and {len(arns) - _LISTED} more")

    def adoption(self, adopted: Mapping[str, str], absent: Sequence[str], unclear: Mapping[str, str]) -> None:
        """What became of each resource that was looked for."""
        self._document["adopted"] |= adopted
        self._document["absent"] += absent
        self._document["unclear"] |= unclear
        for address, id_ in sorted(adopted.items()):
            self._line(f"{address} exists ({id_}) and is not in the state: it is imported.")
        for address in sorted(absent):
            self._line(f"{address} was not created.")
        for address, why in sorted(unclear.items()):
            self._line(f"{address} could not be looked for: {why}.")

    def end(self, **more: Any) -> None:
        """The document, if that is what was asked for."""
        if self._as_json:
            document = {**self._document, **more}
            self._screen.result(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())

    def all(self, sentences: Iterable[str]) -> None:
        """Several sentences."""
        for sentence in sentences:
            self.say(sentence)

    def _line(self, text: str) -> None:
        if not self._as_json:
            self._screen.result(text)


def _time(at: str) -> str:
    """A journal's time, to the second."""
    return f"{at[:10]} {at[11:19]} UTC"
