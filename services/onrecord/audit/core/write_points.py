"""Every place between two writes of audit, by name: where a crash must do no harm (R-22)."""

BATCH_BEGUN = "audit.append.batch_begun"
ENTRY_GATHERED = "audit.append.entry_gathered"
MARKS_GATHERED = "audit.append.marks_gathered"
MESSAGE_TAKEN = "audit.intake.message_taken"
RECEIPTS_SETTLED = "audit.intake.receipts_settled"
OFFSETS_WRITTEN = "audit.intake.offsets_written"
INTAKE_COMMITTED = "audit.intake.committed"
OFFSETS_TOLD = "audit.intake.offsets_told"
ROWS_WRITTEN = "audit.append.rows_written"
HASHES_WRITTEN = "audit.append.hashes_written"
BEFORE_COMMIT = "audit.append.before_commit"
AFTER_COMMIT = "audit.append.after_commit"
BEFORE_ANSWER = "audit.append.before_answer"
BUNDLE_WRITTEN = "audit.publish.bundle_written"
TILE_WRITTEN = "audit.publish.tile_written"
COSIGNED = "audit.publish.cosigned"
BEFORE_CHECKPOINT = "audit.publish.before_checkpoint"
AFTER_CHECKPOINT = "audit.publish.after_checkpoint"
PUBLISHED_NOTED = "audit.publish.noted"
WITNESSED_NOTED = "audit.publish.witnessed_noted"

WRITE_POINTS = (
    BATCH_BEGUN,
    ENTRY_GATHERED,
    MARKS_GATHERED,
    MESSAGE_TAKEN,
    RECEIPTS_SETTLED,
    OFFSETS_WRITTEN,
    ROWS_WRITTEN,
    HASHES_WRITTEN,
    BEFORE_COMMIT,
    AFTER_COMMIT,
    BEFORE_ANSWER,
    INTAKE_COMMITTED,
    OFFSETS_TOLD,
    BUNDLE_WRITTEN,
    TILE_WRITTEN,
    COSIGNED,
    BEFORE_CHECKPOINT,
    AFTER_CHECKPOINT,
    PUBLISHED_NOTED,
    WITNESSED_NOTED,
)
"""In the order in which one append, or one poll of the bus, passes them."""
