"""A service's identity from the files its settings name."""

import json
from pathlib import Path

import pytest

from onrecord.chassis.certificates import LocalAuthority
from onrecord.chassis.identity_files import KeySetFile, read_identity
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    authority = LocalAuthority.open(tmp_path / "certificates")
    for service in (Service.AUDIT, Service.GATEWAY):
        authority.issue(service)
    authority.issue(Service.VECTOR_SEARCH, "vector-search-utah")
    authority.issue(Service.VECTOR_SEARCH, "vector-search-others")
    return tmp_path / "certificates"


def test_an_identity_is_read_as_it_was_issued(folder: Path) -> None:
    """The chain ends in the root, though the file holds the leaf alone, as authorities give it."""
    issued = LocalAuthority.open(folder).issue(Service.AUDIT)
    read = read_identity(
        Service.AUDIT, folder / "audit.pem", folder / "audit.key.pem", folder / "root.pem"
    )
    assert read.chain == issued.chain
    assert read.key_pem == issued.key_pem
    (folder / "chain.pem").write_bytes(issued.chain_pem)
    whole = read_identity(
        Service.AUDIT, folder / "chain.pem", folder / "audit.key.pem", folder / "root.pem"
    )
    assert whole.chain == issued.chain


def test_two_planes_are_one_service_with_two_keys(folder: Path) -> None:
    utah, others = (
        read_identity(
            Service.VECTOR_SEARCH,
            folder / f"vector-search-{name}.pem",
            folder / f"vector-search-{name}.key.pem",
            folder / "root.pem",
        )
        for name in ("utah", "others")
    )
    assert utah.key_pem != others.key_pem


@pytest.mark.parametrize(
    ("certificate", "key", "roots", "field"),
    [
        ("audit.pem", "gateway.key.pem", "root.pem", "certificate_key"),
        ("gateway.pem", "gateway.key.pem", "root.pem", "certificate"),
        ("missing.pem", "audit.key.pem", "root.pem", "certificate"),
        ("audit.key.pem", "audit.key.pem", "root.pem", "certificate"),
        ("audit.pem", "audit.pem", "root.pem", "certificate_key"),
        ("audit.pem", "audit.key.pem", "missing.pem", "roots"),
        ("audit.pem", "audit.key.pem", "other/root.pem", "certificate"),
    ],
    ids=["key", "service", "missing", "no-certificate", "no-key", "roots", "other-authority"],
)
def test_what_does_not_fit_is_refused_by_name(
    folder: Path, certificate: str, key: str, roots: str, field: str
) -> None:
    LocalAuthority.open(folder / "other")  # its root has the very same name
    with pytest.raises(OnRecordError) as raised:
        read_identity(Service.AUDIT, folder / certificate, folder / key, folder / roots)
    assert raised.value.code is ErrorCode.SETTINGS_INVALID
    assert raised.value.field == field


def test_keys_of_the_identity_provider_are_read_again_when_they_change(tmp_path: Path) -> None:
    """A provider rotates its keys; nobody restarts audit for it."""
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [{"kid": "one"}]}))
    keys = KeySetFile(path)
    first = keys()
    assert keys() is first
    new = tmp_path / "new.json"
    new.write_text(json.dumps({"keys": [{"kid": "two"}]}))
    new.replace(path)
    assert keys() == {"keys": [{"kid": "two"}]}
    path.write_text("not JSON")
    with pytest.raises(OnRecordError) as raised:
        keys()
    assert raised.value.field == "token_keys"
