"""What a law remembers (R-24): the last that was put there, until it is dropped."""

from onrecord.proof.shelf import MemoryShelf


def test_a_shelf_gives_back_what_was_put_last_and_forgets_what_was_dropped() -> None:
    shelf = MemoryShelf()
    assert shelf.get("a") is None
    shelf.put("a", [1])
    shelf.put("b", [2])
    shelf.put("a", [3])
    assert (shelf.get("a"), shelf.get("b")) == ([3], [2])
    shelf.drop("a")
    shelf.drop("never there")
    assert (shelf.get("a"), shelf.get("b")) == (None, [2])
