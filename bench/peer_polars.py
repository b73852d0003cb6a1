"""The default product profile in Polars: expressions over all loggers at once, one thread, no loop over rows.

Neighbours come from shifts of the sorted columns, runs from cumulated beginnings; only rows outside are grouped.
"""

from collections.abc import Callable
from typing import Any

import polars as pl
from polars import col

from bench.asked import BREACH, CHARGE, EXCURSION, SIDES, WINDOW, Asked, Columns, Outcome, Rule
from bench.asked import answer as told
from bench.kinetics import Kinetics

Frames = dict[str, pl.DataFrame]
_STEP, _BEGIN = 1 << 42, 1 << 40


def prepared(columns: Columns, asked: Asked) -> tuple[Callable[[], Frames], Callable[[Frames], Outcome]]:
    """What is measured, and how its answer becomes comparable."""
    names = list(dict.fromkeys(columns.logger.tolist()))
    number = {name: place for place, name in enumerate(names)}
    given = pl.DataFrame(
        {"logger": [number[name] for name in columns.logger.tolist()], "t": columns.time_ms, "v": columns.value_mc},
        schema={"logger": pl.Int64, "t": pl.Int64, "v": pl.Int64},
    )
    kinetics = Kinetics(asked.ratio)

    def run() -> Frames:
        data = _neighbours(given, asked.gap_ms)
        sides = [_stretches(data, name, sign, asked.high if sign > 0 else asked.low) for name, sign in SIDES]
        bands = [_stretches(data, "high", 1, limit).with_columns(band=pl.lit(limit)) for limit in asked.bands]
        integral = _Integral(data, asked.ratio) if asked.windows else None
        rules = [_firings(data, rule, asked, integral) for rule in asked.rules]
        made = pl.collect_all([*sides, *bands, *rules])
        found, charges, fired = made[:2], made[2 : 2 + len(bands)], made[2 + len(bands) :]
        stretches, breaches = _judged(pl.concat(found), pl.concat(fired), asked)
        windows = [_windows(data, stretches, integral, asked, length) for length, _ in asked.windows if integral]
        return {
            "figures": _figures(data, stretches, asked, kinetics), "excursions": stretches, "breaches": breaches,
            "charges": pl.concat(charges) if charges else pl.DataFrame(schema=CHARGE),
            "windows": pl.concat(windows) if windows else pl.DataFrame(schema=WINDOW),
        }  # fmt: skip

    def plain(said: Frames) -> Outcome:
        charges = said["charges"].with_columns(finish="stands") if "stands" in said["charges"] else said["charges"]
        tables = {"excursions": (said["excursions"], EXCURSION), "breaches": (said["breaches"], BREACH),
                  "charges": (charges, CHARGE), "windows": (said["windows"], WINDOW)}  # fmt: skip
        rows = {table: frame.select(columns).rows() for table, (frame, columns) in tables.items()}
        named = {table: [(names[row[0]], *row[1:]) for row in some] for table, some in rows.items()}
        return told([(names[row[0]], *row[1:]) for row in said["figures"].rows()], named)

    return run, plain


def _neighbours(given: pl.DataFrame, gap_ms: int) -> pl.DataFrame:
    """Each reading with the next and the previous one of its logger."""
    return given.lazy().with_columns(
        ahead=(col("logger") == col("logger").shift(-1)).fill_null(value=False),
        back=(col("logger") == col("logger").shift(1)).fill_null(value=False),
        nt=col("t").shift(-1), nv=col("v").shift(-1), pv=col("v").shift(1),
    ).with_columns(
        dt=pl.when("ahead").then(col("nt") - col("t")).otherwise(0),
        bt=pl.when("back").then(col("t") - col("t").shift(1)).otherwise(0),
    ).with_columns(
        known=col("ahead") & (col("dt") <= gap_ms), before=col("back") & (col("bt") <= gap_ms),
    ).collect()  # fmt: skip


def _factor(value: pl.Expr, ratio: float) -> pl.Expr:
    return (ratio / 273.15 - ratio / (273.15 + value / 1000)).exp()


def _celsius(mean: pl.Expr, ratio: float) -> pl.Expr:
    return ratio / (ratio / 273.15 - mean.log()) - 273.15


def _figures(data: pl.DataFrame, found: pl.DataFrame, asked: Asked, kinetics: Kinetics) -> pl.DataFrame:
    held = pl.when("known").then("dt").otherwise(0)
    factor = _factor(col("v"), asked.ratio)
    sums = data.lazy().with_columns(f=factor).with_columns(nf=col("f").shift(-1), held=held).group_by(
        "logger", maintain_order=True
    ).agg(
        low=col("v").min(), high=col("v").max(), known=col("held").sum(), all=col("dt").sum(),
        twice=((col("v") + col("nv").fill_null(0)) * col("held")).sum(),
        warm=((col("f") + col("nf").fill_null(0)) * col("held")).sum(),
    ).collect()  # fmt: skip
    gaps = data.filter(col("ahead") & ~col("known"))
    left, right, length = (gaps[name].to_numpy() for name in ("v", "nv", "dt"))
    # The tents are few, and an array is the way to look up where each begins and ends in the table of rises.
    bounds = gaps.select(
        "logger", hot=pl.Series(kinetics.tent(left, right, length, asked.warming)),
        cold=2 * col("dt") * _factor(_coldest(data, gaps), asked.ratio),
    ).group_by("logger").sum()  # fmt: skip
    spent = found.group_by("logger").agg(
        (col("duration").filter(col("direction") == name).sum()).alias(place)
        for name, place in (("high", "above"), ("low", "below"))
    )
    whole = sums.join(bounds, on="logger", how="left").join(spent, on="logger", how="left").fill_null(0)

    known, every = 2 * col("known"), 2 * col("all")
    return whole.select(
        "logger", "low", "high", mean=col("twice") / known, inside=col("known") - col("above") - col("below"),
        above="above", below="below", unknown=col("all") - col("known"), coverage=100 * known / every,
        mkt=_celsius(col("warm") / known, asked.ratio),
        mkt_lower=_celsius((col("warm") + col("cold")) / every, asked.ratio),
        mkt_upper=_celsius((col("warm") + col("hot")) / every, asked.ratio),
    )  # fmt: skip


def _coldest(data: pl.DataFrame, gaps: pl.DataFrame) -> pl.Expr:
    """The lowest value within one length of each gap on either side of it."""
    first = _place(data, gaps.select("logger", m=col("t") - col("dt")), "left")
    after = _place(data, gaps.select("logger", m=col("nt") + col("dt")), "right")
    each = pl.DataFrame({"a": first, "b": after}).with_row_index("gap").with_columns(row=pl.int_ranges("a", "b"))
    each = each.explode("row").with_columns(v=data["v"].gather(each.explode("row")["row"]))
    return pl.lit(each.group_by("gap", maintain_order=True).agg(col("v").min())["v"])


def _place(data: pl.DataFrame, moments: pl.DataFrame, side: Any) -> pl.Series:
    """Where a moment `m` of a logger would stand among its readings."""
    begin = data["t"].min() - _BEGIN
    keys = data.select(k=col("logger") * _STEP + (col("t") - begin))["k"]
    asked = moments.select(k=col("logger") * _STEP + (col("m") - begin))["k"]
    return keys.set_sorted().search_sorted(asked, side=side).cast(pl.Int64)


def _stretches(data: pl.DataFrame, name: str, sign: int, limit: int) -> pl.LazyFrame:
    """The excursions beyond one limit; one goes on across a gap between two readings outside."""
    part = data.lazy().filter(col("v") > limit if sign > 0 else col("v") < limit).with_columns(
        depth=sign * (col("v") - limit), following=sign * (col("nv") - limit), previous=sign * (col("pv") - limit)
    ).with_columns(
        begins=~(col("back") & (col("previous") > 0)), ends=~(col("ahead") & (col("following") > 0))
    ).with_columns(
        into=pl.when(col("begins") & col("before")).then(
            col("bt") * col("depth") / (col("depth") - col("previous"))).otherwise(0.0),
        away=pl.when(col("ends") & col("known")).then(
            col("dt") * col("depth") / (col("depth") - col("following"))).otherwise(0.0),
        within=~col("ends") & col("known"), run=col("begins").cum_sum(),
    )  # fmt: skip
    reach, hole = col("into") + col("away"), ~col("known") & col("ahead")
    found = part.group_by("run", maintain_order=True).agg(
        logger=col("logger").first(), onset_sample=col("t").first(),
        onset=(col("t") - col("into")).round(mode="half_to_even").min(),
        stands=(col("t") + col("away")).round(mode="half_to_even").max(),
        deepest=col("depth").max(), peak_at=col("t").get(col("depth").arg_max()), left=col("ahead").last(),
        twice=((col("depth") + col("following")) * col("dt")).filter(col("within")).sum()
        + (col("depth") * reach).sum(),
        gap=col("dt").filter(~col("ends") & ~col("known")).sum(),
        beside=col("dt").filter(col("ends") & hole).sum()
        + col("bt").filter(col("begins") & ~col("before") & col("back")).sum(),
        counted=col("dt").filter(col("within")).sum() + reach.sum(),
    ).with_columns(duration=col("stands") - col("onset") - col("gap"))  # fmt: skip
    mean = pl.when(col("counted") > 0).then(col("twice") / (2 * col("counted"))).otherwise(col("deepest"))
    whole = col("duration") + col("gap")
    return found.with_columns(
        direction=pl.lit(name), finish=pl.when("left").then("stands"), upper=whole + col("beside"),
        peak=limit + sign * col("deepest"), mean_c=(limit + sign * mean) / 1000, area=col("twice") / 2,
        coverage=pl.when(whole > 0).then(100 * col("duration") / whole).otherwise(100.0),
    )  # fmt: skip


def _firings(data: pl.DataFrame, rule: Rule, asked: Asked, integral: "_Integral | None") -> pl.LazyFrame:
    """When a rule fired, and from when to when: its runs outside, and the confirmed returns between them."""
    beyond = rule.sign * (col("v") - rule.limit)
    out, good = (beyond >= 0) if rule.inclusive else (beyond > 0), beyond <= -rule.hysteresis
    seen = data.lazy().select("logger", "t", "nt", "ahead", "back", "before", out=out, good=good)
    if rule.kind == "headroom":
        short = _short(data, rule, asked, integral)
        seen = seen.with_columns(out=short, good=~short)
    seen = seen.with_columns(begins=col("out") & ~(col("back") & col("out").shift(1, fill_value=False)))
    seen = seen.with_columns(run=col("begins").cum_sum())
    runs = seen.filter("out").group_by("run", maintain_order=True).agg(
        logger=col("logger").first(), begun=col("t").first(),
        stands=pl.when(col("ahead").last()).then(col("nt").last()).otherwise(col("t").last()),
        confirmed=col("t").slice(rule.confirm - 1, 1).first(),
    )  # fmt: skip
    lasted = col("stands") - col("begun")
    spent = pl.lit(0) if rule.kind == "run" else lasted.cum_sum().over("logger") - lasted
    reached = pl.max_horizontal("begun", col("begun") + rule.hold_ms - spent)
    runs = runs.with_columns(reached=reached).with_columns(
        fired=pl.when((col("reached") <= col("stands")) & col("confirmed").is_not_null()).then(
            pl.max_horizontal("reached", "confirmed"))
    ).join(_returns(seen, rule), on="run", how="left", maintain_order="left")  # fmt: skip
    # A firing lasts until the first confirmed return; what fires before it is the same one.
    ended = col("cleared").is_not_null() | (col("logger") != col("logger").shift(-1))
    runs = runs.with_columns(epoch=ended.shift(1, fill_value=False).cum_sum())
    runs = runs.with_columns(until=col("back_at").last().over("epoch"))
    first = runs.filter(col("fired").is_not_null()).unique("epoch", keep="first", maintain_order=True)
    return first.select(
        "logger", "begun", "fired", "until", rule=pl.lit(rule.id), direction=pl.lit(rule.direction),
        severity=pl.lit(rule.severity),
    )  # fmt: skip


def _returns(seen: pl.LazyFrame, rule: Rule) -> pl.LazyFrame:
    """After each run outside the confirmed return, and when the last way back began; a gap begins it anew."""
    own = col("logger") == pl.when("begins").then("logger").forward_fill()  # of the same logger as the run before it
    after = seen.with_columns(own=own, hole=(col("back") & ~col("before")).cum_sum()).filter(col("good") & col("own"))
    new = (col("run") != col("run").shift(1)) | (col("hole") != col("hole").shift(1))
    after = after.select("run", "t", new=new.fill_null(value=True))
    after = after.with_columns(since=pl.when("new").then("t").forward_fill())
    back = ~col("new") & (col("t") >= col("since") + rule.clear_ms)
    return after.group_by("run").agg(
        cleared=col("t").filter(back).first(),
        back_at=pl.coalesce(col("since").filter(back).first(), col("since").last()),
    )


def _judged(found: pl.DataFrame, fired: pl.DataFrame, asked: Asked) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Excursions with their severity, and breaches with their excursion."""
    found = found.sort("logger", "onset_sample").with_row_index("stretch")
    fired = fired.with_row_index("firing")
    pairs = fired.join(
        found.select("logger", "direction", "stretch", "onset", "onset_sample", "stands", "left"),
        on=["logger", "direction"], maintain_order="left_right",
    ).filter(
        ~col("left") | (col("begun") <= col("stands")), (col("until") >= col("onset")).fill_null(value=True)
    )  # fmt: skip
    linked = pairs.filter(col("onset") <= col("fired")).group_by("firing").agg(excursion=col("onset_sample").last())
    breaches = fired.join(linked, on="firing", how="left")
    matrix = [
        pl.when((col("direction") == direction) & (col("peak") >= peak if direction == "high" else col("peak") <= peak)
                & (col("spent") >= after)).then(grade).otherwise(0)
        for direction, peak, after, grade in asked.matrix
    ]  # fmt: skip
    worst = pairs.group_by("stretch").agg(met=col("severity").max())
    judged = found.join(worst, on="stretch", how="left", maintain_order="left").with_columns(
        spent=col("duration").cum_sum().over("logger", "direction")
    )
    return judged.with_columns(severity=pl.max_horizontal(col("met").fill_null(0), *matrix)), breaches


class _Integral:
    """Twice the integral of the factor over known time up to any moment of a logger."""

    def __init__(self, data: pl.DataFrame, ratio: float) -> None:
        self._data = data
        held = pl.when("known").then("dt").otherwise(0)
        self.columns = data.lazy().with_columns(f=_factor(col("v"), ratio), held=held).with_columns(
            nf=col("f").shift(-1).fill_null(0)
        ).with_columns(step=(col("f") + col("nf")) * col("held")).select(
            "t", "dt", "known", "f", "nf", total=col("step").cum_sum() - col("step"),
            weight=2 * (col("held").cum_sum() - col("held")),
        ).collect()  # fmt: skip
        self._first = data.select(first=pl.int_range(pl.len()).filter(~col("back")))["first"]

    def until(self, moments: pl.DataFrame) -> pl.DataFrame:
        first = self._first.gather(moments["logger"])
        place = _place(self._data, moments, "right") - 1
        at = self.columns[pl.select(pl.max_horizontal(first, place)).to_series()]
        part = pl.when(col("known") & ~col("early")).then(col("m") - col("t")).otherwise(0)
        at = at.with_columns(m=moments["m"], early=place < first).with_columns(part=part)
        bend = (col("nf") - col("f")) * col("part") / pl.max_horizontal("dt", 1)
        return at.select(
            total=col("total") + col("part") * (2 * col("f") + bend), weight=col("weight") + 2 * col("part")
        )

    def between(self, logger: pl.Series, start: pl.Series, end: pl.Series) -> pl.DataFrame:
        a, b = (self.until(pl.DataFrame({"logger": logger, "m": moment})) for moment in (start, end))
        return b.with_columns(total=b["total"] - a["total"], weight=b["weight"] - a["weight"])


def _short(data: pl.DataFrame, rule: Rule, asked: Asked, integral: "_Integral | None") -> pl.Series:
    """Readings at which a window would pass its limit if the goods stayed as warm for `ahead_ms` more."""
    assert integral is not None
    rows = data.select(r=pl.int_range(pl.len()).filter(col("v") > min(limit for _, limit in asked.windows)))["r"]
    warm = data[rows]
    short = pl.Series([False]).new_from_index(0, len(warm))
    for length, limit in asked.windows:
        past = integral.between(warm["logger"], warm["t"] + (rule.ahead_ms - length), warm["t"])
        weight = past["weight"] + 2 * rule.ahead_ms
        allowed = pl.select(_factor(pl.lit(limit), asked.ratio)).item()
        beyond = past["total"] + 2 * rule.ahead_ms * integral.columns["f"].gather(rows)
        short = short | ((beyond > weight * allowed) & (weight >= length))
    return pl.Series("short", [False]).new_from_index(0, len(data)).scatter(rows.filter(short), values=True)


def _windows(data: pl.DataFrame, found: pl.DataFrame, integral: "_Integral", asked: Asked, length: int) -> pl.DataFrame:
    """Around each hot excursion the worst window that covers it, and the one that ends with it."""
    ends = data.group_by("logger").agg(first=col("t").min(), last=col("t").max())
    begin, onset = col("stands").cast(pl.Int64) - length, col("onset").cast(pl.Int64)
    last = pl.max_horizontal("first", col("last") - length)
    high = found.filter(col("direction") == "high").join(ends, on="logger", maintain_order="left").with_columns(
        early=pl.min_horizontal(pl.max_horizontal(pl.min_horizontal(begin, onset), "first"), last),
        late=pl.max_horizontal(pl.min_horizontal(pl.max_horizontal(begin, onset), last), "first"), trailing=begin,
    )  # fmt: skip
    tried = [high.select("logger", "stretch", start=name) for name in ("early", "late", "trailing")]
    for shift in (0, length):  # windows that begin or end at a reading
        a = _place(data, high.select("logger", m=col("early") + shift), "left")
        b = _place(data, high.select("logger", m=col("late") + shift), "right")
        each = high.select("logger", "stretch", row=pl.int_ranges(a, b)).explode("row").drop_nulls()
        tried.append(each.select("logger", "stretch", start=data["t"].gather(each["row"]) - shift))
    starts = pl.concat(tried)
    sums = integral.between(starts["logger"], starts["start"], starts["start"] + length)
    means = starts.with_columns(mean=pl.when(sums["weight"] > 0).then(sums["total"] / sums["weight"]))
    worst = means.group_by("stretch").agg(worst=col("mean").max())
    trailing = means[2 * len(high) : 3 * len(high)].select("stretch", last_one="mean")

    joined = high.join(worst, on="stretch").join(trailing, on="stretch")
    return joined.with_columns(
        worst_c=_celsius(col("worst"), asked.ratio), trailing_c=_celsius(col("last_one"), asked.ratio)
    )
