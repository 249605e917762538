"""The fields of a card, each checked as it is read."""

from collections.abc import Mapping
from typing import TypeVar

from onrecord.kernel.cards import (
    LANDMARKS,
    Metric,
    ModelCard,
    ModelInput,
    ModelLicence,
    ModelRole,
    ModelSource,
    Point,
)
from onrecord.kernel.errors import ErrorCode, OnRecordError

_COMMON = [
    "name",
    "version",
    "set",
    "role",
    "precision",
    "sha256",
    "source",
    "licence",
    "commercial_use",
    "training_data",
    "input",
    "outputs",
    "calibration",
    "warnings",
]
_EMBEDDER = ["dimension", "metric", "similarity", "landmark_templates", "thresholds"]
SIMILARITY = {
    Metric.IP: "inner product of unit vectors (the cosine), in [-1, 1]",
    Metric.L2: "1 - d^2 / 2 of the Euclidean distance d, clipped to [-1, 1]",
}
_HEX = frozenset("0123456789abcdef")
_Word = TypeVar("_Word", ModelRole, Metric)


def invalid(where: str, name: str, what: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.MODEL_CARD_INVALID, f"{where}: {name or 'the card'} {what}.", field=name or None
    )


class CardFields:
    """Turns parsed YAML into a card, and says where it is wrong."""

    def __init__(self, where: str) -> None:
        self._where = where

    def card(self, document: object) -> ModelCard:
        fields = self._mapping(document, "")
        role = self._one_of(ModelRole, fields.get("role"), "role")
        embeds = role is ModelRole.EMBEDDER
        self._exactly(fields, _COMMON + (_EMBEDDER if embeds else []), "")
        metric = self._one_of(Metric, fields["metric"], "metric") if embeds else None
        if metric is not None and fields["similarity"] != SIMILARITY[metric]:
            raise invalid(self._where, "similarity", f"must read {SIMILARITY[metric]!r}")
        return ModelCard(
            name=self._text(fields["name"], "name"),
            version=self._text(fields["version"], "version"),
            model_set=self._text(fields["set"], "set"),
            role=role,
            precision=self._text(fields["precision"], "precision"),
            sha256=self._sha256(fields["sha256"], "sha256"),
            source=self._source(fields["source"]),
            licence=self._licence(fields["licence"]),
            commercial_use=self._flag(fields["commercial_use"], "commercial_use"),
            training_data=self._text(fields["training_data"], "training_data"),
            input=self._input(fields["input"]),
            outputs=self._texts(fields["outputs"], "outputs"),
            dimension=self._size(fields["dimension"], "dimension") if embeds else None,
            metric=metric,
            landmark_templates=self._templates(fields["landmark_templates"]) if embeds else {},
            thresholds=self._thresholds(fields["thresholds"]) if embeds else {},
            calibration=self._text(fields["calibration"], "calibration"),
            warnings=self._texts(fields["warnings"], "warnings"),
        )

    def _source(self, value: object) -> ModelSource:
        source = self._mapping(value, "source")
        self._exactly(source, ["package", "description", "files"], "source")
        package = source["package"]
        files = self._mapping(source["files"], "source.files")
        return ModelSource(
            package=None if package is None else self._text(package, "source.package"),
            description=self._text(source["description"], "source.description"),
            files={k: self._sha256(v, f"source.files.{k}") for k, v in files.items()},
        )

    def _licence(self, value: object) -> ModelLicence:
        licence = self._mapping(value, "licence")
        self._exactly(licence, ["spdx", "text"], "licence")
        return ModelLicence(
            spdx=self._text(licence["spdx"], "licence.spdx"),
            text=self._text(licence["text"], "licence.text"),
        )

    def _input(self, value: object) -> ModelInput:
        given = self._mapping(value, "input")
        self._exactly(given, ["name", "height", "width", "channels", "dtype", "layout"], "input")
        for name, only in (("channels", "RGB"), ("dtype", "uint8"), ("layout", "NHWC")):
            if given[name] != only:
                raise invalid(self._where, f"input.{name}", f"must be {only}")
        sides = [
            None if given[name] is None else self._size(given[name], f"input.{name}")
            for name in ("height", "width")
        ]
        return ModelInput(self._text(given["name"], "input.name"), sides[0], sides[1])

    def _templates(self, value: object) -> dict[str, tuple[Point, ...]]:
        templates: dict[str, tuple[Point, ...]] = {}
        for detector, points in self._mapping(value, "landmark_templates").items():
            name = f"landmark_templates.{detector}"
            if not isinstance(points, list) or len(points) != len(LANDMARKS):
                raise invalid(self._where, name, f"must be {len(LANDMARKS)} points")
            templates[detector] = tuple(self._point(point, name) for point in points)
        return templates

    def _point(self, value: object, name: str) -> Point:
        if not isinstance(value, list) or len(value) != 2:
            raise invalid(self._where, name, "must hold points of two numbers")
        return (self._number(value[0], name), self._number(value[1], name))

    def _thresholds(self, value: object) -> dict[str, float]:
        given = self._mapping(value, "thresholds")
        return {k: self._number(v, f"thresholds.{k}") for k, v in given.items()}

    def _exactly(self, given: Mapping[str, object], names: list[str], at: str) -> None:
        prefix = f"{at}." if at else ""
        for name in names:
            if name not in given:
                raise invalid(self._where, prefix + name, "is missing")
        for name in given:
            if name not in names:
                raise invalid(self._where, prefix + name, "is not a field of a card")

    def _mapping(self, value: object, name: str) -> dict[str, object]:
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise invalid(self._where, name, "must be a mapping")
        return value

    def _text(self, value: object, name: str) -> str:
        if not isinstance(value, str) or not value.strip():
            raise invalid(self._where, name, "must be text")
        return value

    def _texts(self, value: object, name: str) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise invalid(self._where, name, "must be a list of texts")
        return tuple(self._text(item, name) for item in value)

    def _sha256(self, value: object, name: str) -> str:
        if not isinstance(value, str) or len(value) != 64 or not set(value) <= _HEX:
            raise invalid(self._where, name, "must be 64 lower-case hexadecimal digits")
        return value

    def _flag(self, value: object, name: str) -> bool:
        if not isinstance(value, bool):
            raise invalid(self._where, name, "must be true or false")
        return value

    def _size(self, value: object, name: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise invalid(self._where, name, "must be a positive whole number")
        return value

    def _number(self, value: object, name: str) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise invalid(self._where, name, "must be a number")
        return float(value)

    def _one_of(self, kind: type[_Word], value: object, name: str) -> _Word:
        try:
            return kind(str(value))
        except ValueError as error:
            allowed = ", ".join(member.value for member in kind)
            raise invalid(self._where, name, f"must be one of {allowed}") from error
