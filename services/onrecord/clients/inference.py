"""What runs the models, from the settings."""

from contextlib import ExitStack
from pathlib import Path

from onrecord.chassis.inference import ModelRepository, Models
from onrecord.chassis.settings import InferenceSettings
from onrecord.kernel.errors import ErrorCode, OnRecordError


def models_of(settings: InferenceSettings, stack: ExitStack) -> Models:
    """The models of the settings' repository, and what runs them. Raises SETTINGS_INVALID."""
    repository = ModelRepository(settings.models, threads=settings.inference_threads)
    if not settings.inference:
        return repository
    from onrecord.chassis.inference.triton import TritonModels
    from onrecord.chassis.inference.triton_server import TritonServer, TritonTls

    roots = _read(settings.inference_roots, "inference_roots")
    certificate = _read(settings.inference_certificate, "inference_certificate")
    key = _read(settings.inference_key, "inference_key")
    if (certificate is None) != (key is None) or (key is not None and roots is None):
        raise OnRecordError(
            ErrorCode.SETTINGS_INVALID,
            "our certificate for Triton needs its key, and both need the roots of Triton's own",
            field="inference_certificate",
        )
    tls = TritonTls(roots, certificate, key) if roots is not None else None
    server = TritonServer(settings.inference.removeprefix("triton://"), tls)
    stack.callback(server.close)
    return TritonModels(repository, server)


def _read(path: Path | None, field: str) -> bytes | None:
    try:
        return None if path is None else path.read_bytes()
    except OSError as error:
        raise OnRecordError(
            ErrorCode.SETTINGS_INVALID, f"{path} cannot be read: {error.strerror}", field=field
        ) from error
