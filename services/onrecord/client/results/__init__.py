"""What the gateway answers, as values. Fields this client does not know are passed over.

Similarities are whole millionths of a cosine in [-1, 1], never a probability.
"""

from onrecord.client.results.dead_letters import (
    DeadLetter,
    Event,
    EventPage,
    Explained,
    Sent,
)
from onrecord.client.results.examinations import Decision, Examiner, Task, TaskSummary
from onrecord.client.results.galleries import Body, Enrolment, GalleryInfo, Logged, Policy
from onrecord.client.results.manifests import (
    Check,
    Chunk,
    Deletion,
    Manifest,
    ManifestRow,
    RowOutcome,
)
from onrecord.client.results.searches import (
    Emergency,
    Gallery,
    Lead,
    Leads,
    LedgerEntry,
    Quality,
    Reason,
    Receipt,
    Search,
)

__all__ = [
    "Body",
    "Check",
    "Chunk",
    "DeadLetter",
    "Decision",
    "Deletion",
    "Emergency",
    "Enrolment",
    "Event",
    "EventPage",
    "Examiner",
    "Explained",
    "Gallery",
    "GalleryInfo",
    "Lead",
    "Leads",
    "LedgerEntry",
    "Logged",
    "Manifest",
    "ManifestRow",
    "Policy",
    "Quality",
    "Reason",
    "Receipt",
    "RowOutcome",
    "Search",
    "Sent",
    "Task",
    "TaskSummary",
]
