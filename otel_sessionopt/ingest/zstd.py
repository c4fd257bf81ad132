"""Zstandard: the standard library's module where there is one (Python 3.14), its backport elsewhere.

Imported when the first zstd input is met, not before.
"""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdCompressor, ZstdDecompressor, ZstdError, ZstdFile
else:
    from backports.zstd import ZstdCompressor, ZstdDecompressor, ZstdError, ZstdFile

__all__ = ["ZstdCompressor", "ZstdDecompressor", "ZstdError", "ZstdFile"]
