"""`onrecord policy`: what a state's custodian does on the way to a policy in force."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from onrecord.cli.policy import policy
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.authority import AuthorityBundle, verify_bundle
from onrecord.proof.notes import NoteSigner
from tests.builders.audit import POLICIES, STATES

UTAH = POLICIES / "US-UT"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(policy, [str(one) for one in arguments])


@pytest.fixture
def key(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "utah.key"
    assert run("new-key", "US-UT", path).exit_code == 0
    yield path


@pytest.mark.parametrize("state", STATES)
def test_check_says_what_a_state_allows(state: str) -> None:
    result = run("check", POLICIES / state)
    assert result.exit_code == 0, result.output
    assert "legal review required" in result.output
    assert "canonical form" in result.output
    assert ("permits" in result.output) == (state != "US-VT")
    assert ("23 V.S.A. § 634(c)" in result.output) == (state == "US-VT")


def test_check_names_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "policy.cedar").write_text("permit (principal, action, resource);")
    assert run("check", tmp_path).exit_code == 2
    (tmp_path / "authority.yaml").write_bytes((UTAH / "authority.yaml").read_bytes())
    result = run("check", tmp_path)
    assert isinstance(result.exception, OnRecordError)
    assert result.exception.code is ErrorCode.POLICY_INVALID


def test_a_key_is_private_and_never_overwritten(key: Path) -> None:
    assert oct(key.stat().st_mode)[-3:] == "600"
    kept = key.read_text()
    result = run("new-key", "US-UT", key)
    assert result.exit_code == 2
    assert key.read_text() == kept
    assert kept.strip() not in run("new-key", "US-UT", key.with_name("other")).output
    assert isinstance(run("new-key", "US-ZZ", key.with_name("z")).exception, OnRecordError)


def test_sign_makes_the_next_version_after_the_previous(key: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    assert run("sign", UTAH, "--key", key, "--out", first).exit_code == 0
    result = run("sign", UTAH, "--key", key, "--out", second, "--previous", first)
    assert result.exit_code == 0, result.output
    verifier = NoteSigner.parse(key.read_text().strip()).verifier
    one, two = (AuthorityBundle.from_json(json.loads(p.read_text())) for p in (first, second))
    assert verify_bundle(one, [verifier]).version == 1
    manifest = verify_bundle(two, [verifier])
    assert (manifest.version, manifest.previous) == (2, one.digest)
    assert two.digest in result.output


def test_a_state_signs_its_own_policy_alone(key: Path, tmp_path: Path) -> None:
    result = run("sign", POLICIES / "US-VT", "--key", key, "--out", tmp_path / "x.json")
    assert result.exit_code == 2
    assert not (tmp_path / "x.json").exists()


def test_activate_sends_the_bundle_to_the_states_gallery(
    key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "1.json"
    run("sign", UTAH, "--key", key, "--out", out)
    sent: list[tuple[str, Any, Any]] = []
    answers = [
        httpx.Response(201, json={"entry_index": 7}),
        httpx.Response(403, json={"code": "role_missing", "detail": "not yours"}),
        httpx.Response(502, text="bad gateway"),
    ]

    def post(url: str, *, json: Any, headers: Any, timeout: float) -> httpx.Response:
        sent.append((url, json, headers))
        return answers.pop(0)

    monkeypatch.setattr(httpx, "post", post)
    activate = ("activate", out, "--url", "http://gateway/", "--token", "t")
    done = run(*activate)
    assert done.exit_code == 0, done.output
    assert sent[0] == (
        "http://gateway/v1/galleries/US-UT/policy",
        json.loads(out.read_text()),
        {"Authorization": "Bearer t"},
    )
    refused = run(*activate)
    assert refused.exit_code == 1
    assert "role_missing: not yours" in refused.output
    assert "502" in run(*activate).output


def test_what_is_not_a_bundle_is_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for content in ("{}", "[]", "nonsense"):
        path.write_text(content)
        result = run("activate", path, "--url", "http://gateway", "--token", "t")
        assert isinstance(result.exception, OnRecordError)
        assert result.exception.code is ErrorCode.POLICY_INVALID
