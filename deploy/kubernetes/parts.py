"""The processes of a control plane, as parts that `deploy.local.running` starts."""

import http.client
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.kubernetes import programs
from deploy.kubernetes.identity import Identity
from deploy.local.asking import ANSWER_SECONDS, says_ok, says_ok_over
from deploy.local.part import HOST, Launch, Place, Say

_SERVICES: Final = "10.96.0.0/16"
_SOON: Final = "1s"


class _Program:
    """What the programs of the control plane share: they are built as one."""

    __slots__ = ()

    def install(self, tools: Path, say: Say) -> None:
        programs.control_plane(tools, say)

    def settle(self, place: Place) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Etcd(_Program):
    """`Part`."""

    name: str = "etcd"
    version: str = programs.ETCD
    port_names: tuple[str, ...] = ("client", "peer")

    def launch(self, place: Place) -> Launch:
        client, peer = (f"http://{place.at(name)}" for name in self.port_names)
        options = {
            "data-dir": str(place.data / "etcd"),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
            "unsafe-no-fsync": "true",  # what it keeps is for as long as it runs
            "log-level": "warn",
        }
        return _launch(place, self.name, options)

    def ready(self, place: Place) -> bool:
        return says_ok(place.at("client"), "/health")


@dataclass(frozen=True, slots=True)
class ApiServer(_Program):
    """`Part`. `etcd` is a URL. Its admission is what Kubernetes has by default."""

    identity: Identity
    etcd: str
    name: str = "kube-apiserver"
    version: str = programs.KUBERNETES
    port_names: tuple[str, ...] = ("https",)

    def launch(self, place: Place) -> Launch:
        self.identity.made(f"https://{place.at('https')}")
        options = {
            "etcd-servers": self.etcd,
            "bind-address": HOST,
            "advertise-address": HOST,
            "secure-port": str(place.ports["https"]),
            "cert-dir": str(self.identity.certificates),
            "token-auth-file": str(self.identity.tokens),
            "authorization-mode": "Node,RBAC",
            "allow-privileged": "true",  # who may be privileged is Pod Security's to say
            "service-cluster-ip-range": _SERVICES,
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": str(self.identity.account_key),
            "service-account-signing-key-file": str(self.identity.account_key),
            "endpoint-reconciler-type": "none",
            "v": "0",
        }
        return _launch(place, self.name, options)

    def ready(self, place: Place) -> bool:
        certificate = self.identity.certificate
        return _healthy(place, "/readyz", certificate, self.identity.token())


@dataclass(frozen=True, slots=True)
class Controllers(_Program):
    """`Part`. What the timing of a real cluster would make tests wait for comes at once."""

    identity: Identity
    name: str = "kube-controller-manager"
    version: str = programs.KUBERNETES
    port_names: tuple[str, ...] = ("https",)

    def launch(self, place: Place) -> Launch:
        options = _client(self.identity, place) | {
            "service-account-private-key-file": str(self.identity.account_key),
            "root-ca-file": str(self.identity.certificate),
            "horizontal-pod-autoscaler-sync-period": _SOON,
            "namespace-sync-period": "10s",
        }
        return _launch(place, self.name, options)

    def ready(self, place: Place) -> bool:
        return _healthy(place, "/healthz", place.data / f"{self.name}.crt")


@dataclass(frozen=True, slots=True)
class Scheduler(_Program):
    """`Part`."""

    identity: Identity
    name: str = "kube-scheduler"
    version: str = programs.KUBERNETES
    port_names: tuple[str, ...] = ("https",)

    def launch(self, place: Place) -> Launch:
        return _launch(place, self.name, _client(self.identity, place))

    def ready(self, place: Place) -> bool:
        return _healthy(place, "/healthz", place.data / f"{self.name}.crt")


@dataclass(frozen=True, slots=True)
class Kwok:
    """`Part`. Every node of the server is simulated by it: nothing runs in a pod."""

    identity: Identity
    name: str = "kwok"
    version: str = programs.KWOK
    port_names: tuple[str, ...] = ("http",)

    def install(self, tools: Path, say: Say) -> None:
        programs.kwok(tools, say)

    def launch(self, place: Place) -> Launch:
        folder = programs.kwok(place.tools, _nobody)
        options = {
            "kubeconfig": str(self.identity.kubeconfig),
            "config": str(folder / "stages.yaml"),
            "manage-all-nodes": "true",
            "server-address": place.at("http"),
            "node-ip": HOST,
            # Or nobody hears of a node again, and after 50 s it counts as lost.
            "node-lease-duration-seconds": "40",
        }
        return Launch(argv=(str(folder / "kwok"), *_flags(options)), cwd=place.data)

    def ready(self, place: Place) -> bool:
        return says_ok(place.at("http"), "/healthz")

    def settle(self, place: Place) -> None:
        """Nothing."""


def _client(identity: Identity, place: Place) -> dict[str, str]:
    """What a client of the API server with a health port of its own is told."""
    kubeconfig = str(identity.kubeconfig)
    return {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "authentication-skip-lookup": "true",
        "leader-elect": "false",
        "bind-address": HOST,
        "secure-port": str(place.ports["https"]),
        "cert-dir": str(place.data),
        "v": "0",
    }


def _launch(place: Place, program: str, options: dict[str, str]) -> Launch:
    path = programs.control_plane(place.tools, _nobody) / program
    return Launch(argv=(str(path), *_flags(options)), cwd=place.data)


def _flags(options: dict[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]


def _healthy(place: Place, path: str, certificate: Path, token: str = "") -> bool:
    if not certificate.exists():
        return False
    try:
        context = ssl.create_default_context(cafile=str(certificate))
    except (ssl.SSLError, OSError):
        return False  # half written
    return says_ok_over(
        http.client.HTTPSConnection(place.at("https"), timeout=ANSWER_SECONDS, context=context),
        path,
        {"Authorization": f"Bearer {token}"} if token else {},
    )


def _nobody(_: str) -> None:
    """It is installed: nothing to tell."""
