"""What the command line sets for all commands."""

from __future__ import annotations

import os

import pytest
from typer.testing import CliRunner

from bayesmeta.cli import app

THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


@pytest.mark.parametrize("stated", [None, "3"])
def test_commands_use_one_thread_of_linear_algebra_unless_another_number_is_stated(
    stated: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    if stated is not None:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", stated)
    assert CliRunner().invoke(app, ["template", "--measure", "log_or"]).exit_code == 0
    assert [os.environ[name] for name in THREADS] == [stated or "1", "1", "1"]
