"""What the gateway answers, as values. Fields this client does not know are passed over.

Similarities are whole millionths of a cosine in [-1, 1], never a probability.
"""

from onrecord.client.results.examinations import Decision, Examiner, Task, TaskSummary
from onrecord.client.results.galleries import Body, Enrolment, GalleryInfo, Logged, Policy
from onrecord.client.results.searches import (
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
    "Decision",
    "Enrolment",
    "Examiner",
    "Gallery",
    "GalleryInfo",
    "Lead",
    "Leads",
    "LedgerEntry",
    "Logged",
    "Policy",
    "Quality",
    "Reason",
    "Receipt",
    "Search",
    "Task",
    "TaskSummary",
]
