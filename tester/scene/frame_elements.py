"""A frame -> the elements of the page that show it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate

from tester.scene.composition import Scene
from tester.scene.elements import Element, LiveCard, LiveExit, LiveLink, LiveStats, LiveStep, LiveStream, classes, text
from tester.scene.frame_numbers import SHORT, CardReading, FrameNumbers, Outflow, read
from tester.scene.group import DrawnGroup, Mode
from tester.scene.sheets import ROWS_FROM, THINNEST, WIDEST, sheets_of
from tester.scene.states import JSON, CardState, clock, fault_in_words
from tester.scene.wording import NONE, aside, dollars, milliseconds, percent, success

THINNEST_TRY = 2.5
MOST_STEPS = 5
MOST_CAUSES = 2


def scene_of(group: DrawnGroup, frame: JSON | None, mode: Mode) -> Scene:
    """The group at the moment of a frame (JSON as the worker emits it); None means a run that has not begun."""
    reading = read(group, mode, frame)
    outflows = (reading.elsewhere, reading.lost) if group.has_elsewhere else (reading.lost,)
    return Scene(
        group=group,
        mode=mode,
        root=_root(reading),
        stats=_stats(reading),
        inflow=Element("i", {"stroke-width": _half(WIDEST * reading.flow)}),
        cards=tuple(_card(n, card, group, mode) for n, card in enumerate(reading.cards)),
        streams=(
            *(_card_stream(n, card, group) for n, card in enumerate(reading.cards)),
            *(_stream(f"o{n}", out.load, out.flow, _kind(out, reading)) for n, out in enumerate(outflows)),
        ),
        paths=_paths(group, mode, reading),
        links=tuple(_link(n, reading) for n in range(len(reading.failed_down))),
        exits=tuple(_exit(n, out, reading) for n, out in enumerate(outflows)),
        heading=text("lh", _heading(reading.last)),
        steps=tuple(_steps(group, reading.last)),
    )


def _root(reading: FrameNumbers) -> Element:
    state = "is-exhausted" if reading.is_losing else "" if reading.has_begun else "is-idle"
    single = "is-single" if reading.is_single else ""
    return classes(
        "scene", "scene", state, single, "is-over" if reading.is_over else "", "has-fallback" if reading.last else ""
    )


def _stats(reading: FrameNumbers) -> LiveStats:
    is_open = reading.expected is not None and max(1, reading.finished) < reading.expected
    fallback_share = 100 * reading.fallbacks / reading.finished if reading.fallbacks else 0
    return LiveStats(
        text("rq", f"{reading.finished:,}"),
        text("rt", f"of {reading.expected:,}" if is_open else ""),
        Element("rp", {"class": "progress" if is_open else "progress is-over", "value": _progress(reading)}),
        text("ok", success(reading.finished - reading.refused - reading.left, reading.failed)),
        text("un", f"{reading.untried:,} reached no deployment" if reading.untried else ""),
        text("re", aside(reading.refused, reading.left)),
        text("av", milliseconds(reading.latency_ms)),
        text("pp", _percentiles(reading)),
        text("ft", milliseconds(reading.first_token_p95_ms)),
        text("fb", f"{reading.fallbacks:,}"),
        text("fs", percent(fallback_share) if reading.fallbacks else ""),
        text("co", NONE if reading.cost_usd is None else dollars(reading.cost_usd)),
    )


def _percentiles(reading: FrameNumbers) -> str:
    if reading.p50_ms is None or reading.p95_ms is None:
        return NONE
    return f"{reading.p50_ms:,.0f} / {milliseconds(reading.p95_ms)}"


def _progress(reading: FrameNumbers) -> str:
    """The progress of the run, in visible steps."""
    return _half(100 * reading.finished / reading.expected) if reading.expected else "0"


def _half(value: float) -> str:
    """In steps of a half: smaller differences are invisible and need no patch."""
    return f"{round(value * 2) / 2:g}"


def _card_stream(n: int, card: CardReading, group: DrawnGroup) -> LiveStream:
    colour = f"p p-{group.deployments[n].colour}"
    found = _stream(f"s{n}", card.load, card.flow, " ".join(filter(None, (colour, "is-lit" if card.is_lit else ""))))
    width = max(THINNEST_TRY, WIDEST * card.tried)
    tries = Element(f"h{n}", {"class": "tries" if card.tried else "tries is-none", "stroke-width": _half(width)})
    return found._replace(tries=tries)


def _stream(id: str, load: float, flow: float, names: str) -> LiveStream:
    """By one law: the width is the share of all requests; what flows now is a part of it."""
    width = max(THINNEST, WIDEST * load) if load else THINNEST
    unused = "" if load else "is-unused"
    return LiveStream(
        Element(id, {"class": " ".join(filter(None, ("stream", names, unused))), "stroke-width": _half(width)}),
        Element(f"e{id}", {"stroke-width": _half(width * flow) if load else "0"}),
    )


def _paths(group: DrawnGroup, mode: Mode, reading: FrameNumbers) -> tuple[tuple[Element, ...], ...]:
    """Of each sheet, where the streams run: stacked in the hub from top to bottom, they add up to the inflow."""
    return tuple(
        tuple(
            Element(f"{sheet.format.name[0]}p{n}", {"d": sheet.stream(end, offset)})
            for n, (end, offset) in enumerate(zip(sheet.ends, _offsets(group, mode, reading), strict=True))
        )
        for sheet in sheets_of(group, mode)
    )


def _offsets(group: DrawnGroup, mode: Mode, reading: FrameNumbers) -> list[float]:
    """The middle of each stream below the upper end of all, in the order of `Sheet.ends`."""
    order = [n for tier in group.tiers(mode) for n in tier]
    outflows = [reading.elsewhere.load, reading.lost.load] if group.has_elsewhere else [reading.lost.load]
    widths = [WIDEST * load for load in (*(reading.cards[n].load for n in order), *outflows)]
    ends = list(accumulate(widths))
    middles = [end - width / 2 for end, width in zip(ends, widths, strict=True)]
    of_cards = dict(zip(order, middles[: len(order)], strict=True))
    return [*(of_cards[n] for n in range(len(order))), *middles[len(order) :]]


def _card(n: int, card: CardReading, group: DrawnGroup, mode: Mode) -> LiveCard:
    ok, limited, failed = _bars(card)
    has_rows = len(group.deployments) >= ROWS_FROM
    fault = fault_in_words(card.fault)
    names = ("is-faulted" if fault else "", "" if card.attempts else "is-untried", "is-lit" if card.is_lit else "")
    return LiveCard(
        card=classes(f"c{n}", "node", f"is-{card.state}", *names),
        ring=Element(f"r{n}", {"stroke-dasharray": f"{card.share or 0} 100"})
        if mode is Mode.WEIGHTED and not has_rows
        else None,
        share=text(f"q{n}", _share(card.share, card.served)),
        served=text(f"n{n}", f"{card.served:,}"),
        latency=text(f"m{n}", milliseconds(card.latency_ms)),
        shape=Element(f"g{n}", {"d": card.state.shape}),
        state=text(f"y{n}", _state(card)),
        cause=text(f"v{n}", _cause(card, is_short=has_rows)),
        chip=text(f"z{n}", f"{math.ceil(card.cooldown_left_s)} s left" if card.cooldown_left_s > 0 else ""),
        fault=text(f"a{n}", fault),
        in_flight=text(f"k{n}", f"{card.in_flight}"),
        failures=text(f"t{n}", f"{card.failures:,}"),
        skips=text(f"u{n}", f"{card.skips:,}"),
        ok_bar=Element(f"b{n}", {"width": ok}),
        limited_bar=Element(f"l{n}", {"width": limited}),
        failed_bar=Element(f"x{n}", {"width": failed}),
    )


def _share(share: int | None, count: int) -> str:
    if share is None:
        return NONE
    return f"<{percent(1)}" if share == 0 and count else percent(share)


def _bars(card: CardReading) -> tuple[str, str, str]:
    """Three stacked bars, in percent: answered, rate limited, failed otherwise; 0 where another one covers it."""
    if not card.attempts:
        return "0", "0", "0"
    ends = (card.served, card.served + card.limited, card.served + card.failures)
    ok, limited, failed = (_half(100 * end / card.attempts) for end in ends)
    return ok, limited if card.limited else "0", failed if card.failures > card.limited else "0"


def _state(card: CardReading) -> str:
    """`Standby, proven 14:02`, else the word of its state."""
    is_told = card.proof and card.state is CardState.STANDBY
    return f"{card.state.word}, {card.proof}" if is_told else card.state.word


def _cause(card: CardReading, *, is_short: bool) -> str:
    """What stands beside the state: since when it is down and of what, how often it failed, how much it answers now."""
    errors = _errors(card)
    if is_short and card.cooldown_left_s > 0:  # a row has room for one of the two
        return ""
    if card.state.is_bad:
        began_ms = card.fault.from_ms if card.fault and card.fault.is_down else card.failing_since_ms
        since = "" if began_ms is None else f"since {clock(began_ms)}"
        return " · ".join(filter(None, (since or card.proof, errors)))
    if card.state in (CardState.COOLING, CardState.PROBING):
        return f"after {errors}" if errors else ""
    if card.state is CardState.DEGRADED:
        return errors
    if card.state is CardState.ANSWERING and card.now is not None and not is_short:
        return f"now {percent(card.now)} of traffic"
    return ""


def _errors(card: CardReading) -> str:
    """The most frequent errors: 34 × 503 · 2 × timeout."""
    named = (f"{count:,} × {SHORT.get(name, 'error')}" for name, count in card.errors.most_common(MOST_CAUSES))
    return " · ".join(named)


def _link(n: int, reading: FrameNumbers) -> LiveLink:
    failed, skipped = reading.failed_down[n], reading.skipped_to[n]
    return LiveLink(
        link=classes(f"d{n}", "link", "" if failed else "is-unused", "is-lit" if failed or skipped else ""),
        failed=text(f"fl{n}", f"fail {failed:,}" if failed else "if it fails"),
        skipped=text(f"sk{n}", f"{skipped:,} skipped while cooling" if skipped else ""),
    )


def _kind(out: Outflow, reading: FrameNumbers) -> str:
    return "is-loss" if out is reading.lost else "is-elsewhere"


def _exit(n: int, out: Outflow, reading: FrameNumbers) -> LiveExit:
    kind = _kind(out, reading)
    return LiveExit(
        exit=classes(f"ex{n}", "exit", kind, "" if out.count else "is-none"),
        share=text(f"ep{n}", _share(out.share, out.count)),
        number=text(f"ec{n}", f"{out.count:,}"),
        causes=text(f"ew{n}", _causes(reading) if kind == "is-loss" else ""),
    )


def _causes(reading: FrameNumbers) -> str:
    """330 × all cooling · 6 × 503 · 3 refused: what those got whom nobody answered."""
    named = [f"{count:,} × {SHORT.get(name, 'error')}" for name, count in reading.causes.most_common(MOST_CAUSES)]
    return " · ".join(filter(None, (*named, aside(reading.refused, reading.left))))


def _heading(trace: JSON | None) -> str:
    if trace is None:
        return "Last fallback"
    kind = "Last fallback" if trace["fallback_depth"] or trace["status"] != "success" else "Last retry"
    when = f" {clock(trace['at_ms'])}" if "at_ms" in trace else ""
    more = len(trace["attempts"])
    return f"{kind}{when} · {more} attempts" if more > MOST_STEPS else f"{kind}{when}"


def _steps(group: DrawnGroup, trace: JSON | None) -> Iterator[LiveStep]:
    """What was skipped first, then one for each of the last attempts; remaining places stay empty."""
    told = [*_skipped_step(group, trace), *_attempt_steps(group, trace)][-MOST_STEPS:] if trace else []
    for n in range(MOST_STEPS):
        names, name, outcome = told[n] if n < len(told) else ("", "", "")
        yield LiveStep(classes(f"w{n}", "step", *names.split()), text(f"j{n}", name), text(f"o{n}x", outcome))


def _skipped_step(group: DrawnGroup, trace: JSON) -> Iterator[tuple[str, str, str]]:
    """Only if its first choice was skipped: `Nebius` `skipped, cooling`."""
    first = trace["attempts"][0] if trace["attempts"] else None
    skipped = [s for s in trace.get("skipped", ()) if s["reason"] != "not_needed"]
    if not skipped or (first is not None and not first["fallback_depth"]):
        return
    known = {d.deployment_id: d.name for d in group.deployments}
    names = list(dict.fromkeys(known.get(s["deployment_id"], s["deployment_name"]) for s in skipped))
    colours = {d.deployment_id: d.colour for d in group.deployments}
    who = names[0] if len(names) == 1 else f"{len(names)} deployments"
    reason = skipped[0]["reason"].replace("_", " ")
    yield f"is-skipped p p-{colours.get(skipped[0]['deployment_id'], 'default')}", who, f"skipped, {reason}"


def _attempt_steps(group: DrawnGroup, trace: JSON) -> Iterator[tuple[str, str, str]]:
    known = {d.deployment_id: d for d in group.deployments}
    attempts: Sequence[JSON] = trace["attempts"][-MOST_STEPS:]
    for attempt in attempts:
        drawn = known.get(attempt["deployment_id"])
        name, colour = (drawn.name, drawn.colour) if drawn else (attempt["deployment_name"], "default")
        fate = "is-ok" if attempt["status"] == "success" else "is-failed"
        yield f"{fate} p p-{colour}", name, _outcome(attempt)


def _outcome(attempt: JSON) -> str:
    """The duration of an answer, or a word for its error."""
    if attempt["status"] == "success":
        return milliseconds(attempt["duration_ms"])
    word = SHORT.get(attempt["error_class"] or "", "")
    # A class has the usual status of its kind, but only a real status is shown.
    return str((not word.isdecimal() and word) or attempt["status_code"] or attempt["status"])
