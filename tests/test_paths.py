from pathlib import Path

import pytest

from stembridge import paths

PLACES = ["config_file", "state_dir", "default_output_dir"]


@pytest.mark.parametrize("place", PLACES)
def test_everything_can_be_moved_under_one_folder(monkeypatch, tmp_path, place):
    monkeypatch.setenv("STEMBRIDGE_HOME", str(tmp_path / "home"))
    where = getattr(paths, place)()
    assert where.is_relative_to(tmp_path / "home")
    assert where != tmp_path / "home"
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("place", PLACES)
def test_places_follow_the_platform_and_are_named_after_us(monkeypatch, tmp_path, place):
    monkeypatch.delenv("STEMBRIDGE_HOME", raising=False)
    for variable in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    where = getattr(paths, place)()
    assert where.is_absolute()
    assert "stembridge" in where.as_posix()


def test_places_differ(monkeypatch, tmp_path):
    monkeypatch.setenv("STEMBRIDGE_HOME", str(tmp_path))
    assert len({getattr(paths, place)() for place in PLACES}) == len(PLACES)


def test_the_home_may_use_a_tilde(monkeypatch):
    monkeypatch.setenv("STEMBRIDGE_HOME", "~/band")
    assert paths.state_dir() == Path.home() / "band" / "state"


def test_the_pretrained_model_lies_in_the_package():
    import stembridge

    assert paths.pretrained_dir() == Path(stembridge.__file__).parent / "pretrained"
