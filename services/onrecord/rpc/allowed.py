"""Which service may call which method. What is not listed here, nobody may call.

Methods are named one by one: a new method of a contract is open to nobody until somebody has
written down to whom.
"""

from typing import Final

from onrecord.kernel.vocabulary import Service

_GATEWAY: Final = frozenset({Service.GATEWAY})
_NOBODY: Final[frozenset[Service]] = frozenset()
# A plane asks the ledger for what it needs to check a grant, and for nothing else.
_GATEWAY_AND_PLANE: Final = frozenset({Service.GATEWAY, Service.VECTOR_SEARCH})
# Who seals or opens what travels on the bus. Another plane is none of them.
_SEALERS: Final = frozenset({Service.GATEWAY, Service.DETECTION, Service.EMBEDDING})

_AUDIT: Final = "/onrecord.rpc.v1.Audit/"
_DETECTION: Final = "/onrecord.rpc.v1.Detection/"
_EMBEDDING: Final = "/onrecord.rpc.v1.Embedding/"
_VECTOR_SEARCH: Final = "/onrecord.rpc.v1.VectorSearch/"

ALLOWED: Final[dict[str, frozenset[Service]]] = {
    _AUDIT + "Authorize": _GATEWAY,
    _AUDIT + "AuthorizeLook": _GATEWAY,
    _AUDIT + "RecordQualityRefusal": _GATEWAY,
    _AUDIT + "RecordFailure": _GATEWAY,
    _AUDIT + "Decide": _GATEWAY,
    _AUDIT + "ListEnds": _GATEWAY,
    _AUDIT + "Release": _GATEWAY,
    _AUDIT + "FollowUp": _GATEWAY,
    _AUDIT + "LiftSuspension": _GATEWAY,
    _AUDIT + "ListEmergencies": _GATEWAY,
    _AUDIT + "PinAuthorityKey": _GATEWAY,
    _AUDIT + "RegisterGalleryModel": _GATEWAY,
    _AUDIT + "ActivatePolicy": _GATEWAY,
    _AUDIT + "ListActivePolicies": _GATEWAY,
    # An entry's body would be read without anybody's token, and no service needs it (law 10).
    _AUDIT + "GetEntry": _NOBODY,
    _AUDIT + "ListBodies": _GATEWAY,
    _AUDIT + "GetConsistencyProof": _GATEWAY_AND_PLANE,
    _AUDIT + "GetPolicy": _GATEWAY_AND_PLANE,
    _AUDIT + "GetCheckpoint": _GATEWAY_AND_PLANE,
    _AUDIT + "GetWitnessedCheckpoint": _GATEWAY,
    _DETECTION + "Detect": _GATEWAY,
    _EMBEDDING + "Embed": _GATEWAY,
    _VECTOR_SEARCH + "CreateGallery": _GATEWAY,
    _VECTOR_SEARCH + "ListGalleries": _GATEWAY,
    _VECTOR_SEARCH + "BeginEnrolments": _GATEWAY,
    _VECTOR_SEARCH + "SubmitEnrolments": _GATEWAY,
    _VECTOR_SEARCH + "GetEnrolment": _GATEWAY,
    _VECTOR_SEARCH + "GetTransportKey": _SEALERS,
    _VECTOR_SEARCH + "OpenManifest": _GATEWAY,
    _VECTOR_SEARCH + "PutChunk": _GATEWAY,
    _VECTOR_SEARCH + "GetManifest": _GATEWAY,
    _VECTOR_SEARCH + "ListManifestRows": _GATEWAY,
    _VECTOR_SEARCH + "DeleteRecord": _GATEWAY,
    _VECTOR_SEARCH + "GetDeletion": _GATEWAY,
    _VECTOR_SEARCH + "CheckGallery": _GATEWAY,
    _VECTOR_SEARCH + "Redrive": _GATEWAY,
    _VECTOR_SEARCH + "Foresee": _GATEWAY,
    _VECTOR_SEARCH + "SearchGalleries": _GATEWAY,
    _VECTOR_SEARCH + "Search": _GATEWAY,
    _VECTOR_SEARCH + "OpenPortrait": _GATEWAY,
    _VECTOR_SEARCH + "Unseal": _GATEWAY,
    _VECTOR_SEARCH + "ListReceipts": _GATEWAY,
}
