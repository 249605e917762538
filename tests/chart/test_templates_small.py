"""R-44: from an empty cluster to an installation: three commands, and at most eight values."""

import json
from collections.abc import Iterator
from pathlib import Path

from click.testing import CliRunner

from onrecord.cli.keys import keys
from tests.chart.rendering import Manifest, containers, pods, template

ORIGIN = "faces.example/onrecord"
FOR_SECRETS = """
database-gateway.url=postgresql+psycopg://u:p@db/casework
database-audit.url=postgresql+psycopg://u:p@db/ledger
database-vector-search-main.url=postgresql+psycopg://u:p@db/roster
objects.access-key=access
objects.secret-key=secret
"""
FOR_HELM = {
    "bus.address": "kafka://kafka:9092",
    "identity.issuer": "https://identity.example/realms/onrecord",
    "objects.endpoint": "http://store:9000",
    "planes.main.milvus": "http://milvus:19530",
}


def test_eight_values_are_enough(tmp_path: Path) -> None:
    """Whatever a pod mounts or reads is among what `onrecord keys` makes, or the release."""
    assert len(FOR_HELM) <= 8
    made = _made(tmp_path)
    options = [part for name, value in FOR_HELM.items() for part in ("--set", f"{name}={value}")]
    manifests = template("small", {}, *options)
    there = {
        (one["kind"], one["metadata"]["name"]): set(one.get("data", ()))
        for one in (*made, *manifests)
    }
    asked = set()
    for _, pod in pods(manifests):
        for kind, name, key in _references(pod):
            asked.add(name)
            assert (kind, name) in there, (kind, name)
            assert key is None or key in there[kind, name], (name, key)
    brought = {one["metadata"]["name"] for one in made}
    assert brought <= asked, "what nobody reads is not made"


def _made(folder: Path) -> list[Manifest]:
    told = folder / "secrets.txt"
    told.write_text(FOR_SECRETS)
    out = folder / "keys"
    arguments = ["--origin", ORIGIN, "--out", str(out), "--secrets", str(told)]
    done = CliRunner().invoke(keys, [*arguments, "--kubernetes", "onrecord"])
    assert done.exit_code == 0, done.output
    items: list[Manifest] = json.loads((out / "kubernetes.json").read_text())["items"]
    return items


def _references(pod: Manifest) -> Iterator[tuple[str, str, str | None]]:
    for one in containers(pod):
        for variable in one.get("env", ()):
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference and not reference.get("optional"):
                yield "Secret", reference["name"], reference["key"]
    for volume in pod["spec"]["volumes"]:
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"], None
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"], None
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"], None
