"""R-42: no bytes make a reader of authority bundles or lists of records fail in another way than
by a refusal, and none but those that the state has signed are believed.

Attacker: whoever can bring a list or a law; where it says so, the holder of the state's key.
"""

import json
from pathlib import Path
from typing import Any

import pyarrow
from hypothesis import given
from pyarrow import parquet

from onrecord.kernel.vocabulary import ManifestAct
from onrecord.manifests.reading import open_list
from onrecord.proof import canonical
from onrecord.proof.authority import (
    AuthorityBundle,
    build_bundle,
    key_name,
    read_manifest,
    verify_bundle,
)
from onrecord.proof.manifests import (
    ManifestHeader,
    Row,
    chunk_root,
    read_header,
    sign_manifest,
    verify_manifest,
)
from onrecord.proof.notes import NoteSigner
from tests.attacks.fuzzing import documents, fuzzed, mutations, read_or_refused
from tests.attacks.one_search import START

STATE = NoteSigner.generate(key_name("US-UT"))
NEXT = NoteSigner.generate(key_name("US-UT"))
BUNDLES = (
    build_bundle(
        b"permit(principal, action, resource);",
        b"jurisdiction: US-UT\n",
        jurisdiction="US-UT",
        version=2,
        previous="0" * 64,
        signer=STATE,
    ),
    build_bundle(
        b"permit(principal, action, resource);",
        b"jurisdiction: US-UT\n",
        jurisdiction="US-UT",
        version=3,
        previous="0" * 64,
        signer=STATE,
        next_signer=NEXT,
    ),
)


class TestWhatAStateSigns:
    @staticmethod
    @fuzzed
    @given(mutations(*[canonical.encode(one.to_json()) for one in BUNDLES]))
    def test_a_bundle(data: bytes) -> None:
        bundle = read_or_refused(lambda: AuthorityBundle.from_json(canonical.decode(data)))
        if bundle is not None:
            manifest = read_or_refused(lambda: verify_bundle(bundle, [STATE.verifier]))
            assert manifest is None or bundle.digest in {one.digest for one in BUNDLES}
            if manifest is not None:
                assert (bundle.policy, bundle.authority) == (
                    BUNDLES[0].policy,
                    BUNDLES[0].authority,
                )

    @staticmethod
    @fuzzed
    @given(documents(json.loads(BUNDLES[1].manifest)))
    def test_the_manifest_of_a_bundle_says_one_thing(said: dict[str, Any]) -> None:
        """Two manifests that read alike would be two digests of one law."""
        data = canonical.encode(said)
        manifest = read_or_refused(lambda: read_manifest(data))
        if manifest is not None:
            again = {name: getattr(manifest, name) for name in said if hasattr(manifest, name)}
            assert canonical.encode(again) == data

    HEADER = ManifestHeader(
        gallery="US-UT",
        act=ManifestAct.ENROL,
        created=START,
        rows=3,
        chunk_rows=2,
        chunks=tuple(chunk_root([Row(f"UT-{n}", "0" * 64, "a.jpg")]) for n in range(2)),
    )
    SIGNATURE = sign_manifest(HEADER, STATE)

    @staticmethod
    @fuzzed
    @given(mutations(HEADER.encode()), mutations(SIGNATURE.encode()))
    def test_a_list_of_records(data: bytes, signature: bytes) -> None:
        whole = TestWhatAStateSigns
        read = read_or_refused(lambda: read_header(data))
        assert read is None or read.encode() == data
        for note in (whole.SIGNATURE, signature.decode("latin-1")):
            for encoded in (data, whole.HEADER.encode()):
                found = read_or_refused(
                    lambda a=encoded, b=note: verify_manifest(a, b, [STATE.verifier])  # type: ignore[misc]
                )
                assert found is None or found == whole.HEADER

    @staticmethod
    @fuzzed
    @given(documents(json.loads(HEADER.encode())))
    def test_a_list_that_the_state_has_signed_falsely(said: dict[str, Any]) -> None:
        data = canonical.encode(said)
        read = read_or_refused(lambda: read_header(data))
        assert read is None or read.encode() == data

    def test_its_rows_as_csv(self, tmp_path: Path) -> None:
        file = tmp_path / "list.csv"
        valid = b"record_id,image_sha256,path\r\n" + b"".join(
            b'UT-%d,%b,"a,%d.jpg"\r\n' % (number, b"0" * 64, number) for number in range(3)
        )

        @fuzzed
        @given(mutations(valid))
        def read(data: bytes) -> None:
            file.write_bytes(data)
            rows = read_or_refused(lambda: list(open_list(file, ManifestAct.ENROL).rows()))
            assert rows is None or all(isinstance(row, Row) for row in rows)

        read()

    def test_its_rows_as_parquet(self, tmp_path: Path) -> None:
        file = tmp_path / "list.parquet"
        table = pyarrow.table(
            {
                "record_id": [f"UT-{number}" for number in range(3)],
                "image_sha256": ["0" * 64] * 3,
                "path": ["a.jpg"] * 3,
            }
        )
        parquet.write_table(table, file)
        valid = file.read_bytes()

        @fuzzed
        @given(mutations(valid))
        def read(data: bytes) -> None:
            file.write_bytes(data)
            rows = read_or_refused(lambda: list(open_list(file, ManifestAct.ENROL).rows()))
            assert rows is None or all(isinstance(row, Row) for row in rows)

        read()
