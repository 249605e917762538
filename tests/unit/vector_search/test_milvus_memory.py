"""What a Milvus server holds in memory for a plane; its client remembers what it is told."""

from types import SimpleNamespace

from onrecord.kernel.deadlines import Deadline
from onrecord.vector_search.adapters.milvus_memory import Memory

IDLE_SECONDS = 60.0


class Server:
    """`load_collection` as Milvus has it, at once."""

    def __init__(self) -> None:
        self.loaded: set[str] = set()

    def get_load_state(self, name: str, **_: object) -> dict[str, SimpleNamespace]:
        return {"state": SimpleNamespace(name="Loaded" if name in self.loaded else "NotLoad")}

    def load_collection(self, name: str, **_: object) -> None:
        self.loaded.add(name)

    def release_collection(self, name: str, **_: object) -> None:
        self.loaded.discard(name)


def test_a_gallery_that_was_foreseen_and_never_searched_is_let_go() -> None:
    """ADR 53: a search may end for its probe, after the plane was told of it."""
    server, now = Server(), [0.0]
    memory = Memory(server, idle_seconds=IDLE_SECONDS, wait_seconds=1.0, monotonic=lambda: now[0])
    deadline = Deadline.after(60.0)
    memory.foresee("foreseen", deadline)
    memory.foresee("searched", deadline)
    assert server.loaded == {"foreseen", "searched"}
    now[0] = IDLE_SECONDS - 1
    memory.hold("searched", deadline)
    memory.release_idle(deadline)
    assert server.loaded == {"foreseen", "searched"}
    now[0] = IDLE_SECONDS
    memory.release_idle(deadline)
    assert server.loaded == {"searched"}
    now[0] = 2 * IDLE_SECONDS
    memory.release_idle(deadline)
    assert server.loaded == set()


def test_what_others_had_loaded_is_not_ours_to_let_go() -> None:
    """Foreseen where it was in memory already: whoever loaded it releases it."""
    server, now = Server(), [0.0]
    server.loaded.add("theirs")
    memory = Memory(server, idle_seconds=IDLE_SECONDS, wait_seconds=1.0, monotonic=lambda: now[0])
    memory.foresee("theirs", Deadline.after(60.0))
    now[0] = 2 * IDLE_SECONDS
    memory.release_idle(Deadline.after(60.0))
    assert server.loaded == {"theirs"}
