"""PostgreSQL 15, as Debian carries it: one server, a database for each service that keeps one.

Each database has two roles: an owner, who migrates, and a role that the service uses and that
may do what the migrations grant it. Nobody else may connect to it. The server refuses to run as
root, so it runs as Debian's own account where we are root.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from deploy.local.part import HOST, Launch, Place, Say
from deploy.local.tools import InstallError, locked, run

PROGRAMS: Final = Path("/usr/lib/postgresql/15/bin")
"""Of the server, and its tools."""

_ACCOUNT: Final = "postgres"
_READY_SECONDS: Final = 2
_APT: Final = ("apt-get", "-q", "-y", "-o", "Dpkg::Options::=--force-confold")
_NO_CLUSTER: Final = Path("/etc/postgresql-common/createcluster.conf")


@dataclass(frozen=True, slots=True)
class Postgres:
    """`Part`. `databases`: each gets the roles `<name>_owner` and `<name>_service`.

    `settings`: of the server, beside ours.
    """

    databases: tuple[str, ...] = ("ledger", "casework", "roster")
    settings: tuple[tuple[str, str], ...] = ()
    name: str = "postgres"
    version: str = "15"
    port_names: tuple[str, ...] = ("postgres",)

    def install(self, tools: Path, say: Say) -> None:
        """With apt, where it is not there. Raises InstallError."""
        tools.mkdir(parents=True, exist_ok=True)
        with locked(tools / ".postgresql-15.lock"):
            if (PROGRAMS / "postgres").exists():
                return
            if os.geteuid() != 0:
                raise InstallError("postgresql-15 lacks: apt-get install postgresql-15, as root")
            say("installing postgresql-15, once: 60 MB, half a minute")
            # Or the package makes and starts a server of its own, at a port of its own.
            if not _NO_CLUSTER.exists():
                _NO_CLUSTER.parent.mkdir(parents=True, exist_ok=True)
                _NO_CLUSTER.write_text("create_main_cluster = false\n")
            quiet = {"DEBIAN_FRONTEND": "noninteractive"}
            run([*_APT, "update"], cwd=tools, env=quiet)
            run(
                [*_APT, "install", "--no-install-recommends", "postgresql-15"], cwd=tools, env=quiet
            )

    def launch(self, place: Place) -> Launch:
        """Raises InstallError where no server can be made in the folder."""
        account = _ACCOUNT if os.geteuid() == 0 else ""
        cluster = place.data / "cluster"
        if not (cluster / "PG_VERSION").exists():
            _make(cluster, place.data, account)
        settings = {
            "listen_addresses": HOST,
            "port": str(place.ports["postgres"]),
            "unix_socket_directories": "",
            "max_connections": "200",
            "password_encryption": "scram-sha-256",
            # What is alive is noticed at once here, so that a cut shows soon.
            "tcp_keepalives_idle": "10",
        }
        settings |= dict(self.settings)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Launch(
            argv=(str(PROGRAMS / "postgres"), "-D", str(cluster), *options),
            cwd=cluster if not account else Path("/"),
            user=account,
            stop=signal.SIGINT,  # "fast": sessions are ended, not waited for
        )

    def ready(self, place: Place) -> bool:
        try:
            psycopg.connect(_superuser(place), connect_timeout=_READY_SECONDS).close()
        except psycopg.Error:
            return False
        return True

    def settle(self, place: Place) -> None:
        """Databases and roles, each with a password of its own."""
        with psycopg.connect(_superuser(place), autocommit=True) as server:
            server.execute("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
            for name in self.databases:
                _make_database(server, place, name)
        for name in self.databases:
            with psycopg.connect(_superuser(place, name), autocommit=True) as database:
                settle_schema(database, name)

    def owner_url(self, place: Place, database: str) -> str:
        """An SQLAlchemy URL of a database, as the role that migrates it."""
        return _url(place, database, f"{database}_owner")

    def service_url(self, place: Place, database: str) -> str:
        """The same, as the role that its service uses."""
        return _url(place, database, f"{database}_service")

    def superuser(self, place: Place, database: str = "postgres") -> str:
        """How psycopg reaches a database as the server's own superuser: for tests and faults."""
        return _superuser(place, database)


def _make(cluster: Path, data: Path, account: str) -> None:
    """A new server's folder. It must belong to the account that the server runs as."""
    shutil.rmtree(cluster, ignore_errors=True)  # half made, if it is there
    cluster.mkdir(mode=0o700)
    handed = data / "initial.password"
    handed.write_text(_password(data, "postgres") + "\n")
    handed.chmod(0o600)
    if account:
        known = pwd.getpwnam(account)
        for one in (cluster, handed):
            os.chown(one, known.pw_uid, known.pw_gid)
    argv = [str(PROGRAMS / "initdb"), "-D", str(cluster), "-U", "postgres"]
    argv += ["--auth=scram-sha-256", f"--pwfile={handed}", "--encoding=UTF8", "--locale=C.UTF-8"]
    if account:
        # By a program: Python itself would fork for it, and gRPC, where it has been at work in this
        # process, does not stand that.
        argv = ["setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups", *argv]
    done = subprocess.run(argv, cwd="/", capture_output=True, check=False)
    handed.unlink()
    if done.returncode:
        shutil.rmtree(cluster, ignore_errors=True)
        said = (done.stdout + done.stderr).decode("utf-8", "replace")[-2000:]
        raise InstallError(
            f"initdb could not use {cluster} as {account or 'this account'}:\n{said}"
        )


def _make_database(
    server: "psycopg.Connection[tuple[object, ...]]", place: Place, name: str
) -> None:
    owner, service = f"{name}_owner", f"{name}_service"
    for role in (owner, service):
        known = server.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
        act = "ALTER" if known else "CREATE"
        server.execute(
            sql.SQL(act + " ROLE {} LOGIN PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(_password(place.data, role))
            )
        )
    known = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
    if not known:
        # Byte order, as SQLite has it: who pages through ids or times sees one order everywhere.
        server.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 LC_COLLATE 'C'").format(
                sql.Identifier(name), sql.Identifier(owner)
            )
        )
    both = sql.SQL(", ").join([sql.Identifier(owner), sql.Identifier(service)])
    database = sql.Identifier(name)
    server.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    server.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, both))


def settle_schema(database: "psycopg.Connection[tuple[object, ...]]", name: str) -> None:
    """In a new database: its owner makes tables, its service uses them, nobody else sees any."""
    owner, service = sql.Identifier(f"{name}_owner"), sql.Identifier(f"{name}_service")
    database.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    database.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(owner))
    database.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(service))


def _superuser(place: Place, database: str = "postgres") -> str:
    password = _password(place.data, "postgres")
    port = place.ports["postgres"]
    return f"host={HOST} port={port} dbname={database} user=postgres password={password}"


def _url(place: Place, database: str, role: str) -> str:
    password = _password(place.data, role)
    return f"postgresql+psycopg://{role}:{password}@{place.at('postgres')}/{database}"


def _password(data: Path, role: str) -> str:
    """A role's password: made once, kept where only we read it."""
    path = data / f"{role}.password"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text()
