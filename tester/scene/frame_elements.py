"""A frame -> the elements of the page that show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tester.scene.composition import Scene
from tester.scene.elements import Element, LiveCard, LiveExit, LiveLink, LiveStats, LiveStep, classes, text
from tester.scene.frame_numbers import JSON, SHORT, CardReading, CardState, FrameNumbers, read
from tester.scene.group import DrawnGroup, Mode

NONE = "–"
WIDEST, THINNEST, GLOW = 42.0, 1.5, 8.0
WIDEST_LINK, THINNEST_LINK = 7.0, 2.0
MOST_STEPS = 5
MOST_ERRORS = 2


def scene_of(group: DrawnGroup, frame: JSON | None, mode: Mode) -> Scene:
    """The group at the moment of a frame (JSON as the worker emits it); None means a run that has not begun."""
    reading = read(group, mode, frame)
    tiers = group.tiers(mode)
    first = set(tiers[0]) if tiers else set()
    return Scene(
        group=group,
        mode=mode,
        root=_root(reading),
        stats=_stats(reading),
        cards=tuple(
            _card(n, card, group.deployments[n].colour, has_stream=n in first, has_ring=mode is Mode.WEIGHTED)
            for n, card in enumerate(reading.cards)
        ),
        links=tuple(_link(n, reading) for n in range(len(reading.failed_down))),
        exit=_exit(reading, mode),
        heading=text("lh", _heading(reading.last)),
        steps=tuple(_steps(group, reading.last)),
    )


def _root(reading: FrameNumbers) -> Element:
    state = "is-exhausted" if reading.is_exhausted else "" if reading.has_begun else "is-idle"
    single = "is-single" if reading.is_single else ""
    return classes("scene", "scene", state, single, "has-fallback" if reading.last else "")


def _stats(reading: FrameNumbers) -> LiveStats:
    is_open = reading.expected is not None and max(1, reading.finished) < reading.expected
    return LiveStats(
        text("rq", f"{reading.finished:,}"),
        text("rt", f"of {reading.expected:,}" if is_open else ""),
        Element("rp", {"class": "progress" if is_open else "progress is-over", "value": _percent(reading)}),
        text("ok", success(reading.finished - reading.refused - reading.left, reading.failed)),
        text("un", f"{reading.untried:,} reached no deployment" if reading.untried else ""),
        text("re", aside(reading.refused, reading.left)),
        text("av", milliseconds(reading.latency_ms)),
        text("fb", f"{reading.fallbacks:,}"),
    )


def _percent(reading: FrameNumbers) -> str:
    """The progress of the run, in visible steps."""
    return _half(100 * reading.finished / reading.expected) if reading.expected else "0"


def aside(refused: int, left: int) -> str:
    """The requests that are in no success rate, "" for none: `3 refused, 2 left`."""
    return ", ".join(f"{count:,} {how}" for count, how in ((refused, "refused"), (left, "left")) if count)


def success(finished: int, failed: int) -> str:
    """A success rate that never rounds up to 100%, nor down to 0%; requests that were refused, or left by
    their callers, are in neither number."""
    if not finished:
        return NONE
    tenths = 1000 * (finished - failed) // finished
    if failed == 0 or tenths == 0:
        return "100%" if failed == 0 else "0%" if failed == finished else "<0.1%"
    return f"{tenths / 10:g}%"


def milliseconds(value: float | None) -> str:
    """149ms, or seconds from 10 s on."""
    if value is None:
        return NONE
    return f"{value:.0f}ms" if value < 9_999.5 else f"{value / 1000:.1f}s"


def _half(value: float) -> str:
    """In steps of a half: smaller differences are invisible and need no patch."""
    return f"{round(value * 2) / 2:g}"


def _card(n: int, card: CardReading, colour: str, *, has_stream: bool, has_ring: bool) -> LiveCard:
    width = max(THINNEST, WIDEST * card.load)
    ok, limited, failed = _bars(card)
    lit = "is-lit" if card.is_lit else ""
    stream = classes(f"s{n}", "stream", "p", f"p-{colour}", lit).attributes
    return LiveCard(
        card=classes(f"c{n}", "node", f"is-{card.state}", "" if card.attempts else "is-untried", lit),
        stream=Element(f"s{n}", {**stream, "stroke-width": _half(width)}) if has_stream else None,
        glow=Element(f"g{n}", {"stroke-width": _half(width + GLOW)}) if has_stream else None,
        ring=Element(f"r{n}", {"stroke-dasharray": f"{card.share or 0} 100"}) if has_ring else None,
        share=text(f"q{n}", _share(card)),
        served=text(f"n{n}", f"{card.served:,} req"),
        latency=text(f"m{n}", _latency(card)),
        state=text(f"y{n}", _state(card)),
        errors=text(f"v{n}", _errors(card)),
        in_flight=text(f"k{n}", _in_flight(card.in_flight)),
        ok_bar=Element(f"b{n}", {"width": ok}),
        limited_bar=Element(f"l{n}", {"width": limited}),
        failed_bar=Element(f"x{n}", {"width": failed}),
    )


def _share(card: CardReading) -> str:
    if card.share is None:
        return NONE
    return "<1%" if card.share == 0 and card.served else f"{card.share}%"


def _bars(card: CardReading) -> tuple[str, str, str]:
    """Three stacked bars, in percent: answered, rate limited, failed otherwise."""
    if not card.attempts:
        return "0", "0", "0"
    ends = (card.served, card.served + card.limited, card.served + card.failures)
    ok, limited, failed = (_half(100 * end / card.attempts) for end in ends)
    return ok, limited, failed


def _state(card: CardReading) -> str:
    if card.state is CardState.COOLING:
        return f"cooling {card.cooldown_left_s:.0f}s" if card.cooldown_left_s >= 1 else "cooling <1s"
    return card.state.value


def _errors(card: CardReading) -> str:
    """The most frequent errors: 34×503 · 2×timeout."""
    named = [f"{count:,}×{SHORT.get(name, 'error')}" for name, count in card.errors.most_common(MOST_ERRORS)]
    return " · ".join(named)


def _latency(card: CardReading) -> str:
    if card.latency_ms is None:
        return "no answer" if card.attempts else "not tried"
    return f"{milliseconds(card.latency_ms)} avg"


def _in_flight(count: int) -> str:
    """Empty for none: then the badge is hidden."""
    return "99+" if count > 99 else str(count or "")


def _link(n: int, reading: FrameNumbers) -> LiveLink:
    failed, skipped = reading.failed_down[n], reading.skipped[n]
    width = THINNEST_LINK + (WIDEST_LINK - THINNEST_LINK) * failed / max(1, reading.finished)
    return LiveLink(
        link=classes(f"d{n}", "link", "" if failed else "is-unused", "is-lit" if failed or skipped else ""),
        line=Element(f"f{n}", {"stroke-width": _half(width)}),
        failed=text(f"t{n}", f"fail · {failed:,}" if failed else "if it fails"),
        skipped=text(f"u{n}", f"{skipped:,} skipped: cooling" if skipped else ""),
    )


def _exit(reading: FrameNumbers, mode: Mode) -> LiveExit:
    return LiveExit(
        exit=classes("ex", "link exit", "" if reading.failed else "is-nothing"),
        failed=text("et", f"exhausted · {reading.failed:,}"),
        elsewhere=text("ee", f"{reading.elsewhere:,} answered by fallback groups" if reading.elsewhere else ""),
    )


def _heading(trace: JSON | None) -> str:
    if trace is None:
        return "Last fallback"
    kind = "Last fallback" if trace["fallback_depth"] or trace["status"] != "success" else "Last retry"
    more = len(trace["attempts"])
    return f"{kind} · {more} attempts" if more > MOST_STEPS else kind


def _steps(group: DrawnGroup, trace: JSON | None) -> Iterator[LiveStep]:
    """One for each of the last attempts; remaining places stay empty."""
    known = {d.deployment_id: d for d in group.deployments}
    attempts: Sequence[JSON] = trace["attempts"][-MOST_STEPS:] if trace else ()
    for n in range(MOST_STEPS):
        if n >= len(attempts):
            yield LiveStep(classes(f"w{n}", "step"), text(f"j{n}", ""), text(f"o{n}", ""))
            continue
        drawn = known.get(attempts[n]["deployment_id"])
        name, colour = (drawn.name, drawn.colour) if drawn else (attempts[n]["deployment_name"], "default")
        fate = "is-ok" if attempts[n]["status"] == "success" else "is-failed"
        yield LiveStep(
            classes(f"w{n}", "step", fate, "p", f"p-{colour}"),
            text(f"j{n}", name),
            text(f"o{n}", _outcome(attempts[n])),
        )


def _outcome(attempt: JSON) -> str:
    """The duration of an answer, or a word for its error."""
    if attempt["status"] == "success":
        return milliseconds(attempt["duration_ms"])
    word = SHORT.get(attempt["error_class"] or "", "")
    # A class has the usual status of its kind, but only a real status is shown.
    return str((not word.isdecimal() and word) or attempt["status_code"] or attempt["status"])
