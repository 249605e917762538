"""A typed Python client of the gateway's REST API.

client = OnRecordClient("https://gateway.example", token)
search = client.search(request, probe, idempotency_key="SLC-2026-004182-1")
"""

from onrecord.client.client import OnRecordClient
from onrecord.client.errors import ClientError
from onrecord.client.results import (
    Body,
    Decision,
    Enrolment,
    Examiner,
    Gallery,
    GalleryInfo,
    Lead,
    Leads,
    LedgerEntry,
    Logged,
    Policy,
    Quality,
    Reason,
    Receipt,
    Search,
    Task,
    TaskSummary,
)

__all__ = [
    "Body",
    "ClientError",
    "Decision",
    "Enrolment",
    "Examiner",
    "Gallery",
    "GalleryInfo",
    "Lead",
    "Leads",
    "LedgerEntry",
    "Logged",
    "OnRecordClient",
    "Policy",
    "Quality",
    "Reason",
    "Receipt",
    "Search",
    "Task",
    "TaskSummary",
]
