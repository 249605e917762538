"""Settings by file and environment: what is effective, what is refused, what is never shown."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from onrecord.audit.settings import AuditSettings
from onrecord.chassis.bus.kafka.access import KafkaAccess, KafkaLogin, KafkaTls
from onrecord.chassis.settings import PlaneAddress, examine, load
from onrecord.chassis.settings.fields import documented
from onrecord.cli.config import config as config_command
from onrecord.cli.config import page
from onrecord.cli.services import settings_of
from onrecord.gateway.settings import GatewaySettings
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service

PASSWORD = "correct-horse-battery"
AUDIT = {
    "certificate": "/c/audit.pem",
    "certificate_key": "/c/audit.key.pem",
    "roots": "/c/root.pem",
    "bus": "/b",
    "token_issuer": "somebody",
    "token_keys": "/t/jwks.json",
    "database_url": f"postgresql://ledger:{PASSWORD}@db/ledger",
    "ledger_objects": "/l",
    "ledger_signing_key": "/k/ledger.key",
}


def written(folder: Path, settings: dict[str, str], *more: str) -> Path:
    path = folder / "settings.toml"
    lines = [f'{name} = "{value}"' for name, value in settings.items()]
    path.write_text("\n".join([*lines, *more]) + "\n", "utf-8")
    return path


def test_the_environment_overrides_the_file_and_the_rest_is_as_documented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = written(tmp_path, AUDIT, "threads = 4", "stop_seconds = 5")
    monkeypatch.setenv("ONRECORD_AUDIT_THREADS", "7")
    settings = load(AuditSettings, config)
    assert settings.threads == 7
    assert settings.stop_seconds == 5
    assert settings.address == "127.0.0.1:8443"
    assert settings.database_url.get_secret_value() == AUDIT["database_url"]
    monkeypatch.setenv("ONRECORD_CONFIG", str(config))
    assert load(AuditSettings) == settings


@pytest.mark.parametrize(
    ("line", "name", "says"),
    [
        ("thread = 4", "thread", "there is no such setting"),
        ('threads = "many"', "threads", "valid integer"),
        ("threads = 0", "threads", "greater than or equal to 1"),
        ('address = "nowhere"', "address", "not host:port"),
        ('address = "host:99999"', "address", "not host:port"),
        ('log_level = "LOUD"', "log_level", "pattern"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, line: str, name: str, says: str) -> None:
    """SETTINGS_INVALID names the field; the message says what is wrong with it."""
    with pytest.raises(OnRecordError) as raised:
        load(AuditSettings, written(tmp_path, AUDIT, line))
    assert raised.value.code is ErrorCode.SETTINGS_INVALID
    assert raised.value.field == name
    assert says in raised.value.message


def test_all_problems_are_told_at_once_and_no_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-43: a value may be a secret in the wrong place."""
    given = {name: value for name, value in AUDIT.items() if name != "roots"}
    monkeypatch.setenv("ONRECORD_AUDIT_THREADS", PASSWORD)
    monkeypatch.setenv("ONRECORD_AUDIT_DATABASE_UR", PASSWORD)
    read, problems = examine(AuditSettings, written(tmp_path, given))
    assert read is None
    assert {one.name for one in problems} == {"database_ur", "roots", "threads"}
    assert PASSWORD not in str(problems)


def test_a_file_that_is_none_is_said(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("threads = = 4", "utf-8")
    for path in (broken, tmp_path / "missing.toml"):
        with pytest.raises(OnRecordError) as raised:
            load(AuditSettings, path)
        assert raised.value.code is ErrorCode.SETTINGS_INVALID
        assert str(path) in raised.value.message


GATEWAY = {
    **dict.fromkeys(("certificate", "certificate_key", "roots", "bus", "token_keys"), "/x"),
    **dict.fromkeys(("casework_key", "vault", "ingest", "ledger_objects"), "/x"),
    **dict.fromkeys(("audit", "detection", "embedding"), "host:1"),
    "token_issuer": "somebody",
    "database_url": "sqlite://",
}


def test_planes_are_named_and_galleries_have_homes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list in the file, or by commas in the environment."""
    path = written(tmp_path, GATEWAY, 'planes = ["others=a:1", "utah=b:2"]', 'homes=["US-UT=utah"]')
    settings = load(GatewaySettings, path)
    assert settings.planes == (PlaneAddress("others", "a:1"), PlaneAddress("utah", "b:2"))
    assert [tuple(home) for home in settings.homes] == [("US-UT", "utah")]
    monkeypatch.setenv("ONRECORD_GATEWAY_PLANES", "others=a:1, utah=c:3")
    assert load(GatewaySettings, path).planes[1] == PlaneAddress("utah", "c:3")


@pytest.mark.parametrize("planes", ["", "a:1", "=a:1", "x=a", "x=a:1,x=b:2", "others=a:1"])
def test_planes_that_make_no_sense(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planes: str
) -> None:
    """The last: a gallery's home is none of them."""
    path = written(tmp_path, GATEWAY, 'homes=["US-UT=utah"]')
    monkeypatch.setenv("ONRECORD_GATEWAY_PLANES", planes)
    with pytest.raises(OnRecordError) as raised:
        load(GatewaySettings, path)
    assert raised.value.code is ErrorCode.SETTINGS_INVALID
    assert "plane" in raised.value.message or raised.value.field == "planes"


KINDS = {"text", "path", "secret", "integer", "number", "true or false", "list, by commas"}


@pytest.mark.parametrize("service", list(Service))
def test_every_setting_is_documented(service: Service) -> None:
    """A setting nobody has described is a setting nobody can set."""
    for one in documented(settings_of(service)):
        assert len(one.says) > 15, one.name
        assert one.says.endswith("."), one.name
        assert one.kind in KINDS, one.name
        if one.kind in {"integer", "number"}:
            assert one.unit, one.name


def test_the_page_of_settings_is_current() -> None:
    root = Path(__file__).resolve().parents[3]
    assert (root / "docs" / "settings.md").read_text("utf-8") == page(), (
        "run `onrecord config document > docs/settings.md`"
    )


def check(service: str, path: Path, *more: str) -> Result:
    return CliRunner().invoke(config_command, ["check", service, "--config", str(path), *more])


def test_check_says_what_is_effective_and_masks_secrets(tmp_path: Path) -> None:
    path = written(tmp_path, AUDIT, "threads = 4")
    done = check("audit", path, "--no-files")
    assert done.exit_code == 0, done.output
    assert "set      threads = 4" in done.output
    assert "default  address = 127.0.0.1:8443" in done.output
    assert "database_url = ********" in done.output
    assert PASSWORD not in done.output

    done = check("audit", written(tmp_path, AUDIT, "thread = 4"))
    assert done.exit_code == 1
    assert "thread: there is no such setting" in done.output
    assert PASSWORD not in done.output


def test_show_lists_every_setting() -> None:
    done = CliRunner().invoke(config_command, ["show", "vector-search"])
    assert done.exit_code == 0
    for one in documented(settings_of(Service.VECTOR_SEARCH)):
        assert f"{one.name}  ({one.variable};" in done.output


def test_the_bus_is_a_folder_or_brokers(tmp_path: Path) -> None:
    assert load(AuditSettings, written(tmp_path, AUDIT)).bus_at() == Path("/b")
    brokers = {**AUDIT, "bus": "kafka://one:9092,two:9092"}
    servers = ("one:9092", "two:9092")
    assert load(AuditSettings, written(tmp_path, brokers)).bus_at() == KafkaAccess(servers)
    secured = {
        **brokers,
        "bus_roots": "/r.pem",
        "bus_certificate": "/c.pem",
        "bus_key": "/k.pem",
        "bus_user": "onrecord",
        "bus_password": PASSWORD,
    }
    settings = load(AuditSettings, written(tmp_path, secured))
    tls = KafkaTls(Path("/r.pem"), Path("/c.pem"), Path("/k.pem"))
    assert settings.bus_at() == KafkaAccess(servers, tls, KafkaLogin("onrecord", PASSWORD))
    assert PASSWORD not in repr(settings) + repr(settings.bus_at())


@pytest.mark.parametrize("bus", ["kafka://one", "nats://one:1", f"kafka://me:{PASSWORD}@one:1"])
def test_a_bus_that_is_neither_is_refused_and_not_repeated(tmp_path: Path, bus: str) -> None:
    _, problems = examine(AuditSettings, written(tmp_path, {**AUDIT, "bus": bus}))
    (one,) = problems
    assert one.name == "bus"
    assert PASSWORD not in one.says
