"""An alarm about a function's errors looks at the share of them, soon enough."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import Field

from tapstack.gate.policy import (
    Enforcement,
    Evidence,
    Policy,
    Severity,
    failed,
    not_applicable,
    passed,
    unknown,
)
from tapstack.model.metric_math import MetricMath, Quotient
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import MISSING, Unknown, as_bool, as_number, is_unset

_QUERIES: Final = "metric_query"
_OPERATOR: Final = "GreaterThanThreshold"
_RATE: Final = "100 * errors / invocations"
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
_INSIGHTS: Final = re.compile(r"\s*SELECT\b[^(]*\(\s*\"?Errors\"?\s*\)\s.*\"?AWS/Lambda\"?", re.I | re.S)
_SECONDS: Final = 60

_Query = Mapping[str, Any]


class AlarmOnErrorRate(Policy):
    """Errors over invocations, more than at most `max_percent`, within `max_minutes`."""

    id = "CKV_TAP_303"
    name = "alarm_on_error_rate"
    title = "Alarms about Lambda errors look at the error rate"
    severity = Severity.MEDIUM
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("aws_cloudwatch_metric_alarm",)
    rationale = (
        "Five errors are a catastrophe among ten invocations and noise among a million: an alarm on the count "
        "is wrong on one of the two days. The share stays right while traffic changes."
    )
    remediation = (
        'comparison_operator = "GreaterThanThreshold"\n'
        "threshold           = 5\n"
        "evaluation_periods  = 1\n\n"
        "metric_query {\n"
        '  id          = "error_rate"\n'
        '  expression  = "IF(invocations > 0, 100 * errors / invocations, 0)"\n'
        "  return_data = true\n"
        "}\n\n"
        "# and a metric_query for each of errors and invocations: namespace AWS/Lambda, stat Sum, period 300"
    )
    references = (
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html",
        "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
    )

    class Parameters(Policy.Parameters):
        """The highest share (percent) and the longest time (minutes) before the alarm goes off.

        `allow_absolute` lets an alarm count errors; its threshold is then its own business.
        """

        max_percent: float = Field(default=5, gt=0, le=100)
        max_minutes: float = Field(default=5, gt=0)
        allow_absolute: bool = False

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:  # noqa: ARG002
        """Whether it is about errors of functions, then what it computes, and when it goes off."""
        queries = resource.get(_QUERIES)
        if isinstance(queries, Unknown) and not queries.computed:
            yield unknown("What the alarm looks at is not known yet.", _QUERIES, actual=queries)
        elif is_unset(queries) or not queries:
            yield from self._metric(resource)
        else:
            yield from self._math(resource, [q if isinstance(q, Mapping) else {} for q in queries])

    def _metric(self, resource: Resource) -> Iterable[Evidence]:
        is_errors = _is(resource.get("namespace"), resource.get("metric_name"), "Errors")
        if is_errors is None:
            yield unknown(
                "Which metric the alarm looks at is not known yet.",
                "metric_name",
                actual=resource.get("metric_name"),
            )
        elif not is_errors:
            yield _about_something_else()
        else:
            yield from self._count(resource, "metric_name", as_number(resource.get("period")))

    def _math(self, resource: Resource, queries: list[_Query]) -> Iterable[Evidence]:
        # What a query without a known id or expression computes can't be told.
        by_id = {str(query.get("id")): query for query in queries}
        math = MetricMath(
            {i: q["expression"] for i, q in by_id.items() if isinstance(q.get("expression"), str)},
            frozenset(i for i, q in by_id.items() if q.get("metric")),
        )
        errors = {i: _is_errors(by_id[i]) for i in math.metrics}
        hidden = any(isinstance(q.get(key), Unknown) for q in queries for key in ("id", "expression"))
        returned = _returned(by_id)
        if isinstance(returned, str) and _INSIGHTS.match(math.expressions.get(returned, "")):
            yield from self._count(resource, _QUERIES, as_number(by_id[returned].get("period")))
        elif all(one is False for one in errors.values()) and (errors or not hidden):
            yield _about_something_else()
        elif isinstance(returned, Unknown) or hidden or None in errors.values():
            yield unknown("Which metrics the alarm looks at is not known yet.", _QUERIES, expected=_RATE)
        elif not any(errors[i] for i in math.metrics_of(returned)):
            yield _about_something_else()
        else:
            used = {i: _metric_of(by_id[i]) for i in math.metrics_of(returned)}
            shown = math.expressions.get(returned, returned)
            yield from self._computed(resource, math.quotient(returned), used, shown)

    def _computed(
        self, resource: Resource, quotient: Quotient | None, used: Mapping[str, _Query], shown: str
    ) -> Iterable[Evidence]:
        over = {i: used[i] for i in quotient.over} if quotient else {}
        under = {i: used[i] for i in quotient.under} if quotient else {}
        period = _longest_period(used)
        if quotient and over and not under and _all_are(over, "Errors"):
            yield from self._count(resource, _QUERIES, period)
        elif not (quotient and quotient.factor > 0 and _all_are(over, "Errors")) or not _all_are(
            under, "Invocations"
        ):
            yield failed(
                f"The alarm computes {shown}, which is not a share of errors among invocations.",
                _QUERIES,
                actual=shown,
                expected=_RATE,
            )
        else:
            found = [*_operands(over, under), *self._goes_off(resource, quotient.factor, period)]
            yield from found or [
                passed(
                    f"The alarm goes off when more than {_percent(resource, quotient.factor):g} % of the "
                    "invocations fail.",
                    _QUERIES,
                    shown,
                )
            ]

    def _count(self, resource: Resource, attribute: str, period: Any) -> Iterable[Evidence]:
        if not self.parameters.allow_absolute:
            yield failed(
                "The alarm counts errors, whatever the number of invocations.",
                attribute,
                actual="a count of errors",
                expected=_RATE,
            )
            return
        found = [*_compared(resource), *self._window(resource, period)]
        yield from found or [passed("The alarm counts errors, which is allowed here.", attribute)]

    def _goes_off(self, resource: Resource, factor: float, period: Any) -> Iterable[Evidence]:
        yield from _compared(resource)
        percent, expected = _percent(resource, factor), f"at most {self.parameters.max_percent:g} %"
        threshold = resource.get("threshold")
        if is_unset(threshold):
            yield failed("The alarm has no threshold of its own.", "threshold", expected=expected)
        elif percent is None:
            yield unknown("The threshold is not known yet.", "threshold", actual=threshold, expected=expected)
        elif percent > self.parameters.max_percent:
            yield failed(
                f"The alarm goes off only when more than {percent:g} % of the invocations fail.",
                "threshold",
                actual=threshold,
                expected=expected,
            )
        yield from self._window(resource, period)

    def _window(self, resource: Resource, period: Any) -> Iterable[Evidence]:
        attribute, most = "evaluation_periods", self.parameters.max_minutes
        periods, expected = as_number(resource.get(attribute)), f"at most {most:g} minutes"
        if not isinstance(periods, (int, float)) or not isinstance(period, (int, float)):
            actual = period if isinstance(periods, (int, float)) else periods
            yield unknown(
                "How long the alarm takes is not known yet.", attribute, actual=actual, expected=expected
            )
        elif (minutes := periods * period / _SECONDS) > most:
            yield failed(
                f"The alarm takes {minutes:g} minutes: {periods:g} periods of {period:g} seconds.",
                attribute,
                actual=periods,
                expected=expected,
            )


def _about_something_else() -> Evidence:
    return not_applicable("The alarm is not about errors of Lambda functions.")


def _is(namespace: Any, metric: Any, wanted: str) -> bool | None:
    """Whether this is AWS/Lambda's metric `wanted`; None where it can't be told."""
    pairs = ((namespace, "AWS/Lambda"), (metric, wanted))
    if any(not isinstance(value, Unknown) and value != right for value, right in pairs):
        return False
    return None if any(isinstance(value, Unknown) for value, _ in pairs) else True


def _metric_of(query: _Query) -> _Query:
    block = query.get("metric")
    first = block[0] if isinstance(block, list) and block else block
    return first if isinstance(first, Mapping) else {}


def _is_errors(query: _Query) -> bool | None:
    if isinstance(query.get("metric"), Unknown):
        return None
    metric = _metric_of(query)
    return _is(metric.get("namespace"), metric.get("metric_name"), "Errors")


def _returned(by_id: Mapping[str, _Query]) -> str | Unknown:
    """The id of the query that the alarm watches."""
    flags = {id_: as_bool(query.get("return_data")) for id_, query in by_id.items()}
    for id_, flag in flags.items():
        if flag is True:
            return id_
    hidden = next((flag for flag in flags.values() if isinstance(flag, Unknown)), None)
    # CloudWatch takes a lone query without being told.
    return hidden or next(iter(by_id))


def _all_are(metrics: Mapping[str, _Query], wanted: str) -> bool:
    return bool(metrics) and all(
        _is(metric.get("namespace"), metric.get("metric_name"), wanted) for metric in metrics.values()
    )


def _operands(over: Mapping[str, _Query], under: Mapping[str, _Query]) -> Iterable[Evidence]:
    """Both must be sums, of the same functions."""
    for id_, metric in sorted({**over, **under}.items()):
        stat = metric.get("stat")
        if isinstance(stat, Unknown):
            yield unknown(f"The statistic of {id_} is not known yet.", _QUERIES, actual=stat, expected="Sum")
        elif stat != "Sum":
            yield failed(
                f"{id_} is the {stat}, not the sum, of its metric.", _QUERIES, actual=stat, expected="Sum"
            )
    failing, all_ = ({_function(metric) for metric in side.values()} for side in (over, under))
    if failing == all_:
        return
    shown = f"errors of {_listed(failing)}, invocations of {_listed(all_)}"
    if any(isinstance(value, Unknown) for value in failing | all_):
        yield unknown("Whether both are of the same function is not known yet.", _QUERIES, actual=shown)
    else:
        yield failed(
            "The errors of one function are divided by the invocations of another.",
            _QUERIES,
            actual=shown,
            expected="the same dimensions",
        )


def _function(metric: _Query) -> Any:
    """What its dimensions say, in a form that can be compared."""
    dimensions = metric.get("dimensions") or {}
    if not isinstance(dimensions, Mapping):
        return dimensions
    hidden = next((value for value in dimensions.values() if isinstance(value, Unknown)), None)
    return hidden or ", ".join(f"{key} {value}" for key, value in sorted(dimensions.items()))


def _listed(values: Iterable[Any]) -> str:
    return " and ".join(sorted(str(value) or "all functions" for value in values))


def _compared(resource: Resource) -> Iterable[Evidence]:
    attribute = "comparison_operator"
    operator = resource.get(attribute)
    if isinstance(operator, Unknown):
        yield unknown("The comparison is not known yet.", attribute, actual=operator, expected=_OPERATOR)
    elif operator != _OPERATOR:
        yield failed(
            f"The alarm goes off on {operator}.", attribute, actual=operator or None, expected=_OPERATOR
        )


def _percent(resource: Resource, factor: float) -> float | None:
    """The threshold in percent of the invocations, whatever the expression multiplies with."""
    threshold = as_number(resource.get("threshold"))
    if not isinstance(threshold, (int, float)):
        return None
    return round(threshold * 100 / factor, 9)


def _longest_period(metrics: Mapping[str, _Query]) -> Any:
    """Seconds; what isn't known, where one isn't."""
    periods = [as_number(metric.get("period")) for metric in metrics.values()]
    hidden = [period for period in periods if not isinstance(period, (int, float))]
    return hidden[0] if hidden else max(periods, default=MISSING)
