"""Entries, attestations, crops and templates, to messages and back."""

import numpy as np

from onrecord.contracts.images import AlignedCrop, Template
from onrecord.proof.attestation import Attestation
from onrecord.proof.authority import AuthorityBundle
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.release import ReleaseProof
from onrecord.proof.statements import Mandate
from onrecord.rpc.fields import malformed, read_all, read_field
from onrecord.rpc.v1 import values_pb2 as pb

_CHANNELS = 3
_FLOAT32 = np.dtype("<f4")


def logged_entry_message(entry: LoggedEntry) -> pb.LoggedEntry:
    return pb.LoggedEntry(
        body=entry.body,
        nonce=entry.nonce,
        index=entry.index,
        inclusion=entry.inclusion,
        checkpoint=entry.checkpoint,
    )


def read_logged_entry(message: pb.LoggedEntry) -> LoggedEntry:
    return LoggedEntry(
        body=message.body,
        nonce=message.nonce,
        index=message.index,
        inclusion=tuple(message.inclusion),
        checkpoint=message.checkpoint,
    )


def attestation_message(attestation: Attestation) -> pb.Attestation:
    return pb.Attestation(
        statement=attestation.statement,
        signature=attestation.signature,
        chain=attestation.chain,
    )


def read_attestation(message: pb.Attestation) -> Attestation:
    return Attestation(message.statement, message.signature, tuple(message.chain))


def mandate_message(mandate: Mandate) -> pb.Mandate:
    if isinstance(mandate, LoggedEntry):
        return pb.Mandate(grant=logged_entry_message(mandate))
    return pb.Mandate(ticket=attestation_message(mandate))


def read_mandate(message: pb.Mandate) -> Mandate:
    match message.WhichOneof("mandate"):
        case "grant":
            return read_logged_entry(message.grant)
        case "ticket":
            return read_attestation(message.ticket)
        case _:
            raise malformed("", "a mandate is a grant or a ticket")


def release_proof_message(proof: ReleaseProof) -> pb.ReleaseProof:
    return pb.ReleaseProof(
        release=logged_entry_message(proof.release),
        grant=logged_entry_message(proof.grant),
        executed=[logged_entry_message(entry) for entry in proof.executed],
        decided=[logged_entry_message(entry) for entry in proof.decided],
    )


def read_release_proof(message: pb.ReleaseProof) -> ReleaseProof:
    return ReleaseProof(
        release=read_field(message, "release", read_logged_entry),
        grant=read_field(message, "grant", read_logged_entry),
        executed=read_all(message.executed, "executed", read_logged_entry),
        decided=read_all(message.decided, "decided", read_logged_entry),
    )


def authority_bundle_message(bundle: AuthorityBundle) -> pb.AuthorityBundle:
    return pb.AuthorityBundle(
        policy=bundle.policy,
        authority=bundle.authority,
        manifest=bundle.manifest,
        signature=bundle.signature,
    )


def read_authority_bundle(message: pb.AuthorityBundle) -> AuthorityBundle:
    return AuthorityBundle(message.policy, message.authority, message.manifest, message.signature)


def aligned_crop_message(crop: AlignedCrop) -> pb.AlignedCrop:
    height, width, _ = crop.pixels.shape
    return pb.AlignedCrop(
        model_id=crop.model_id,
        height=height,
        width=width,
        pixels=crop.pixels.tobytes(),
        attestation=attestation_message(crop.attestation),
    )


def read_aligned_crop(message: pb.AlignedCrop) -> AlignedCrop:
    height, width = message.height, message.width
    if not height or not width:
        raise malformed("height" if not height else "width", "a crop without pixels")
    if len(message.pixels) != height * width * _CHANNELS:
        raise malformed("pixels", f"not {height} x {width} x {_CHANNELS} bytes")
    pixels = np.frombuffer(message.pixels, np.uint8).reshape(height, width, _CHANNELS)
    return AlignedCrop(
        message.model_id, pixels, read_field(message, "attestation", read_attestation)
    )


def template_message(template: Template) -> pb.Template:
    return pb.Template(
        model_id=template.model_id,
        vector=template.vector.astype(_FLOAT32).tobytes(),
        detected=attestation_message(template.detected),
        embedded=attestation_message(template.embedded),
    )


def read_template(message: pb.Template) -> Template:
    if not message.vector or len(message.vector) % _FLOAT32.itemsize:
        raise malformed("vector", "not a row of 32-bit floats")
    return Template(
        model_id=message.model_id,
        vector=np.frombuffer(message.vector, _FLOAT32).astype(np.float32, copy=False),
        detected=read_field(message, "detected", read_attestation),
        embedded=read_field(message, "embedded", read_attestation),
    )
