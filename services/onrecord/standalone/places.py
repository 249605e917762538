"""Where an installation keeps what outlives its processes, and whom it asks who people are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from onrecord.chassis.development_issuer import AUDIENCE, DevelopmentIssuer
from onrecord.standalone.folder import DataFolder

Setting = str | int | float | list[str]
Settings = Mapping[str, Setting]


@dataclass(frozen=True, slots=True)
class PlanePlaces:
    """A plane's own: its roster (SQLAlchemy URL), and Milvus as the setting `milvus` has it."""

    roster: str
    milvus: str


@dataclass(frozen=True, slots=True)
class Places:
    """In the words of the settings. The mappings are settings by name, told to every process that
    has them: how the bus and the object store are reached, who issues tokens, what runs models,
    where spans and logs go.
    """

    ledger: str = field(repr=False)
    casework: str = field(repr=False)
    planes: Mapping[str, PlanePlaces] = field(repr=False)
    bus: str
    ledger_objects: str
    vault: str
    ingest: str
    tokens: Settings
    bus_access: Settings = field(default_factory=dict, repr=False)
    objects_access: Settings = field(default_factory=dict, repr=False)
    inference: Settings = field(default_factory=dict, repr=False)
    telemetry: Settings = field(default_factory=dict)


def in_folder(folder: DataFolder, planes: Sequence[str]) -> Places:
    """Everything in the data folder: SQLite, Milvus Lite, files, and the development issuer."""
    roots = {name: folder.plane(name) for name in planes}
    return Places(
        ledger=folder.database("ledger"),
        casework=folder.database("casework"),
        planes={
            name: PlanePlaces(root.database("roster"), str(root.vectors))
            for name, root in roots.items()
        },
        bus=str(folder.bus),
        ledger_objects=str(folder.ledger_objects),
        vault=str(folder.vault_objects),
        ingest=str(folder.vault_objects),
        tokens={
            "token_issuer": DevelopmentIssuer.name,
            "token_audience": AUDIENCE,
            "token_keys": str(folder.token_keys),
        },
    )
