"""What moto's SQS lacks."""

from __future__ import annotations

import json
from typing import Any, Final

from moto.sqs.exceptions import InvalidParameterValue
from moto.sqs.models import Queue

from tapstack.sandbox.record import Sandbox

_ALLOW: Final = "RedriveAllowPolicy"


def sqs_redrive_allow_policy(_sandbox: Sandbox) -> None:
    """RedriveAllowPolicy is not among the attributes of a queue.

    It can't be read: the apply of a queue that has one fails after the queue was made. The policy is kept and
    returned; that it is obeyed is not looked at when another queue names this one for its dead letters. Delete
    when GetQueueAttributes of moto returns it.
    """
    attributes, assign = Queue.attributes.fget, Queue._set_attributes
    Queue.BASE_ATTRIBUTES.append(_ALLOW)
    Queue.redrive_allow_policy = None

    def _set_attributes(self: Any, given: dict[str, Any], now: float | None = None) -> None:
        if given.get(_ALLOW):
            given = {**given, _ALLOW: _compact(given[_ALLOW], _ALLOW)}
        assign(self, given, now)

    def without_empty(self: Any) -> dict[str, Any]:
        return {name: value for name, value in attributes(self).items() if name != _ALLOW or value}

    Queue._set_attributes = _set_attributes
    Queue.attributes = property(without_empty)


def sqs_redrive_policy(_sandbox: Sandbox) -> None:
    """RedrivePolicy is returned with white space that AWS does not put there.

    A queue with dead letters drifts for ever, since jsonencode() has none. Delete when GetQueueAttributes of moto
    returns it without.
    """
    attributes = Queue.attributes.fget

    def compact(self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = attributes(self)
        if answer.get("RedrivePolicy"):
            answer["RedrivePolicy"] = _compact(answer["RedrivePolicy"], "RedrivePolicy")
        return answer

    Queue.attributes = property(compact)


def sqs_kept_policy(_sandbox: Sandbox) -> None:
    """SetQueueAttributes without a Policy takes the queue's policy away.

    aws_sqs_queue_redrive_allow_policy or aws_sqs_queue_redrive_policy undoes the aws_sqs_queue_policy that was
    applied before it. Delete when the policy of moto's queue outlives a change of another attribute.
    """
    assign = Queue._set_attributes

    def _set_attributes(self: Any, given: dict[str, Any], now: float | None = None) -> None:
        assign(self, {"Policy": getattr(self, "policy", None), **given}, now)

    Queue._set_attributes = _set_attributes


def _compact(document: str, attribute: str) -> str:
    try:
        return json.dumps(json.loads(document), separators=(",", ":"))
    except ValueError as error:
        raise InvalidParameterValue(f"Value {document} for parameter {attribute} is invalid.") from error
