"""The form in which a state may permit, so that what a permit allows can be read off it.

`principal` is one agency or one group; `action` is the search; `resource` is the state's own
gallery; one `when` that is a pure conjunction of `context.x == "word"` and
`["word", ...].contains(context.x)`, among them one on the purpose and one on the offence tier; no
`unless`. What takes little suspicion takes more, and what takes no instrument takes any. A `forbid`
can only take away, so it may have any form the schema allows.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import cedarpy

from onrecord.audit.core.authority import Authority
from onrecord.audit.core.cedar_schema import INSTRUMENT, PURPOSE, SUSPICION, TIER, WORDS
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import InstrumentType, Suspicion

MAX_POLICIES = 200


@dataclass(frozen=True, slots=True)
class Permit:
    """One permit, read: whom (agency ids), and for each attribute the words it is limited to."""

    policy_id: str
    label: str
    agencies: frozenset[str]
    conditions: Mapping[str, frozenset[str]] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Forbid:
    """One forbid, with what its author said about it (`@citation`, `@summary`)."""

    policy_id: str
    label: str
    citation: str
    summary: str


@dataclass(frozen=True, slots=True)
class PolicyText:
    """All policies of a file.

    `spoken_of`: the context attributes that any of them reads; `agencies_named`: the agencies that
    any of them names one by one. What is in neither cannot change an answer.
    """

    permits: tuple[Permit, ...]
    forbids: tuple[Forbid, ...]
    spoken_of: frozenset[str]
    agencies_named: frozenset[str]


def read_policies(text: str, authority: Authority) -> PolicyText:
    """The policies in Cedar text. Raises POLICY_INVALID: which policy breaks which rule."""
    try:
        tree = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        raise _invalid("the file", f"is not Cedar: {error}") from error
    if tree.get("templates") or tree.get("templateLinks"):
        raise _invalid("the file", "holds a template, which states may not use")
    policies = tree.get("staticPolicies", {})
    if len(policies) > MAX_POLICIES:
        raise _invalid("the file", f"holds more than {MAX_POLICIES} policies")
    permits, forbids = [], []
    for policy_id in sorted(policies, key=lambda name: (len(name), name)):
        policy = policies[policy_id]
        notes = policy.get("annotations", {})
        label = str(notes.get("id") or policy_id)
        if policy["effect"] == "permit":
            permits.append(_permit(policy_id, label, policy, authority))
        else:
            citation, summary = str(notes.get("citation", "")), str(notes.get("summary", ""))
            forbids.append(Forbid(policy_id, label, citation, summary))
    spoken_of, agencies_named = _spoken_of(tree)
    return PolicyText(tuple(permits), tuple(forbids), spoken_of, agencies_named)


def _spoken_of(tree: Any) -> tuple[frozenset[str], frozenset[str]]:
    """Attributes and agencies that stand anywhere in the policies.

    `context` as a whole, in whatever expression, counts as every attribute of it.
    """
    attributes: set[str] = set()
    agencies: set[str] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            match node:
                case {".": {"left": {"Var": "context"}, "attr": str(name)}, **rest} if not rest:
                    attributes.add(name)
                    continue
                case {"Var": "context"}:
                    attributes.update(WORDS)
                case {"type": "Agency", "id": str(name)}:
                    agencies.add(name)
                case _:
                    pass
            waiting.extend(node.values())
    return frozenset(attributes), frozenset(agencies)


def _permit(policy_id: str, label: str, policy: dict[str, Any], authority: Authority) -> Permit:
    agencies = _agencies(label, policy["principal"], authority)
    if policy["action"] != _is("Action", "search"):
        raise _invalid(label, 'must say action == Action::"search"')
    if policy["resource"] != _is("Gallery", authority.jurisdiction):
        raise _invalid(label, f'must say resource == Gallery::"{authority.jurisdiction}"')
    clauses = policy.get("conditions", [])
    if len(clauses) != 1 or clauses[0]["kind"] != "when":
        raise _invalid(label, "must have exactly one `when` and no `unless`")
    conditions: dict[str, frozenset[str]] = {}
    for attribute, words in _atoms(label, clauses[0]["body"]):
        _check_words(label, attribute, words)
        conditions[attribute] = conditions.get(attribute, words) & words
    for required in (PURPOSE, TIER):
        if required not in conditions:
            raise _invalid(label, f"must limit context.{required} to words it names")
    _check_more_is_no_less(label, conditions)
    return Permit(policy_id, label, agencies, conditions)


def _agencies(label: str, principal: dict[str, Any], authority: Authority) -> frozenset[str]:
    entity = principal.get("entity", {})
    name = str(entity.get("id"))
    if principal == _is("Agency", name):
        if name not in authority.agencies:
            raise _invalid(label, f"names the agency {name!r}, which authority.yaml does not list")
        return frozenset([name])
    if principal == {"op": "in", "entity": {"type": "AgencyGroup", "id": name}}:
        if name not in authority.groups:
            raise _invalid(label, f"names the group {name!r}, which authority.yaml does not list")
        return frozenset(authority.groups[name])
    raise _invalid(label, "must name one agency (==) or one group of agencies (in) as principal")


def _is(kind: str, name: str) -> dict[str, Any]:
    return {"op": "==", "entity": {"type": kind, "id": name}}


def _atoms(label: str, body: dict[str, Any]) -> Iterator[tuple[str, frozenset[str]]]:
    """Each member of a conjunction, as an attribute and the words it is held to."""
    match body:
        case {"&&": {"left": left, "right": right}, **rest} if not rest:
            yield from _atoms(label, left)
            yield from _atoms(label, right)
        case {
            "==": {
                "left": {".": {"left": {"Var": "context"}, "attr": str(name)}},
                "right": {"Value": str(word)},
            },
            **rest,
        } if not rest:
            yield name, frozenset([word])
        case {
            "contains": {
                "left": {"Set": list(items)},
                "right": {".": {"left": {"Var": "context"}, "attr": str(name)}},
            },
            **rest,
        } if not rest:
            yield name, _literals(label, items)
        case _:
            raise _invalid(
                label,
                'has a condition that is neither `context.x == "word"` nor '
                '`["word", ...].contains(context.x)`, joined by &&',
            )


def _literals(label: str, items: list[Any]) -> frozenset[str]:
    words = [item.get("Value") for item in items if set(item) == {"Value"}]
    texts = [word for word in words if isinstance(word, str)]
    if not texts or len(texts) != len(items):
        raise _invalid(label, "has a set that is empty or holds something else than words")
    return frozenset(texts)


def _check_words(label: str, attribute: str, words: frozenset[str]) -> None:
    if attribute not in WORDS:
        raise _invalid(label, f"speaks of context.{attribute}, which does not exist")
    known = WORDS[attribute]
    if known is not None and not words <= known:
        stray = ", ".join(sorted(words - known))
        raise _invalid(label, f"holds context.{attribute} to words that do not exist: {stray}")


def _check_more_is_no_less(label: str, conditions: Mapping[str, frozenset[str]]) -> None:
    """A fact that speaks for a search must not turn a permit into a refusal: whoever left it out
    would be better off.
    """
    suspicion = conditions.get(SUSPICION, frozenset())
    for less, more in pairwise(Suspicion):
        if less.value in suspicion and more.value not in suspicion:
            raise _invalid(
                label, f"takes suspicion {less.value} and not {more.value}, which is more"
            )
    instruments = conditions.get(INSTRUMENT, frozenset())
    if InstrumentType.NONE.value in instruments and instruments != WORDS[INSTRUMENT]:
        raise _invalid(label, "takes a request without an instrument and not one with any")


def _invalid(label: str, why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.POLICY_INVALID, f"policy.cedar is refused: {label} {why}")
