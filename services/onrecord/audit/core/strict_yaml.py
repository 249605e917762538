"""YAML with one reading only: what a state signs must mean to us what it meant to its lawyers.

Texts, whole numbers, true, false, null, lists and mappings. Refused: anchors, aliases, tags,
duplicate keys, directives, several documents, and every form that YAML 1.1 guesses at (`no`,
`1:30`, `1.5`), and what `plain_text` refuses. An instant stays text: who reads the
field knows that it is one.
"""

import re
from typing import Any

import yaml

from onrecord.audit.core.plain_text import read_plain
from onrecord.kernel.errors import ErrorCode, OnRecordError

_MAX_DEPTH = 12
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,15}")
_WORDS = {"true": True, "false": False, "null": None}
# What YAML 1.1 would read as something else than text, and people might mean either way.
_GUESSED = re.compile(
    r"(?:y|n|yes|no|on|off|~|=|<<|true|false|null"
    r"|[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9_]+)(?:e[-+]?[0-9]+)?"
    r"|[-+]?0[xob]?[0-9a-f_]+|[-+]?\.(?:inf|nan)"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?)",
    re.IGNORECASE,
)


def read_yaml(data: bytes) -> Any:
    """The one document in `data`. Raises POLICY_INVALID with the line at fault."""
    text = read_plain(data, "authority.yaml")
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            _refuse_cleverness(event, depth)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise _invalid("it is not YAML", getattr(mark, "line", None)) from error
    if node is None:
        raise _invalid("it is empty")
    return _value(node)


def _refuse_cleverness(event: Any, depth: int) -> None:
    line = event.start_mark.line
    if depth > _MAX_DEPTH:  # refused here, because parsing on would cost its square
        raise _invalid("it is nested too deeply", line)
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise _invalid("anchors and aliases are not allowed", line)
    if getattr(event, "tag", None):
        raise _invalid("tags are not allowed", line)
    if isinstance(event, yaml.DocumentStartEvent) and (event.version or event.tags):
        raise _invalid("directives are not allowed", line)


def _value(node: Any) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = _value(key_node)
            if not isinstance(key, str):
                raise _invalid("a key is not text", key_node.start_mark.line)
            if key in found:
                raise _invalid(f"the key {key!r} stands twice", key_node.start_mark.line)
            found[key] = _value(value_node)
        return found
    return _scalar(str(node.value), node.style, node.start_mark.line)


def _scalar(text: str, style: str | None, line: int) -> Any:
    if style is not None:  # quoted, or a block: text, whatever it looks like
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if not text or _GUESSED.fullmatch(text):
        raise _invalid(f"the value {text!r} has several readings: put it in quotes", line)
    return text


def _invalid(why: str, line: int | None = None) -> OnRecordError:
    where = "" if line is None else f" (line {line + 1})"
    return OnRecordError(ErrorCode.POLICY_INVALID, f"authority.yaml is refused: {why}{where}")
