"""The ledger: appended, published, witnessed; what has no end yet; what runs out."""

from deploy.grafana.appending import appending, expiring
from deploy.grafana.board import GALLERIES, Board, Section
from deploy.grafana.dress import Bad, Says
from deploy.grafana.ends import ends
from deploy.grafana.panels import Sized, lines, ranking, state
from deploy.grafana.queries import Query, ranked, worst
from deploy.grafana.standing import checkpoint, stopped, witnesses
from deploy.grafana.terms import ALARMS, TOLD


def ledger() -> Board:
    return Board(
        "onrecord-ledger",
        "Ledger and witnesses",
        "The ledger as an auditor would want it: it grows, it is published, others cosign it, "
        "every grant has an end and every receipt its place. And what runs out.",
        (
            Section("Whole, published, witnessed", _whole()),
            Section("Every grant has its end", ends()),
            Section("Appending", appending()),
            Section("What runs out", expiring()),
        ),
        (GALLERIES,),
    )


def _whole() -> tuple[Sized, ...]:
    unpublished = worst("onrecord_ledger_unpublished_entries")
    return (
        state(
            Says("Entries", "Entries committed. Normal: it only grows.", "short"),
            Query(TOLD),
        ),
        stopped(),
        checkpoint(),
        witnesses(),
        state(
            Says(
                "Authority keys changed",
                "States' authority keys that were pinned or changed in six hours. Normal: 0, but "
                "when a state is added: then ask the state by telephone whether it was it.",
                "short",
                Bad("OnRecordAuthorityKeyChanged", 1),
            ),
            Query(worst("onrecord_authority_keys_changed_recent")),
        ),
        state(
            Says(
                "Database",
                "How large the ledger's database is. Normal: about a kilobyte or two an entry, "
                "growing for ever: nothing is deleted. Size the disk for years.",
                "bytes",
            ),
            Query(worst("onrecord_ledger_database_bytes")),
        ),
        lines(
            Says(
                "Checkpoint and cosignature, age",
                "Since the newest checkpoint was published and since the quorum last cosigned one. "
                "Both stand still where nothing is appended; where entries wait, they must not. "
                "Normal: seconds in the day. No second line: no witness has cosigned yet.",
                "s",
            ),
            Query(worst("onrecord_ledger_checkpoint_age_seconds"), "published"),
            Query(
                f"{worst('onrecord_ledger_witness_age_seconds')} or "
                f"{worst('onrecord_ledger_checkpoint_age_seconds')}",
                "cosigned, or else published",
            ),
            width=8,
        ),
        lines(
            Says(
                "Entries that wait",
                "Committed and not published; committed and not witnessed, which is all of them "
                "where no witnesses are configured. Normal: near 0.",
                "short",
            ),
            Query(unpublished, "not published"),
            Query(f"{worst('onrecord_ledger_unwitnessed_entries')} or {TOLD}", "not witnessed"),
            width=8,
        ),
        ranking(
            Says(
                "Alarms in six hours",
                "Alarms that the ledger has taken, by what they are about. Normal: none. "
                "Each kind has its own alert and runbook.",
                "short",
                Bad("OnRecordReceiptRefused", 1, also=ALARMS),
            ),
            Query(
                ranked(worst("onrecord_ledger_alarms_recent", by="what"), "what", TOLD),
                "{{what}}",
            ),
        ),
    )
