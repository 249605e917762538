"""`onrecord policy`: what a state's custodian does on the way to a policy in force."""

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from onrecord.audit.core import comparing
from onrecord.cli.policy import policy, who
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Role
from onrecord.proof import canonical
from onrecord.proof.authority import AuthorityBundle, verify_bundle
from onrecord.proof.notes import NoteSigner
from tests.builders.answering import asked_once
from tests.builders.audit import POLICIES, REQUEST, STATES, audit_for_test, soon

UTAH = POLICIES / "US-UT"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(policy, [str(one) for one in arguments])


@pytest.fixture(autouse=True)
def _once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked_once(monkeypatch, who, comparing)


@pytest.fixture
def key(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "utah.key"
    assert run("new-key", "US-UT", path).exit_code == 0
    yield path


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an auditor has of a ledger with one granted and one refused request to Utah."""
    folder = tmp_path_factory.mktemp("ledger")
    audit = audit_for_test(folder / "audit")
    try:
        granted = audit.authorize()
        refused = audit.authorize(offence={"statute": "Utah Code 76-6-206", "tier": "felony"})
        found = audit.service.bodies(0, 1000, audit.token("auditor", Role.AUDITOR), soon())
    finally:
        audit.close()
    lines = [
        canonical.encode(
            {
                "index": one.index,
                "nonce": base64.b64encode(one.nonce).decode(),
                "body": base64.b64encode(one.body).decode(),
            }
        )
        for one in found
    ]
    (folder / "bodies.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    indices = {"granted": granted.entry.index, "refused": refused.entry.index}
    (folder / "indices.json").write_text(json.dumps(indices))
    return folder / "bodies.jsonl"


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


def test_a_new_policy_is_in_form_and_refuses_everything(tmp_path: Path, key: Path) -> None:
    """R-1: from the first minute a gallery refuses, and goes on until somebody fills it in."""
    folder = tmp_path / "policies" / "US-UT"
    made = run("new", "US-UT", folder)
    assert made.exit_code == 0, made.output
    checked = run("check", folder)
    assert checked.exit_code == 0, checked.output
    assert "still to be filled in" in checked.output
    assert run("check", folder, "--strict").exit_code == 3
    assert "Nobody, for nothing" in run("who", folder).output
    assert run("sign", folder, "--key", key, "--out", tmp_path / "empty.json").exit_code == 0
    again = run("new", "US-UT", folder)
    assert again.exit_code == 2
    assert "not overwritten" in again.output
    assert isinstance(run("new", "US-ZZ", tmp_path / "z").exception, OnRecordError)


def test_the_skeletons_permit_opens_only_with_both_locks(tmp_path: Path) -> None:
    """R-1, R-2: a permit alone is refused while the policy rests on nothing."""
    run("new", "US-UT", tmp_path / "new")
    cedar = (tmp_path / "new" / "policy.cedar").read_text()
    permit = cedar[cedar.index('// @id("us-ut-serious-crimes")') : cedar.index("// A forbid")]
    written = "\n".join(one.removeprefix("// ").removeprefix("//") for one in permit.splitlines())
    (tmp_path / "new" / "policy.cedar").write_text(cedar + written)
    refused = run("check", tmp_path / "new")
    assert isinstance(refused.exception, OnRecordError)
    assert "law_enforcement" in refused.exception.message
    yaml = (tmp_path / "new" / "authority.yaml").read_text()
    yaml = yaml.replace(
        "agencies: {}",
        "agencies:\n  us-ut-sp: {name: Police, level: state, kind: police, jurisdiction: US-UT}",
    ).replace("groups: {}", "groups:\n  law_enforcement: [us-ut-sp]")
    (tmp_path / "new" / "authority.yaml").write_text(yaml)
    lawless = run("check", tmp_path / "new")
    assert isinstance(lawless.exception, OnRecordError)
    assert "rests on no instrument" in lawless.exception.message


def test_check_tells_machines_what_is_lacking() -> None:
    told = json.loads(run("check", UTAH, "--json").output)
    assert told["jurisdiction"] == "US-UT"
    assert "legal_review" in [one["what"] for one in told["lacks"]]
    assert run("check", UTAH, "--strict").exit_code == 3
    late = run("check", UTAH, "--now", "2027-12-24T00:00:00Z")
    assert "runs out on 1 January 2028" in late.output
    assert isinstance(run("check", UTAH, "--now", "soon").exception, OnRecordError)


def test_who_answers_for_machines_and_for_one_agency() -> None:
    told = json.loads(run("who", UTAH, "--json", "--now", "2026-11-23T00:00:00Z").output)
    assert [one["jurisdiction"] for one in told] == ["US-UT"]
    assert told[0]["in_force"]
    assert {name for row in told[0]["rows"] for name in row["agencies"]} == {
        "us-md-msp",
        "us-ut-dld",
        "us-ut-dps",
        "us-ut-slcpd",
    }
    only = run("who", UTAH, "--agency", "us-ut-dld").output
    assert "licence fraud" in only
    assert "criminal investigation" not in only
    assert "Nobody, for nothing" in run("who", UTAH, "--agency", "us-fbi").output
    over = run("who", UTAH, "--now", "2030-01-01T00:00:00Z").output
    assert "nobody can search on this day" in over


def test_diff_shows_answers_and_an_exit_code_for_scripts(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    shutil.copytree(UTAH, folder)
    assert run("diff", UTAH, folder, "--exit-code").exit_code == 0
    cedar = (folder / "policy.cedar").read_text()
    (folder / "policy.cedar").write_text(
        cedar.replace('["violent_felony", "felony"]', '["violent_felony", "felony", "misdemeanor"]')
    )
    told = run("diff", UTAH, folder)
    assert told.exit_code == 0
    assert "Newly allowed" in told.output
    assert "misdemeanor" in told.output
    assert run("diff", UTAH, folder, "--exit-code").exit_code == 3
    machine = json.loads(run("diff", UTAH, folder, "--json").output)
    assert machine["lost"] == []
    assert machine["gained"][0]["tiers"] == ["misdemeanor"]


def test_explain_takes_a_request_or_an_entry(tmp_path: Path, bodies: Path) -> None:
    request = tmp_path / "request.json"
    request.write_text(json.dumps({**REQUEST, "galleries": ["US-UT", "US-VT", "US-NV"]}))
    asking = ("explain", request, "--agency", "us-ut-slcpd", "--policy", POLICIES)
    told = run(*asking, "--trained", "2026-06-01", "--now", "2026-11-23T00:00:00Z")
    assert told.exit_code == 0, told.output
    assert "US-UT  GRANTED" in told.output
    assert "US-VT  REFUSED" in told.output
    assert "utah-felony-investigations applies" in told.output
    assert "US-NV has no policy in force" in told.output
    assert run(*asking, "--exit-code").exit_code == 3
    machine = json.loads(run(*asking, "--json").output)
    assert [one["code"] for one in machine[0]["above"]] == ["training_missing"]
    entry = json.loads(bodies.with_name("indices.json").read_text())["refused"]
    replayed = run("explain", "--policy", POLICIES, "--bodies", bodies, "--entry", entry)
    assert replayed.exit_code == 0, replayed.output
    assert "in the ledger" in replayed.output
    assert "differs" not in replayed.output
    assert run("explain", "--policy", POLICIES, "--bodies", bodies, "--entry", 0).exit_code == 2
    assert run("explain", request, "--policy", POLICIES).exit_code == 2


def test_simulate_tells_what_would_have_changed(tmp_path: Path, bodies: Path) -> None:
    same = run("simulate", UTAH, "--bodies", bodies, "--exit-code")
    assert same.exit_code == 0, same.output
    assert "No request would have ended otherwise" in same.output
    folder = tmp_path / "new"
    shutil.copytree(UTAH, folder)
    cedar = (folder / "policy.cedar").read_text()
    (folder / "policy.cedar").write_text(
        cedar.replace('["violent_felony", "felony"]', '["misdemeanor"]')
    )
    told = run("simulate", folder, "--bodies", bodies, "--exit-code")
    assert told.exit_code == 3
    assert "would be refused" in told.output
    assert "would be granted" in told.output
    machine = json.loads(run("simulate", folder, "--bodies", bodies, "--json").output)
    assert machine["all"]["asked"] == 2
    assert (machine["all"]["gained"], machine["all"]["lost"]) == (1, 1)
    assert run("simulate", UTAH).exit_code == 2
    assert run("simulate", UTAH, "--bodies", bodies, "--url", "http://x").exit_code == 2
    none = run("simulate", POLICIES / "US-MD", "--bodies", bodies)
    assert "No request in these bodies asks for this gallery" in none.output


def test_a_bundle_is_asked_like_a_folder(key: Path, tmp_path: Path) -> None:
    out = tmp_path / "1.json"
    run("sign", UTAH, "--key", key, "--out", out)
    assert run("who", out).output == run("who", UTAH).output
    assert run("diff", UTAH, out, "--exit-code").exit_code == 0
    assert run("who", UTAH, out).exit_code == 2


def test_a_key_change_is_signed_by_both_keys(key: Path, tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{number}.json" for number in (1, 2, 3))
    new = tmp_path / "new.key"
    run("new-key", "US-UT", new)
    signing = ("sign", UTAH, "--key", key)
    run(*signing, "--out", first)
    done = run(*signing, "--out", second, "--previous", first, "--new-key", new)
    assert done.exit_code == 0, done.output
    verifier = NoteSigner.parse(new.read_text().strip()).verifier
    assert verifier.text in done.output
    after = run("sign", UTAH, "--key", new, "--out", third, "--previous", second)
    assert after.exit_code == 0, after.output
    late = run(*signing, "--out", third, "--previous", second)
    assert late.exit_code == 2
    assert "sign with the one that it names" in late.output
    bundle = AuthorityBundle.from_json(json.loads(second.read_text()))
    assert verify_bundle(bundle, [verifier]).key == verifier.text
    out = ("--out", tmp_path / "x.json")
    assert run(*signing, *out, "--new-key", new).exit_code == 2
    assert run(*signing, *out, "--previous", first, "--new-key", key).exit_code == 2
