"""A page in Chromium, headless: its own parser, its script engine, its media element."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

needs_chromium = pytest.mark.skipif(
    shutil.which("chromium") is None,
    reason="chromium is not installed (Debian: apt install chromium)",
)


def title_in_browser(page: Path, profile: Path, budget_ms: int, timeout_s: float) -> str:
    """The title that a page's scripts have given it.

    Args:
        page: HTML file.
        profile: folder for what the browser writes.
        budget_ms: of its virtual time.
        timeout_s: of ours.
    """
    browser = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
         f"--virtual-time-budget={budget_ms}", f"--user-data-dir={profile}", "--dump-dom",
         page.as_uri()],
        capture_output=True, text=True, timeout=timeout_s,
    )  # fmt: skip
    title = re.search(r"<title>(.*?)</title>", browser.stdout)
    assert title is not None, browser.stderr[-2000:]
    return title[1]
