"""Members of a ZIP file, those packed with zstandard too, which Python itself reads from 3.14 on."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa

from ttclib.errors import RequestError

_ZSTD = 93
_HEADER = 30
_LARGEST = 1 << 31


class Archive:
    """A ZIP file that is open for reading.

    Raises
    ------
    RequestError
        It is no ZIP file, or is cut off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self._members = {member.filename: member for member in archive.infolist()}
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise RequestError(f"cannot read '{path}': {error}") from error

    @property
    def names(self) -> list[str]:
        """Its members, in their order."""
        return list(self._members)

    def read(self, name: str) -> bytes:
        """A member's content.

        Raises
        ------
        RequestError
            It is damaged.
        """
        member = self._members[name]
        try:
            if member.file_size > _LARGEST:
                raise ValueError(f"it says that it has {member.file_size:,} bytes")
            if member.compress_type == _ZSTD:
                content: bytes = self._zstd(member)
            else:
                with zipfile.ZipFile(self.path) as archive:
                    content = archive.read(member)
            if zlib.crc32(content) != member.CRC:
                raise ValueError("its checksum is another")
        except (OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error,
                struct.error, pa.ArrowException) as error:  # fmt: skip
            raise RequestError(f"cannot read '{name}' of '{self.path}': {error}") from error
        return content

    def _zstd(self, member: zipfile.ZipInfo) -> bytes:
        with open(self.path, "rb") as file:
            file.seek(member.header_offset)
            lengths = struct.unpack("<HH", file.read(_HEADER)[-4:])
            file.seek(sum(lengths), 1)
            packed = file.read(member.compress_size)
        if not member.file_size:
            return b""
        return bytes(pa.Codec("zstd").decompress(packed, member.file_size))
