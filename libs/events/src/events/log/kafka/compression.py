"""The effort that aiokafka puts into lz4: it has no setting for it, and its own is the highest.

Measured on batches of 256 KiB of our events: level 9 costs 7.6 µs a record and makes them 6.6
times smaller, level 1 costs 0.9 µs and makes them 6.3 times smaller. More than half of a producer's
processor time went into that difference.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Final

from aiokafka import codec
from aiokafka.record.default_records import DefaultRecordBatchBuilder

_LEVEL: Final = 1
_NAME: Final = "lz4_encode"


def compress_lightly() -> None:
    """Let all producers of this process compress lz4 at level 1.

    Replaces a name inside aiokafka. Raises RuntimeError where that name is gone: an upgrade must
    not bring the old cost back unseen.
    """
    builder = sys.modules[DefaultRecordBatchBuilder.__module__]
    if not hasattr(builder, _NAME):
        raise RuntimeError(f"aiokafka's {builder.__name__} has no {_NAME} any more: see {__name__}")
    setattr(builder, _NAME, partial(codec.lz4_encode, level=_LEVEL))
