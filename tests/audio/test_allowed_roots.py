"""Paths a client may send: none may read outside the allowed folders, whatever it looks like."""

from __future__ import annotations

import errno
import os
import threading
import unicodedata
from pathlib import Path

import pytest

from stembridge.audio import allowed_roots
from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.errors import NoSuchFileError, PathDeniedError, StembridgeError

SECRET = b"outside"


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """An allowed folder `in` with files and traps, beside an outside folder with a secret."""
    inside, outside = tmp_path / "in", tmp_path / "out"
    (inside / "sub").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.wav").write_bytes(SECRET)
    (inside / "a.wav").write_bytes(b"inside")
    (inside / "sub" / "b.wav").write_bytes(b"inside")
    (inside / "link.wav").symlink_to(outside / "secret.wav")
    (inside / "linked").symlink_to(outside, target_is_directory=True)
    (inside / "own-link.wav").symlink_to(inside / "a.wav")
    (inside / "hard.wav").hardlink_to(outside / "secret.wav")
    os.mkfifo(inside / "pipe.wav")
    return tmp_path


def read(roots: AllowedRoots, path: str | Path) -> bytes:
    descriptor = roots.open(str(path))
    try:
        return os.read(descriptor, 100)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("path", ["a.wav", "sub/b.wav", "./a.wav", "sub//b.wav", "sub/./b.wav"])
def test_files_inside_open(house: Path, path: str) -> None:
    assert read(AllowedRoots.of([house / "in"]), f"{house}/in/{path}") == b"inside"


def open_descriptors() -> int:
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.exists() else 0


HOSTILE = [
    "in/../out/secret.wav", "in/sub/../../out/secret.wav", "out/secret.wav", "in/link.wav",
    "in/linked/secret.wav", "in/own-link.wav", "in/hard.wav", "in/..", "..", "in/sub/..",
    "in/pipe.wav", "in/sub", "in", "in/", "in/missing.wav", "in/missing/b.wav", "in/a.wav/b.wav",
    "in/a.wav\0.wav", "in/%2e%2e/out/secret.wav", "in/..%2fout/secret.wav",
    "in/..\\out\\secret.wav",
    "in/A.WAV", "in/a.wav ", "in/a.wav.", "in/a.wav::$DATA", "in/CON", "in/NUL.wav", "inn/a.wav",
    f"in/{'x' * 300}.wav", f"in/{'y/' * 2000}z.wav", "in/\n", "in/~", "in/$HOME",
    f"in/{unicodedata.normalize('NFD', 'é')}.wav",
]  # fmt: skip
ABSOLUTE = [
    "", "a.wav", "./in/a.wav", "../in/a.wav", "/", "//", "/etc/passwd", "/dev/zero", "/dev/stdin",
    "/proc/self/mem", "/proc/self/environ", "/proc/self/cwd/a.wav", "\\\\server\\share\\a.wav",
    "C:\\Windows\\win.ini", "C:a.wav", "file:///etc/passwd", "~/a.wav", "\0",
]  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE + ABSOLUTE)
def test_hostile_paths_read_nothing(house: Path, path: str) -> None:
    asked = path if path in ABSOLUTE else f"{house}/{path}"
    with pytest.raises((PathDeniedError, NoSuchFileError)):
        read(AllowedRoots.of([house / "in"]), asked)


@pytest.mark.parametrize(
    ("path", "error", "word"),
    [
        ("in/link.wav", PathDeniedError, "symbolic link"),
        ("in/linked/secret.wav", PathDeniedError, "symbolic link"),
        ("in/hard.wav", PathDeniedError, "hard link"),
        ("in/../in/a.wav", PathDeniedError, "'..'"),
        ("out/secret.wav", PathDeniedError, "outside the folders"),
        ("in/sub", NoSuchFileError, "is a folder"),
        ("in/pipe.wav", NoSuchFileError, "pipe or device"),
        ("in/missing.wav", NoSuchFileError, "no file"),
        ("in/a.wav/b.wav", NoSuchFileError, "no file"),
    ],
)
def test_each_refusal_says_why(
    house: Path, path: str, error: type[StembridgeError], word: str
) -> None:
    with pytest.raises(error, match=word):
        AllowedRoots.of([house / "in"]).check(f"{house}/{path}")


def test_a_root_reached_through_a_link_is_the_users_own_choice(house: Path) -> None:
    (house / "music").symlink_to(house / "in", target_is_directory=True)
    roots = AllowedRoots.of([house / "music"])
    assert read(roots, house / "music" / "a.wav") == b"inside"
    assert read(roots, house / "in" / "a.wav") == b"inside"  # its resolved spelling too


def test_no_roots_at_all_allow_nothing(house: Path) -> None:
    with pytest.raises(PathDeniedError, match="none at all"):
        AllowedRoots.of([]).check(str(house / "in" / "a.wav"))


def test_a_missing_root_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError):
        AllowedRoots.of([tmp_path / "gone"]).check(str(tmp_path / "gone" / "a.wav"))


def test_the_users_own_command_may_read_anywhere_but_only_files(house: Path) -> None:
    roots = AllowedRoots.anywhere()
    assert read(roots, house / "in" / "link.wav") == SECRET
    assert read(roots, house / "in" / "hard.wav") == SECRET
    for odd in (house / "in", house / "in" / "pipe.wav", Path("/dev/zero")):
        with pytest.raises(NoSuchFileError):
            roots.check(str(odd))


@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.EACCES, PathDeniedError), (errno.EPERM, PathDeniedError), (errno.EIO, NoSuchFileError)],
)
def test_what_the_system_refuses_is_said(
    house: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[StembridgeError]
) -> None:
    def refuse(*_args: object, **_options: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(error):
        AllowedRoots.anywhere().open(str(house / "in" / "a.wav"))


def test_refusals_leak_no_descriptors(house: Path) -> None:
    roots = AllowedRoots.of([house / "in"])
    before = open_descriptors()
    for path in HOSTILE * 3:
        with pytest.raises(StembridgeError):
            roots.check(f"{house}/{path}")
    after = open_descriptors()
    assert after == before


def test_a_folder_swapped_for_a_link_during_the_walk_never_leads_out(house: Path) -> None:
    sub, spare, trap = house / "in" / "sub", house / "in" / "spare", house / "in" / "trap"
    (house / "out" / "b.wav").write_bytes(SECRET)
    trap.symlink_to(house / "out", target_is_directory=True)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            sub.rename(spare)
            trap.rename(sub)
            sub.rename(trap)
            spare.rename(sub)

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        for _ in range(1000):
            try:
                seen.add(read(AllowedRoots.of([house / "in"]), sub / "b.wav"))
            except (PathDeniedError, NoSuchFileError) as error:
                seen.add(type(error))
    finally:
        stop.set()
        swapper.join()
    assert SECRET not in seen
    assert b"inside" in seen


class TestWithoutOpenat:
    """The way of systems that cannot open relative to a folder (Windows)."""

    @pytest.fixture(autouse=True)
    def _no_walk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(allowed_roots, "_CAN_WALK", False)

    def test_files_inside_open_and_links_out_do_not(self, house: Path) -> None:
        roots = AllowedRoots.of([house / "in"])
        assert read(roots, house / "in" / "a.wav") == b"inside"
        for path in ("in/link.wav", "in/linked/secret.wav", "in/../out/secret.wav", "in/hard.wav"):
            with pytest.raises(PathDeniedError):
                read(roots, f"{house}/{path}")
        with pytest.raises(NoSuchFileError):
            read(roots, house / "in" / "missing.wav")

    def test_a_file_exchanged_meanwhile_is_refused(
        self, house: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real_open = os.open

        def exchanged(path: Path, flags: int) -> int:
            return real_open(house / "out" / "secret.wav", flags)

        monkeypatch.setattr(os, "open", exchanged)
        with pytest.raises(PathDeniedError, match="changed"):
            AllowedRoots.of([house / "in"]).open(str(house / "in" / "a.wav"))
