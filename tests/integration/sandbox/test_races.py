"""What moto loses when two threads meet, made to meet: in a process of its own, with the patch that mends it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.real

# Another thread sends at the very line that puts a new list in the place of the queue's messages.
DELETION = """
import sys, threading
from moto.sqs.models import Queue, sqs_backends
from tapstack.sandbox.patches import event_sources

delete = Queue.delete_message
event_sources.sqs_deletion(None)
backend = sqs_backends["123456789012"]["us-east-1"]
queue = backend.create_queue("q")
backend.send_message("q", "old")
[message] = backend.receive_message("q", 1, 0, 100)
sender = threading.Thread(target=backend.send_message, args=("q", "new"))
places = []

def trace(frame, kind, _):
    if frame.f_code is delete.__code__ and kind == "line" and frame.f_lineno == LAST:
        sender.start()
        sender.join(1)
    return trace

LAST = max(line for _, _, line in delete.__code__.co_lines() if line)
sys.settrace(trace)
queue.delete_message(message.receipt_handle)
sys.settrace(None)
assert sender.ident, "the thread was never started"
sender.join()
assert [m.body for m in queue._messages] == ["new"], "the message that was sent meanwhile is lost"
"""

NUMBERS = """
import sys, threading
sys.setswitchinterval(1e-6)
from moto.kinesis.models import Shard
from tapstack.sandbox.patches import event_sources

event_sources.kinesis_sequence_numbers(None)
shard, numbers = Shard(0, 0, 10), []

def put():
    for _ in range(1000):
        numbers.append(shard.put_record("key", "", ""))

threads = [threading.Thread(target=put) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(set(numbers)) == len(shard.records) == 4000, f"{4000 - len(shard.records)} records are lost"
"""


@pytest.mark.parametrize("program", [DELETION, NUMBERS], ids=["deletion", "numbers"])
def test_nothing_is_lost_when_two_threads_meet(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
