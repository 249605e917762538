"""`onrecord ledger`: what it says, and its exit codes, which scripts rely on (R-24)."""

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from onrecord.cli.ledger import ledger
from onrecord.cli.ledger_lines import summary
from onrecord.cli.ledger_source import read_bodies
from onrecord.proof.checkpoint import cosign
from onrecord.proof.checks import LedgerFault
from onrecord.proof.notes import COSIGNATURE_V1, NoteSigner
from tests.unit.proof.ledgers import PublishedLedger, make_body, published_ledger


@pytest.fixture
def made() -> PublishedLedger:
    return published_ledger(300)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy this machine uses does not know our loopback servers."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def folder(made: PublishedLedger, tmp_path: Path) -> Path:
    (tmp_path / "ledger").mkdir()
    return made.write(tmp_path / "ledger")


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(ledger, [str(one) for one in arguments])


def test_a_ledger_that_holds_exits_0_and_says_what_was_checked(
    made: PublishedLedger, folder: Path
) -> None:
    result = _run("verify", folder, "--key", made.signer.verifier.text)
    assert result.exit_code == 0, result.output
    assert "every body is the one its leaf commits to (300)" in result.output
    assert "UNWITNESSED" in result.output
    assert "proves less" not in result.output
    assert result.output.endswith("All of it holds.\n")


def test_a_key_from_the_ledgers_own_folder_is_said_to_prove_less(folder: Path) -> None:
    result = _run("verify", folder)
    assert result.exit_code == 0
    assert "came from the ledger's own folder, so it proves less" in result.output


def test_a_key_may_be_given_as_a_file(folder: Path) -> None:
    assert "proves less" not in _run("verify", folder, "--key", folder / "key").output


@pytest.mark.parametrize(
    "path", ["checkpoint", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "bodies.jsonl"]
)
def test_one_changed_byte_exits_1_and_is_named(folder: Path, path: str) -> None:
    data = bytearray((folder / path).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / path).write_bytes(bytes(data))
    result = _run("verify", folder)
    assert result.exit_code == 1
    assert "FALSE" in result.output
    assert "All of it holds" not in result.output


def test_the_wrong_key_exits_1(folder: Path) -> None:
    stranger = NoteSigner.generate("ledger.example/onrecord")
    result = _run("verify", folder, "--key", stranger.verifier.text)
    assert result.exit_code == 1
    assert "not signed by a known key" in result.output


def test_a_missing_checkpoint_exits_1(folder: Path) -> None:
    (folder / "checkpoint").unlink()
    result = _run("verify", folder)
    assert result.exit_code == 1
    assert "checkpoint" in result.output


def test_a_tile_that_is_a_folder_is_a_tile_that_is_missing(folder: Path) -> None:
    (folder / "tile/0/000").unlink()
    (folder / "tile/0/000").mkdir()
    assert _run("verify", folder).exit_code == 1


def test_witnesses_are_asked_for_by_key(made: PublishedLedger, folder: Path) -> None:
    witness = NoteSigner.generate("witness.example/1", COSIGNATURE_V1)
    vkey = witness.verifier.text
    missing = _run("verify", folder, "--witness", vkey)
    assert missing.exit_code == 1
    assert "witness.example/1 has not cosigned" in missing.output
    note = (folder / "checkpoint").read_text()
    (folder / "checkpoint").write_text(cosign(note, witness, datetime(2026, 11, 23, tzinfo=UTC)))
    there = _run("verify", folder, "--witness", vkey)
    assert there.exit_code == 0
    assert "witnessed by witness.example/1, 2026-11-23T00:00:00.00Z" in there.output
    assert "UNWITNESSED" not in there.output


def test_a_quorum_of_witnesses(made: PublishedLedger, folder: Path) -> None:
    """R-24: as many as are asked for, and those that have are named."""
    signers = [NoteSigner.generate(f"w.example/{n}", COSIGNATURE_V1) for n in range(3)]
    note = (folder / "checkpoint").read_text()
    for signer in signers[:2]:
        note = cosign(note, signer, datetime(2026, 11, 23, tzinfo=UTC))
    (folder / "checkpoint").write_text(note)
    asked = [part for one in signers for part in ("--witness", one.verifier.text)]
    for needed in (1, 2):
        met = _run("verify", folder, *asked, "--quorum", str(needed))
        assert met.exit_code == 0, met.output
        assert met.output.count("witnessed by") == 2
    for more in (["--quorum", "3"], []):
        missed = _run("verify", folder, *asked, *more)
        assert missed.exit_code == 1
        assert "w.example/2 has not cosigned" in missed.output
        assert "w.example/1 has not" not in missed.output


def test_a_checkpoint_kept_from_before_finds_a_ledger_that_was_cut(
    made: PublishedLedger, folder: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(made.objects["checkpoint"])
    assert _run("verify", folder, "--previous", kept).exit_code == 0
    (tmp_path / "cut").mkdir()
    cut = published_ledger(299, made.signer).write(tmp_path / "cut")
    assert _run("verify", cut).exit_code == 0
    result = _run("verify", cut, "--previous", kept)
    assert result.exit_code == 1
    assert "the ledger was cut" in result.output


def test_bodies_may_be_elsewhere_and_may_be_few(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "bodies.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "bodies.jsonl").unlink()
    without = _run("verify", folder)
    assert without.exit_code == 0
    assert "Bodies were not at hand" in without.output
    pack = tmp_path / "pack.jsonl"
    pack.write_bytes(lines[7] + lines[250])
    assert _run("verify", folder, "--bodies", pack).exit_code == 1
    some = _run("verify", folder, "--bodies", pack, "--some-bodies")
    assert some.exit_code == 0
    assert "2 of 300 bodies were at hand" in some.output


def test_the_laws_between_entries_are_checked_where_all_bodies_are_there(tmp_path: Path) -> None:
    """A look without a grant, in a ledger that its own key has signed."""
    made = PublishedLedger()
    made.append([make_body(0), make_body(1, kind="look.granted", search_id="s", grant_index=0)])
    made.publish()
    folder = made.write(tmp_path)
    result = _run("verify", folder)
    assert result.exit_code == 1
    assert "entry 1" in result.output
    assert _run("verify", folder, "--some-bodies").exit_code == 0


def test_unchecked_receipts_are_said_to_be_unchecked(folder: Path, tmp_path: Path) -> None:
    without = _run("verify", folder)
    assert "Who signed the receipts was not checked" in without.output
    roots = tmp_path / "roots.pem"
    roots.write_bytes(_self_signed())
    given = _run("verify", folder, "--services", roots)
    assert given.exit_code == 0, given.output
    assert "Who signed" not in given.output


def _self_signed() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test root")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, start, start.replace(year=2027))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify"],
        ["verify", "/no/such/folder"],
        ["verify", "{folder}", "--key", "nonsense"],
        ["verify", "{folder}", "--key", "a+00000000+AAAA"],
        ["verify", "{folder}", "--key", "{witness}"],
        ["verify", "{folder}", "--witness", "{log}"],
        ["verify", "{folder}", "--witness", "{witness}", "--quorum", "2"],
        ["verify", "{folder}", "--witness", "{witness}", "--witness", "{witness}"],
        ["verify", "{folder}", "--witness", "{witness}", "--quorum", "0"],
        ["verify", "{folder}", "--quorum", "1"],
        ["verify", "{folder}", "--bodies", "/no/such/file"],
        ["verify", "{folder}", "--previous", "{folder}/key"],
        ["verify", "{folder}", "--services", "{folder}/key"],
        ["verify", "{empty}"],
        ["verify", "ftp://example.org/ledger"],
        ["verify", "https://example.org/ledger"],
        ["show", "{empty}"],
        ["show", "/no/such/folder"],
        ["rewrite", "{folder}"],
    ],
)
def test_what_was_not_understood_exits_2(
    made: PublishedLedger, folder: Path, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "empty").mkdir()
    witness = NoteSigner.generate("w", COSIGNATURE_V1)
    values = {
        "folder": str(folder),
        "empty": str(tmp_path / "empty"),
        "witness": witness.verifier.text,
        "log": made.signer.verifier.text,
    }
    result = _run(*(one.format(**values) for one in arguments))
    assert result.exit_code == 2, result.output


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """A test prints nothing."""


class _Gzip(BaseHTTPRequestHandler):
    """Sends everything compressed without asking, as the specification lets a log do."""

    def __init__(self, *args: object, root: Path) -> None:
        self._root = root
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        data = gzip.compress((self._root / self.path.removeprefix("/log/")).read_bytes())
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """A test prints nothing."""


@contextmanager
def _served(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_ledger_on_the_web(made: PublishedLedger, folder: Path) -> None:
    """R-28: no sign-in, nothing but the address and the key."""
    with _served(partial(_Quiet, directory=str(folder))) as address:
        key = made.signer.verifier.text
        result = _run("verify", address, "--key", key, "--bodies", folder / "bodies.jsonl")
        assert result.exit_code == 0, result.output
        (folder / "tile/0/000").unlink()
        gone = _run("verify", address + "/", "--key", key)
        assert gone.exit_code == 1
        assert "tile/0/000" in gone.output


def test_a_ledger_on_the_web_that_sends_gzip(made: PublishedLedger, folder: Path) -> None:
    with _served(partial(_Gzip, root=folder)) as address:
        result = _run("verify", f"{address}/log", "--key", made.signer.verifier.text)
    assert result.exit_code == 0, result.output


def test_an_address_nobody_answers_at_exits_1(made: PublishedLedger) -> None:
    with _served(partial(_Quiet)) as address:
        pass
    result = _run("verify", address, "--key", made.signer.verifier.text)
    assert result.exit_code == 1
    assert "cannot read" in result.output
    assert "Nothing was checked" in result.output
    assert "does not hold" not in result.output


def test_show_lists_entries_in_order(folder: Path) -> None:
    result = _run("show", folder)
    lines = result.output.splitlines()
    assert result.exit_code == 0
    assert len(lines) == 301
    assert lines[7].split() == ["7", "2026-11-23T06:30:07.00Z", "logon.failed", "number=7"]
    assert "not a proof" in lines[-1]


def test_show_stops_at_a_line_it_cannot_read(folder: Path) -> None:
    lines = (folder / "bodies.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "bodies.jsonl").write_bytes(lines[0] + b"{}\n")
    result = _run("show", folder)
    assert result.exit_code == 1
    assert "line 2" in result.output


def test_a_summary_is_one_short_line_that_cannot_steer_a_terminal() -> None:
    body = {
        "kind": "request.granted",
        "time": "2026-11-23T06:30:00.12Z",
        "by": {"agency": "us-ut-slcpd", "person": "p-17"},
        "galleries": {"US-UT": {"decision": "granted"}, "US-VT": {"decision": "refused"}},
        "probe_sha256": "ab" * 32,
        "reasons": ["a", "b"],
        "steps": [{"a": 1}, {"b": 2}],
        "note": "\x1b[31mred\u202e\nline",
    }
    line = summary(body)
    assert line.startswith("by=us-ut-slcpd,p-17 galleries=US-UT,US-VT probe_sha256=abababababab… ")
    assert len(line) <= 100
    shown = summary({"note": body["note"], "steps": body["steps"], "instrument": None})
    assert shown == "note=\ufffd[31mred\ufffd\ufffdline steps=[2] instrument=-"


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b'{"body":"","index":0}\n',
        b'{"body":"e30=","index":"0","nonce":""}\n',
        b'{"body":"e30=","index":true,"nonce":""}\n',
        b'{"body":"e30","index":0,"nonce":""}\n',
        b'{"body":1,"index":0,"nonce":""}\n',
        b'{"index":0,"body":"e30=","nonce":""}\n',
        b"[" * 200_000 + b"\n",
        b"\xff\n",
    ],
    ids=lambda line: repr(line[:20]),
)
def test_a_line_of_bodies_that_is_anything_else_is_a_fault(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "bodies.jsonl"
    path.write_bytes(line)
    with pytest.raises(LedgerFault, match=r"line 1 of bodies\.jsonl"):
        list(read_bodies(path))
