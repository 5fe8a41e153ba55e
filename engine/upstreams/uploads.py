"""A client's form with its file: kept once, and sent to a provider at each attempt with other fields in it."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from dataclasses import dataclass

# What is larger waits on disk.
IN_MEMORY = 1024 * 1024
PIECE = 64 * 1024
HEAD = 64
# Sound that nobody measured: speech, compressed as music players do, in bytes a second.
USUAL_RATE = 16_000
# The fewest bytes that a second of speech takes.
LEAST_RATE = 1_000
TOKEN = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'+_-.")


@dataclass(slots=True)
class _Part:
    """Where a part of the form is, and the value in it."""

    name: str
    begins: int
    value_begins: int
    value_ends: int = 0
    ends: int = 0


class Upload:
    """A form as it is read: `begin`, `add`, `end_part` for each part, then `end`.

    `size` is that of its files, in bytes; what is not a file is small.
    """

    def __init__(self, boundary: bytes) -> None:
        self._boundary = boundary
        self._kept = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # closed with the request
        self._parts: list[_Part] = []
        self._is_file = False
        self._head = b""
        self.size = 0

    def begin(self, headers: Iterable[tuple[bytes, bytes]], *, name: str, is_file: bool) -> None:
        """A part with these headers."""
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        begins = self._kept.tell()
        self._kept.write(b"--%b\r\n%b\r\n" % (self._boundary, lines))
        self._parts.append(_Part(name, begins, self._kept.tell()))
        self._is_file = is_file

    def add(self, data: bytes) -> None:
        """The next bytes of the part."""
        self._kept.write(data)
        if self._is_file:
            self.size += len(data)
            self._head += data[: HEAD - len(self._head)]

    def end_part(self) -> None:
        """The part is whole."""
        part = self._parts[-1]
        part.value_ends = self._kept.tell()
        self._kept.write(b"\r\n")
        part.ends = self._kept.tell()

    def end(self) -> None:
        """The form is whole."""
        self._kept.write(b"--%b--\r\n" % self._boundary)
        self._length = self._kept.tell()

    def close(self) -> None:
        """Forgets it; what is on disk goes away."""
        self._kept.close()

    @property
    def content_type(self) -> str:
        """With the client's boundary."""
        boundary = self._boundary.decode("ascii")
        shown = boundary if TOKEN.issuperset(self._boundary) else f'"{boundary}"'
        return f"multipart/form-data; boundary={shown}"

    @property
    def seconds(self) -> float:
        """About how long its sound is: exactly for plain WAV, else from its size."""
        return self.size / (_wav_rate(self._head) or USUAL_RATE)

    @property
    def most_seconds(self) -> float:
        """How long its sound can be."""
        return self.size / LEAST_RATE

    def length(self, fields: Mapping[str, str]) -> int:
        """The bytes of the form with these fields."""
        return sum(len(one) if isinstance(one, bytes) else one[1] - one[0] for one in self._with(fields))

    async def pieces(self, fields: Mapping[str, str]) -> AsyncGenerator[bytes]:
        """The form with these fields in the place of the client's; in front where the client has none of the name."""
        for one in self._with(fields):
            for piece in (one,) if isinstance(one, bytes) else self._between(*one):
                yield piece

    def _with(self, fields: Mapping[str, str]) -> Iterator[bytes | tuple[int, int]]:
        """What the form consists of then: new bytes, and from where to where the client's are."""
        missing = dict(fields)
        at, rest = 0, list[bytes | tuple[int, int]]()
        for part in self._parts:
            if part.name not in fields:
                continue
            if part.name in missing:
                rest += [(at, part.value_begins), missing.pop(part.name).encode()]
                at = part.value_ends
            else:  # the same once more
                rest.append((at, part.begins))
                at = part.ends
        yield from (self._made(name, value) for name, value in missing.items())
        yield from [*rest, (at, self._length)]

    def _made(self, name: str, value: str) -> bytes:
        head = b'--%b\r\nContent-Disposition: form-data; name="%b"' % (self._boundary, name.encode())
        return b"%b\r\n\r\n%b\r\n" % (head, value.encode())

    def _between(self, at: int, end: int) -> Iterable[bytes]:
        while at < end:
            self._kept.seek(at)  # another attempt may read at the same time
            piece = self._kept.read(min(PIECE, end - at))
            if not piece:
                return
            at += len(piece)
            yield piece


def _wav_rate(head: bytes) -> int:
    """The bytes a second of a WAV file; 0 for any other."""
    if len(head) < 36 or head[:4] != b"RIFF" or head[8:16] != b"WAVEfmt ":
        return 0
    return int(struct.unpack_from("<I", head, 28)[0])
