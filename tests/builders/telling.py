"""A story told to one law alone, as a verifier whose memories lie on disk would tell it."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import pytest

from onrecord.proof.checks import BodyCheck, LedgerFault
from onrecord.proof.shelf import MemoryShelf

Body = Mapping[str, Any]


class CopyingShelf(MemoryShelf):
    """Gives copies, as a shelf on disk does: what was changed and not put again is lost."""

    def get(self, key: str) -> Any:
        return deepcopy(super().get(key))

    def put(self, key: str, value: Any) -> None:
        super().put(key, deepcopy(value))


def tell(law: BodyCheck, story: Sequence[Body]) -> int:
    """How often the law was found true. A fault names the law and the entry where it was seen."""
    for index, body in enumerate(story):
        try:
            law.see(index, body)
        except LedgerFault as fault:
            assert (fault.check, fault.index) == (law.name, index)
            raise
    law.finish()
    return law.passed


def broken_by_the_last(make: Callable[[], BodyCheck], story: Sequence[Body]) -> str:
    """The reason of the fault at the story's last entry; the story before it is a true one."""
    tell(make(), story[:-1])
    with pytest.raises(LedgerFault) as fault:
        tell(make(), story)
    assert fault.value.index == len(story) - 1
    return fault.value.reason
