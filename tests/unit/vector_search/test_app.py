"""The plane as it is put together: settings, tables, Milvus Lite, key files, and a restart."""

from pathlib import Path

import pytest
from sqlalchemy import text

from onrecord.chassis.database import write_transaction
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.vector_search.app import (
    LITE_MAX_RECORDS,
    SERVER_MAX_RECORDS,
    PlaneSettings,
    build_plane,
    open_roster,
)
from onrecord.vector_search.service.plane import PlaneService
from tests.builders.plane import World, build_world, face, near


def settings(folder: Path, **changes: object) -> PlaneSettings:
    return PlaneSettings(
        roster_url=f"sqlite:///{folder / 'roster.db'}",
        milvus=str(folder / "vectors.db"),
        keys=folder / "keys",
        **changes,  # type: ignore[arg-type]
    )


def built(world: World, folder: Path) -> PlaneService:
    return build_plane(
        settings(folder),
        name="utah-plane",
        vault=world.vault,
        ingest=world.ingest,
        tokens=world.tokens,
        publisher=world.publisher,
        attestor=world.attestors[Service.VECTOR_SEARCH],
        verifier=world.verifier,
        ledger_key=world.ledger.key,
        ledger=world.proofs,
        clock=world.clock,
    )


def test_a_plane_is_built_stopped_and_built_again(folder: Path) -> None:
    world = build_world(folder / "others")
    world.plane.close()
    roster = open_roster(settings(folder).roster_url)
    world.hand_over_to(built(world, folder), roster)
    world.open_gallery()
    for number in range(4):
        world.enrol(number)
    grant = world.grant()
    answered = world.ask(grant, near(face(2), 1))
    assert answered.candidates[0].similarity > 980_000
    look = world.look(grant, answered.candidates[0].candidate_ref)
    image = world.plane.open_portrait(look, world.deadline)
    world.plane.close()
    world.hand_over_to(built(world, folder), roster)
    assert world.ask(grant, near(face(2), 1)) == answered
    assert world.plane.open_portrait(look, world.deadline) == image
    again = world.ask(world.grant(search_id="s-2"), near(face(2), 1))
    assert [one.similarity for one in again.candidates] == [
        one.similarity for one in answered.candidates
    ]
    world.plane.close()


def test_how_large_a_gallery_may_be_depends_on_where_its_vectors_stand(folder: Path) -> None:
    assert settings(folder).record_limit == LITE_MAX_RECORDS
    server = PlaneSettings("sqlite://", "http://milvus:19530", folder)
    assert (server.on_file, server.record_limit) == (False, SERVER_MAX_RECORDS)
    assert settings(folder, max_records=7).record_limit == 7


def test_a_roster_that_serves_newer_programs_only_is_not_touched(folder: Path) -> None:
    url = f"sqlite:///{folder / 'roster.db'}"
    engine = open_roster(url)
    with write_transaction(engine) as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '0099'"))
        tx.execute(text("UPDATE schema_floor SET oldest = 98"))
    engine.dispose()
    with pytest.raises(OnRecordError, match="older than 0098") as refused:
        open_roster(url)
    assert refused.value.code is ErrorCode.SCHEMA_MISMATCH
