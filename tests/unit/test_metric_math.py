"""What metric math expressions are understood as."""

from __future__ import annotations

import pytest

from tapstack.model.metric_math import MetricMath, Quotient

E, I = frozenset({"errors"}), frozenset({"invocations"})  # noqa: E741 - as in the expressions


def quotient(expression: str, **others: str) -> Quotient | None:
    math = MetricMath({"rate": expression, **others}, frozenset({"errors", "invocations", "in", "e1", "e2"}))
    return math.quotient("rate")


@pytest.mark.parametrize(
    "expression",
    [
        "100 * errors / invocations",
        "(errors / invocations) * 100",
        "errors * 100 / invocations",
        "100 * (errors / invocations)",
        "errors / (invocations / 100)",
        "IF(invocations > 0, 100 * errors / invocations, 0)",
        "IF(invocations >= 10 AND errors != 0, 100 * errors / invocations)",
        "IF(invocations == 0 || errors == 0, 0, 100 * errors / invocations)",
        "100 * FILL(errors, 0) / FILL(invocations, 1)",
        "100 * errors / MAX([invocations, 1])",
        "CEIL(100 * errors / invocations)",
        "(errors/invocations)\n  * 100",
    ],
)
def test_a_share_in_percent_is_seen_through_guards_and_order(expression: str) -> None:
    assert quotient(expression) == Quotient(100, E, I)


def test_a_share_without_100_is_a_fraction() -> None:
    assert quotient("errors / invocations") == Quotient(1, E, I)


def test_expressions_are_followed_through_one_another() -> None:
    assert quotient("100 * share", share="bad / invocations", bad="FILL(errors, 0)") == Quotient(100, E, I)


def test_expressions_that_lead_back_to_themselves_are_nothing() -> None:
    assert quotient("100 * share", share="rate / 100") is None


@pytest.mark.parametrize("expression", ["e1 + e2", "SUM([e1, e2])", 'SUM(METRICS("e1")) + e2'])
def test_sums_of_several_metrics_are_sums(expression: str) -> None:
    assert quotient(f"({expression}) / invocations") == Quotient(1, frozenset({"e1", "e2"}), I)


def test_an_id_may_be_a_word_of_pythons() -> None:
    assert quotient("errors / in") == Quotient(1, E, frozenset({"in"}))


@pytest.mark.parametrize(
    "expression",
    [
        "errors * invocations",
        "errors - invocations",
        "errors + invocations / 2",
        "e1 / invocations + e2 / errors",
        "errors / 0",
        "errors + errors",
        "IF(errors > 5, errors, invocations)",
        "ANOMALY_DETECTION_BAND(errors, 2)",
        "SEARCH('{AWS/Lambda,FunctionName} MetricName=\"Errors\"', 'Sum')",
        "RATE(errors",
        "SUM(errors)",
        "errors ^ 2",
        "'errors'",
        "True",
        "elsewhere / invocations",
        "(" * 2000,
        "-" * 2040 + "errors",
        "1 + " * 1000 + "errors",
        "errors\0",
    ],
)
def test_what_is_no_quotient_of_sums_is_nothing(expression: str) -> None:
    assert quotient(expression) is None


def test_the_metrics_of_an_expression_are_found_however_they_are_used() -> None:
    math = MetricMath(
        {"band": "ANOMALY_DETECTION_BAND(share, 2)", "share": 'MAX(METRICS("err")) - invocations'},
        frozenset({"errors", "invocations", "other"}),
    )
    assert math.metrics_of("band") == {"errors", "invocations"}
