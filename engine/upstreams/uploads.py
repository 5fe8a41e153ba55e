"""A client's form with its file: kept once, and sent to a provider at each attempt with another `model` in it."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import AsyncGenerator, Iterable

# What is larger waits on disk.
IN_MEMORY = 1024 * 1024
PIECE = 64 * 1024
HEAD = 64
# Sound that nobody measured: speech, compressed as music players do, in bytes a second.
USUAL_RATE = 16_000
# The fewest bytes that a second of speech takes.
LEAST_RATE = 1_000
TOKEN = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'+_-.")


class Upload:
    """A form as it is read: `begin`, `add`, `end_part` for each part, then `end`.

    `size` is that of its files, in bytes; what is not a file is small.
    """

    def __init__(self, boundary: bytes) -> None:
        self._boundary = boundary
        self._kept = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # closed with the request
        self._model_at: int | None = None
        self._model_ends = 0
        self._is_model = self._is_file = False
        self._head = b""
        self.size = 0

    def begin(self, headers: Iterable[tuple[bytes, bytes]], *, is_model: bool, is_file: bool) -> None:
        """A part with these headers."""
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        self._kept.write(b"--%b\r\n%b\r\n" % (self._boundary, lines))
        self._is_model, self._is_file = is_model, is_file
        if is_model:
            self._model_at = self._kept.tell()

    def add(self, data: bytes) -> None:
        """The next bytes of the part."""
        self._kept.write(data)
        if self._is_file:
            self.size += len(data)
            self._head += data[: HEAD - len(self._head)]

    def end_part(self) -> None:
        """The part is whole."""
        if self._is_model:
            self._model_ends = self._kept.tell()
        self._kept.write(b"\r\n")

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

    def length(self, model: str) -> int:
        """The bytes of the form with this model."""
        return self._length - (self._model_ends - (self._model_at or 0)) + len(self._named(model))

    async def pieces(self, model: str) -> AsyncGenerator[bytes]:
        """The form with this model in the place of the client's; in front if the client named none."""
        for piece in self._between(0, self._model_at or 0):
            yield piece
        yield self._named(model)
        for piece in self._between(self._model_ends, self._length):
            yield piece

    def _named(self, model: str) -> bytes:
        if self._model_at is not None:
            return model.encode()
        return b'--%b\r\nContent-Disposition: form-data; name="model"\r\n\r\n%b\r\n' % (self._boundary, model.encode())

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
