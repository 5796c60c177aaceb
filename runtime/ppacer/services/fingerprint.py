"""By what a request that is made again is known to be the same one."""

from __future__ import annotations

import hashlib
import json


def fingerprint(*parts: object) -> str:
    """A digest of JSON values; of what is no JSON by its text. Objects count as equal whatever their order."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode("utf-8", "replace")).hexdigest()
