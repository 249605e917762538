"""What holds for every test."""

from hypothesis import settings

# A machine that is shared may be slow for a moment; that is no fault of the code under test.
settings.register_profile("onrecord", deadline=None)
settings.load_profile("onrecord")
