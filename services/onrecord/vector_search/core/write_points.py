"""Every place of the plane between two writes, in the order in which a life passes them (R-22).

A crash test ends the process at each; a use-case that adds a write adds its point here.
"""

KEY_MINTED = "gallery.key_minted"
COLLECTION_MADE = "gallery.collection_made"
GALLERY_STORED = "gallery.stored"
TRANSPORT_KEY_MINTED = "transport_key.minted"
TRANSPORT_KEY_STORED = "transport_key.stored"
TRANSPORT_KEY_DESTROYED = "transport_key.destroyed"
TRANSPORT_KEY_MARKED = "transport_key.marked"
MANIFEST_STORED = "manifest.stored"
CHUNK_BEGUN = "manifest.chunk_begun"
CHUNK_ROWS_STORED = "manifest.chunk_rows_stored"
CHUNK_STORED = "manifest.chunk_stored"
CHUNK_CARRIED_OUT = "manifest.chunk_carried_out"
TICKETS_WRITTEN = "enrolment.tickets_written"
ROWS_BEGUN = "enrolment.rows_begun"
TICKET_STORED = "enrolment.ticket_stored"
SUBMISSION_WRITTEN = "enrolment.submission_written"
SUBMISSION_STORED = "enrolment.submission_stored"
VECTOR_INSERTED = "enrolment.vector_inserted"
ROW_LIVE = "enrolment.row_live"
OLDER_GONE = "enrolment.older_gone"
ROWS_ENDED = "enrolment.rows_ended"
CHANGE_NUMBERED = "change.numbered"
CHANGE_STORED = "enrolment.change_stored"
CHUNK_CLOSED = "manifest.chunk_closed"
ROWS_FORGOTTEN = "manifest.rows_forgotten"
EVENTS_QUEUED = "enrolment.events_queued"
ENROLMENT_COMMITTED = "enrolment.committed"
INGEST_CLEARED = "enrolment.ingest_cleared"
REJECTION_COMMITTED = "enrolment.rejection_committed"
PORTRAIT_DESTROYED = "remains.portrait_destroyed"
VECTOR_DELETED = "remains.vector_deleted"
REMAINS_CLEARED = "remains.cleared"
CHECKPOINT_STORED = "ledger.checkpoint_stored"
POLICY_STORED = "ledger.policy_stored"
CANDIDATES_FOUND = "search.candidates_found"
REFS_STORED = "search.refs_stored"
ANSWER_STORED = "search.answer_stored"
SEQUENCE_ADVANCED = "search.sequence_advanced"
RECEIPT_QUEUED = "search.receipt_queued"
SEARCH_COMMITTED = "search.committed"
RECORD_BURIED = "deletion.record_buried"
TOMBSTONE_STORED = "deletion.tombstone_stored"
DELETION_QUEUED = "deletion.queued"
DELETION_COMMITTED = "deletion.committed"
INDEX_COMPACTED = "compaction.index_compacted"
COMPACTION_STORED = "compaction.stored"
GHOSTS_REMOVED = "reconciling.ghosts_removed"
STRAYS_REMOVED = "reconciling.strays_removed"
REDRIVE_SEALED = "redrive.sealed"
REDRIVE_STORED = "redrive.stored"
OUTBOX_PUBLISHED = "outbox.published"
OUTBOX_TIDIED = "outbox.tidied"

LIFE_POINTS = (
    KEY_MINTED,
    COLLECTION_MADE,
    GALLERY_STORED,
    TRANSPORT_KEY_MINTED,
    TRANSPORT_KEY_STORED,
    TRANSPORT_KEY_DESTROYED,
    TRANSPORT_KEY_MARKED,
    MANIFEST_STORED,
    CHUNK_BEGUN,
    CHUNK_ROWS_STORED,
    CHUNK_STORED,
    CHUNK_CARRIED_OUT,
    TICKETS_WRITTEN,
    ROWS_BEGUN,
    TICKET_STORED,
    SUBMISSION_WRITTEN,
    SUBMISSION_STORED,
    VECTOR_INSERTED,
    ROW_LIVE,
    OLDER_GONE,
    ROWS_ENDED,
    CHANGE_NUMBERED,
    CHANGE_STORED,
    CHUNK_CLOSED,
    ROWS_FORGOTTEN,
    EVENTS_QUEUED,
    ENROLMENT_COMMITTED,
    INGEST_CLEARED,
    REJECTION_COMMITTED,
    PORTRAIT_DESTROYED,
    VECTOR_DELETED,
    REMAINS_CLEARED,
    CHECKPOINT_STORED,
    POLICY_STORED,
    CANDIDATES_FOUND,
    REFS_STORED,
    ANSWER_STORED,
    SEQUENCE_ADVANCED,
    RECEIPT_QUEUED,
    SEARCH_COMMITTED,
    OUTBOX_PUBLISHED,
    OUTBOX_TIDIED,
)

ENDING_POINTS = (
    RECORD_BURIED,
    TOMBSTONE_STORED,
    DELETION_QUEUED,
    DELETION_COMMITTED,
    INDEX_COMPACTED,
    COMPACTION_STORED,
    GHOSTS_REMOVED,
    STRAYS_REMOVED,
    REDRIVE_SEALED,
    REDRIVE_STORED,
)
"""Of deletion, compaction, reconciling and redrive."""

WRITE_POINTS = LIFE_POINTS + ENDING_POINTS
