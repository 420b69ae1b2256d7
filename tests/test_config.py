import os
from pathlib import Path

import pytest

from stembridge.config import DaemonConfig, describe, load_config
from stembridge.errors import BadArgsError, NoSuchFileError


@pytest.fixture
def toml(tmp_path):
    def write(text):
        path = tmp_path / "stembridge.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_defaults_listen_on_loopback_only():
    config = load_config(environment={})
    assert config == DaemonConfig()
    assert (config.host, config.port, config.device) == ("127.0.0.1", 9420, "auto")


def test_flags_beat_environment_beats_file_beats_defaults(toml):
    path = toml("[daemon]\nport = 1\nmax_queue = 2\nlease_s = 3\n")
    environment = {"STEMBRIDGE_PORT": "11", "STEMBRIDGE_MAX_QUEUE": "12"}
    config = load_config({"port": 21, "model": None}, environment=environment, toml_file=path)
    assert (config.port, config.max_queue, config.lease_s, config.model) == (21, 12, 3.0, None)
    assert dict(config.origins) == {
        "port": "flag",
        "max_queue": "environment",
        "lease_s": str(path),
    }


def test_what_won_can_be_printed():
    lines = describe(load_config({"port": 0}, environment={"STEMBRIDGE_DEVICE": "CUDA:1"}))
    assert "port = 0  (flag)" in lines
    assert "device = cuda:1  (environment)" in lines
    assert "host = 127.0.0.1  (default)" in lines
    assert len(lines) == len(DaemonConfig.__dataclass_fields__) - 1


def test_kinds_of_values(toml):
    path = toml('[daemon]\nroots = ["/a", "/b"]\nwarm_up = false\nout = "/takes"\nthreads = 2\n')
    config = load_config(environment={}, toml_file=path)
    assert config.roots == (Path("/a"), Path("/b"))
    assert (config.warm_up, config.out, config.threads) == (False, Path("/takes"), 2)
    roots = os.pathsep.join(["/x", "/y", ""])
    environment = {"STEMBRIDGE_ROOTS": roots, "STEMBRIDGE_OUT": "", "STEMBRIDGE_WARM_UP": "no"}
    config = load_config({"model": Path("/m")}, environment=environment)
    assert config.roots == (Path("/x"), Path("/y"))
    assert (config.out, config.warm_up, config.model) == (None, False, Path("/m"))


def test_the_process_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("STEMBRIDGE_PORT", "4242")
    monkeypatch.setenv("STEMBRIDGE_SOMETHING_ELSE", "is not ours")
    assert load_config().port == 4242


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"port": 70_000}, "The port must be between 0 and 65535; it was 70000. (flag)"),
        ({"port": "nan"}, "The port must be between 0 and 65535; it was nan. (flag)"),
        (
            {"device": "gpu"},
            'The device must be auto, cpu, cuda:0 (1, 2 …) or cuda:0,1; it was "gpu". (flag)',
        ),
        ({"device": "cuda:x"}, "The device must be auto, cpu, cuda:0"),
        ({"log_level": "loud"}, "The log level must be one of debug, info, warning, error"),
        ({"roots": 3}, "The roots must be a list of folders; it was 3."),
        ({"out": 3}, "The folder or file must be text; it was 3."),
        ({"prot": 3}, 'There is no setting "prot" (flag); did you mean "port"?'),
        ({"zzz": 3}, 'There is no setting "zzz" (flag); known are host, port'),
    ],
)
def test_bad_settings_are_said(flags, said):
    with pytest.raises(BadArgsError) as caught:
        load_config(flags, environment={})
    assert str(caught.value).startswith(said)


def test_a_file_is_optional_unless_the_user_named_it(tmp_path, toml):
    missing = tmp_path / "none.toml"
    assert load_config(environment={}, toml_file=missing) == DaemonConfig()
    with pytest.raises(NoSuchFileError, match=r"none\.toml"):
        load_config(environment={}, toml_file=missing, toml_required=True)
    assert load_config(environment={}, toml_file=toml("# nothing")) == DaemonConfig()


@pytest.mark.parametrize("text", ["port =", "[daemon", "daemon = 3", "[daemon]\nprot = 1"])
def test_broken_files_are_said(toml, text):
    with pytest.raises(BadArgsError, match=r"stembridge\.toml"):
        load_config(environment={}, toml_file=toml(text))


def test_bytes_that_are_no_text_are_said(tmp_path):
    path = tmp_path / "stembridge.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadArgsError, match="cannot be read"):
        load_config(environment={}, toml_file=path)


@pytest.mark.parametrize(
    ("device", "workers", "devices"),
    [
        ("auto", None, ("auto",)),
        ("cpu", 3, ("cpu", "cpu", "cpu")),
        ("cuda:1", None, ("cuda:1",)),
        ("cuda:0,2", None, ("cuda:0", "cuda:2")),
        ("cuda:0,1", 3, ("cuda:0", "cuda:1", "cuda:0")),
    ],
)
def test_each_worker_has_a_device(device, workers, devices):
    config = load_config({"device": device, "workers": workers}, environment={})
    assert config.devices == devices


def test_fewer_workers_than_gpus_are_refused():
    config = load_config({"device": "cuda:0,1", "workers": 1}, environment={})
    with pytest.raises(BadArgsError, match="2 GPUs need at least 2 workers; you asked for 1"):
        _ = config.devices
