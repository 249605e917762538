"""Verifier keys as they are given to a command: written out, or as a file that holds one."""

from pathlib import Path

import click

from onrecord.kernel.errors import OnRecordError
from onrecord.proof.notes import COSIGNATURE_V1, ED25519, NoteVerifier


def verifier_key(given: str, algorithm: int, option: str) -> NoteVerifier:
    """The key written in `given`, or in the file of that name."""
    try:
        text = given if given.count("+") >= 2 else Path(given).read_text("utf-8").strip()
        verifier = NoteVerifier.parse(text)
    except OSError as error:
        raise click.UsageError(
            f"{option}: {given} is no key, and no file that can be read ({error.strerror})"
        ) from error
    except (OnRecordError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{option}: {error}") from error
    if verifier.algorithm != algorithm:
        kinds = {ED25519: "log's (type 1)", COSIGNATURE_V1: "witness's (type 4)"}
        raise click.UsageError(f"{option}: this is not a {kinds[algorithm]} key")
    return verifier
