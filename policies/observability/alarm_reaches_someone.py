"""An alarm that goes off is delivered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tapstack.gate.permission import Test, allows, matches
from tapstack.gate.policy import Enforcement, Evidence, Policy, Severity, failed, passed, unknown
from tapstack.model.policy_document import Document
from tapstack.model.stack import Resource, Stack
from tapstack.model.values import Unknown, as_bool, is_unset

_ACTIONS: Final = "alarm_actions"
# A topic that is told about another state must be able to receive as well.
_NAMED_IN: Final = (_ACTIONS, "ok_actions", "insufficient_data_actions")
_TOPIC: Final = "aws_sns_topic"
# What else an alarm can set off:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
_OTHERS: Final = ("aws_appautoscaling_policy", "aws_autoscaling_policy", "aws_lambda_function")
_CLOUDWATCH: Final = "cloudwatch.amazonaws.com"
_KEYS: Final = ("aws_kms_key", "aws_kms_replica_key", "aws_kms_external_key", "aws_kms_replica_external_key")
_ALIAS: Final = "aws_kms_alias"
_AWS_MANAGED: Final = "alias/aws/sns"
# https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
_KEY_ACTIONS: Final = ("kms:Decrypt", "kms:GenerateDataKey")


class AlarmReachesSomeone(Policy):
    """The alarm has an action, and every topic that it names can receive what CloudWatch publishes."""

    id = "CKV_TAP_304"
    name = "alarm_reaches_someone"
    title = "Alarms have an action, and their topics can receive them"
    severity = Severity.HIGH
    enforcement = Enforcement.SOFT_MANDATORY
    waivable = True
    resource_types = ("aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm")
    rationale = (
        "A topic under alias/aws/sns, or under a key whose policy does not name CloudWatch, swallows every "
        "alarm: the console shows it red, its history says that the action failed, and nobody is told."
    )
    remediation = (
        "alarm_actions = [aws_sns_topic.alarms.arn]\n\n"
        "# in the policy of the topic's key\n"
        "statement {\n"
        '  actions   = ["kms:Decrypt", "kms:GenerateDataKey"]\n'
        '  resources = ["*"]\n\n'
        "  principals {\n"
        '    type        = "Service"\n'
        '    identifiers = ["cloudwatch.amazonaws.com"]\n'
        "  }\n"
        "}"
    )
    references = (
        "https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns",
        "https://repost.aws/knowledge-center/cloudwatch-receive-sns-for-alarm-trigger",
        "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html",
    )

    def evaluate(self, resource: Resource, stack: Stack) -> Iterable[Evidence]:
        """Whether there is an action, then every topic that the alarm names."""
        enabled = as_bool(resource.get("actions_enabled"))
        if enabled is False:
            yield failed(
                "The alarm's actions are switched off.", "actions_enabled", actual=False, expected=True
            )
        elif isinstance(enabled, Unknown) and not enabled.computed:
            yield unknown(
                "Whether the alarm's actions are switched on is not known yet.",
                "actions_enabled",
                actual=enabled,
                expected=True,
            )
        if not stack.targets(resource, _ACTIONS, _TOPIC, *_OTHERS):
            yield _without_action(resource)
        seen: set[str] = set()
        for attribute in _NAMED_IN:
            for target in stack.targets(resource, attribute, _TOPIC, *_OTHERS):
                if (told := str(getattr(target, "address", target))) not in seen:
                    seen.add(told)
                    yield from _told(target, attribute, stack)


def _without_action(alarm: Resource) -> Evidence:
    value = alarm.get(_ACTIONS)
    if isinstance(value, Unknown) and not value.computed:
        return unknown("Whom the alarm tells is not known yet.", _ACTIONS, actual=value)
    return failed("The alarm tells nobody.", _ACTIONS, expected="at least one action")


def _told(target: Resource | Unknown | str, attribute: str, stack: Stack) -> Iterable[Evidence]:
    """Whether one action is one that CloudWatch can carry out."""
    if isinstance(target, Unknown):
        yield unknown("Whom the alarm tells is not known yet.", attribute, actual=target)
    elif isinstance(target, str):
        if ":sns:" in target:
            yield unknown(
                f"The topic {target} is not of this stack: whether it can receive the alarm can't be told.",
                attribute,
                actual=target,
                expected="a topic of this stack",
            )
        else:
            yield passed(f"The alarm sets off {target}.", attribute, target)
    elif target.type != _TOPIC:
        yield passed(f"The alarm sets off {target.address}.", attribute, target.address)
    else:
        found = [*_key(target, attribute, stack), *_topic_policy(target, attribute, stack)]
        yield from found or [passed(f"{target.address} can receive the alarm.", attribute, target.address)]


def _key(topic: Resource, attribute: str, stack: Stack) -> Iterable[Evidence]:
    """What is wrong with the key of a topic, if anything is."""
    key = stack.target(topic, "kms_master_key_id", *_KEYS, _ALIAS)
    if isinstance(key, Resource) and key.type == _ALIAS and not _is_aws_managed(key):
        key = stack.target(key, "target_key_id", *_KEYS)
    if is_unset(key) or key == "":
        return
    if _is_aws_managed(key):
        yield failed(
            f"{topic.address} is encrypted with {_AWS_MANAGED}, whose policy nobody can change to let CloudWatch "
            "use it: the alarm is never delivered.",
            attribute,
            actual=_AWS_MANAGED,
            expected=f"a customer-managed key whose policy allows {_CLOUDWATCH}",
        )
    elif not isinstance(key, Resource) or key.mode != "managed":
        shown = key.address if isinstance(key, Resource) else key
        yield unknown(
            f"{topic.address} is encrypted with a key that is not of this stack or not known yet ({shown}): "
            "whether its policy lets CloudWatch use it can't be told.",
            attribute,
            actual=shown,
            expected=f"a key whose policy allows {_CLOUDWATCH}",
        )
    else:
        yield from _key_policy(topic, key, attribute, stack)


def _is_aws_managed(key: object) -> bool:
    names = (key.get("name"), key.get("key_id")) if isinstance(key, Resource) else (key,)
    return any(isinstance(name, str) and name.endswith(_AWS_MANAGED) for name in names)


def _key_policy(topic: Resource, key: Resource, attribute: str, stack: Stack) -> Iterable[Evidence]:
    whose = f"{key.address}, the key of {topic.address},"
    holder = _holder(key, "aws_kms_key_policy", "key_id", stack)
    if holder is None:
        expected = f"{_CLOUDWATCH} may {' and '.join(_KEY_ACTIONS)}"
        yield _unread(whose, attribute, None, expected)
        return
    if is_unset(holder.get("policy")):
        yield failed(
            f"{topic.address} is encrypted with {key.address}, which has AWS's default policy: CloudWatch is "
            "not allowed to use the key.",
            attribute,
            actual="the default key policy",
            expected=f"{_CLOUDWATCH} may {' and '.join(_KEY_ACTIONS)}",
        )
        return
    yield from _allowed(holder, _KEY_ACTIONS, whose, attribute, stack)


def _topic_policy(topic: Resource, attribute: str, stack: Stack) -> Iterable[Evidence]:
    """What is wrong with the policy of a topic; AWS's default one lets the account's own alarms publish."""
    holder = _holder(topic, "aws_sns_topic_policy", "arn", stack)
    if holder is None:
        yield _unread(topic.address, attribute, None, f"{_CLOUDWATCH} may sns:Publish")
    elif not is_unset(holder.get("policy")):
        is_topic = _is_topic(topic, holder, stack)
        yield from _allowed(holder, ("sns:Publish",), topic.address, attribute, stack, is_topic)


def _holder(resource: Resource, type_: str, path: str, stack: Stack) -> Resource | None:
    """The resource that carries the policy of another: one of its own type, else itself; None if not known."""
    for use in stack.users(resource, type_):
        if use.path == path:
            return use.resource
    whose = (stack.target(one, path, resource.type) for one in stack.of_types((type_,)))
    return None if any(isinstance(one, Unknown) for one in whose) else resource


def _is_topic(topic: Resource, holder: Resource, stack: Stack) -> Test:
    arn, name = topic.get("arn"), topic.get("name")

    def test(pattern: str | Unknown) -> bool | None:
        if isinstance(pattern, Unknown):
            return any(one.resource is topic for one in stack.resolve(holder, pattern)) or None
        if isinstance(arn, str):
            return matches(pattern, arn)
        return matches(pattern.rpartition(":")[2], name) if isinstance(name, str) else None

    return test


def _allowed(
    holder: Resource,
    actions: tuple[str, ...],
    whose: str,
    attribute: str,
    stack: Stack,
    is_it: Test | None = None,
) -> Iterable[Evidence]:
    """What is wrong with a policy that should let CloudWatch do something, if anything is."""
    document = stack.document(holder, "policy")
    expected = f"{_CLOUDWATCH} may {' and '.join(actions)}"
    if not isinstance(document, Document):
        yield _unread(whose, attribute, document, expected)
        return
    answers = {
        action: allows(document, action=action, principal=("Service", _CLOUDWATCH), resource=is_it)
        for action in actions
    }
    missing = [action for action, answer in answers.items() if answer.verdict == "no"]
    if missing:
        yield failed(
            f"The policy of {whose} does not let CloudWatch do {' or '.join(missing)}: the alarm is never "
            "delivered.",
            attribute,
            actual=holder.address,
            expected=expected,
        )
    elif any(answer.verdict == "unknown" for answer in answers.values()):
        yield _unread(whose, attribute, None, expected)


def _unread(whose: str, attribute: str, actual: object, expected: str) -> Evidence:
    return unknown(
        f"Whether the policy of {whose} lets CloudWatch in is not known yet.",
        attribute,
        actual=actual,
        expected=expected,
    )
