"""Every random choice comes from (seed, person, subject), so that adding one moves no other."""

import zlib

import numpy as np


def stream(seed: int, person: int, subject: str) -> np.random.Generator:
    """The generator of one subject ("shape", "hair", ...) of one person."""
    return np.random.Generator(np.random.PCG64([seed, person, zlib.crc32(subject.encode())]))
