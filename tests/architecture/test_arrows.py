"""The arrows of docs/architecture.md are those that the code knows."""

from collections.abc import Mapping

from onrecord.kernel.vocabulary import Service
from onrecord.rpc.allowed import ALLOWED
from tests.architecture.arrows import arrows
from tests.architecture.source import ROOT

# A setting that names where another process is, and what it is called on the page.
_REACHES = {
    "audit": "audit",
    "detection": "detection",
    "embedding": "embedding",
    "planes": "vector-search",
    "bus": "kafka",
    "database_url": "postgresql",
    "roster_url": "postgresql",
    "milvus": "milvus",
    "vault": "objects",
    "ingest": "objects",
    "models": "objects",  # fetched before the process starts
    "ledger_objects": "objects",
    "token_keys": "identity",
    "witnesses": "witnesses",
    "inference": "triton",
}
_OURS = {service.value.replace("_", "-") for service in Service}


def test_between_our_services_they_are_what_may_be_called() -> None:
    """A method that somebody may call has its arrow, and an arrow has its method."""
    called: dict[str, set[str]] = {}
    for method, callers in ALLOWED.items():
        for caller in callers:
            called.setdefault(_component(caller), set()).add(_called(method))
    drawn = {who: whom & _OURS for who, whom in arrows().items() if who in _OURS and whom & _OURS}
    assert drawn == called


def test_each_services_settings_name_what_it_speaks_to() -> None:
    """A service has a setting for everything that its arrows reach, and for nothing else."""
    drawn = {who: set(whom) for who, whom in arrows().items() if who in _OURS}
    assert drawn == _settings()


def _settings() -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    service = ""
    for line in (ROOT / "docs" / "settings.md").read_text().splitlines():
        if line.startswith("## "):
            service = line[3:].strip()
        elif line.startswith("| `") and service in _OURS:
            name = line.split("`")[1]
            if name in _REACHES:
                found.setdefault(service, set()).add(_REACHES[name])
    return found


def _component(service: Service) -> str:
    return service.value.replace("_", "-")


def _called(method: str) -> str:
    contract = method.split("/")[1].rsplit(".", 1)[1]
    return {"Audit": "audit", "Detection": "detection", "Embedding": "embedding"}.get(
        contract, "vector-search"
    )
