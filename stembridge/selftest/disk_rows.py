"""Rows 7, 8 and 16: disks that fill up or turn read-only, paths that lead elsewhere, a journal."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import threading
import time
from pathlib import Path

from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.audio.files import write_atomically
from stembridge.client import Client
from stembridge.daemon.jobs import Journal
from stembridge.errors import CreateFailedError, StembridgeError
from stembridge.selftest.ground import ASK, Ground, Outcome, fill, small_disk, tool, until
from stembridge.selftest.house import DaemonProcess

SECRET = b"secret"


def full(ground: Ground) -> Outcome:
    """Row 7: the disk of the journal and the takes fills up, ballast and all, while a job runs."""
    place = ground.folder / "disk"
    with (
        small_disk(place, "size=24m"),
        DaemonProcess(place, model="fake:delay=0.03") as daemon,
        Client(port=daemon.port, client_id="full") as client,
    ):
        daemon.wait_ready()
        job = client.generate(**ASK, steps=40)
        until(lambda: client.ping()["running"] == 1)
        refused = _fill_until_it_fails(place, client)
        (place / "filler").unlink()
        back_s = until(lambda: _is_taken(client), 20)
        with contextlib.suppress(StembridgeError):  # DISK_FULL is a whole answer, too
            job.wait(60)
        parts = list(place.rglob("*.part"))
        with contextlib.suppress(StembridgeError):
            client.generate(**ASK, request_id="after").wait(60)
        after = client.status("after")
    read_only = _read_only(ground)
    figure = (
        f"refused with {', '.join(sorted(refused))}, {len(parts)} parts, taken again after "
        f"{back_s:.1f} s; read-only takes: {read_only}"
    )
    whole = refused == {"DISK_FULL"} and not parts and back_s <= 5 and after == "done"
    return Outcome(figure, whole and read_only == "said, then back")


def _fill_until_it_fails(place: Path, client: Client) -> set[str]:
    """Fill the disk again whenever some room was given up; what requests were told."""
    symbols = set()
    until_s = time.monotonic() + 6
    n = 0
    while time.monotonic() < until_s:
        fill(place / "filler")
        try:
            client.generate(**ASK, request_id=f"full{(n := n + 1)}")
        except StembridgeError as error:
            symbols.add(error.symbol)
        time.sleep(0.2)
    return symbols


def _is_taken(client: Client) -> bool:
    try:
        client.generate(**ASK, request_id="back")
    except StembridgeError:
        return False
    return str(client.ping()["state"]) != "failed"


def _read_only(ground: Ground) -> str:
    place = ground.folder / "takes"
    with small_disk(place, "size=24m,nr_inodes=64"):
        with (
            DaemonProcess(ground.folder, 0, "--out", str(place)) as daemon,
            Client(port=daemon.port, client_id="ro") as client,
        ):
            daemon.wait_ready()
            client.generate(**ASK).wait(60)
            _remount(place, "ro")
            try:
                client.generate(**ASK, seed=2).wait(60)
                return "nothing was said"
            except CreateFailedError:
                _remount(place, "rw")
            files = client.generate(**ASK, seed=3).wait(60)
        return "said, then back" if len(files) == 1 else "lost"


def _remount(place: Path, how: str) -> None:
    command = [tool("mount"), "-o", f"remount,{how}", str(place)]
    subprocess.run(command, check=True, capture_output=True)


def paths(ground: Ground) -> Outcome:
    """Row 8: names that lead elsewhere, and a file that is swapped for a link, again and again."""
    inside, outside = ground.folder / "in", ground.folder / "out"
    for folder in (inside / "sub", outside):
        folder.mkdir(parents=True)
    (inside / "a.wav").write_bytes(b"inside")
    (outside / "secret.wav").write_bytes(SECRET)
    _lay_traps(inside, outside)
    roots = AllowedRoots.of([inside])
    cases = [*_relative(inside), *_ABSOLUTE]
    wrong = [path for path in cases if _reads(roots, path) not in (None, b"inside")]
    swaps = ground.amount(300, 2000)
    leaked = _race(roots, inside, outside / "secret.wav", swaps)
    written = _writes_through(inside, outside)
    figure = (
        f"{len(cases)} paths: {len(wrong)} read outside; {swaps} swaps: {leaked} leaks; "
        f"{written} writes through links"
    )
    return Outcome(figure, not wrong and leaked == 0 and written == 0)


def _lay_traps(inside: Path, outside: Path) -> None:
    (inside / "link.wav").symlink_to(outside / "secret.wav")
    (inside / "linked").symlink_to(outside, target_is_directory=True)
    (inside / "loop").symlink_to(inside / "loop")
    with contextlib.suppress(OSError):
        (inside / "hard.wav").hardlink_to(outside / "secret.wav")
    os.mkfifo(inside / "pipe.wav")


def _relative(inside: Path) -> list[str]:
    names = (
        "../out/secret.wav", "sub/../../out/secret.wav", "link.wav", "linked/secret.wav", "..",
        "hard.wav", "pipe.wav", "sub", "", "missing.wav", "a.wav/b.wav", "a.wav\0.wav", "loop",
        "%2e%2e/out/secret.wav", "..%2fout/secret.wav", "..\\out\\secret.wav", "A.WAV", "a.wav ",
        "a.wav.", "a.wav::$DATA", "CON", "NUL.wav", "x" * 300 + ".wav", "y/" * 2000 + "z.wav",
        "\n", "~", "$HOME", "é.wav", "e\u0301.wav", "sub/..", "./../out/secret.wav", "linked/..",
        "linked/../in/a.wav", "\udcff.wav", "a.wav/", "a.wav/.", "sub//../a.wav", "loop/a.wav",
    )  # fmt: skip
    return [f"{inside}/{name}" for name in names]


_ABSOLUTE = (
    "", "a.wav", "./in/a.wav", "../in/a.wav", "/", "//", "/etc/passwd", "/etc/shadow", "/dev/zero",
    "/dev/stdin", "/dev/fd/0", "/proc/self/mem", "/proc/self/environ", "/proc/self/cwd/a.wav",
    "/proc/self/root" + "/etc/passwd", "\\\\server\\share\\a.wav", "//server/share/a.wav",
    "C:\\Windows\\win.ini", "C:a.wav", "file:///etc/passwd", "~/a.wav", "\0", "/sys/kernel/notes",
)  # fmt: skip


def _reads(roots: AllowedRoots, path: str) -> bytes | None:
    try:
        descriptor = roots.open(path)
    except (StembridgeError, ValueError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(16)


def _race(roots: AllowedRoots, inside: Path, secret: Path, looks: int) -> int:
    """Swap a file and a link under one name while it is opened; how often the link was read."""
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            (inside / "next").symlink_to(secret)
            (inside / "next").replace(inside / "swapped.wav")
            (inside / "next").write_bytes(b"inside")
            (inside / "next").replace(inside / "swapped.wav")

    swapper = threading.Thread(target=swap, daemon=True)
    swapper.start()
    leaks = sum(_reads(roots, f"{inside}/swapped.wav") == SECRET for _ in range(looks))
    over.set()
    swapper.join()
    return leaks


def _writes_through(inside: Path, outside: Path) -> int:
    """Takes whose folder, or whose very name, somebody made a link to elsewhere."""
    before = {path: path.read_bytes() for path in outside.iterdir()}
    (inside / "take").symlink_to(outside, target_is_directory=True)
    with contextlib.suppress(StembridgeError):
        write_atomically(inside / "take" / "secret.wav", b"overwritten")
    with contextlib.suppress(StembridgeError):
        write_atomically(inside / "link.wav", b"overwritten")
    return int(before != {path: path.read_bytes() for path in outside.iterdir()})


def journal(ground: Ground) -> Outcome:
    """Row 16: flipped bits in the journal; every start works and every row can be read."""
    path = ground.folder / "journal.sqlite3"
    payload = {"pairs": {"generate": "bass", "bpm": "87.3", "bars": 4}, "clips": []}
    whole = Journal(path)
    for n in range(8):
        whole.accept(f"j{n}", "c", payload, "127.0.0.1:9")
    whole.start_next()
    whole.finish("j1", "done", 2, {"folder": "/f", "receipt": "/f/r.json", "stems": 0})
    whole.close()
    data, rng = path.read_bytes(), random.Random(16)
    flips = ground.amount(120, 2300)
    found = {"read": 0, "set aside": 0, "refused": 0, "traceback": 0}
    for _ in range(flips):
        found[_after_flip(path, data, rng)] += 1
    return Outcome(
        f"{flips} flips: " + ", ".join(f"{count} {name}" for name, count in found.items()),
        found["traceback"] == 0,
    )


def _after_flip(path: Path, data: bytes, rng: random.Random) -> str:
    for file in path.parent.glob("journal.sqlite3*"):
        file.unlink()
    flipped = bytearray(data)
    flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    path.write_bytes(flipped)
    try:
        opened = Journal(path)
        opened.recover()
        while (job := opened.start_next()) is not None:
            opened.fail(job.id, job.seq + 1, StembridgeError("No."))
        opened.owed("c")
        opened.close()
    except CreateFailedError:
        return "refused"
    except Exception:  # noqa: BLE001 - this is what is counted
        return "traceback"
    return "set aside" if Path(f"{path}.damaged-1").exists() else "read"
