"""A model repository in an object store: put there once, fetched by every pod that needs it.

What is fetched is held to its card before anything loads it: a file that is not the one whose
SHA-256 the card states is refused, and so is a repository without models.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from onrecord.chassis.inference import ModelRepository
from onrecord.chassis.inference.golden import GOLDEN
from onrecord.chassis.objects import ObjectStore
from onrecord.kernel.cards import ModelCard
from onrecord.kernel.errors import ErrorCode, OnRecordError

_CARD: Final = "card.yaml"
_MODEL: Final = "1/model.onnx"
_FILES: Final = (_CARD, "config.pbtxt", GOLDEN, _MODEL)
"""Of a model. The card is put last: without it the others are not looked at."""


def check(repository: Path, *, cards_only: bool) -> Sequence[ModelCard]:
    """The cards of a repository whose models are those of their cards, by SHA-256.

    `cards_only`: of no model is the file looked at. Raises MODEL_UNKNOWN where there is none,
    MODEL_CARD_INVALID, MODEL_HASH.
    """
    models = ModelRepository(repository)
    cards = models.cards()
    if not cards:
        raise OnRecordError(ErrorCode.MODEL_UNKNOWN, f"{repository} holds no model.")
    if not cards_only:
        for card in cards:
            models.verify(card.name)
    return cards


def fetch(store: ObjectStore, repository: Path, *, cards_only: bool) -> Sequence[ModelCard]:
    """Copy what the store holds into `repository`, and `check` it. Repeatable.

    Raises what `check` and the store raise.
    """
    for key in sorted(_keys(store, cards_only)):
        path = repository / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.get(key))
    return check(repository, cards_only=cards_only)


def push(repository: Path, store: ObjectStore) -> Sequence[ModelCard]:
    """`check` a repository and put it into the store; a model whose card is not there yet is not
    fetched. Raises what `check` and the store raise.
    """
    cards = check(repository, cards_only=False)
    for card in cards:
        for name in reversed(_FILES):
            path = repository / card.name / name
            if path.is_file():
                store.put(f"{card.name}/{name}", path.read_bytes())
    return cards


def _keys(store: ObjectStore, cards_only: bool) -> Iterator[str]:
    wanted = (_CARD,) if cards_only else _FILES
    keys = set(store.keys(""))
    for key in keys:
        model, _, name = key.partition("/")
        if name in wanted and f"{model}/{_CARD}" in keys:
            yield key
