"""An object store: bytes under keys. A local directory, or S3, by the same port."""

from onrecord.chassis.objects.local import LocalObjects
from onrecord.chassis.objects.opening import ObjectAccess, open_objects
from onrecord.chassis.objects.ports import ObjectStore

__all__ = ["LocalObjects", "ObjectAccess", "ObjectStore", "open_objects"]
