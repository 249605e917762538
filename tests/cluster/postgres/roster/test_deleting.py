"""The suite as it stands, with the roster in PostgreSQL."""

from tests.unit.vector_search.test_deleting import *  # noqa: F403

# What SQLite leaves in its file; PostgreSQL's pages and its log are the operator's to recycle.
del TestOneRecord.test_the_words_of_the_record_stand_nowhere_on_disk_afterwards  # noqa: F405
