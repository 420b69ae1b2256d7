"""What every test shares."""

import os
import signal
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

# No deadline: a busy machine is not a failure. Derandomised: a red run is red again.
settings.register_profile("stembridge", deadline=None, derandomize=True)
settings.load_profile("stembridge")

# Coverage is of the serving side. Its tracer slows our Python by a third and each process by a
# third of a second, so it rests where tests are of something else.
ELSEWHERE = (
    *("dataset", "evaluation", "export", "nn", "training"),
    *("test_house.py", "test_readme_commands.py"),
)
COVERAGE_OF_PROCESSES = "COVERAGE_PROCESS_CONFIG"

# A shell that starts pytest in the background, or `nohup`, has it ignore these, and so would every
# process that a test starts and ends by them. Of what is handled, a new process inherits nothing.
for name in ("SIGINT", "SIGHUP"):
    number = getattr(signal, name, None)
    if number is not None and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda *_: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A real sound server runs against the clock; on a shared machine it is sometimes not served.

    What is broken fails three times; what was only late does not. Modules with slow tests begin
    first: where modules run side by side, no long one is left to run alone at the end.
    """
    for item in items:
        if item.get_closest_marker("jack"):
            item.add_marker(pytest.mark.flaky(reruns=2))
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def _drawn_alike() -> None:
    """What a test draws from torch without a seed does not hang on what ran before it."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Coverage rests, fixtures included, where what is tested is not the serving side."""
    plugin = item.config.pluginmanager.getplugin("_cov")
    measured = plugin and plugin.cov_controller
    room = item.path.relative_to(Path(__file__).parent).parts[0]
    if not measured or room not in ELSEWHERE:
        return (yield)
    of_processes = os.environ.pop(COVERAGE_OF_PROCESSES, None)
    measured.pause()
    try:
        return (yield)
    finally:
        measured.resume()
        if of_processes is not None:
            os.environ[COVERAGE_OF_PROCESSES] = of_processes
