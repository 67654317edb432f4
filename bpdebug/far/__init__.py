"""Arrays that lie elsewhere: on a device, or in chunks on a cluster."""

from bpdebug.far.array import SMALL, Far, as_array, equal, is_array, near
from bpdebug.far.device import Device, Summary

__all__ = ["SMALL", "Device", "Far", "Summary", "as_array", "equal", "is_array", "near"]
