"""What other tools make of the same readings: figures and excursions by columns, in pandas, DuckDB and Polars.

Each gives, per logger, lowest, highest, mean, time above, below and unknown and the mean kinetic temperature, and per
excursion its edges by interpolation, duration, peak and area. Rules, alarms and documents, which the engine also makes,
are not asked of them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

LOW, HIGH = 2_000, 8_000  # milli-degrees, of the default product profile
RATIO = 83_144.0 / 8.3144
T0 = 273.15
Outcome = tuple[dict[str, tuple[float, ...]], list[tuple[Any, ...]]]  # figures by logger; excursions


class Columns(NamedTuple):
    """The readings of all loggers, ordered by logger and time."""

    logger: np.ndarray
    time_ms: np.ndarray
    value_mc: np.ndarray
    gap_ms: int  # what is longer is unknown


def by_pandas(columns: Columns) -> Callable[[], Outcome]:
    import pandas as pd

    frame = pd.DataFrame({"logger": columns.logger, "t": columns.time_ms, "v": columns.value_mc})

    def run() -> Outcome:
        same = frame["logger"].to_numpy()[1:] == frame["logger"].to_numpy()[:-1]
        by = frame.groupby("logger", sort=False)
        data = frame.assign(
            nt=frame["t"].shift(-1).where(np.append(same, [False])),
            nv=frame["v"].shift(-1).where(np.append(same, [False])),
            pt=frame["t"].shift(1).where(np.append([False], same)),
            pv=frame["v"].shift(1).where(np.append([False], same)),
        )
        data["k"] = data["nt"] - data["t"] <= columns.gap_ms
        data["pk"] = data["t"] - data["pt"] <= columns.gap_ms
        dt = data["nt"] - data["t"]
        held = dt.where(data["k"], 0.0)
        factor = np.exp(RATIO * (1 / T0 - 1 / (T0 + data["v"] / 1000)))
        following = factor.shift(-1)
        sums = pd.DataFrame({
            "logger": frame["logger"], "known": held, "unknown": dt.where(~data["k"]).fillna(0.0),
            "mean": ((data["v"] + data["nv"]) * held).fillna(0.0), "warm": ((factor + following) * held).fillna(0.0),
        }).groupby("logger", sort=False).sum()  # fmt: skip
        ends = by["v"].agg(["min", "max"])
        sides = {"high": _pandas_side(data, data["v"] - HIGH, data["nv"] - HIGH, data["pv"] - HIGH),
                 "low": _pandas_side(data, LOW - data["v"], LOW - data["nv"], LOW - data["pv"])}  # fmt: skip
        spent = {name: side.groupby("logger")["duration"].sum().to_dict() for name, side in sides.items()}
        mkt = RATIO / (RATIO / T0 - np.log(sums["warm"] / (2 * sums["known"]))) - T0
        figures = {
            name: (low, high, mean, spent["high"].get(name, 0), spent["low"].get(name, 0), unknown, warm)
            for name, low, high, mean, unknown, warm in zip(
                sums.index, ends["min"], ends["max"], sums["mean"] / (2 * sums["known"]), sums["unknown"], mkt,
                strict=True,
            )
        }  # fmt: skip
        found = [
            (row.logger, name, row.onset, row.end, row.duration, row.depth, row.area)
            for name, side in sides.items()
            for row in side.itertuples()
        ]
        return figures, sorted(found)

    return run


def _pandas_side(data: Any, depth: Any, following: Any, before: Any) -> Any:
    """The excursions of one side; a run goes on across a gap between two readings outside."""
    out = depth > 0
    part = data[out].assign(d=depth[out], nd=following[out], pd=before[out])
    begins, ends = ~(part["pd"] > 0), ~(part["nd"] > 0)
    ahead, back = part["nt"] - part["t"], part["t"] - part["pt"]
    reach_in = (back * part["d"] / (part["d"] - part["pd"])).where(begins & part["pk"], 0.0)
    reach_out = (ahead * part["d"] / (part["d"] - part["nd"])).where(ends & part["k"], 0.0)
    area = ((part["d"] + part["nd"]) * ahead).where(~ends & part["k"], 0.0) + part["d"] * (reach_in + reach_out)
    runs = part.assign(
        run=begins.cumsum(), onset=part["t"] - reach_in.round(), end=part["t"] + reach_out.round(), area=area / 2,
        missing=ahead.where(~ends & ~part["k"], 0.0),
    ).groupby("run", sort=False)  # fmt: skip
    found = runs.agg(logger=("logger", "first"), onset=("onset", "min"), end=("end", "max"), depth=("d", "max"),
                     area=("area", "sum"), missing=("missing", "sum"))  # fmt: skip
    return found.assign(duration=found["end"] - found["onset"] - found["missing"])


_FIGURES = """
with a as (select logger, t, v, lead(t) over w as nt, lead(v) over w as nv from readings
           window w as (partition by logger order by t)),
b as (select *, nt - t as dt, nt - t <= {gap} as k, exp({ratio} * (1 / {t0} - 1 / ({t0} + v / 1000.0))) as f,
      exp({ratio} * (1 / {t0} - 1 / ({t0} + nv / 1000.0))) as nf from a)
select logger, min(v), max(v), sum(case when k then (v + nv) * dt end) / (2.0 * sum(case when k then dt end)),
coalesce(sum(case when not k then dt end), 0),
{ratio} / ({ratio} / {t0} - ln(sum(case when k then (f + nf) * dt end) / (2.0 * sum(case when k then dt end)))) - {t0}
from b group by logger
"""
_SIDE = """
with a as (select logger, t, {sign} * (v - {limit}) as d, lead(t) over w as nt, lag(t) over w as pt,
           {sign} * (lead(v) over w - {limit}) as nd, {sign} * (lag(v) over w - {limit}) as pd from readings
           window w as (partition by logger order by t)),
b as (select *, coalesce(pd, 0) <= 0 as begins, coalesce(nd, 0) <= 0 as ends, coalesce(nt - t <= {gap}, false) as k,
      coalesce(t - pt <= {gap}, false) as pk from a where d > 0),
c as (select *, sum(begins::int) over (partition by logger order by t) as run,
      case when begins and pk then (t - pt) * d::double / (d - pd) else 0 end as reach_in,
      case when ends and k then (nt - t) * d::double / (d - nd) else 0 end as reach_out from b)
select logger, '{name}', min(t - round_even(reach_in, 0)), max(t + round_even(reach_out, 0)),
max(t + round_even(reach_out, 0)) - min(t - round_even(reach_in, 0))
  - sum(case when not ends and not k then nt - t else 0 end), max(d),
sum(case when not ends and k then (d + nd) * (nt - t) else 0 end + d * (reach_in + reach_out)) / 2
from c group by logger, run
"""


def by_duckdb(columns: Columns) -> Callable[[], Outcome]:
    import duckdb

    base = duckdb.connect(config={"threads": 1})
    base.execute("create table readings (logger varchar, t bigint, v bigint)")
    table = {"l": columns.logger.astype(object), "t": columns.time_ms, "v": columns.value_mc}
    import pandas as pd

    base.register("given", pd.DataFrame(table))
    base.execute("insert into readings select * from given")
    common = {"gap": columns.gap_ms, "ratio": RATIO, "t0": T0}

    def run() -> Outcome:
        rows = base.execute(_FIGURES.format(**common)).fetchall()
        found = [
            row
            for name, sign, limit in (("high", 1, HIGH), ("low", -1, LOW))
            for row in base.execute(_SIDE.format(name=name, sign=sign, limit=limit, **common)).fetchall()
        ]
        return _figures(rows, found)

    return run


def by_polars(columns: Columns) -> Callable[[], Outcome]:
    import polars as pl

    frame = pl.DataFrame({"logger": columns.logger, "t": columns.time_ms, "v": columns.value_mc})

    def run() -> Outcome:
        t, v = pl.col("t"), pl.col("v")
        over = {"partition_by": "logger"}
        data = frame.lazy().with_columns(
            nt=t.shift(-1).over(**over), pt=t.shift(1).over(**over), nv=v.shift(-1).over(**over),
            pv=v.shift(1).over(**over),
        ).with_columns(
            k=(pl.col("nt") - t <= columns.gap_ms).fill_null(value=False),
            pk=(t - pl.col("pt") <= columns.gap_ms).fill_null(value=False), dt=pl.col("nt") - t,
            f=(RATIO * (1 / T0 - 1 / (T0 + v / 1000))).exp(),
            nf=(RATIO * (1 / T0 - 1 / (T0 + pl.col("nv") / 1000))).exp(),
        )  # fmt: skip
        held = pl.col("dt").filter(pl.col("k"))
        warm = ((pl.col("f") + pl.col("nf")) * pl.col("dt")).filter(pl.col("k")).sum() / (2.0 * held.sum())
        sums = data.group_by("logger").agg(
            v.min().alias("low"), v.max().alias("high"),
            (((v + pl.col("nv")) * pl.col("dt")).filter(pl.col("k")).sum() / (2.0 * held.sum())).alias("mean"),
            pl.col("dt").filter(~pl.col("k")).sum().alias("unknown"),
            (RATIO / (RATIO / T0 - warm.log()) - T0).alias("mkt"),
        )  # fmt: skip
        queries = [sums, _polars_side(data, "high", 1, HIGH), _polars_side(data, "low", -1, LOW)]
        rows, *found = pl.collect_all(queries)
        return _figures(rows.rows(), [row for side in found for row in side.rows()])

    return run


def _polars_side(data: Any, name: str, sign: int, limit: int) -> Any:
    import polars as pl

    col = pl.col
    d, nd, pd = (sign * (col(one) - limit) for one in ("v", "nv", "pv"))
    part = data.filter(d > 0).with_columns(
        d=d, nd=nd, pd=pd, begins=(pd <= 0).fill_null(value=True), ends=(nd <= 0).fill_null(value=True)
    )
    reach_in = pl.when(col("begins") & col("pk")).then((col("t") - col("pt")) * col("d") / (col("d") - col("pd")))
    reach_out = pl.when(col("ends") & col("k")).then(col("dt") * col("d") / (col("d") - col("nd")))
    part = part.with_columns(reach_in=reach_in.otherwise(0.0), reach_out=reach_out.otherwise(0.0),
                             run=col("begins").cum_sum())  # fmt: skip
    onset = (col("t") - col("reach_in").round(mode="half_to_even")).min()
    end = (col("t") + col("reach_out").round(mode="half_to_even")).max()
    missing = col("dt").filter(~col("ends") & ~col("k")).sum()
    inside = ((col("d") + col("nd")) * col("dt")).filter(~col("ends") & col("k")).sum()
    edges = (col("d") * (col("reach_in") + col("reach_out"))).sum()
    return part.group_by("logger", "run").agg(
        pl.lit(name).alias("side"), onset.alias("onset"), end.alias("end"), (end - onset - missing).alias("duration"),
        col("d").max().alias("depth"), ((inside + edges) / 2).alias("area"),
    ).drop("run")  # fmt: skip


def _figures(rows: list[Any], found: list[Any]) -> Outcome:
    """Figures with the time outside, which is the sum over the excursions."""
    spent: dict[tuple[str, str], float] = {}
    for logger, name, _, _, duration, _, _ in found:
        spent[(logger, name)] = spent.get((logger, name), 0) + duration
    figures = {
        logger: (low, high, mean, spent.get((logger, "high"), 0), spent.get((logger, "low"), 0), unknown, mkt)
        for logger, low, high, mean, unknown, mkt in rows
    }
    return figures, sorted(tuple(row) for row in found)
