"""Metrics of all roles on one page: told apart, none doubled, none of a role that ended long ago."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from coldchain import metrics
from coldchain.exposition import FRESH_S, joined, write

ENGINE = (
    "import sys, pathlib\nfrom coldchain import metrics\nfrom coldchain.exposition import write\n"
    "metrics.ENGINE_LAG.set(7)\nmetrics.MESSAGES.labels('readings').inc(3)\nwrite(pathlib.Path(sys.argv[1]), 'engine')"
)


def samples(page: bytes, name: str) -> dict[str, float]:
    return {
        sample.labels["role"]: sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
        if sample.name == name
    }


def test_each_role_s_figures_stand_beside_the_others(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", ENGINE, str(tmp_path)], check=True)
    metrics.ENGINE_LAG.set(0)
    page = joined(tmp_path, "web", (tmp_path / "run" / "engine.prom").stat().st_mtime)
    assert samples(page, "coldchain_engine_lag_offsets") == {"engine": 7.0, "web": 0.0}
    assert samples(page, "coldchain_messages_total")["engine"] == 3.0


def test_every_family_is_described_once(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", ENGINE, str(tmp_path)], check=True)
    page = joined(tmp_path, "web", (tmp_path / "run" / "engine.prom").stat().st_mtime).decode()
    described = [line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")]
    assert len(described) == len(set(described))


def test_a_role_that_ended_long_ago_says_nothing(tmp_path: Path) -> None:
    write(tmp_path, "engine")
    path = tmp_path / "run" / "engine.prom"
    os.utime(path, (1000, 1000))
    assert "engine" not in samples(joined(tmp_path, "web", 1000 + FRESH_S), "coldchain_engine_lag_offsets")
    assert "engine" in samples(joined(tmp_path, "web", 1000 + FRESH_S - 1), "coldchain_engine_lag_offsets")
