"""The crypto_webhooks example as a sender of webhooks and a bookkeeper see it."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

# Fifty functions at a time take some seconds, on a busy machine more.
WAIT_SECONDS = 90.0

Client = Callable[[str], Any]
Answer = tuple[int, dict[str, Any]]

_CONFLICT = {
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
    "CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}],
}


def eventually(question: Callable[[], Any]) -> Any:
    """The first true answer; the last answer when the time is over."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (answer := question()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer


class Webhooks:
    """The deployed stack: its API over HTTP, its table, its queues and its logs."""

    def __init__(self, sandbox_url: str, aws: Client, outputs: Any) -> None:
        self.aws, self.outputs = aws, outputs
        self._netloc = urlsplit(sandbox_url).netloc
        self._path = f"/_aws/execute-api/{outputs['api_id']}/{outputs['api_stage']}"
        key = aws("apigateway").get_api_key(apiKey=outputs["api_key_id"], includeValue=True)
        self.key: str = key["value"]

    def request(
        self, path: str, body: bytes, *, method: str = "POST", key: str | None = None, kind: str | None = None
    ) -> Answer:
        """Status and body of an answer; bare text becomes a message. Without `key`, the stack's own is sent."""
        headers = {"Content-Type": kind or "application/json", "X-Api-Key": self.key if key is None else key}
        connection = http.client.HTTPConnection(self._netloc, timeout=90)
        connection.request(method, self._path + path, body, headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, {"message": text}

    def send(self, currency: str, transaction_id: str, **fields: Any) -> Answer:
        """Post one transaction; what is not given is valid."""
        transaction = {"transactionId": transaction_id, "timestamp": 1700000000000, "amount": "0.5", **fields}
        return self.request(f"/webhooks/{currency}", json.dumps(transaction).encode())

    def stored(self, transaction_id: str) -> list[dict[str, Any]]:
        """The items of a transaction, its claim first."""
        found = self.aws("dynamodb").query(
            TableName=self.outputs["table_name"],
            KeyConditionExpression="transactionId = :id",
            ExpressionAttributeValues={":id": {"S": transaction_id}},
            ConsistentRead=True,
        )
        items: list[dict[str, Any]] = found["Items"]
        return items

    def status(self, transaction_id: str) -> str | None:
        """The status in the table; None if there is no transaction."""
        items = self.stored(transaction_id)
        return items[-1].get("status", {}).get("S") if items else None

    def settled(self, transaction_id: str) -> bool:
        """Whether it is settled, within the time to wait."""
        return bool(eventually(lambda: self.status(transaction_id) == "settled"))

    def keep(self, transaction_id: str, received_at: int) -> None:
        """Put a transaction that was received then (ms) and never sent for settlement."""
        key = {"transactionId": {"S": transaction_id}}
        item = {
            "timestamp": {"N": "5"},
            "status": {"S": "received"},
            "receivedAt": {"N": str(received_at)},
            "currency": {"S": "BTC"},
            "amount": {"N": "1"},
        }
        for one in ({"timestamp": {"N": "0"}}, item):
            self.aws("dynamodb").put_item(TableName=self.outputs["table_name"], Item={**key, **one})

    def lines(self, function: str) -> list[dict[str, Any]]:
        """What a function has logged as JSON."""
        group = self.outputs[f"{function}_log_group_name"]
        pages = self.aws("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        messages = [event["message"] for page in pages for event in page["events"]]
        return [json.loads(message) for message in messages if message.startswith("{")]

    def counted(self, currency: str) -> int:
        """How many lines the metric filter of a currency counts."""
        name = self.outputs["metric_names"][currency]
        group = self.outputs["webhook_log_group_name"]
        filters = self.aws("logs").describe_metric_filters(logGroupName=group)["metricFilters"]
        (pattern,) = [
            f["filterPattern"] for f in filters if f["metricTransformations"][0]["metricName"] == name
        ]
        wanted = dict(re.findall(r'\$\.(\w+) = "([^"]*)"', pattern))
        assert wanted
        return sum(wanted.items() <= line.items() for line in self.lines("webhook") if _flat(line))

    @contextmanager
    def variables(self, **changed: str) -> Iterator[None]:
        """The webhook with other environment variables, for as long as the context lasts."""
        functions, name = self.aws("lambda"), self.outputs["webhook_function_name"]
        kept = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": kept | changed})
        try:
            yield
        finally:
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": kept})


def _flat(line: dict[str, Any]) -> bool:
    return all(isinstance(value, (str, int, float, type(None))) for value in line.values())


@contextmanager
def conflicts(sandbox_url: str, count: int) -> Iterator[str]:
    """The address of a DynamoDB that cancels the first `count` transactions because of others under way."""
    left, counting = [count], threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with counting:
                conflict = left[0] > 0 and self.headers["X-Amz-Target"].endswith(".TransactWriteItems")
                left[0] -= conflict
            if conflict:
                status, answer = 400, json.dumps(_CONFLICT).encode()
            else:
                status, answer = self._passed_on(body)
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _passed_on(self, body: bytes) -> tuple[int, bytes]:
            connection = http.client.HTTPConnection(urlsplit(sandbox_url).netloc, timeout=30)
            names = ("Authorization", "Content-Type", "X-Amz-Date", "X-Amz-Target")
            connection.request("POST", "/", body, {name: self.headers[name] for name in names})
            response = connection.getresponse()
            return response.status, response.read()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
