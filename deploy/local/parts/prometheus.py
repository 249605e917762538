"""Prometheus, as Debian carries it; the machine is left as it is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local.asking import says_ok
from deploy.local.part import Launch, Place, Say
from deploy.local.registries import debian
from deploy.local.tools import folder_of, once

_PAGES: Final = (
    "fonts-glyphicons-halflings",
    "libjs-bootstrap4",
    "libjs-d3",
    "libjs-eonasdan-bootstrap-datetimepicker",
    "libjs-jquery",
    "libjs-jquery-hotkeys",
    "libjs-moment",
    "libjs-moment-timezone",
    "libjs-mustache",
    "libjs-popper.js",
    "libjs-rickshaw",
)
"""What its own pages are made of."""


@dataclass(frozen=True, slots=True)
class Scraped:
    """Where metrics are told: `host:port` and path, and what is known of whoever tells them."""

    job: str
    address: str
    path: str = "/metrics"
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Prometheus:
    """`Part`. `package` is Debian's version, of which `version` is what Prometheus calls it."""

    scraped: tuple[Scraped, ...] = ()
    rules: tuple[Path, ...] = ()
    every_seconds: int = 5
    name: str = "prometheus"
    version: str = "2.42.0"
    package: str = "2.42.0+ds-5+deb12u1"
    port_names: tuple[str, ...] = ("http",)

    def install(self, tools: Path, say: Say) -> None:
        def build(folder: Path) -> None:
            debian(folder, f"prometheus={self.package}", *_PAGES)

        once(tools, self.name, self.version, say, "40 MB, a quarter of a minute", build)

    def launch(self, place: Place) -> Launch:
        there = folder_of(place.tools, self.name, self.version) / "root" / "usr"
        config = place.data / "prometheus.yml"
        config.write_text(json.dumps(self._configuration(), indent=1))  # JSON is YAML
        return Launch(
            argv=(
                str(there / "bin" / "prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={place.data / 'series'}",
                "--storage.tsdb.retention.time=2d",
                f"--web.local-assets={there / 'share' / 'prometheus' / 'web'}/",
                f"--web.listen-address={place.at('http')}",
            ),
            cwd=place.data,
        )

    def ready(self, place: Place) -> bool:
        return says_ok(place.at("http"), "/-/ready")

    def settle(self, place: Place) -> None:
        """Nothing: it reads what it scrapes from its configuration."""

    def _configuration(self) -> dict[str, object]:
        return {
            "global": {"scrape_interval": f"{self.every_seconds}s"},
            "rule_files": [str(path) for path in self.rules],
            "scrape_configs": [
                {
                    "job_name": job,
                    "metrics_path": path,
                    "static_configs": [
                        {"targets": [one.address], "labels": dict(one.labels)}
                        for one in self.scraped
                        if (one.job, one.path) == (job, path)
                    ],
                }
                for job, path in dict.fromkeys((one.job, one.path) for one in self.scraped)
            ],
        }
