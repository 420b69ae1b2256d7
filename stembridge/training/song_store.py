"""Training music of a preset's run on disk: songs at its rate, then a file of latents for each.

    songs/NAME.npy, NAME.json    whatever was opened, at the preset's rate (`dataset.annotated`)
    latents/NAME.npy             float16 [S, C, F]; waveform models train on the songs themselves
    mixtures/NAME.npy            float16 [1, C, F], for models that are told the mixture
    heard/NAME.npy               float32 [N, E], for models that are told how it sounds

Each file appears complete, and what is there is not made again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stembridge.dataset.annotated import AnnotatedSong, load_song, save_song
from stembridge.dataset.opener import open_songs, rendered_songs
from stembridge.errors import BadArgsError
from stembridge.training.latents import SongWindows

ALL_NAME = ".complete"
_PCM = np.float32(1 / 32767)


def store_songs(data: Path, rate: int, folder: Path, say: Callable[[str], None]) -> list[Path]:
    """Opens music and keeps it at `rate` Hz; returns the songs' .json files.

    Raises:
        NoSuchFileError, BadAudioError, BadArgsError: as `open_songs`.
    """
    done = folder / ALL_NAME
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for count, song in enumerate(open_songs(data, rate)):
            if not (folder / f"{song.name}.json").exists():
                save_song(song, folder)
            if count % 50 == 49:
                say(f"{count + 1} songs read")
        done.touch()
    return rendered_songs(folder)


def store_latents(
    songs: Sequence[Path], encoder: nn.Module, hop: int, folder: Path, *, mixtures: bool,
    device: str, say: Callable[[str], None],
) -> list[Path]:  # fmt: skip
    """Encodes songs by `encoder` (audio [B, n] to [B, C, F]); returns the files of their latents.

    Args:
        songs: of `store_songs`.
        encoder: of the codec.
        hop: samples per latent frame.
        folder: for the files.
        mixtures: encode the stems' sum, as the only stem.
        device: "cpu" or "cuda:N".
        say: told what happens.
    """
    encoder = encoder.to(device).eval()

    def latents(song: AnnotatedSong) -> NDArray:
        audio = song.audio.sum(0, keepdims=True) if mixtures else song.audio
        whole = torch.from_numpy(np.ascontiguousarray(audio[:, : audio.shape[1] // hop * hop]))
        with torch.inference_mode():
            found = torch.cat([encoder(stem[None].to(device)).cpu() for stem in whole])
        return found.numpy().astype(np.float16)

    files = store_arrays(songs, latents, folder, "encoded", say)
    encoder.to("cpu")
    return files


def store_arrays(
    songs: Sequence[Path],
    array_of: Callable[[AnnotatedSong], NDArray],
    folder: Path,
    done: str,
    say: Callable[[str], None],
) -> list[Path]:
    """Makes an array of each song that has none yet; returns their files.

    Args:
        songs: of `store_songs`.
        array_of: makes it.
        folder: for the files.
        done: what then has been done to a song, such as "encoded".
        say: told what happens.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{song.stem}.npy" for song in songs]
    for count, (song, file) in enumerate(zip(songs, files, strict=True)):
        if file.exists():
            continue
        array = array_of(load_song(song))
        partial = file.with_suffix(".partial")
        with partial.open("wb") as stream:
            np.save(stream, array)
        partial.replace(file)
        if count % 50 == 49:
            say(f"{count + 1} of {len(files)} songs {done}")
    return files


@dataclass(frozen=True)
class SongFiles:
    """A `WindowSource` of one memory-mapped file per song.

    Attributes:
        arrays: float16 latents `[S, C, F]`, or int16 sound `[S, n]` (then C is 1, and F is n).
        summed: sound is summed over its stems, which makes S = 1.
        told: what is told of each song, `[K, F]`, or `[K, 1]` for the whole of it; or nothing.
        labelled: sound is summed over some of the stems, and what is told is which.
        captions: of each song `[2, 2^S, K]`, see `captions`; told instead.
        heard: of each song `[N, K]`, see `heard_windows`; the nearest row is told instead.
    """

    arrays: tuple[NDArray, ...]
    summed: bool = False
    told: tuple[NDArray, ...] = ()
    labelled: bool = False
    captions: tuple[NDArray, ...] = ()
    heard: tuple[NDArray, ...] = ()

    def require(self, n_frames: int, seconds: float) -> None:
        """Some song is as long as a window.

        Raises:
            BadArgsError: none is.
        """
        if not self.arrays or self.lengths.max() < n_frames:
            raise BadArgsError(
                f"No song is as long as the {seconds:.1f} s that this model is trained on: give "
                "longer ones."
            )

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Frames of every song, `[N]`."""
        return np.array([array.shape[-1] for array in self.arrays], np.int32)

    @property
    def present(self) -> NDArray[np.bool_]:
        """The papers learn the silence of a stem as well: every song has every stem, `[N, S]`."""
        stems = 1 if self.summed else self.arrays[0].shape[0]
        return np.ones((len(self.arrays), stems), bool)

    def windows(
        self, songs: NDArray[np.int64], starts: NDArray[np.int64], n_frames: int
    ) -> SongWindows:
        """`n_frames` of each song from its start on."""
        latents, told = [], []
        for song, start in zip(songs.tolist(), starts.tolist(), strict=True):
            at = slice(start, start + n_frames)
            part = np.asarray(self.arrays[song][..., at], np.float32)
            sounding = self._sounding(song, start, len(part))
            if self.arrays[song].dtype == np.int16:
                part = part[:, None] * _PCM
            latents.append(part[sounding].sum(0, keepdims=True) if self.summed else part)
            told.append(self._told(song, at, sounding))
        return SongWindows(torch.from_numpy(np.stack(latents)), torch.from_numpy(np.stack(told)))

    def mixtures(
        self, songs: NDArray[np.int64], starts: NDArray[np.int64], n_frames: int,
        which: NDArray[np.int64],
    ) -> tuple[Tensor, Tensor] | None:  # fmt: skip
        """See `WindowSource`; none are kept."""
        return None

    def _sounding(self, song: int, start: int, stems: int) -> NDArray[np.bool_]:
        """Which stems are in the sum: all, or a choice that follows from the window's place."""
        if not self.labelled:
            return np.ones(stems, bool)
        chosen = np.random.default_rng([song, start]).random(stems) < 0.5
        return chosen if chosen.any() else ~chosen

    def _told(self, song: int, at: slice, sounding: NDArray[np.bool_]) -> NDArray[np.float32]:
        n_frames = at.stop - at.start
        if self.captions:
            whole = int(np.random.default_rng([song, at.start, 1]).integers(2))
            subset = int(sounding @ (1 << np.arange(len(sounding))))
            return np.repeat(self.captions[song][whole, subset][:, None], n_frames, 1)
        if self.heard:
            rows = self.heard[song]
            nearest = min(round(at.start / (n_frames // 2)), len(rows) - 1)
            return np.repeat(np.asarray(rows[nearest], np.float32)[:, None], n_frames, 1)
        if self.labelled:
            return np.repeat(sounding.astype(np.float32)[:, None], n_frames, 1)
        if not self.told:
            return np.zeros((0, n_frames), np.float32)
        told = self.told[song]
        part = told if told.shape[1] == 1 else told[:, at]
        return np.broadcast_to(np.asarray(part, np.float32), (len(part), n_frames)).copy()


def mapped(files: Sequence[Path]) -> tuple[NDArray, ...]:
    """Arrays of files, memory-mapped."""
    return tuple(np.load(file, mmap_mode="r") for file in files)
