"""What every object store holds to. Each module that imports this suite gives `objects`."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from onrecord.chassis.objects import ObjectStore
from onrecord.kernel.errors import ErrorCode, OnRecordError


def test_an_object_is_replaced_whole_and_deleted_for_good(objects: ObjectStore) -> None:
    """R-30: what was deleted is not there for whoever asks next."""
    objects.put("vault/US-UT/a.bin", b"one")
    objects.put("vault/US-UT/a.bin", b"two")
    assert objects.get("vault/US-UT/a.bin") == b"two"
    assert objects.exists("vault/US-UT/a.bin")
    objects.delete("vault/US-UT/a.bin")
    objects.delete("vault/US-UT/a.bin")
    assert not objects.exists("vault/US-UT/a.bin")
    assert list(objects.keys("")) == []


def test_several_are_deleted_at_once(objects: ObjectStore) -> None:
    """R-30: of several folders, and with one among them that is gone already."""
    for key in ("vault/US-UT/a", "vault/US-UT/b", "ingest/US-UT/a", "ingest/US-UT/b"):
        objects.put(key, b"x")
    objects.delete_all(["vault/US-UT/a", "ingest/US-UT/b", "ingest/US-UT/c", "none/d"])
    assert sorted(objects.keys("")) == ["ingest/US-UT/a", "vault/US-UT/b"]
    objects.delete_all([])


def test_what_is_not_there_is_not_found(objects: ObjectStore) -> None:
    with pytest.raises(OnRecordError) as refused:
        objects.get("vault/none")
    assert refused.value.code is ErrorCode.NOT_FOUND
    assert not objects.exists("vault/none")


@pytest.mark.parametrize("key", ["../x", "a//b", "/etc/passwd", ".", "a/../b", "", "a\x00b", "~x"])
def test_a_key_cannot_leave_the_store(objects: ObjectStore, key: str) -> None:
    for ask in (
        objects.get,
        objects.exists,
        objects.delete,
        lambda one: objects.put(one, b"x"),
        lambda one: objects.delete_all([one]),
    ):
        with pytest.raises(OnRecordError) as refused:
            ask(key)
        assert refused.value.code is ErrorCode.NOT_FOUND


def test_a_folder_is_no_prefix_of_a_name(objects: ObjectStore) -> None:
    for key in ("vault/US-UT/a", "vault/US-UT/b/c", "vault/US-UTAH/a", "vaults/a"):
        objects.put(key, key.encode())
    assert sorted(objects.keys("vault/US-UT")) == ["vault/US-UT/a", "vault/US-UT/b/c"]
    assert len(list(objects.keys(""))) == 4
    assert list(objects.keys("none")) == []


def test_more_keys_than_one_answer_holds(objects: ObjectStore) -> None:
    keys = {f"tile/{n:04}" for n in range(1203)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: objects.put(key, b"x"), keys))
    listed = list(objects.keys("tile"))
    assert set(listed) == keys
    assert len(listed) == len(keys)


@pytest.mark.parametrize("size", [0, 1, 70_000, 20_000_000])
def test_any_size_comes_back_as_it_was(objects: ObjectStore, size: int) -> None:
    data = bytes(n % 251 for n in range(1000)) * (size // 1000) + b"y" * (size % 1000)
    objects.put("one", data)
    assert objects.get("one") == data


def test_a_reader_sees_the_old_bytes_or_the_new_ones(objects: ObjectStore) -> None:
    """R-22: nobody ever reads half an object."""
    one, other = b"a" * 300_000, b"b" * 200_000
    objects.put("checkpoint", one)
    done = threading.Event()

    def write() -> None:
        try:
            for n in range(20):
                objects.put("checkpoint", other if n % 2 == 0 else one)
        finally:
            done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(objects.get("checkpoint"))
    writer.join()
    assert seen <= {one, other}
