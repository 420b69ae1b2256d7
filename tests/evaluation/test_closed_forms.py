"""The closed-form table, in a fast form: few samples, few steps."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stembridge.cli import main
from stembridge.diffusion import PROCEDURES
from stembridge.evaluation import closed_forms
from stembridge.evaluation.closed_forms import (
    P,
    Y,
    as_text,
    given_some,
    given_sum,
    measured,
    of_product,
    trials,
)


@pytest.fixture(scope="module")
def rows():
    return {trial.name: measured(trial, 1024, seed=1) for trial in trials(40)}


def test_every_procedure_has_a_row():
    # "listen" asks the network as it was trained: there is nothing to hold it against but itself.
    assert {trial.procedure for trial in trials(2)} == set(PROCEDURES) - {"listen"}


def test_the_exact_answers_are_those_of_the_normal_equations():
    mean, left = given_some([0], 0.9)
    assert mean[0] == 0.9 and (left[0] == 0).all()
    assert np.linalg.inv(P)[1:, 1:] == pytest.approx(np.linalg.inv(left[1:, 1:]))
    mean, left = given_sum(P)
    assert mean.sum() == pytest.approx(Y) and left.sum() == pytest.approx(0, abs=1e-12)
    assert of_product()[0] == pytest.approx(0)
    assert of_product(0.9, 1)[0].max() < 0


def test_exact_procedures_are_off_by_no_more_than_chance(rows):
    exact = {name: row for name, row in rows.items() if row.exact and "euler" not in name}
    assert len(exact) >= 7
    for name, row in exact.items():
        assert row.mean_off < 4.5 * row.mean_error, name
        assert row.covariance_off < 4.5 * row.covariance_error + 0.02, name


def test_approximate_procedures_stay_where_they_were_found(rows):
    for name, row in rows.items():
        assert row.mean_off < 0.3, name
        assert row.covariance_off < 0.35, name
    assert rows["partial, imputation, euler churn 20, 4 resamples"].mean_off < 0.15


def test_dirac_adds_up_exactly_and_gaussian_nearly(rows):
    sums = {name: row.sum_off for name, row in rows.items() if row.sum_off is not None}
    for name, off in sums.items():
        assert off < (2e-6 if "Gaussian" not in name else 0.3), name
    assert len(sums) == 5


def test_a_wrong_denoiser_is_noticed():
    heun = trials(40)[0]
    wrong = replace(heun, D=closed_forms.joint(P * 1.3))
    row = measured(wrong, 1024, seed=1)
    assert row.covariance_off > 4.5 * row.covariance_error + 0.02


def test_the_command_prints_and_keeps_the_table(
    rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(closed_forms, "closed_forms", lambda seed: list(rows.values()))
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "--closed-forms", "--out", str(tmp_path / "table")])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert said.strip() == as_text(list(rows.values()))
    kept = json.loads((tmp_path / "table" / "closed_forms.json").read_text())
    assert [row["name"] for row in kept] == list(rows)
