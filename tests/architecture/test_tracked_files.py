"""What git must never hold: photographs, weights, keys, anything big."""

import re

from tests.architecture.source import ROOT, tracked

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".an2", ".wsq"}
WEIGHTS = {
    ".onnx",
    ".pb",
    ".pt",
    ".pth",
    ".h5",
    ".hdf5",
    ".lz4",
    ".dat",
    ".npy",
    ".npz",
    ".pkl",
    ".joblib",
    ".safetensors",
    ".bin",
    ".caffemodel",
    ".tflite",
    ".plan",
    ".engine",
    ".params",
}
ARCHIVES = {".zip", ".gz", ".tgz", ".tar", ".xz", ".bz2", ".whl", ".7z"}
KEYS = {".pem", ".key", ".p12", ".pfx", ".jks", ".crt", ".der"}
DATABASES = {".db", ".sqlite", ".sqlite3"}
MAX_BYTES = 1_000_000
# A private key written out: PEM, or a note key with a whole secret behind its name.
PRIVATE = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{40,}"
    rb"|PRIVATE\+KEY\+[^\s+\"']+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44}"
)


def test_no_weights_archives_keys_or_databases() -> None:
    never = WEIGHTS | ARCHIVES | KEYS | DATABASES
    assert [str(path) for path in tracked() if path.suffix.lower() in never] == []


def test_pictures_stand_in_the_documentation_alone() -> None:
    """And there they are drawn by `onrecord portraits` or by hand: nobody's photograph."""
    docs = ROOT / "docs"
    pictures = [path for path in tracked() if path.suffix.lower() in PICTURES]
    assert [str(path) for path in pictures if not path.is_relative_to(docs)] == []


def test_nothing_is_big() -> None:
    assert [str(path) for path in tracked() if path.stat().st_size > MAX_BYTES] == []


def test_no_private_key_is_written_out() -> None:
    """But for the example keys that a specification publishes, named here one by one."""
    assert [
        str(path.relative_to(ROOT)) for path in tracked() if PRIVATE.search(path.read_bytes())
    ] == []
