"""A ledger of any length, quickly: rows written in bulk, published by audit's own publisher."""

import hashlib
from pathlib import Path

from sqlalchemy import insert, update

from onrecord.audit.adapters import schema
from onrecord.chassis.database import open_database, write_transaction
from onrecord.kernel.times import SystemClock, format_time
from onrecord.proof import merkle
from onrecord.proof.entry import leaf
from onrecord.proof.notes import NoteSigner
from tests.builders.audit import open_audit

_CHUNK = 8192


def publish_ledger(folder: Path, sizes: tuple[int, ...], signer: NoteSigner) -> Path:
    """Publish a ledger that grows to each of `sizes` in turn; the folder of its objects.

    `signer` is a key of the origin of tests. Its leaves are commitments like any other; the bodies
    behind them are kept by nobody.
    """
    (folder / "ledger.key").write_text(signer.text)
    engine = open_database(f"sqlite:///{folder / 'ledger.db'}")
    tree = merkle.MemoryHashes()
    schema.create_ledger(engine)
    for size in sizes:
        with write_transaction(engine) as connection:
            while tree.size < size:
                first, end = tree.size, min(size, tree.size + _CHUNK)
                leaves = [_leaf(index) for index in range(first, end)]
                fresh = merkle.new_hashes(tree, first, [merkle.leaf_hash(one) for one in leaves])
                for one in leaves:
                    tree.append(merkle.leaf_hash(one))
                connection.execute(
                    insert(schema.entries),
                    [
                        {"idx": first + n, "kind": "logon.failed", "time": "", "leaf": one}
                        for n, one in enumerate(leaves)
                    ],
                )
                connection.execute(
                    insert(schema.hashes),
                    [{"level": level, "idx": at, "hash": value} for level, at, value in fresh],
                )
            connection.execute(
                update(schema.head).values(
                    size=size,
                    root=merkle.root(tree, size),
                    last_time=format_time(SystemClock().now()),
                )
            )
        open_audit(folder, clock=SystemClock()).close()
    engine.dispose()
    return folder / "public"


def _leaf(index: int) -> bytes:
    return leaf(hashlib.sha256(b"nonce %d" % index).digest(), b"body %d" % index)
