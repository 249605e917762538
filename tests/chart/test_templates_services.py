"""R-44, R-45: what the chart tells each service is what that service's code takes."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
import pytest
import yaml
from pytest import MonkeyPatch

from onrecord.chassis.settings import ProcessSettings, examine
from onrecord.cli.main import cli
from onrecord.cli.services import settings_of
from onrecord.contracts.events import ENROLMENT_REQUESTED, FACE_DETECTED
from onrecord.events.topics import PARTITIONS
from onrecord.kernel.vocabulary import Service
from onrecord.vector_search.consumer import TOPICS, group_of
from tests.architecture.arrows import arrows
from tests.chart.releases import CHART, PROFILES
from tests.chart.rendering import (
    Manifest,
    RefusedError,
    containers,
    given,
    named,
    of_kind,
    pods,
    template,
)
from tests.chart.test_templates_kubernetes import EVERYTHING
from tools.chart_pages import THE_CHARTS_OWN

_COMPONENT: Final = "app.kubernetes.io/component"
_VALUES: Final = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
_CLOSING_SECONDS: Final = 10


def _serving(manifests: Sequence[Manifest]) -> list[Manifest]:
    return [
        one
        for one in of_kind(manifests, "Deployment")
        if one["metadata"]["labels"][_COMPONENT] != "triton"
    ]


def _settings(manifests: Sequence[Manifest], deployment: Manifest) -> str:
    config = named(manifests, "ConfigMap", deployment["metadata"]["name"])
    return str(config["data"]["settings.toml"])


@pytest.mark.parametrize("changed", [{}, EVERYTHING])
@pytest.mark.parametrize("profile", PROFILES)
def test_every_service_takes_its_settings(
    profile: str, changed: Mapping[str, Any], tmp_path: Path, monkeypatch: MonkeyPatch
) -> None:
    """R-44: read by the service's own class, with the variables that its pod has; and no variable
    is there in vain.
    """
    manifests = template(profile, given(profile, changed))
    for deployment in _serving(manifests):
        service = Service(deployment["metadata"]["labels"][_COMPONENT])
        kind = settings_of(service)
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        prefix = str(kind.model_config["env_prefix"])
        config = tmp_path / "settings.toml"
        config.write_text(_settings(manifests, deployment))
        with monkeypatch.context() as environment:
            for variable in container["env"]:
                if variable["name"] == "ONRECORD_CONFIG":
                    continue
                setting = variable["name"].removeprefix(prefix).lower()
                assert setting in kind.model_fields, variable["name"]
                url = "postgresql+psycopg://u:p@db/x" if setting.endswith("_url") else "secret"
                environment.setenv(variable["name"], url)
            read, problems = examine(kind, config)
        assert not problems, (deployment["metadata"]["name"], problems)
        assert read is not None


@pytest.mark.parametrize("profile", PROFILES)
def test_files_that_settings_name_are_mounted(profile: str) -> None:
    """R-44: each path of the settings lies under a volume of the container."""
    manifests = template(profile, given(profile, EVERYTHING))
    for deployment in _serving(manifests):
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
        for name, value in tomllib.loads(_settings(manifests, deployment)).items():
            if isinstance(value, str) and value.startswith("/"):
                assert any(value == at or value.startswith(at + "/") for at in mounted), name


def test_a_value_sets_every_setting_that_the_chart_leaves() -> None:
    """What the chart sets itself is what it renders, or a secret; the rest goes by `settings`."""
    manifests = template("gpu", given("gpu", EVERYTHING))
    rendered: set[str] = set()
    secret: set[str] = set()
    for deployment in _serving(manifests):
        kind: type[ProcessSettings] = settings_of(
            Service(deployment["metadata"]["labels"][_COMPONENT])
        )
        prefix = str(kind.model_config["env_prefix"])
        rendered |= set(tomllib.loads(_settings(manifests, deployment)))
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        names = {variable["name"] for variable in container["env"]}
        secret |= {one.removeprefix(prefix).lower() for one in names if one != "ONRECORD_CONFIG"}
    assert rendered | secret == THE_CHARTS_OWN | {"log_form"}


def test_a_setting_given_as_a_value_reaches_its_service() -> None:
    told = {
        "gateway": {"settings": {"admission": 33, "log_level": "DEBUG"}},
        "planes": {"main": {"settings": {"max_records": 100000000}}},
    }
    manifests = template("small", given("small", told))
    by_name = {one["metadata"]["name"]: one for one in _serving(manifests)}
    gateway = tomllib.loads(_settings(manifests, by_name["onrecord-gateway"]))
    assert (gateway["admission"], gateway["log_level"]) == (33, "DEBUG")
    plane = tomllib.loads(_settings(manifests, by_name["onrecord-vector-search-main"]))
    assert plane["max_records"] == 100000000


@pytest.mark.parametrize("drain", [{}, {"stopSeconds": 33.5, "unreadySeconds": 7}])
def test_a_pod_is_left_the_time_that_its_process_takes_to_end(drain: Mapping[str, Any]) -> None:
    """R-45: unready, then draining, then what is closed; none of them is cut short."""
    manifests = template("small", given("small", {"defaults": drain}))
    for deployment in _serving(manifests):
        told = tomllib.loads(_settings(manifests, deployment))
        grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        takes = math.ceil(told["unready_seconds"]) + math.ceil(told["stop_seconds"])
        assert grace == takes + _CLOSING_SECONDS
    code = settings_of(Service.GATEWAY).model_fields["stop_seconds"].default
    assert _VALUES["defaults"]["stopSeconds"] == code


def test_nothing_is_taken_away_before_its_like_is_there() -> None:
    """R-44: an upgrade loses no request: one more comes before one goes, and it says so in time
    for its callers: their names are asked for again, and readiness is looked at, in less.
    """
    manifests = template("national", given("national"))
    for deployment in _serving(manifests):
        assert deployment["spec"]["strategy"] == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
        }
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        probe = container["readinessProbe"]
        told = tomllib.loads(_settings(manifests, deployment))
        assert told["unready_seconds"] >= probe["periodSeconds"]


def test_arguments_are_commands_and_options_that_there_are() -> None:
    """R-44: of every container with an image of ours, jobs included."""
    for name, pod in pods(template("gpu", given("gpu", EVERYTHING))):
        for one in containers(pod):
            if one["name"] != "triton":
                _understood([str(argument) for argument in one["args"]], name)


def _understood(arguments: Sequence[str], where: str) -> None:
    command: click.Command = cli
    left = list(arguments)
    context = click.Context(command, info_name="onrecord")
    while isinstance(command, click.Group):
        found = command.get_command(context, left[0])
        assert found is not None, (where, arguments)
        command, context = found, click.Context(found, parent=context)
        left.pop(0)
    known = {option for part in command.params for option in part.opts}
    for argument in left:
        if argument.startswith("--"):
            assert argument.partition("=")[0] in known, (where, argument)


def test_scalers_watch_what_their_service_consumes() -> None:
    """R-44: the group and the topics are the code's."""
    watched: dict[str, set[tuple[str, str]]] = {}
    for one in of_kind(template("small", given("small", EVERYTHING)), "ScaledObject"):
        component = one["metadata"]["labels"][_COMPONENT]
        watched[component] = {
            (trigger["metadata"]["consumerGroup"], trigger["metadata"]["topic"])
            for trigger in one["spec"]["triggers"]
            if trigger["type"] == "kafka"
        }
    assert watched == {
        "detection": {(Service.DETECTION.value, ENROLMENT_REQUESTED)},
        "embedding": {(Service.EMBEDDING.value, FACE_DETECTED)},
        "vector-search": {(group_of("main"), topic) for topic in TOPICS},
        "audit": set(),
        "triton": set(),
    }
    assert _VALUES["bus"]["partitions"] == PARTITIONS


def test_scaling_is_one_things_business() -> None:
    """R-44: never two autoscalers on one deployment, nor one and a number of replicas."""
    for keda in (True, False):
        told = {
            "defaults": {"autoscaling": {"enabled": True}},
            "vectorSearch": {"keys": {"accessMode": "ReadWriteMany"}},
            "keda": {"enabled": keda},
        }
        manifests = template("small", given("small", told))
        scaled = [
            one["spec"]["scaleTargetRef"]["name"]
            for one in of_kind(manifests, "HorizontalPodAutoscaler", "ScaledObject")
        ]
        assert sorted(scaled) == sorted(one["metadata"]["name"] for one in _serving(manifests))
        assert not [one for one in _serving(manifests) if "replicas" in one["spec"]]


def test_each_plane_is_keyed_placed_and_reached_by_itself() -> None:
    """R-30, R-44: its own database, keys, certificate, Milvus, account and nodes."""
    manifests = template("national", given("national"))
    planes = [
        one
        for one in _serving(manifests)
        if one["metadata"]["labels"][_COMPONENT] == "vector-search"
    ]
    assert len(planes) == 3
    own: dict[str, set[str]] = {}
    for one in planes:
        spec = one["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        told = tomllib.loads(_settings(manifests, one))
        for what, value in {
            "account": spec["serviceAccountName"],
            "keys": volumes["keys"]["persistentVolumeClaim"]["claimName"],
            "certificate": volumes["certificate"]["secret"]["secretName"],
            "database": next(
                variable["valueFrom"]["secretKeyRef"]["name"]
                for variable in container["env"]
                if variable["name"].endswith("ROSTER_URL")
            ),
            "milvus": told["milvus"],
            "plane": told["plane"],
        }.items():
            own.setdefault(what, set()).add(value)
    assert {what: len(values) for what, values in own.items()} == dict.fromkeys(own, 3)
    utah = named(manifests, "Deployment", "onrecord-vector-search-utah")
    assert utah["spec"]["template"]["spec"]["nodeSelector"] == {"onrecord.org/plane": "utah"}
    gateway = tomllib.loads(
        _settings(manifests, named(manifests, "Deployment", "onrecord-gateway"))
    )
    assert "utah=onrecord-vector-search-utah:8443" in gateway["planes"]
    assert "US-UT=utah" in gateway["homes"]


def test_the_keys_of_a_plane_outlive_the_release() -> None:
    """R-30: `helm uninstall` destroys no gallery."""
    (claim,) = of_kind(template("small", given("small")), "PersistentVolumeClaim")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_keys_that_one_node_can_have_are_not_waited_for_by_two_pods() -> None:
    """R-44: else an upgrade would stand still: the next pod on another node, its volume taken."""
    manifests = template("small", given("small"))
    plane = named(manifests, "Deployment", "onrecord-vector-search-main")
    assert plane["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}
    preflight = named(manifests, "Job", "onrecord-vector-search-main-preflight")
    (beside,) = preflight["spec"]["template"]["spec"]["affinity"]["podAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    assert beside["labelSelector"]["matchLabels"] == plane["spec"]["selector"]["matchLabels"]
    with pytest.raises(RefusedError, match="ReadWriteMany"):
        template("small", given("small", {"planes": {"main": {"replicas": 2}}}))


def test_services_are_headless_where_callers_balance() -> None:
    """R-44: gRPC is balanced by who calls; HTTP is not."""
    for one in of_kind(template("gpu", given("gpu")), "Service"):
        headless = one["spec"].get("clusterIP") == "None"
        assert headless == (one["metadata"]["labels"][_COMPONENT] != "gateway")


def test_gpus_are_asked_for_by_triton_alone() -> None:
    """R-44: and by nobody where there are none; then it may be exchanged like any other."""
    for gpus in (2, 0):
        manifests = template("gpu", given("gpu", {"triton": {"gpus": gpus}}))
        asked = {
            name: one["resources"]["limits"].get("nvidia.com/gpu")
            for name, pod in pods(manifests)
            for one in containers(pod)
            if "nvidia.com/gpu" in one["resources"]["limits"]
        }
        assert asked == ({"onrecord-triton": gpus} if gpus else {})


def test_models_are_checked_before_whatever_reads_them_starts() -> None:
    """R-37, R-44: fetched or on a volume, each is held to its card."""
    for claim in ("", "models"):
        for name, pod in pods(template("gpu", given("gpu", {"models": {"claim": claim}}))):
            if "models" not in {volume["name"] for volume in pod["spec"]["volumes"]}:
                continue
            (step,) = pod["spec"]["initContainers"]
            assert step["args"][:2] == ["models", "check" if claim else "fetch"], name
            assert ("--cards" in step["args"]) == name.startswith("onrecord-gateway"), name


def test_the_charts_arrows_are_the_pages() -> None:
    """R-44: the one table from which its network policies are made."""
    told = yaml.safe_load((CHART / "files" / "arrows.yaml").read_text("utf-8"))
    assert {who: frozenset(whom) for who, whom in told.items()} == arrows()


def test_no_policy_of_any_state_is_in_the_chart() -> None:
    """Law 5: an installation begins with refusals."""
    for path in CHART.rglob("*"):
        assert path.suffix != ".cedar"
        assert path.name not in ("authority.yaml", "manifest.json", "signature")


def test_a_plane_alone_joins_an_installation_elsewhere() -> None:
    """R-44: a state runs its own plane: nothing but it, its certificate, its database and keys."""
    away = {name: {"enabled": False} for name in ("gateway", "detection", "embedding", "audit")} | {
        "audit": {"enabled": False, "address": "audit.onrecord.example:8443"}
    }
    manifests = template("small", given("small", away))
    (plane,) = _serving(manifests)
    assert tomllib.loads(_settings(manifests, plane))["audit"] == "audit.onrecord.example:8443"
    jobs = {one["metadata"]["name"] for one in of_kind(manifests, "Job")}
    assert "onrecord-migrate-audit" not in jobs
