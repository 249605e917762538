"""`model_repository/` as this process reads it."""

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

from onrecord.chassis.inference.cards import read_card
from onrecord.chassis.inference.session import InferenceSession, OnnxRuntimeSession
from onrecord.kernel.cards import ModelCard
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError


class ModelRepository:
    """`Models` of one folder, each loaded into this process once, when it is first asked for.

    Nothing is loaded whose SHA-256 is not the one on its card. Safe to share between threads.
    """

    def __init__(self, root: Path, *, threads: int = 1) -> None:
        self._root = root
        self._threads = threads
        self._lock = threading.Lock()
        self._sessions: dict[str, InferenceSession] = {}

    @property
    def root(self) -> Path:
        return self._root

    def cards(self) -> Sequence[ModelCard]:
        """The cards of all models that are built here, by name. Raises MODEL_CARD_INVALID."""
        return [self.card(path.parent.name) for path in sorted(self._root.glob("*/card.yaml"))]

    def card(self, name: str) -> ModelCard:
        """The card of one model. Raises MODEL_UNKNOWN, MODEL_CARD_INVALID."""
        if not name or Path(name).name != name:
            raise OnRecordError(ErrorCode.MODEL_UNKNOWN, f"{name!r} is not the name of a model.")
        card = read_card(self._root / name / "card.yaml")
        if card.name != name:
            raise OnRecordError(
                ErrorCode.MODEL_CARD_INVALID,
                f"The card in {self._root / name} is that of {card.name}.",
                field="name",
            )
        return card

    def session(self, name: str) -> InferenceSession:
        """The model, ready to run. Raises MODEL_UNKNOWN, MODEL_CARD_INVALID, MODEL_HASH."""
        with self._lock:
            if name not in self._sessions:
                card = self.card(name)
                model = _verified(self._root / name / "1" / "model.onnx", card)
                self._sessions[name] = OnnxRuntimeSession(card, model, threads=self._threads)
            return self._sessions[name]

    def verify(self, name: str) -> None:
        """Whether the model's file is the one of its card; nothing is loaded. Raises
        MODEL_UNKNOWN, MODEL_CARD_INVALID, MODEL_HASH.
        """
        _verified(self._root / name / "1" / "model.onnx", self.card(name))

    def check(self, deadline: Deadline) -> None:
        """Nothing to ask: what was loaded is here."""


def _verified(path: Path, card: ModelCard) -> bytes:
    """The bytes that were hashed are the bytes that are loaded: the file is read once."""
    if not path.is_file():
        raise OnRecordError(
            ErrorCode.MODEL_UNKNOWN, f"{path} is absent: `onrecord models build {card.model_set}`."
        )
    model = path.read_bytes()
    found = hashlib.sha256(model).hexdigest()
    if found != card.sha256:
        raise OnRecordError(
            ErrorCode.MODEL_HASH,
            f"{path} is not the model of its card: SHA-256 {found}, the card says {card.sha256}.",
        )
    return model
