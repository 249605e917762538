"""A state's key changes hands by a bundle that both keys sign, and the chain can be followed."""

from dataclasses import replace

import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import canonical
from onrecord.proof.authority import (
    AuthorityBundle,
    build_bundle,
    follow_key,
    key_name,
    read_manifest,
    verify_bundle,
)
from onrecord.proof.notes import NoteSigner

FIRST, SECOND, THIRD = (NoteSigner.generate(key_name("US-UT")) for _ in range(3))


class Chain:
    """Bundles that follow one another, by digest."""

    def __init__(self) -> None:
        self.bundles: dict[str, AuthorityBundle] = {}
        self.newest = ""
        self.fetched = 0

    def add(
        self,
        by: NoteSigner,
        to: NoteSigner | None = None,
        *,
        version: int | None = None,
        previous: str | None = None,
    ) -> AuthorityBundle:
        bundle = build_bundle(
            b"permit",
            b"jurisdiction",
            jurisdiction="US-UT",
            version=len(self.bundles) + 1 if version is None else version,
            previous=self.newest if previous is None else previous,
            signer=by,
            next_signer=to,
        )
        self.bundles[bundle.digest] = bundle
        self.newest = bundle.digest
        return bundle

    def fetch(self, digest: str) -> AuthorityBundle:
        self.fetched += 1
        return self.bundles[digest]

    def follow(self, bundle: AuthorityBundle, pinned: NoteSigner = FIRST) -> list[str]:
        return [key.text for key in follow_key(bundle, pinned.verifier, self.fetch)]


@pytest.fixture
def chain() -> Chain:
    return Chain()


def refused(chain: Chain, bundle: AuthorityBundle, pinned: NoteSigner = FIRST) -> ErrorCode:
    with pytest.raises(OnRecordError) as caught:
        chain.follow(bundle, pinned)
    return caught.value.code


def test_what_the_pinned_key_signed_asks_for_nothing_more(chain: Chain) -> None:
    chain.add(FIRST)
    assert chain.follow(chain.add(FIRST)) == []
    assert chain.fetched == 0


def test_a_chain_is_followed_from_the_pinned_key_to_the_newest(chain: Chain) -> None:
    chain.add(FIRST)
    chain.add(FIRST, SECOND)
    chain.add(SECOND)
    chain.add(SECOND, THIRD)
    newest = chain.add(THIRD)
    assert chain.follow(newest) == [SECOND.verifier.text, THIRD.verifier.text]
    assert chain.follow(newest, SECOND) == [THIRD.verifier.text]
    assert chain.follow(newest, THIRD) == []


def test_the_bundle_that_changes_the_key_is_signed_by_both(chain: Chain) -> None:
    bundle = chain.add(FIRST, SECOND)
    assert read_manifest(bundle.manifest).key == SECOND.verifier.text
    for key in (FIRST, SECOND):
        verify_bundle(bundle, [key.verifier])
    text, signatures = bundle.signature.split("\n\n")
    first, second = signatures.splitlines(keepends=True)
    for left in (first, second):
        alone = replace(bundle, signature=f"{text}\n\n{left}")
        chain.bundles[alone.digest] = alone
        assert refused(chain, alone) is ErrorCode.SIGNATURE_INVALID


def test_the_old_key_signs_nothing_more(chain: Chain) -> None:
    chain.add(FIRST, SECOND)
    late = chain.add(FIRST)
    assert refused(chain, late, SECOND) is ErrorCode.SIGNATURE_INVALID


def test_a_key_that_names_itself_is_no_successor(chain: Chain) -> None:
    chain.add(FIRST)
    assert refused(chain, chain.add(SECOND, THIRD)) is ErrorCode.SIGNATURE_INVALID


def test_a_key_of_another_state_is_no_successor(chain: Chain) -> None:
    vermont = NoteSigner.generate(key_name("US-VT"))
    assert refused(chain, chain.add(FIRST, vermont)) is ErrorCode.SIGNATURE_INVALID


def test_the_chain_is_of_those_bundles_and_no_others(chain: Chain) -> None:
    changed = chain.add(FIRST, SECOND)
    newest = chain.add(SECOND)
    other = Chain().add(FIRST, SECOND, version=1, previous="00" * 32)
    chain.bundles[changed.digest] = other
    assert refused(chain, newest) is ErrorCode.POLICY_INVALID


def test_versions_rise_along_the_chain(chain: Chain) -> None:
    chain.add(FIRST, SECOND, version=5)
    assert refused(chain, chain.add(SECOND, version=5)) is ErrorCode.POLICY_INVALID


def test_a_manifest_with_an_empty_key_is_refused(chain: Chain) -> None:
    bundle = chain.add(FIRST)
    said = canonical.decode(bundle.manifest)
    assert isinstance(said, dict)
    empty = replace(bundle, manifest=canonical.encode({**said, "key": ""}))
    with pytest.raises(OnRecordError):
        read_manifest(empty.manifest)
