"""A logged entry proves itself against the log's key, or says what is wrong with it."""

import base64
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import parse_time
from onrecord.proof import canonical, entry
from onrecord.proof.entry import LoggedEntry, verify_entry
from onrecord.proof.notes import NoteSigner
from tests.unit.proof.ledgers import ORIGIN, PublishedLedger, make_body, published_ledger

LEDGER = published_ledger(11)
KEY = LEDGER.signer.verifier
LOGGED = LEDGER.logged(6)


def test_every_entry_verifies() -> None:
    for index in range(11):
        verified = verify_entry(LEDGER.logged(index), KEY)
        assert verified.index == index
        assert verified.body == canonical.decode(make_body(index))
        assert verified.body_bytes == make_body(index)
        assert verified.kind == "logon.failed"
        assert verified.time == parse_time(verified.body["time"])
        assert verified.checkpoint.size == 11


def test_a_leaf_is_a_commitment_and_tells_nothing_else() -> None:
    """R-26: version and hash of nonce and body."""
    committed = hashlib.sha256(bytes(32) + b"{}").digest()
    expected = b'{"c":"' + base64.b64encode(committed) + b'","v":1}'
    assert entry.leaf(bytes(32), b"{}") == expected
    assert entry.parse_leaf(expected) == committed
    assert entry.leaf(bytes(31) + b"\x01", b"{}") != expected


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_nonce_has_one_length_so_that_nothing_moves_between_nonce_and_body(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        entry.leaf(bytes(size), b"{}")


_C = base64.b64encode(bytes(32))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"v":1,"c":"' + _C + b'"}',
        b'{"c":"' + _C + b'","v":2}',
        b'{"c":"' + _C + b'","v":true}',
        b'{"c":"' + _C + b'","v":1}\n',
        b'{"c": "' + _C + b'","v":1}',
        b'{"c":"' + _C + b'","v":1,"w":1}',
        b'{"c":"AAAA","v":1}',
        b'{"c":"' + _C[:-2] + b'B=","v":1}',
        b'{"c":null,"v":1}',
    ],
)
def test_any_other_leaf_is_refused(data: bytes) -> None:
    with pytest.raises(OnRecordError) as refused:
        entry.parse_leaf(data)
    assert refused.value.code is ErrorCode.PROOF_INVALID


def test_an_entry_survives_being_written_as_json() -> None:
    written = canonical.encode(LOGGED.to_json())
    assert LoggedEntry.from_json(canonical.decode(written)) == LOGGED


def test_the_first_entry_and_the_longest_path_survive_it_too() -> None:
    first = LEDGER.logged(0)
    assert LoggedEntry.from_json(canonical.decode(canonical.encode(first.to_json()))) == first
    long = replace(LOGGED, inclusion=(bytes(32),) * 64)
    assert LoggedEntry.from_json(long.to_json()) == long
    with pytest.raises(OnRecordError) as refused:
        LoggedEntry.from_json(replace(LOGGED, inclusion=(bytes(32),) * 65).to_json())
    assert refused.value.code is ErrorCode.GRANT_MALFORMED


def _without(name: str) -> dict[str, Any]:
    value: dict[str, Any] = dict(LOGGED.to_json())
    del value[name]
    return value


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        *(_without(name) for name in LOGGED.to_json()),
        LOGGED.to_json() | {"extra": 1},
        LOGGED.to_json() | {"index": -1},
        LOGGED.to_json() | {"index": True},
        LOGGED.to_json() | {"index": "6"},
        LOGGED.to_json() | {"body": "not base64"},
        LOGGED.to_json() | {"body": 1},
        LOGGED.to_json() | {"nonce": "AAA"},
        LOGGED.to_json() | {"inclusion": "AAAA"},
        LOGGED.to_json() | {"inclusion": [1]},
        LOGGED.to_json() | {"inclusion": ["AAAA"] * 65},
        LOGGED.to_json() | {"checkpoint": None},
    ],
)
def test_any_other_json_is_malformed(value: object) -> None:
    with pytest.raises(OnRecordError) as refused:
        LoggedEntry.from_json(value)
    assert refused.value.code is ErrorCode.GRANT_MALFORMED


def test_an_entry_that_was_never_logged_is_refused() -> None:
    """Law 1: no entry, no grant."""
    invented = replace(LOGGED, body=make_body(6, invented=True))
    assert _code(invented) is ErrorCode.GRANT_NOT_IN_LEDGER
    assert _code(replace(LOGGED, nonce=bytes(32))) is ErrorCode.GRANT_NOT_IN_LEDGER


def test_an_entry_of_another_log_is_refused() -> None:
    """A forger can make a whole ledger, but not with the key that is pinned."""
    forged = published_ledger(11, NoteSigner.generate(ORIGIN))
    assert _code(forged.logged(6)) is ErrorCode.GRANT_CHECKPOINT_INVALID
    mixed = replace(forged.logged(6), checkpoint=LOGGED.checkpoint)
    assert verify_entry(mixed, KEY).index == 6, "the same bodies and nonces make the same tree"
    assert _code(replace(LOGGED, checkpoint="")) is ErrorCode.GRANT_CHECKPOINT_INVALID


def test_an_entry_stands_at_its_own_index_only() -> None:
    for index in (*range(6), *range(7, 13), 2**70):
        assert _code(replace(LOGGED, index=index)) is ErrorCode.GRANT_NOT_IN_LEDGER


def test_a_flipped_bit_anywhere_is_found() -> None:
    """R-24."""
    for at in range(len(LOGGED.body)):
        code = _code(replace(LOGGED, body=_flip(LOGGED.body, at)))
        assert code in (ErrorCode.GRANT_NOT_IN_LEDGER, ErrorCode.GRANT_MALFORMED)
    for at in range(32):
        assert _code(replace(LOGGED, nonce=_flip(LOGGED.nonce, at))) is (
            ErrorCode.GRANT_NOT_IN_LEDGER
        )
    for part in range(len(LOGGED.inclusion)):
        path = list(LOGGED.inclusion)
        path[part] = _flip(path[part], part)
        assert _code(replace(LOGGED, inclusion=tuple(path))) is ErrorCode.GRANT_NOT_IN_LEDGER
    assert _code(replace(LOGGED, inclusion=LOGGED.inclusion[:-1])) is (
        ErrorCode.GRANT_NOT_IN_LEDGER
    )


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"kind":"logon.failed"}',
        b'{"kind":1,"time":"2026-11-23T06:30:00.12Z"}',
        b'{"kind":"","time":"2026-11-23T06:30:00.12Z"}',
        b'{"kind":"logon.failed","time":"2026-11-23T06:30:00Z"}',
        b'{"kind":"logon.failed","time":1}',
        b'{"kind": "logon.failed","time":"2026-11-23T06:30:00.12Z"}',
    ],
)
def test_a_body_that_the_ledger_does_not_write_is_malformed_though_it_was_logged(
    body: bytes,
) -> None:
    made = PublishedLedger()
    made.append([body])
    made.publish()
    with pytest.raises(OnRecordError) as refused:
        verify_entry(made.logged(0), made.signer.verifier)
    assert refused.value.code is ErrorCode.GRANT_MALFORMED


def test_a_nonce_of_another_length_is_malformed() -> None:
    assert _code(replace(LOGGED, nonce=LOGGED.nonce + b"\x00")) is ErrorCode.GRANT_MALFORMED


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _code(logged: LoggedEntry) -> ErrorCode:
    with pytest.raises(OnRecordError) as refused:
        verify_entry(logged, KEY)
    return refused.value.code
