"""Compares what Terraform knows with what is there, and judges the difference; writes nothing."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from tapstack.deployment.judge import judge_document, policies_of, read_source
from tapstack.deployment.plan import PlanRequest, configuration_of, options_of, plan_document
from tapstack.deployment.prepare import Prepared
from tapstack.deployment.sealing import account
from tapstack.deployment.targets import require_targets
from tapstack.deployment.verify import require_account
from tapstack.gate.drift import Drift, assess
from tapstack.gate.ledger import Input
from tapstack.gate.locate import locator
from tapstack.model.drift import from_refresh
from tapstack.terraform.events import Event
from tapstack.terraform.source import Configuration


def find_drift(prepared: Prepared, request: PlanRequest, policies: tuple[str, ...] = ()) -> Drift:
    """What changed outside Terraform, ranked by the policies (all, or those named) that it breaks.

    Raises Refused where the environment names another account: there, everything would look deleted.
    """
    settings = prepared.settings
    prepared.ensure_initialised()
    if settings.where.account_id is not None:
        require_account(settings, account(prepared))
    with (
        tempfile.TemporaryDirectory(prefix="tap-drift-") as private,  # mode 0700
        ThreadPoolExecutor(max_workers=1) as reader,
    ):
        # The HCL is read while Terraform works.
        reading = reader.submit(read_source, settings.directory)
        # Loads the policies' modules meanwhile; what is wrong with them is said when they are asked.
        reader.submit(policies_of, settings)
        options = options_of(prepared, replace(request, refresh_only=True), Path(private), reading)
        if request.targets:
            require_targets(prepared, request.targets, configuration_of(reading))
        with _read_again(prepared) as addresses:
            document = plan_document(prepared, options)
    prepared.observer.phase("judging what is there")
    source = configuration_of(reading)
    refreshed = from_refresh(document)
    before, after = (
        judge_document(state, settings, source, Input("state"), policies)
        for state in (refreshed.before, refreshed.after)
    )
    known = source if isinstance(source, Configuration) else None
    return assess(refreshed.drifted, before, after, locator(known), len(addresses))


@contextlib.contextmanager
def _read_again(prepared: Prepared) -> Iterator[set[str]]:
    """The addresses of the resources that Terraform reads from AWS meanwhile."""
    found: set[str] = set()
    show: Callable[[Event], None] = prepared.driver.on_event

    def both(event: Event) -> None:
        if event.kind == "refresh_start":
            found.add(event.address)
        show(event)

    prepared.driver.on_event = both
    try:
        yield found
    finally:
        prepared.driver.on_event = show
