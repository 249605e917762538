"""Keycloak: an OpenID Connect provider, from Maven, with OnRecord's realm."""

import json
import secrets
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.local.asking import says_ok
from deploy.local.part import HOST, Launch, Place, Say
from deploy.local.parts.keycloak_realm import CLIENT, REALM, Account, realm, representation
from deploy.local.tools import check, folder_of, once, run

_ARTEFACT: Final = "org.keycloak:keycloak-quarkus-dist"
_MAVEN: Final = ("mvn", "-q", "-B", "dependency:copy", "-DoutputDirectory=.")
_ADMIN: Final = "admin"
_SECONDS: Final = 20.0
_THERE: Final = 409


@dataclass(frozen=True, slots=True)
class Keycloak:
    """`Part`. `people` have accounts, all with the part's one password."""

    people: tuple[Account, ...] = ()
    name: str = "keycloak"
    version: str = "26.4.0"
    port_names: tuple[str, ...] = ("http", "management")

    def install(self, tools: Path, say: Say) -> None:
        once(tools, self.name, self.version, say, "160 MB, two minutes", self._build)

    def launch(self, place: Place) -> Launch:
        place.data.mkdir(parents=True, exist_ok=True)
        home = folder_of(place.tools, self.name, self.version) / f"keycloak-{self.version}"
        database = f"jdbc:h2:file:{place.data / 'database'};NON_KEYWORDS=VALUE"
        return Launch(
            argv=(
                str(home / "bin" / "kc.sh"),
                "start",
                "--optimized",
                "--http-enabled=true",
                f"--http-host={HOST}",
                f"--http-port={place.ports['http']}",
                f"--http-management-port={place.ports['management']}",
                f"--hostname=http://{place.at('http')}",
                "--cache=local",
                f"--db-url={database}",
            ),
            cwd=place.data,
            env={
                "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m",
                "KC_BOOTSTRAP_ADMIN_USERNAME": _ADMIN,
                "KC_BOOTSTRAP_ADMIN_PASSWORD": self.password(place),
            },
        )

    def ready(self, place: Place) -> bool:
        return says_ok(place.at("management"), "/health/ready", _SECONDS)

    def settle(self, place: Place) -> None:
        """The realm and its people. Raises OSError where Keycloak refuses one."""
        self._ask(place, "POST", "/admin/realms", realm())
        for one in self.people:
            self.enlist(place, one)

    def issuer(self, place: Place) -> str:
        """What stands in `iss`, and below which its keys are found by discovery."""
        return f"http://{place.at('http')}/realms/{REALM}"

    def password(self, place: Place) -> str:
        """The administrator's, and everybody's."""
        path = place.data / "password"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24))
        return path.read_text()

    def enlist(self, place: Place, who: Account) -> None:
        """Give somebody an account. Raises OSError where Keycloak refuses."""
        users = f"/admin/realms/{REALM}/users"
        self._ask(place, "POST", users, representation(who, self.password(place)))
        named = urllib.parse.quote(who.user)
        (user,) = self._ask(place, "GET", f"{users}?exact=true&username={named}")
        clients = f"/admin/realms/{REALM}/clients"
        (client,) = self._ask(place, "GET", f"{clients}?clientId={CLIENT}")
        roles = self._ask(place, "GET", f"{clients}/{client['id']}/roles")
        wanted = [one for one in roles if one["name"] in who.roles]
        self._ask(
            place, "POST", f"{users}/{user['id']}/role-mappings/clients/{client['id']}", wanted
        )

    def token(self, place: Place, who: Account) -> str:
        """A fresh access token of somebody who has an account. Raises OSError."""
        return self._token(place, REALM, CLIENT, who.user)

    def rotate(self, place: Place) -> None:
        """From now on tokens are signed with a new key; the old one is published still."""
        held = self._ask(place, "GET", f"/admin/realms/{REALM}")
        self._ask(
            place,
            "POST",
            f"/admin/realms/{REALM}/components",
            {
                "name": f"key-{secrets.token_hex(4)}",
                "parentId": held["id"],
                "providerId": "ecdsa-generated",
                "providerType": "org.keycloak.keys.KeyProvider",
                "config": {
                    "priority": [str(200 + secrets.randbelow(10**6))],
                    "enabled": ["true"],
                    "active": ["true"],
                    "ecdsaEllipticCurveKey": ["P-256"],
                },
            },
        )

    def _build(self, folder: Path) -> None:
        run(
            [*_MAVEN, f"-Dartifact={_ARTEFACT}:{self.version}:zip"],
            cwd=folder,
        )
        check(folder, f"{self.name}-{self.version}")
        archive = folder / f"keycloak-quarkus-dist-{self.version}.zip"
        run(["unzip", "-q", archive.name], cwd=folder)
        archive.unlink()
        home = folder / f"keycloak-{self.version}"
        run(
            [str(home / "bin" / "kc.sh"), "build", "--db=dev-file", "--health-enabled=true"],
            cwd=folder,
        )

    def _token(self, place: Place, of: str, client: str, user: str) -> str:
        form = {
            "grant_type": "password",
            "client_id": client,
            "username": user,
            "password": self.password(place),
        }
        address = f"http://{place.at('http')}/realms/{of}/protocol/openid-connect/token"
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(address, body, timeout=_SECONDS) as answer:
            return str(json.load(answer)["access_token"])

    def _ask(
        self,
        place: Place,
        method: str,
        path: str,
        body: Mapping[str, Any] | list[Any] | None = None,
    ) -> Any:
        """Of the administrator's API. What is there already stays as it is."""
        request = urllib.request.Request(
            f"http://{place.at('http')}{path}",
            None if body is None else json.dumps(body).encode(),
            {
                "Authorization": f"Bearer {self._token(place, 'master', 'admin-cli', _ADMIN)}",
                "Content-Type": "application/json",
            },
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                said = answer.read()
        except urllib.error.HTTPError as error:
            if error.code == _THERE:
                return None
            raise OSError(f"{method} {path}: {error.code} {error.read(500)!r}") from error
        return json.loads(said) if said else None
