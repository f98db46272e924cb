"""What moto's event source mappings lack, and the streams, queues and topics that functions are fed from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import wraps
from typing import Any

from moto.awslambda.exceptions import (
    GenericResourcNotFound,
    InvalidParameterValueException,
    LambdaClientError,
)
from moto.awslambda.models import EventSourceMapping, LambdaBackend, lambda_backends
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import StreamShard
from moto.kinesis.models import Shard
from moto.sns.models import Subscription
from moto.sqs.models import Queue

from tapstack.sandbox.event_sources import definition, pollers
from tapstack.sandbox.event_sources.changes import changing
from tapstack.sandbox.event_sources.mapping import NO_RECORDS
from tapstack.sandbox.invocations import Invoker
from tapstack.sandbox.record import Sandbox


def event_source_mappings(sandbox: Sandbox) -> None:
    """Records go to the function in the thread that writes them, once, without batches, filters or retries.

    Without Docker that fails, and the stream of a table is emptied by it. Here a mapping is not tied to its source
    but polls it, and what Lambda refuses is refused. Delete when moto polls.
    """
    invoker = Invoker(sandbox)
    update, delete = LambdaBackend.update_event_source_mapping, LambdaBackend.delete_event_source_mapping
    describe = EventSourceMapping.get_configuration

    def create_event_source_mapping(self: Any, spec: dict[str, Any]) -> Any:
        source, name = spec.get("EventSourceArn") or "", spec.get("FunctionName") or ""
        function = self.get_function(name)
        if not pollers.source_exists(source):
            raise InvalidParameterValueException(f"Stream not found: {source or 'no EventSourceArn'}")
        definition.check_start(spec, source)
        definition.check(spec, source, function)
        _refuse_second(self, source, function)
        place = {"RegionName": self.region_name, "AccountId": self.account_id}
        model = EventSourceMapping({**spec, **place, "FunctionArn": _function_arn(function, name)})
        model.function_name = function.function_name
        self._event_source_mappings[model.uuid] = model
        pollers.begin(model, invoker)
        return model

    def update_event_source_mapping(self: Any, uuid: str, spec: dict[str, Any]) -> Any:
        model = self.get_event_source_mapping(uuid)
        if model is None:
            raise GenericResourcNotFound
        name = spec.get("FunctionName") or model.function_arn
        function = self.get_function(name)
        definition.check({**describe(model), **spec}, model.event_source_arn, function)
        update(self, uuid, spec)
        model.function_arn, model.function_name = _function_arn(function, name), function.function_name
        return model

    def delete_event_source_mapping(self: Any, uuid: str) -> Any:
        model = delete(self, uuid)
        if model is None:
            raise GenericResourcNotFound
        return model

    def list_event_source_mappings(self: Any, event_source_arn: str, function_name: str) -> Iterable[Any]:
        return [
            model
            for model in self._event_source_mappings.values()
            if event_source_arn in (None, "", model.event_source_arn)
            and (not function_name or _same_function(model.function_arn, function_name))
        ]

    def get_configuration(self: Any) -> dict[str, Any]:
        answer = definition.completed(describe(self), self.event_source_arn)
        answer["LastProcessingResult"] = getattr(self, "last_result", NO_RECORDS)
        if self.starting_position_timestamp is not None:
            answer["StartingPositionTimestamp"] = self.starting_position_timestamp
        return answer

    LambdaBackend.create_event_source_mapping = create_event_source_mapping
    LambdaBackend.update_event_source_mapping = update_event_source_mapping
    LambdaBackend.delete_event_source_mapping = delete_event_source_mapping
    LambdaBackend.list_event_source_mappings = list_event_source_mappings
    EventSourceMapping.get_configuration = get_configuration


def dynamodb_stream_records(_sandbox: Sandbox) -> None:
    """A table's stream has records of what was rolled back, came in halves, or changed nothing.

    A failed transaction leaves its records to readers of the stream and takes the stream away from their iterators;
    an update that creates an item is two records, the first with the keys alone; a write that changes
    nothing is a record; two writes at a time get the same sequence number; a table whose stream was turned off
    takes no more writes; the region is always us-east-1 and the version 1.0. Delete when none of it is so.
    """
    add, update = StreamShard.add, DynamoDBBackend.update_item
    transact = DynamoDBBackend.transact_write_items

    def add_record(self: Any, old: Any, new: Any) -> None:
        if not (self.table.stream_specification or {}).get("StreamEnabled"):
            return
        if old is not None and new is not None and old.to_json() == new.to_json():
            return
        with changing():
            add(self, old, new)
            self.items[-1].record.update(awsRegion=self.table.region_name, eventVersion="1.1")

    @wraps(update)
    def update_item(self: Any, *args: Any, **named: Any) -> Any:
        with changing():
            before = _ends(self)
            item = update(self, *args, **named)
            for shard, end in before:
                _join(shard, end)
        return item

    @wraps(transact)
    def transact_write_items(self: Any, *args: Any, **named: Any) -> Any:
        with changing():
            before = _ends(self)
            try:
                return transact(self, *args, **named)
            except Exception:
                for shard, end in before:
                    del shard.items[end:]
                    _give_back(shard, self.tables.get(shard.table.name))
                raise

    StreamShard.add = add_record
    DynamoDBBackend.update_item = update_item
    DynamoDBBackend.transact_write_items = transact_write_items


def kinesis_sequence_numbers(_sandbox: Sandbox) -> None:
    """Two records put at a time get the same sequence number, and one of them is lost.

    Delete when Shard.put_record of moto is safe for concurrency.
    """
    put = Shard.put_record

    @wraps(put)
    def put_record(self: Any, *args: Any, **named: Any) -> Any:
        with changing():
            return put(self, *args, **named)

    Shard.put_record = put_record


def sqs_deletion(_sandbox: Sandbox) -> None:
    """A message that is sent while another one is deleted can be lost: the queue's list is made anew.

    Delete when Queue.delete_message of moto holds the lock that add_message holds.
    """
    delete = Queue.delete_message

    @wraps(delete)
    def delete_message(self: Any, receipt_handle: str) -> Any:
        with self._messages_lock:
            return delete(self, receipt_handle)

    Queue.delete_message = delete_message


def sns_to_lambda(_sandbox: Sandbox) -> None:
    """A topic invokes a function in the publisher's thread, with an example in place of the message's data.

    Delete when the event names topic, subscription and message, and the invocation is asynchronous.
    """
    publish = Subscription.publish

    @wraps(publish)
    def publish_to(self: Any, message: str, message_id: str, **named: Any) -> None:
        if self.protocol != "lambda":
            publish(self, message, message_id, **named)
            return
        attributes = named.get("message_attributes")
        matcher = self._filter_policy_matcher
        if matcher is not None and not matcher.matches(attributes, message):
            return
        if named.get("message_structure") == "json":
            message = self._parse_message_structure(message, self.protocol)
        notification = self.get_post_data(message, message_id, named.get("subject"), attributes)
        _notify(self, notification)

    Subscription.publish = publish_to


def _notify(subscription: Any, notification: dict[str, Any]) -> None:
    """Invoke the function of a subscription: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html."""
    renamed = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}
    shaped = {renamed.get(name, name): value for name, value in notification.items()}
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "Sns": {"Subject": None, "MessageAttributes": {}, **shaped},
    }
    region = subscription.endpoint.split(":")[3]
    try:
        function = lambda_backends[subscription.account_id][region].get_function(subscription.endpoint)
    except LambdaClientError:
        return  # As on AWS, the publisher does not hear of a function that is gone.
    function.invoke(json.dumps({"Records": [record]}), {"X-Amz-Invocation-Type": "Event"}, {})


def _refuse_second(backend: Any, source: str, function: Any) -> None:
    for model in backend._event_source_mappings.values():
        if model.event_source_arn == source and model.function_name == function.function_name:
            error = LambdaClientError(
                "ResourceConflictException",
                f"An event source mapping with event source {source} and function {function.function_name} already "
                f"exists. Please update or delete the existing mapping with UUID {model.uuid}",
            )
            error.code = 409
            raise error


def _function_arn(function: Any, name: str) -> str:
    """The ARN of `function` with the version or alias that `name`, a name or an ARN, ends with."""
    qualifier = name.split(":")[7:8] if name.startswith("arn:") else name.split(":")[1:2]
    partition = str(function.function_arn).split(":")[1]
    parts = [
        "arn",
        partition,
        "lambda",
        function.region,
        function.account_id,
        "function",
        function.function_name,
    ]
    return ":".join([*parts, *qualifier])


def _same_function(arn: str, name: str) -> bool:
    """Whether `name`, a name or an ARN with or without a version, is the function with `arn`."""
    parts = name.split(":")
    return arn.split(":")[6] == (parts[6] if name.startswith("arn:") and len(parts) > 6 else parts[0])


def _ends(backend: Any) -> list[tuple[Any, int]]:
    shards = [table.stream_shard for table in backend.tables.values()]
    return [(shard, len(shard.items)) for shard in shards if shard is not None]


def _join(shard: Any, end: int) -> None:
    """Leave one record of those after `end`: the last, with all attributes, at the place of the first."""
    added = shard.items[end:]
    if len(added) > 1:
        added[-1].record["dynamodb"]["SequenceNumber"] = added[0].record["dynamodb"]["SequenceNumber"]
        shard.items[end:] = added[-1:]


def _give_back(shard: Any, table: Any | None) -> None:
    """Let `table`, which moto put in the place of the shard's own, have the shard that readers know."""
    if table is not None and table.stream_shard is not shard:
        shard.table, table.stream_shard = table, shard
