"""Delivers what a function could not process to a queue or a topic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends


class Undeliverable(Exception):
    """The target is no queue and no topic, is not there, or does not take the message."""


def deliver(target: str, body: str, attributes: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """Send `body` to the queue or topic with the ARN `target`.

    `attributes` has the shape of MessageAttributes of SQS: name -> DataType and StringValue.
    Raises Undeliverable.
    """
    service, region, account, name = (*target.split(":"), "", "", "", "", "", "")[2:6]
    try:
        if service == "sqs":
            sqs_backends[account][region].send_message(name, body, message_attributes=dict(attributes or {}))
        elif service == "sns":
            sns_backends[account][region].publish(
                body, arn=target, message_attributes=_for_topic(attributes or {})
            )
        else:
            raise Undeliverable(f"{target or 'nothing'} is no queue and no topic")
    except Undeliverable:
        raise
    except Exception as error:  # each of moto's services has exceptions of its own
        raise Undeliverable(f"{target} does not take it: {error!r}") from error


def _for_topic(attributes: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    return {name: {"Type": a["DataType"], "Value": a["StringValue"]} for name, a in attributes.items()}
