"""What `onrecord up` and `onrecord up-processes` say and refuse before they start."""

import socket
from pathlib import Path

import click

from onrecord.standalone.folder import DataFolder


def refuse_foreign(folder: DataFolder) -> None:
    """A folder that holds something else is left alone."""
    root = folder.root
    if root.exists() and any(root.iterdir()) and not folder.lock.exists():
        raise click.ClickException(f"{root} holds something else; choose another with --data")


def refuse_busy_port(host: str, port: int) -> None:
    """Said at once, before anything is made; whoever listens next may still lose the race."""
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        why = str(error.strerror).partition(" (while ")[0]
        raise click.ClickException(
            f"cannot listen on {host}:{port} ({why}); choose another with --port"
        ) from error


def how_to_begin(data: Path, address: str) -> str:
    """For whoever has just made an installation."""
    return f"""
Fresh keys stand in {data} (certificates, ledger, casework, token issuer).
A token for a person, from the development issuer:

  onrecord token --data {data} --person p-reyes --agency us-ut-slcpd --role requester

The API is described at {address}/openapi.json; its public ledger is at {address}/ledger/checkpoint.
"""
