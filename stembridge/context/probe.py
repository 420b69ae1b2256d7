"""Opening audio files with distrust: what a header tells is checked against what is there.

The only reader of context through soundfile. A header is believed only within limits (8 to 192
kHz, 8 channels, 15 minutes), checked before any sample is read: half a megabyte of FLAC can decode
to 600. Lengths are counted where they can be (`mp3`, `flac`, `wav`), and a file with a damaged
header is read through a mended copy of that header; a remark says so.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import soundfile

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.buffer import AudioBuffer
from stembridge.context import flac, mp3, wav
from stembridge.context.quiet import quiet_libraries
from stembridge.context.spliced import Spliced
from stembridge.errors import BadAudioError

MIN_RATE, MAX_RATE = 8000, 192_000  # Hz
MAX_CHANNELS = 8
MAX_DURATION_S = 15 * 60
MAX_FILE_BYTES = MAX_RATE * MAX_CHANNELS * MAX_DURATION_S * 8 + 2**20
MAX_LEVEL = 1000.0  # +60 dBFS: louder is not music but a broken file, and its square overflows
PIECE_VALUES = 2**20  # of all channels, decoded at once: 4 MiB
NEAR_S = 0.05  # lengths this close are the same: an MP3's padding
_READABLE = "WAV, AIFF, FLAC, OGG and MP3 can be read"


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file that is read all the same.

    Attributes:
        code: of the remark.
        promised_s: the length its header tells, in s; None if none.
    """

    code: str
    promised_s: float | None = None


class ContextFile:
    """An open audio file whose header has been found plausible, or mended.

    Attributes:
        sample_rate: Hz.
        n_channels: 1..8.
        n_samples: per channel.
        fault: what was mended; None for a sound file.
    """

    def __init__(self, path: str, sound: Any, fault: Fault | None = None) -> None:
        self._path, self._sound, self.fault = path, sound, fault
        self.sample_rate = int(sound.samplerate)
        self.n_channels = int(sound.channels)
        self.n_samples = int(sound.frames)
        self._at = 0
        _check_header(path, self.sample_rate, self.n_channels, self.n_samples)

    @property
    def duration_s(self) -> float:
        """Length in s."""
        return self.n_samples / self.sample_rate

    def pieces(self, first: int, n_samples: int) -> Iterator[AudioBuffer]:
        """Like `read`, a few megabytes at a time."""
        step = max(1, PIECE_VALUES // self.n_channels)
        stop = min(first + n_samples, self.n_samples)
        for at in range(first, stop, step):
            yield self.read(at, min(step, stop - at))

    def read(self, first: int, n_samples: int) -> AudioBuffer:
        """Samples `first` to `first + n_samples`; shorter where the file ends.

        Raises:
            BadAudioError: the file is broken there, or holds what is no sound.
        """
        try:
            with quiet_libraries():
                self._go_to(min(first, self.n_samples))
                count = max(0, min(n_samples, self.n_samples - first))
                read = self._sound.read(count, dtype="float32", always_2d=True)
            self._at += len(read)
        except (soundfile.SoundFileError, OSError, RuntimeError) as error:
            _unreadable(self._path, error)
        # NaN spreads through max() and fails the comparison, as infinities do.
        if read.size and not max(float(read.max()), -float(read.min())) <= MAX_LEVEL:
            raise BadAudioError(f"'{self._path}' holds samples that are no sound (NaN or huge).")
        return AudioBuffer(read.T, self.sample_rate)

    def _go_to(self, sample: int) -> None:
        if sample == self._at:
            return
        if self._sound.format != "MP3":
            self._sound.seek(sample)
            self._at = sample
            return
        # A frame may need bits of many before it: a seek into the middle lands in noise.
        if sample < self._at:
            self._sound.seek(0)
            self._at = 0
        while self._at < sample:
            skipped = self._sound.read(min(PIECE_VALUES, sample - self._at), dtype="float32")
            if not len(skipped):
                return
            self._at += len(skipped)


@contextlib.contextmanager
def open_context(path: str, roots: AllowedRoots) -> Iterator[ContextFile]:
    """Open an audio file of any format libsndfile reads.

    Raises:
        NoSuchFileError, PathDeniedError: as `AllowedRoots.open`.
        BadAudioError: empty, too large, no audio, or outside the limits above.
    """
    descriptor = roots.open(path)
    try:
        n_bytes = os.fstat(descriptor).st_size
        _check_size(path, n_bytes)
        source, fault = _mended(path, descriptor, n_bytes)
        try:
            with quiet_libraries():
                sound = soundfile.SoundFile(source, closefd=False)
        except (soundfile.SoundFileError, OSError, RuntimeError, TypeError) as error:
            _unreadable(path, error)
        with sound:
            yield ContextFile(path, sound, fault)
    finally:
        os.close(descriptor)


def _mended(path: str, descriptor: int, n_bytes: int) -> tuple[Any, Fault | None]:
    """What libsndfile is to read: the file, or one with a header that tells the truth."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    head = os.read(descriptor, 48)
    found: tuple[Any, Fault | None] | None = None
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        found = _mended_wav(descriptor, n_bytes)
    elif head[:4] == b"fLaC":
        found = _mended_flac(descriptor, n_bytes, head)
    elif head[:4] == b"OggS":
        _check_ogg(path, descriptor)
    elif head[4:8] == b"ftyp":
        raise BadAudioError(
            f"'{path}' is an MP4 or M4A file, and only {_READABLE}. Export it anew."
        )
    elif head[:4] not in (b"FORM", b"caff", b".snd", b"riff"):
        found = _mended_mp3(path, descriptor, n_bytes)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return found or (descriptor, None)


def _mended_wav(descriptor: int, n_bytes: int) -> tuple[Any, Fault | None] | None:
    found = wav.look(descriptor, n_bytes)
    if found is None or not found.n_bytes:
        return None
    promised_s = found.seconds(found.promised) if found.promised else None
    if found.needs_mending:
        return Spliced(descriptor, found.parts()), Fault("header_damaged", promised_s)
    if promised_s is not None and promised_s > found.seconds(found.n_bytes) + NEAR_S:
        return descriptor, Fault("cut_short", promised_s)
    return None


def _mended_flac(descriptor: int, n_bytes: int, head: bytes) -> tuple[Any, Fault | None] | None:
    promised, block = flac.promised_samples(head), int.from_bytes(head[8:10], "big")
    os.lseek(descriptor, max(0, n_bytes - flac.TAIL_BYTES), os.SEEK_SET)
    found = flac.last_sample(os.read(descriptor, flac.TAIL_BYTES), block)
    if found is None or found == promised:
        return None
    rate = max(1, int.from_bytes(head[18:21], "big") >> 4)
    header = flac.with_samples(head[:26], found)
    code = "cut_short" if promised > found else "length_counted"
    # An encoder that wrote to a pipe says 0, "not known": no fault of the file.
    fault = Fault(code, promised / rate) if promised else None
    return Spliced(descriptor, [header, (len(header), n_bytes)]), fault


def _mended_mp3(path: str, descriptor: int, n_bytes: int) -> tuple[Any, Fault | None] | None:
    if n_bytes > mp3.MAX_BYTES:
        return None
    os.lseek(descriptor, 0, os.SEEK_SET)
    with os.fdopen(os.dup(descriptor), "rb") as file:
        data = file.read()
    stream = mp3.find_frames(data)
    if stream is None:
        return None
    promised = stream.promised_frames
    wrong = promised is not None and promised != stream.n_frames
    promised_s = (promised or 0) * stream.first.n_samples / stream.first.rate
    fault = Fault("length_counted", promised_s) if wrong and promised else None
    return io.BytesIO(mp3.with_true_header(data, stream)), fault


def _check_ogg(path: str, descriptor: int) -> None:
    """Several files in one (a chain): libsndfile would hear the first alone."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    seen_sound = False
    with os.fdopen(os.dup(descriptor), "rb") as file:
        while len(page := file.read(27)) == 27 and page[:4] == b"OggS":
            if page[5] & 2 and seen_sound:
                raise BadAudioError(f"'{path}' is several OGG files joined. Export it as one.")
            seen_sound |= not page[5] & 2
            file.seek(sum(file.read(page[26])), os.SEEK_CUR)


def _check_size(path: str, n_bytes: int) -> None:
    if n_bytes == 0:
        raise BadAudioError(f"'{path}' is empty. Export it again.")
    if n_bytes > MAX_FILE_BYTES:
        raise BadAudioError(f"'{path}' is too large ({n_bytes / 2**30:.1f} GiB).")


def _check_header(path: str, rate: int, n_channels: int, n_samples: int) -> None:
    if n_samples <= 0:
        raise BadAudioError(
            f"'{path}' holds no audio. If it should, its header is damaged: export it again."
        )
    if not MIN_RATE <= rate <= MAX_RATE:
        raise BadAudioError(
            f"'{path}' has a sample rate of {rate} Hz; {MIN_RATE} to {MAX_RATE} Hz can be read."
        )
    if not 1 <= n_channels <= MAX_CHANNELS:
        raise BadAudioError(
            f"'{path}' has {n_channels} channels; up to {MAX_CHANNELS} can be read."
        )
    if n_samples > MAX_DURATION_S * rate:
        raise BadAudioError(
            f"'{path}' lasts {n_samples / rate / 60:.0f} minutes; up to {MAX_DURATION_S // 60} "
            "can be read. Export the part you need."
        )


def _unreadable(path: str, error: Exception) -> NoReturn:
    reason = (getattr(error, "error_string", None) or str(error)).rstrip(". ")
    why = f": {reason}" if reason else ""
    raise BadAudioError(
        f"'{path}' cannot be read as audio{why}. {_READABLE}: export it as one of these."
    ) from error
