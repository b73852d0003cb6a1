"""The default product profile in DuckDB: SQL with window functions over all loggers at once, one thread.

Neighbours are `lead` and `lag`, runs are cumulated beginnings, and a stretch that lies between two moments is a join.
"""

from collections.abc import Callable
from typing import Any

import duckdb
import pandas as pd

from bench.asked import BREACH, CHARGE, EXCURSION, FIGURES, SIDES, WINDOW, Asked, Columns, Outcome, Rule
from bench.asked import answer as told
from bench.kinetics import HIGH, LOW, STEP, Kinetics

Rows = dict[str, list[tuple[Any, ...]]]

_BEGIN = """
create or replace temp table data as
with a as (select logger, t, v, lead(t) over w as nt, lead(v) over w as nv, lag(t) over w as pt, lag(v) over w as pv
           from readings window w as (partition by logger order by t))
select *, coalesce(nt - t, 0) as dt, coalesce(nt - t <= {gap}, false) as known,
       coalesce(t - pt <= {gap}, false) as before, f(v) as f,
       sum((t - pt > {gap})::int) over (partition by logger order by t rows unbounded preceding) as hole
from a
"""
_MACROS = """
create or replace macro f(mc) as exp({ratio} / 273.15 - {ratio} / (273.15 + mc / 1000.0));
create or replace macro celsius(mean) as {ratio} / ({ratio} / 273.15 - ln(mean)) - 273.15;
create or replace macro rise(low, high) as case
  when high <= low then 0.0
  when low // {step} + 1 > (high - 1) // {step} then (high - low) * (f(low) + f(high))
  else ((low // {step} + 1) * {step} - low) * (f(low) + f((low // {step} + 1) * {step}))
     + (high - (high - 1) // {step} * {step}) * (f(high) + f((high - 1) // {step} * {step}))
     + (select total from rises where node = (high - 1) // {step})
     - (select total from rises where node = low // {step} + 1) end;
"""
_STRETCHES = """
create or replace temp table {table} as
with a as (select logger, t, v, nt, dt, pt, known, before, {sign} * (v - {limit}) as d, {sign} * (nv - {limit}) as nd,
           {sign} * (pv - {limit}) as pd from data where {sign} * (v - {limit}) > 0),
b as (select *, coalesce(pd, 0) <= 0 as begins, coalesce(nd, 0) <= 0 as ends from a),
c as (select *, sum(begins::int) over (order by logger, t) as run,
      case when begins and before then (t - pt) * d::double / (d - pd) else 0 end as into_,
      case when ends and known then dt * d::double / (d - nd) else 0 end as away from b),
e as (select logger, run, min(t) as onset_sample, min(round_even(t - into_, 0)) as onset,
      max(round_even(t + away, 0)) as stands, max(d) as deepest, arg_max(t, (d, -t)) as peak_at,
      last(nt order by t) is not null as goes_on,
      sum(case when not ends and known then (d + nd) * dt else 0 end + d * (into_ + away)) as twice,
      sum(case when not ends and not known then dt else 0 end) as gap,
      sum(case when ends and not known then dt else 0 end + case when begins and not before then coalesce(t - pt, 0)
          else 0 end) as beside,
      sum(case when not ends and known then dt else 0 end + into_ + away) as counted from c group by logger, run)
select *, '{name}' as direction, {limit} as band, case when goes_on then stands end as finish,
  stands - onset - gap as duration, stands - onset + beside as upper, {limit} + {sign} * deepest as peak,
  ({limit} + {sign} * case when counted > 0 then twice / (2 * counted) else deepest end) / 1000 as mean_c,
  twice / 2 as area, case when stands > onset then 100 * (stands - onset - gap) / (stands - onset) else 100 end
  as coverage from e
"""
_FIRED = """
insert into fired
with b as (select logger, t, nt, hole, {out} as is_out, {good} as is_good, {begins} as begins from {rows}),
c as (select *, sum(begins::int) over (partition by logger order by t rows unbounded preceding) as run from b),
o as (select *, row_number() over (partition by logger, run order by t) as place from c where is_out),
runs as (select logger, run, min(t) as begun, coalesce(last(nt order by t), max(t)) as stands,
         min(case when place = {confirm} then t end) as confirmed from o group by logger, run),
ways as (select logger, run, hole, min(t) as since from c where is_good and run > 0 group by logger, run, hole),
latest as (select logger, run, max(since) as latest from ways group by logger, run),
firsts as (select c.logger, c.run, min(c.t) as cleared, arg_min(since, c.t) as since from c
           join ways using (logger, run, hole) where is_good and c.t >= since + {clear} group by c.logger, c.run),
backs as (select logger, run, cleared, coalesce(since, latest) as back_at
          from latest left join firsts using (logger, run)),
s as (select runs.*, cleared, back_at, {spent} as spent from runs left join backs using (logger, run)
      window w as (partition by runs.logger order by runs.run)),
r as (select *, greatest(begun, begun + {hold} - spent) as reached,
      coalesce(sum((cleared is not null)::int) over (partition by logger order by run
               rows between unbounded preceding and 1 preceding), 0) as epoch from s),
e as (select *, case when reached <= stands and confirmed is not null then greatest(reached, confirmed) end as at_,
      last_value(back_at) over (partition by logger, epoch order by run
               rows between unbounded preceding and unbounded following) as until from r)
select row_number() over () + (select count(*) from fired), logger, '{id}', '{direction}', {severity}, begun, at_, until
from e where at_ is not null qualify row_number() over (partition by logger, epoch order by run) = 1
"""
_JUDGED = """
create or replace temp table pairs as
select f.firing, f.severity, f.at_, s.logger, s.direction, s.onset, s.onset_sample
from fired f join stretches s on f.logger = s.logger and f.direction = s.direction
where (not s.goes_on or f.begun <= s.stands) and (f.until is null or f.until >= s.onset);
create or replace temp table judged as
with a as (select *, sum(duration) over (partition by logger, direction order by onset_sample) as spent from stretches),
b as (select a.*, coalesce(max(p.severity), 0) as met from a left join pairs p
      on a.logger = p.logger and a.direction = p.direction and a.onset_sample = p.onset_sample group by all)
select *, greatest(met, {matrix}) as severity from b;
"""
_BREACHES = """
select f.logger, f.id, f.direction, f.at_, f.severity, max(p.onset_sample) from fired f
left join pairs p on p.firing = f.firing and p.onset <= f.at_ group by all
"""
_FIGURES = """
with sums as (select logger, min(v) as low, max(v) as high, sum(case when known then dt else 0 end) as known,
              sum(dt) as every, sum(case when known then (v + nv) * dt else 0 end) as twice,
              sum(case when known then (f + nf) * dt else 0 end) as warm
              from (select *, lead(f) over (partition by logger order by t) as nf from data) group by logger),
gaps as (select logger, t, nt, v, nv, dt, dt * {warming} as rise,
         greatest(v, nv, least({top}, (v + nv + dt * {warming} // 60000) // 2)) as peak,
         abs(nv - v) * 60000 >= dt * {warming} as steep from data where nt is not null and not known),
cold as (select g.logger, g.t, 2 * g.dt * f(min(r.v)) as cold from gaps g join readings r on g.logger = r.logger
         and r.t between g.t - g.dt and g.nt + g.dt group by g.logger, g.t, g.dt),
hot as (select logger, case
        when steep and v = nv then 2 * dt * f(v)
        when steep then dt * rise(least(v, nv), greatest(v, nv)) / abs(nv - v)
        else ((rise(v, peak) + rise(nv, peak)) * 60000 + 2 * (rise - (2 * peak - v - nv) * 60000) * f(peak)) / {warming}
        end as hot from gaps),
spent as (select logger, sum(case when direction = 'high' then duration else 0 end) as above,
          sum(case when direction = 'low' then duration else 0 end) as below from stretches group by logger),
colds as (select logger, sum(cold) as cold from cold group by logger),
hots as (select logger, sum(hot) as hot from hot group by logger)
select logger, low, high, twice / (2.0 * known), known - coalesce(above, 0) - coalesce(below, 0), coalesce(above, 0),
  coalesce(below, 0), every - known, 100.0 * known / every, celsius(warm / (2.0 * known)),
  celsius((warm + coalesce(cold, 0)) / (2.0 * every)), celsius((warm + coalesce(hot, 0)) / (2.0 * every))
from sums left join spent using (logger) left join colds using (logger) left join hots using (logger)
"""
_INTEGRAL = """
create or replace temp table integral as
select logger, t, v, dt, known, f, coalesce(nf, 0) as nf,
  sum(case when known then (f + coalesce(nf, 0)) * dt else 0 end) over w
    - case when known then (f + coalesce(nf, 0)) * dt else 0 end as total,
  sum(case when known then 2 * dt else 0 end) over w - case when known then 2 * dt else 0 end as weight
from (select *, lead(f) over (partition by logger order by t) as nf from data)
window w as (partition by logger order by t rows unbounded preceding)
"""
# The integral up to each `{moment}` of the rows of `{rows}`, as the columns total_{n} and weight_{n}.
_UNTIL = """
select * exclude (total, weight, f, nf, dt, part),
  coalesce(total + part * (2 * f + (nf - f) * part / greatest(dt, 1)), 0) as total_{n},
  coalesce(weight + 2 * part, 0) as weight_{n}
from (select x.*, i.total, i.weight, i.f, i.nf, i.dt, case when i.known then x.{moment} - i.t else 0 end as part
      from {rows} x asof left join integral i on x.logger = i.logger and x.{moment} >= i.t) i
"""


def prepared(columns: Columns, asked: Asked) -> tuple[Callable[[], Rows], Callable[[Rows], Outcome]]:
    """What is measured, and how its answer becomes comparable."""
    base = duckdb.connect(config={"threads": 1})
    base.register(
        "given", pd.DataFrame({"l": columns.logger.astype(object), "t": columns.time_ms, "v": columns.value_mc})
    )
    names = ", ".join(f"'{name}'" for name in dict.fromkeys(columns.logger.tolist()))
    base.execute(f"create type logger as enum ({names})")
    base.execute("create table readings as select l::logger as logger, t::bigint as t, v::bigint as v from given")
    kinetics = Kinetics(asked.ratio)
    nodes = pd.DataFrame({"node": range(LOW // STEP, HIGH // STEP + 1), "total": kinetics.rises})
    base.register("nodes", nodes)
    base.execute("create table rises as select * from nodes")
    base.execute(_MACROS.format(ratio=asked.ratio, step=STEP))

    def run() -> Rows:
        return _answer(base, asked)

    def plain(said: Rows) -> Outcome:
        return told(said["figures"], {name: rows for name, rows in said.items() if name != "figures"})

    return run, plain


def _answer(base: duckdb.DuckDBPyConnection, asked: Asked) -> Rows:
    base.execute(_BEGIN.format(gap=asked.gap_ms))
    for name, sign in SIDES:
        limit = asked.high if sign > 0 else asked.low
        base.execute(_STRETCHES.format(table=name, name=name, sign=sign, limit=limit))
    base.execute("create or replace temp table stretches as select * from high union all select * from low")
    base.execute(
        "create or replace temp table fired (firing bigint, logger logger, id varchar, direction varchar,"
        " severity int, begun bigint, at_ bigint, until bigint)"
    )
    if asked.windows:
        base.execute(_INTEGRAL)
    for rule in asked.rules:
        base.execute(_FIRED.format(**_words(base, rule, asked)))
    base.execute(_JUDGED.format(matrix=_matrix(asked)))
    found: Rows = {"charges": [], "windows": []}
    found["excursions"] = base.execute(f"select {', '.join(EXCURSION)} from judged").fetchall()
    found["breaches"] = base.execute(_BREACHES).fetchall()
    found["figures"] = base.execute(_FIGURES.format(warming=asked.warming, top=HIGH)).fetchall()
    assert len(found["figures"][0]) == len(FIGURES) + 1
    for limit in asked.bands:
        base.execute(_STRETCHES.format(table="band", name="high", sign=1, limit=limit))
        columns = ", ".join(CHARGE).replace("finish", "stands")
        found["charges"] += base.execute(f"select {columns} from band").fetchall()
    for length, _ in asked.windows:
        found["windows"] += base.execute(_windows(length)).fetchall()
    assert not found["breaches"] or len(found["breaches"][0]) == len(BREACH)
    return found


def _words(base: duckdb.DuckDBPyConnection, rule: Rule, asked: Asked) -> dict[str, Any]:
    """What stands in the place of each name in the statement of a rule."""
    beyond, sign = f"{rule.sign} * (v - {rule.limit})", ">=" if rule.inclusive else ">"
    words = {
        "id": rule.id, "direction": rule.direction, "severity": rule.severity, "hold": rule.hold_ms,
        "confirm": rule.confirm, "clear": rule.clear_ms, "rows": "data",
        "out": f"{beyond} {sign} 0", "good": f"{beyond} <= {-rule.hysteresis}",
        "begins": f"{beyond} {sign} 0 and not coalesce({beyond.replace('(v', '(pv')} {sign} 0, false)",
        "spent": "0" if rule.kind == "run" else "sum(stands - begun) over w - (stands - begun)",
    }  # fmt: skip
    if rule.kind == "headroom":
        base.execute(_headroom(rule, asked))
        begins = "short and not coalesce(lag(short) over (partition by logger order by t), false)"
        words |= {"rows": "headroom", "out": "short", "good": "not short", "begins": begins}
    return words


def _headroom(rule: Rule, asked: Asked) -> str:
    """Readings at which a window would pass its limit if the goods stayed as warm for `ahead_ms` more."""
    parts = []
    for length, limit in asked.windows:
        warm = f"(select logger, t, v, t + {rule.ahead_ms - length} as m from data where v > {limit})"
        past = f"({_UNTIL.format(n='a', moment='m', rows=warm)})"
        both = f"({_UNTIL.format(n='b', moment='t', rows=past)})"
        weight = f"(weight_b - weight_a + {2 * rule.ahead_ms})"
        parts.append(
            f"select logger, t from {both} where {weight} >= {length}"
            f" and total_b - total_a + {2 * rule.ahead_ms} * f(v) > {weight} * f({limit})"
        )
    return (
        f"create or replace temp table headroom as with s as (select distinct * from ({' union all '.join(parts)}))"
        " select d.*, s.t is not null as short from data d left join s on d.logger = s.logger and d.t = s.t"
    )


def _windows(length: int) -> str:
    """Around each hot excursion the worst window that covers it, and the one that ends with it."""
    starts = (
        "with e as (select logger, min(t) as first, greatest(min(t), max(t) - {n}) as last from data group by logger),"
        " h as (select j.logger, onset_sample, stands::bigint - {n} as at_end, e.first, e.last,"
        " least(greatest(least(stands::bigint - {n}, onset::bigint), first), last) as early,"
        " greatest(least(greatest(stands::bigint - {n}, onset::bigint), last), first) as late"
        " from judged j join e on j.logger = e.logger where direction = 'high'),"
        " s as (select logger, onset_sample, early as s, false as ends from h"
        " union all select logger, onset_sample, late, false from h"
        " union all select logger, onset_sample, at_end, true from h"
        " union all select h.logger, onset_sample, d.t, false from h join data d"
        " on h.logger = d.logger and d.t between early and late"
        " union all select h.logger, onset_sample, d.t - {n}, false from h join data d"
        " on h.logger = d.logger and d.t between early + {n} and late + {n}),"
        " x as (select *, s + {n} as s_end from s), y as ({a}), z as ({b}),"
        " m as (select *, (total_b - total_a) / nullif(weight_b - weight_a, 0) as mean from z)"
        " select {columns} from m group by logger, onset_sample"
    )
    values = ("logger", "onset_sample", "celsius(max(mean))", "celsius(max(case when ends then mean end))")
    assert len(values) == len(WINDOW)
    return starts.format(
        n=length, a=_UNTIL.format(n="a", moment="s", rows="x"), b=_UNTIL.format(n="b", moment="s_end", rows="y"),
        columns=", ".join(values),
    )  # fmt: skip


def _matrix(asked: Asked) -> str:
    found = [
        f"case when direction = '{direction}' and peak {'>=' if direction == 'high' else '<='} {peak}"
        f" and spent >= {after} then {grade} else 0 end"
        for direction, peak, after, grade in asked.matrix
    ]
    return ", ".join(found or ["0"])
