"""The default product profile in pandas: all loggers in one frame, by shift, cumsum and groupby, no loop over rows.

Rows that lie outside a limit are few, so every excursion and every rule goes on with those only.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from bench.asked import BREACH, CHARGE, EXCURSION, FIGURES, SIDES, WINDOW, Asked, Columns, Outcome, Rule
from bench.asked import answer as told
from bench.kinetics import Kinetics

Frames = dict[str, pd.DataFrame]


def prepared(columns: Columns, asked: Asked) -> tuple[Callable[[], Frames], Callable[[Frames], Outcome]]:
    """What is measured, and how its answer becomes comparable."""
    given = pd.DataFrame(
        {"logger": pd.Categorical(columns.logger), "t": columns.time_ms, "v": columns.value_mc}
    )  # fmt: skip
    kinetics = Kinetics(asked.ratio)

    def run() -> Frames:
        data = _neighbours(given, asked.gap_ms)
        found = pd.concat([_stretches(data, name, sign, asked.high if sign > 0 else asked.low) for name, sign in SIDES])
        sums = _Integral(data, kinetics) if asked.windows else None
        fired = pd.concat([_firings(data, rule, asked, kinetics, sums) for rule in asked.rules])
        found, breaches = _judged(found, fired, asked)
        charges = [_stretches(data, "high", 1, limit).assign(band=limit) for limit in asked.bands]
        windows = [_windows(data, found, sums, length, kinetics) for length, _ in asked.windows if sums is not None]
        return {
            "figures": _figures(data, found, asked, kinetics), "excursions": found, "breaches": breaches,
            "charges": pd.concat(charges) if charges else pd.DataFrame(columns=CHARGE),
            "windows": pd.concat(windows) if windows else pd.DataFrame(columns=WINDOW),
        }  # fmt: skip

    return run, _told


def _told(said: Frames) -> Outcome:
    charges = said["charges"].assign(finish=said["charges"].get("stands", np.nan))
    tables = {"excursions": (said["excursions"], EXCURSION), "breaches": (said["breaches"], BREACH),
              "charges": (charges, CHARGE), "windows": (said["windows"], WINDOW)}  # fmt: skip
    return told(
        said["figures"][["logger", *FIGURES]].to_numpy(object).tolist(),
        {name: frame[list(names)].to_numpy(object).tolist() for name, (frame, names) in tables.items()},
    )


def _neighbours(given: pd.DataFrame, gap_ms: int) -> pd.DataFrame:
    """Each reading with the next and the previous one of its logger."""
    code = given["logger"].cat.codes
    ahead, back = code == code.shift(-1), code == code.shift(1)
    nt, pt = given["t"].shift(-1, fill_value=0), given["t"].shift(1, fill_value=0)
    dt, bt = (nt - given["t"]).where(ahead, 0), (given["t"] - pt).where(back, 0)
    return given.assign(
        code=code, ahead=ahead, back=back, nt=nt, dt=dt, bt=bt, nv=given["v"].shift(-1, fill_value=0),
        pv=given["v"].shift(1, fill_value=0), known=ahead & (dt <= gap_ms), before=back & (bt <= gap_ms),
    )  # fmt: skip


def _figures(data: pd.DataFrame, found: pd.DataFrame, asked: Asked, kinetics: Kinetics) -> pd.DataFrame:
    held, factor = data["dt"].where(data["known"], 0), pd.Series(kinetics.factor(data["v"].to_numpy()))
    sums = pd.DataFrame({
        "logger": data["logger"], "known": held, "unknown": data["dt"] - held,
        "twice": (data["v"] + data["nv"]) * held, "warm": (factor + factor.shift(-1, fill_value=0)) * held,
    }).groupby("logger", sort=False, observed=True).sum()  # fmt: skip
    ends = data.groupby("logger", sort=False, observed=True)["v"].agg(["min", "max"])
    spent = found.groupby(["logger", "direction"], observed=True)["duration"].sum().unstack(fill_value=0)
    spent = spent.reindex(index=sums.index, columns=["high", "low"], fill_value=0)
    gaps = data[data["ahead"] & ~data["known"]]
    left, right, length = (gaps[name].to_numpy() for name in ("v", "nv", "dt"))
    bounds = pd.DataFrame({
        "logger": gaps["logger"], "cold": 2 * length * kinetics.factor(_coldest(data, gaps)),
        "hot": kinetics.tent(left, right, length, asked.warming),
    }).groupby("logger", observed=True).sum().reindex(sums.index, fill_value=0)  # fmt: skip
    whole = 2 * (sums["known"] + sums["unknown"])
    return pd.DataFrame({
        "low": ends["min"], "high": ends["max"], "mean": sums["twice"] / (2 * sums["known"]),
        "inside": sums["known"] - spent["high"] - spent["low"], "above": spent["high"], "below": spent["low"],
        "unknown": sums["unknown"], "coverage": 200 * sums["known"] / whole,
        "mkt": kinetics.celsius(sums["warm"] / (2 * sums["known"])),
        "mkt_lower": kinetics.celsius((sums["warm"] + bounds["cold"]) / whole),
        "mkt_upper": kinetics.celsius((sums["warm"] + bounds["hot"]) / whole),
    }).reset_index()  # fmt: skip


def _coldest(data: pd.DataFrame, gaps: pd.DataFrame) -> np.ndarray:
    """The lowest value within one length of each gap on either side of it."""
    code, first, last = (gaps[name].to_numpy() for name in ("code", "t", "nt"))
    length, values = gaps["dt"].to_numpy(), data["v"].to_numpy()
    if len(gaps) == 0:
        return values[:0]
    ranges = np.stack([_place(data, code, first - length, "left"), _place(data, code, last + length, "right")], axis=1)
    padded = np.append(values, values.max())
    return np.minimum.reduceat(padded, ranges.ravel())[::2]


def _place(data: pd.DataFrame, code: np.ndarray, moment: np.ndarray, side: Any) -> np.ndarray:
    """Where a moment of a logger would stand among its readings."""
    begin, step = int(data["t"].min()) - (1 << 40), 1 << 42
    key = data["code"].to_numpy().astype(np.int64) * step + (data["t"].to_numpy() - begin)
    return np.searchsorted(key, code.astype(np.int64) * step + (moment - begin), side=side)


def _stretches(data: pd.DataFrame, name: str, sign: int, limit: int) -> pd.DataFrame:
    """The excursions beyond one limit; one goes on across a gap between two readings outside."""
    out = data["v"] > limit if sign > 0 else data["v"] < limit
    part = data[out]
    depth, following, previous = (sign * (part[one] - limit) for one in ("v", "nv", "pv"))
    begins, ends = ~(part["back"] & (previous > 0)), ~(part["ahead"] & (following > 0))
    into = (part["bt"] * depth / (depth - previous)).where(begins & part["before"], 0.0)
    away = (part["dt"] * depth / (depth - following)).where(ends & part["known"], 0.0)
    within = ~ends & part["known"]
    missing = part["dt"].where(~part["known"], 0)
    runs = part.assign(
        run=begins.cumsum(), depth=depth, onset=(part["t"] - into).round(), stands=(part["t"] + away).round(),
        twice=((depth + following) * part["dt"]).where(within, 0.0) + depth * (into + away),
        gap=missing.where(~ends, 0), beside=missing.where(ends, 0) + part["bt"].where(begins & ~part["before"], 0),
        counted=part["dt"].where(within, 0) + into + away, left=part["ahead"],
    ).groupby("run", sort=False)  # fmt: skip
    found = runs.agg(
        logger=("logger", "first"), onset_sample=("t", "first"), onset=("onset", "min"), stands=("stands", "max"),
        deepest=("depth", "max"), twice=("twice", "sum"), gap=("gap", "sum"), beside=("beside", "sum"),
        counted=("counted", "sum"), left=("left", "last"), place=("depth", "idxmax"),
    )  # fmt: skip
    duration = found["stands"] - found["onset"] - found["gap"]
    mean_depth = (found["twice"] / (2 * found["counted"])).where(found["counted"] > 0, found["deepest"])
    whole = duration + found["gap"]
    return found.assign(
        direction=name, finish=found["stands"].where(found["left"]), duration=duration,
        upper=whole + found["beside"], peak=limit + sign * found["deepest"],
        peak_at=data["t"].to_numpy()[found["place"]], mean_c=(limit + sign * mean_depth) / 1000,
        area=found["twice"] / 2, coverage=(100 * duration / whole).where(whole > 0, 100.0),
    )  # fmt: skip


def _firings(
    data: pd.DataFrame, rule: Rule, asked: Asked, kinetics: Kinetics, sums: "_Integral | None"
) -> pd.DataFrame:
    """When a rule fired, and from when to when: its runs outside, and the confirmed returns between them."""
    if rule.kind == "headroom":
        out, good = _short(data, rule, asked, kinetics, sums)
    else:
        beyond = rule.sign * (data["v"] - rule.limit)
        out, good = (beyond >= 0) if rule.inclusive else (beyond > 0), beyond <= -rule.hysteresis
    begins = out & ~(data["back"] & out.shift(1, fill_value=False))
    run = begins.cumsum()
    part = data.loc[out, ["logger", "code", "t", "nt", "ahead"]].assign(run=run)
    part["stands"] = part["nt"].where(part["ahead"], part["t"])
    order = part.groupby("run", sort=False).cumcount()
    runs = part.groupby("run", sort=False).agg(
        logger=("logger", "first"), code=("code", "first"), begun=("t", "first"), stands=("stands", "last")
    )
    runs["confirmed"] = part[order == rule.confirm - 1].set_index("run")["t"]
    lasted = runs["stands"] - runs["begun"]
    spent = 0 if rule.kind == "run" else lasted.groupby(runs["code"]).cumsum() - lasted
    reached = np.maximum(runs["begun"], runs["begun"] + rule.hold_ms - spent)
    runs["fired"] = np.maximum(reached, runs["confirmed"]).where(reached <= runs["stands"])
    runs = runs.join(_returns(data, rule, good, run))
    # A firing lasts until the first confirmed return; what fires before it is the same one.
    ended = runs["cleared"].notna() | (runs["code"] != runs["code"].shift(-1))
    runs["epoch"] = ended.shift(1, fill_value=False).cumsum()
    until = runs.drop_duplicates("epoch", keep="last").set_index("epoch")["back_at"]
    first = runs[runs["fired"].notna()].drop_duplicates("epoch")
    first = first.assign(
        rule=rule.id, direction=rule.direction, severity=rule.severity, until=first["epoch"].map(until)
    )  # fmt: skip
    return first[["logger", "rule", "direction", "severity", "begun", "fired", "until"]]


def _returns(data: pd.DataFrame, rule: Rule, good: pd.Series, run: pd.Series) -> pd.DataFrame:
    """After each run outside the confirmed return, and when the last way back began; a gap begins it anew."""
    begins = run != run.shift(1, fill_value=0)
    own = data["code"] == data["code"].where(begins).ffill()  # of the same logger as the run before it
    after = data.loc[good & own, ["t"]].assign(run=run)
    hole = (data["back"] & ~data["before"]).cumsum()[after.index]
    new = (after["run"] != after["run"].shift(1)) | (hole != hole.shift(1))
    after["since"] = after["t"].where(new).ffill()
    back = after[~new & (after["t"] >= after["since"] + rule.clear_ms)].drop_duplicates("run").set_index("run")
    last = after.drop_duplicates("run", keep="last").set_index("run")["since"]
    return pd.DataFrame({"cleared": back["t"], "back_at": back["since"].reindex(last.index).fillna(last)})


def _judged(found: pd.DataFrame, fired: pd.DataFrame, asked: Asked) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Excursions with their severity, and breaches with their excursion."""
    found = found.sort_values(["logger", "onset_sample"]).reset_index(drop=True)
    fired = fired.reset_index(drop=True)
    pairs = fired.reset_index(names="firing").merge(
        found[["logger", "direction", "onset", "onset_sample", "stands", "left"]].reset_index(names="stretch"),
        on=["logger", "direction"],
    )  # fmt: skip
    starts = ~pairs["left"] | (pairs["begun"] <= pairs["stands"])
    pairs = pairs[starts & ~(pairs["until"] < pairs["onset"])]
    linked = pairs[pairs["onset"] <= pairs["fired"]].drop_duplicates("firing", keep="last")
    breaches = fired.assign(excursion=linked.set_index("firing")["onset_sample"])
    severity = pairs.groupby("stretch")["severity"].max().reindex(found.index, fill_value=0)
    spent = found.groupby(["logger", "direction"], observed=True)["duration"].cumsum()
    for direction, peak, after_ms, grade in asked.matrix:
        sign = 1 if direction == "high" else -1
        hit = (found["direction"] == direction) & (sign * (found["peak"] - peak) >= 0) & (spent >= after_ms)
        severity = severity.mask(hit & (severity < grade), grade)
    return found.assign(severity=severity), breaches


class _Integral:
    """Twice the integral of the factor over known time up to any moment of a logger."""

    def __init__(self, data: pd.DataFrame, kinetics: Kinetics) -> None:
        self._data = data
        self.factor = kinetics.factor(data["v"].to_numpy())
        self._t, self._dt = data["t"].to_numpy(), data["dt"].to_numpy()
        self._known = data["known"].to_numpy()
        held = np.where(self._known, self._dt, 0)
        self._ahead = np.append(self.factor[1:], 0.0)
        self._total = np.concatenate(([0.0], np.cumsum((self.factor + self._ahead) * held)))
        self._weight = np.concatenate(([0], np.cumsum(2 * held)))

    def between(self, code: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        (total_a, weight_a), (total_b, weight_b) = self._until(code, start), self._until(code, end)
        return total_b - total_a, weight_b - weight_a

    def _until(self, code: np.ndarray, moment: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        first = _place(self._data, code, np.full(len(code), self._t.min() - 1), "left")
        place = _place(self._data, code, moment, "right") - 1
        early, at = place < first, np.maximum(place, first)
        part = np.where(self._known[at] & ~early, moment - self._t[at], 0)
        a, b, span = self.factor[at], self._ahead[at], np.maximum(self._dt[at], 1)
        return self._total[at] + part * (2 * a + (b - a) * part / span), self._weight[at] + 2 * part


def _short(
    data: pd.DataFrame, rule: Rule, asked: Asked, kinetics: Kinetics, sums: "_Integral | None"
) -> tuple[pd.Series, pd.Series]:
    """Readings at which a window would pass its limit if the goods stayed as warm for `ahead_ms` more."""
    assert sums is not None
    short = np.zeros(len(data), dtype=bool)
    warm = np.flatnonzero(data["v"] > min(limit for _, limit in asked.windows))
    now, code = data["t"].to_numpy()[warm], data["code"].to_numpy()[warm]
    for length, limit in asked.windows:
        total, weight = sums.between(code, now + rule.ahead_ms - length, now)
        weight = weight + 2 * rule.ahead_ms
        allowed = weight * kinetics.factor(np.array([limit]))[0]
        beyond = total + 2 * rule.ahead_ms * sums.factor[warm] > allowed
        short[warm] |= beyond & (weight >= length)
    out = pd.Series(short, index=data.index)
    return out, ~out


def _windows(data: pd.DataFrame, found: pd.DataFrame, sums: _Integral, length: int, kinetics: Kinetics) -> pd.DataFrame:
    """Around each hot excursion the worst window that covers it, and the one that ends with it."""
    high = found[found["direction"] == "high"].reset_index(drop=True)
    codes = high["logger"].cat.codes.to_numpy()
    times = data["t"].to_numpy()
    ends = data.groupby("code")["t"].agg(["min", "max"]).to_numpy()[codes]
    onset, end = high["onset"].to_numpy().astype(np.int64), high["stands"].to_numpy().astype(np.int64)
    first, last = ends[:, 0], np.maximum(ends[:, 0], ends[:, 1] - length)
    early, late = np.minimum(end - length, onset), np.maximum(end - length, onset)
    early = np.minimum(np.maximum(early, first), last)
    late = np.maximum(np.minimum(late, last), first)
    tried = [pd.DataFrame({"one": high.index, "start": begin}) for begin in (early, late)]
    for shift in (0, length):  # windows that begin or end at a reading
        a, b = _place(data, codes, early + shift, "left"), _place(data, codes, late + shift, "right")
        each = np.maximum(b - a, 0)
        one = np.repeat(np.arange(len(high)), each)
        place = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each) + np.repeat(a, each)
        tried.append(pd.DataFrame({"one": one, "start": times[place] - shift}))
    tried.append(pd.DataFrame({"one": high.index, "start": end - length}))
    starts = pd.concat(tried)
    total, weight = sums.between(codes[starts["one"]], starts["start"].to_numpy(), starts["start"].to_numpy() + length)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = pd.Series(np.where(weight > 0, total / weight, np.nan), index=starts["one"].to_numpy())
    worst, trailing = means.groupby(level=0).max(), means.iloc[-len(high) :] if len(high) else means
    return high.assign(worst_c=kinetics.celsius(worst), trailing_c=kinetics.celsius(trailing.to_numpy()))
