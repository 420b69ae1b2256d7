"""Writing where others may have laid links: nothing is followed, nothing is half written."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from stembridge import safe_files
from stembridge.errors import (
    BadArgsError,
    CreateFailedError,
    DiskFullError,
    NoSuchFileError,
    PathDeniedError,
)
from stembridge.pipeline.receipt_reading import MAX_RECEIPT_BYTES, read_receipt
from stembridge.safe_files import PRIVATE_FILE, open_folder, remove_parts, write_error, write_file


@pytest.fixture(params=[True, False], ids=["descriptors", "paths"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:
        monkeypatch.setattr(safe_files, "_HAS_FOLDER_FDS", False)


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A folder of the user that a link in a song pack leads to."""
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "profile").write_text("mine")
    return tmp_path / "victim"


@pytest.mark.usefixtures("either_way")
def test_a_linked_folder_is_refused_and_a_linked_file_replaced(
    tmp_path: Path, victim: Path
) -> None:
    (tmp_path / "made").symlink_to(victim)
    with pytest.raises(PathDeniedError, match="is a link"):
        write_file(tmp_path / "made" / "profile", b"theirs")
    (tmp_path / "song").mkdir()
    (tmp_path / "song" / "made").symlink_to(victim)
    refused = pytest.raises(PathDeniedError, match="is a link")
    with open_folder(tmp_path / "song") as song, refused, song.subfolder("made"):
        pass
    (tmp_path / "song" / "memory").symlink_to(victim / "profile")
    write_file(tmp_path / "song" / "memory", b"new")
    assert (victim / "profile").read_text() == "mine"
    assert not (tmp_path / "song" / "memory").is_symlink()
    assert [path.name for path in victim.iterdir()] == ["profile"]


def test_a_folder_of_the_users_own_may_be_a_link(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "config").symlink_to(victim)
    write_file(tmp_path / "config" / "latency.json", b"{}", follow=True)
    assert (victim / "latency.json").read_bytes() == b"{}"


def test_a_folder_swapped_while_it_is_open_is_not_followed(tmp_path: Path, victim: Path) -> None:
    with open_folder(tmp_path / "made") as folder:
        (tmp_path / "made").rename(tmp_path / "moved")
        (tmp_path / "made").symlink_to(victim)
        folder.write("profile", (b"theirs",))
    assert (victim / "profile").read_text() == "mine"
    assert (tmp_path / "moved" / "profile").read_bytes() == b"theirs"


def test_a_guessed_temporary_name_is_not_written_to(
    tmp_path: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda n: "0" * 2 * n)
    (tmp_path / f".stembridge-{'0' * 16}.part").symlink_to(victim / "profile")
    with pytest.raises(CreateFailedError, match="cannot be written"):
        write_file(tmp_path / "a", b"theirs")
    assert (victim / "profile").read_text() == "mine"


@pytest.mark.usefixtures("either_way")
def test_only_our_own_parts_are_removed(tmp_path: Path, victim: Path) -> None:
    take = tmp_path / "take"
    take.mkdir()
    for name in (f".stembridge-{'a' * 16}.part", "my.part", ".a.part", "a.wav"):
        (take / name).write_bytes(b"x")
    (take / f".stembridge-{'b' * 16}.part").mkdir()
    (take / f".stembridge-{'c' * 16}.part").symlink_to(victim / "profile")
    assert remove_parts(take) == 1
    left = sorted(path.name for path in take.iterdir())
    assert [name[:13] for name in left] == [".a.part", *[".stembridge-" + c for c in "bc"],
                                            "a.wav", "my.part"]  # fmt: skip
    (tmp_path / "link").symlink_to(take)
    assert remove_parts(tmp_path / "link") == remove_parts(tmp_path / "missing") == 0


@pytest.mark.usefixtures("either_way")
def test_reading_is_bounded_and_never_waits(tmp_path: Path, victim: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(victim / "profile")
    (tmp_path / "large").write_bytes(bytes(2000))
    (tmp_path / "folder").mkdir()
    with open_folder(tmp_path) as folder:
        for name in ("pipe", "link", "large", "folder", "missing"):
            with pytest.raises(NoSuchFileError):
                folder.read(name, 1000)
        assert folder.read("large", 2000) == bytes(2000)


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    write_file(tmp_path / ("n" * 255), b"x")
    assert (tmp_path / ("n" * 255)).read_bytes() == b"x"
    with pytest.raises(CreateFailedError, match="too long"):
        write_file(tmp_path / ("n" * 256), b"x")


def test_what_nobody_else_may_read(tmp_path: Path) -> None:
    write_file(tmp_path / "state" / "secret", b"x", PRIVATE_FILE)
    assert (tmp_path / "state" / "secret").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_a_write_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    (tmp_path / "a").write_bytes(b"old")
    with open_folder(tmp_path) as folder, pytest.raises(KeyboardInterrupt):
        folder.write("a", pieces())
    assert (tmp_path / "a").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_no_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "made").write_bytes(b"")
    with (
        pytest.raises(CreateFailedError, match="cannot be written"),
        open_folder(tmp_path / "made"),
    ):
        pass
    with pytest.raises(NoSuchFileError), open_folder(tmp_path / "missing", make=False):
        pass


def test_errors_without_words_still_say_something() -> None:
    assert "cannot be written" in str(write_error(Path("a"), OSError("odd")))
    assert isinstance(write_error(Path("a"), OSError(errno.EDQUOT, "quota")), DiskFullError)


def test_receipts_and_facts_are_files_of_bounded_size(tmp_path: Path) -> None:
    """A named pipe in their place would be waited on for ever."""
    os.mkfifo(tmp_path / "receipt.json")
    with pytest.raises(NoSuchFileError, match="not a file"):
        read_receipt(tmp_path)
    (tmp_path / "large.json").write_bytes(b" " * (MAX_RECEIPT_BYTES + 1))
    with pytest.raises(NoSuchFileError, match="larger than"):
        read_receipt(tmp_path / "large.json")
    (tmp_path / "real.json").write_bytes(b"[" * 100_000)
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    with pytest.raises(BadArgsError, match="not JSON"):
        read_receipt(tmp_path / "link.json")
