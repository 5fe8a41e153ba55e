"""The table of conduct, one request a row. How to read it: `table.py`."""

from __future__ import annotations

from typing import Any

from tests.conduct.table import PLAIN, STREAMED, Row, Shape

LONE = Shape("A")
TIERS = Shape("A / B")
TIER = Shape("A B")
THREE = Shape("A / B / C")
FALLBACK = Shape("A", general=("C",))
TIERS_FALLBACK = Shape("A / B", general=("C",))
LONG = Shape("A", general=("G",), context=("L",))
POLICY = Shape("A", general=("G",), content=("P",))
ONE_KEY = Shape("A@k / B@k / C")
HEDGED = TIERS.but(hedge_ms=200)
SOON = (0.2, 0.3)
ONCE: dict[str, Any] = {"retries": 0}
QUICK: dict[str, Any] = {"timeout_s": 1.0, "idle_s": 1.0}
AGAIN_AT_ONCE, SECOND = (0.0, 0.3), (1.0, 1.1)
RESCUED: dict[str, Any] = {"streamed": STREAMED}
QUICKLY: dict[str, Any] = {"takes": (0.0, 0.2), "streamed": STREAMED}
SLOWLY: dict[str, Any] = {"takes": SECOND, "streamed": STREAMED}
NO_CALLS: dict[str, Any] = {**QUICKLY, "only": "live", "why": "a rehearsed stream has no calls"}
TRIPPED: dict[str, Any] = {"before": 3}

# fmt: off
ALONE = (
    Row("answers", LONE, "", "A=200"),
    Row("answers slowly", LONE, "A=slow(0.4)", "A=200", takes=(0.4, 0.5)),
    Row("a 500 is repeated", LONE, "A=500,200", "A=500 ~ A=200", takes=AGAIN_AT_ONCE),
    Row("a 503 is repeated as often as set", LONE.but(retries=2), "A=503", "A=503 ~ A=503 ~ A=503", "503",
        takes=(0.0, 0.8), again=(1, 5)),
    Row("no repeat where none is set", LONE.but(retries=0), "A=503", "A=503", "503"),
    Row("a 529 is repeated", LONE, "A=529,200", "A=529 ~ A=200", takes=AGAIN_AT_ONCE),
    Row("a connection that breaks is repeated", LONE, "A=reset,200", "A=reset ~ A=200", takes=AGAIN_AT_ONCE),
    Row("a 502 is repeated", LONE, "A=502,200", "A=502 ~ A=200", takes=AGAIN_AT_ONCE),
    Row("a 504 is a timeout, and is not repeated", LONE, "A=504", "A=504", "504"),
    Row("nor is a 408", LONE, "A=408", "A=408", "504"),
    Row("a 503 that says when is waited for", LONE, "A=503(1),200", "A=503 ~ A=200", takes=SECOND),
    Row("a refusal may take its time", LONE, "A=late(0.6),200", "A=late ~ A=200", takes=(0.6, 0.9)),
    Row("one that takes too long is a timeout", LONE.but(timeout_s=0.5), "A=late(0.6)", "A=hang", "504",
        takes=(0.5, 0.6)),
    Row("a page is no answer, and is repeated", LONE, "A=page,200", "A=page ~ A=200", takes=AGAIN_AT_ONCE),
    Row("too large a request is the caller's", LONE.but(retries=3), "A=413", "A=413", "413"),
    Row("so is one that cannot be processed", LONE.but(retries=3), "A=422", "A=422", "422"),
    Row("and any other 4xx", LONE.but(retries=3), "A=418", "A=418", "418"),
    Row("a refused connection is repeated", LONE, "A=refused", "A=refused ~ A=refused", "502", takes=AGAIN_AT_ONCE),
    Row("a 429 is waited for", LONE.but(retries=2), "A=429(1)", "A=429 ~ A=429 ~ A=429", "429 rate_limit_exceeded",
        again=(1, 1), takes=(2.0, 2.1)),
    Row("a 429 of 5 s is waited for, but not after the last", LONE.but(retries=2), "A=429(5)",
        "A=429 ~ A=429 ~ A=429", "429 rate_limit_exceeded", again=(5, 5), takes=(10.0, 10.1)),
    Row("a Retry-After as a date is read", LONE.but(retries=0), "A=429(date)", "A=429", "429 rate_limit_exceeded",
        again=(4, 5), only="live", why="a rehearsed upstream says seconds"),
    Row("a 429 that does not say when is repeated soon", LONE, "A=429,200", "A=429 ~ A=200", takes=(0.0, 2.1)),
    Row("an hour is not waited for", LONE.but(retries=2), "A=429(3600)", "A=429", "429 rate_limit_exceeded",
        again=(4, 5)),
    Row("a wrong key is not tried again", LONE.but(retries=3), "A=401", "A=401", "502"),
    Row("nor with cooldowns off", LONE.but(retries=3, cooldown_s=0), "A=401", "A=401", "502"),
    Row("no money is no money", LONE.but(retries=3), "A=402", "A=402", "502", hopeless=True),
    Row("a used up quota is hopeless", LONE.but(retries=3), "A=quota", "A=quota", "429 insufficient_quota",
        hopeless=True),
    Row("what is forbidden stays so", LONE.but(retries=3), "A=403", "A=403", "502"),
    Row("an unknown model stays so", LONE.but(retries=3), "A=404", "A=404", "502"),
    Row("a bad request is the caller's", LONE.but(retries=3), "A=400", "A=400", "400"),
    Row("too long is too long", LONE.but(retries=3), "A=long", "A=long", "400 context_length_exceeded"),
    Row("what is not allowed stays so", LONE.but(retries=3), "A=policy", "A=policy", "400 content_policy_violation"),
    Row("a silent one is asked once", LONE.but(retries=3, **QUICK), "A=hang", "A=hang", "504", takes=SECOND),
    Row("a stream that never begins is no stream", LONE.but(retries=3, **QUICK), "A=mute0", "A=mute0", "504",
        takes=SECOND, streamed=STREAMED),
    Row("the first token has a limit of its own", LONE.but(first_token_s=0.5), "A=hang", "A=hang", "504",
        takes=(0.5, 0.6), streamed=STREAMED),
    Row("an empty answer is repeated", LONE, "A=empty,200", "A=empty ~ A=200", takes=AGAIN_AT_ONCE, streamed=PLAIN),
    Row("an empty stream is repeated", LONE, "A=void,200", "A=void ~ A=200", takes=AGAIN_AT_ONCE, streamed=STREAMED),
    Row("a stream cut before it said anything is repeated", LONE, "A=cut0,200", "A=cut0 ~ A=200", takes=AGAIN_AT_ONCE,
        streamed=STREAMED),
    Row("a stream cut after it said something is broken", LONE, "A=cut", "A=cut", "200 broken", streamed=STREAMED),
    Row("a stream that falls silent is broken", LONE, "A=mute", "A=mute", "200 broken", takes=SECOND,
        streamed=STREAMED),
)
GROUPS = (
    Row("the first tier answers", TIERS, "", "A=200"),
    Row("a 500 moves on before it is repeated", TIERS, "A=500", "A=500 > B=200"),
    Row("a 503 does", TIERS, "A=503", "A=503 > B=200"),
    Row("a 529 does", TIERS, "A=529", "A=529 > B=200"),
    Row("a reset does", TIERS, "A=reset", "A=reset > B=200"),
    Row("a 502 does", TIERS, "A=502", "A=502 > B=200"),
    Row("a 504 does", TIERS, "A=504", "A=504 > B=200"),
    Row("a 503 that says when does not wait", TIERS, "A=503(5)", "A=503 > B=200"),
    Row("a page does", TIERS, "A=page", "A=page > B=200"),
    Row("a slow refusal does, late", TIERS, "A=late(0.6)", "A=late > B=200", takes=(0.6, 0.7)),
    Row("an error after content breaks a stream", TIERS, "A=fault", "A=fault", "200 broken", **QUICKLY),
    Row("a refused connection does", TIERS, "A=refused", "A=refused > B=200"),
    Row("a 429 does not wait while another may serve", TIERS, "A=429(5)", "A=429 > B=200"),
    Row("nor does one that does not say when", TIERS, "A=429", "A=429 > B=200"),
    Row("a wrong key moves on", TIERS, "A=401", "A=401 > B=200"),
    Row("no money moves on", TIERS, "A=402", "A=402 > B=200"),
    Row("a used up quota moves on", TIERS, "A=quota", "A=quota > B=200"),
    Row("what is forbidden here may be allowed there", TIERS, "A=403", "A=403 > B=200"),
    Row("an unknown model moves on", TIERS, "A=404", "A=404 > B=200"),
    Row("a bad request is bad everywhere", TIERS, "A=400", "A=400", "400", skipped="B:retry_budget"),
    Row("unless the group's tiers are different models", TIERS.but(by_error={"bad_request": {"elsewhere": True}}),
        "A=400", "A=400 > B=200"),
    Row("too long may fit elsewhere", TIERS, "A=long", "A=long > B=200"),
    Row("too long for all is told", TIERS, "A=long B=long", "A=long > B=long", "400 context_length_exceeded"),
    Row("what is not allowed here stays so too", TIERS, "A=policy", "A=policy", "400 content_policy_violation",
        skipped="B:retry_budget"),
    Row("a silent one costs its limit once", TIERS.but(**QUICK), "A=hang", "A=hang > B=200", takes=SECOND),
    Row("a stream that never begins is left in time", TIERS.but(first_token_s=0.5), "A=mute0", "A=mute0 > B=200",
        takes=(0.5, 0.6), streamed=STREAMED),
    Row("by default a silent primary costs a minute", TIERS.but(timeout_s=60), "A=hang", "A=hang > B=200",
        takes=(60, 60.1), streamed=PLAIN),
    Row("and a quarter of it when streamed", TIERS.but(timeout_s=60), "A=mute0", "A=mute0 > B=200",
        takes=(15, 15.1), streamed=STREAMED),
    Row("a stream cut early moves on", TIERS, "A=cut0", "A=cut0 > B=200", streamed=STREAMED),
    Row("a stream that has begun stays where it is", TIERS, "A=cut", "A=cut", "200 broken", streamed=STREAMED),
    Row("an empty answer moves on", TIERS, "A=empty", "A=empty > B=200", streamed=PLAIN),
    Row("the same tier comes first", Shape("A B / C"), "A=503 B=503", "A=503 + B=503 > C=200 | B=503 + A=503 > C=200"),
    Row("a tier of two: the other one answers", TIER, "A=500", "A=500 + B=200 | B=200"),
    Row("even without any retry", TIER.but(**ONCE), "A=500", "A=500 + B=200 | B=200"),
    Row("repeats come when all have failed, at the first that is ready", TIERS, "A=503,200 B=503,200",
        "A=503 > B=503 < A=200 | A=503 > B=503 ~ B=200", takes=AGAIN_AT_ONCE),
    Row("no moves, no second tier", TIERS.but(moves=0), "A=503,200", "A=503 ~ A=200", takes=AGAIN_AT_ONCE),
    Row("no moves, no repeats", TIERS.but(moves=0, retries=0), "A=503", "A=503", "503", skipped="B:retry_budget"),
    Row("one move reaches the second tier", THREE.but(moves=1, retries=0), "A=503 B=503", "A=503 > B=503", "503",
        skipped="C:retry_budget"),
    Row("a weight of 0 is never asked", Shape("A*0 B*1", "weighted"), "", "B=200", skipped="A:no_weight"),
    Row("nor when the other one fails", Shape("A*0 B*1", "weighted", retries=0), "B=503", "B=503", "503",
        skipped="A:no_weight"),
)
ELSEWHERE = (
    Row("a fallback group answers", FALLBACK, "A=503", "A=503 > C=200"),
    Row("before any retry", FALLBACK.but(retries=3), "A=503", "A=503 > C=200"),
    Row("the tiers come before it", TIERS_FALLBACK, "A=503 B=503", "A=503 > B=503 > C=200"),
    Row("no wait before a healthy fallback group", FALLBACK.but(retries=3), "A=429(5)", "A=429 > C=200"),
    Row("two fallback groups in their order", Shape("A", general=("C", "D")), "A=503 C=503",
        "A=503 > C=503 > D=200"),
    Row("no moves, no fallback group", FALLBACK.but(moves=0), "A=503,200", "A=503 ~ A=200", takes=AGAIN_AT_ONCE),
    Row("one move is used up by the tier", TIERS_FALLBACK.but(moves=1, retries=0), "A=503 B=503", "A=503 > B=503",
        "503"),
    Row("a bad request may be a good one to a fallback group", FALLBACK, "A=400", "A=400 > C=200"),
    Row("too long goes to the groups for that", LONG, "A=long", "A=long > L=200"),
    Row("past the other tiers", Shape("A / B", context=("L",)), "A=long", "A=long > L=200", skipped="B:retry_budget"),
    Row("too long even for those is told", LONG, "A=long L=long", "A=long > L=long", "400 context_length_exceeded"),
    Row("what is not too long does not", LONG, "A=503", "A=503 > G=200"),
    Row("too long without such groups goes on", TIERS_FALLBACK, "A=long B=long", "A=long > B=long > C=200"),
    Row("what is not allowed goes to the groups for that", POLICY, "A=policy", "A=policy > P=200"),
    Row("past the other tiers as well", Shape("A / B", content=("P",)), "A=policy", "A=policy > P=200",
        skipped="B:retry_budget"),
    Row("and without such groups to the others", FALLBACK, "A=policy", "A=policy > C=200"),
    Row("a silent primary before a fallback group", FALLBACK.but(**QUICK), "A=hang", "A=hang > C=200", takes=SECOND),
    Row("what was asked is not asked there", Shape("A", general=("A / B",)), "A=503", "A=503 > B=200",
        skipped="A:retry_budget"),
)
BREAKERS = (
    Row("three in a row open it", TIERS.but(**ONCE), "A=503", "B=200", skipped="A:cooling(1-2)", **TRIPPED),
    Row("two do not", TIERS.but(**ONCE), "A=503", "A=503 > B=200", before=2),
    Row("one 429 does", TIERS.but(**ONCE), "A=429", "B=200", skipped="A:cooling(1-2)", before=1),
    Row("for as long as it asks for", TIERS.but(**ONCE), "A=429(20)", "B=200", skipped="A:cooling(18-20)", before=1),
    Row("an hour is capped at five minutes", TIERS.but(**ONCE), "A=429(3600)", "B=200", skipped="A:cooling(298-300)",
        before=1),
    Row("so does a 503 that says when, but only after three", TIERS.but(**ONCE), "A=503(20)", "B=200",
        skipped="A:cooling(18-20)", **TRIPPED),
    Row("three pages open it", TIERS.but(**ONCE), "A=page", "B=200", skipped="A:cooling(1-2)", **TRIPPED),
    Row("three errors after content do", TIERS.but(**ONCE), "A=fault", "B=200", skipped="A:cooling(1-2)",
        streamed=STREAMED, **TRIPPED),
    Row("it comes back after its pause", TIERS.but(**ONCE), "A=503*3,200", "A=200", before=3, pause_s=2.2),
    Row("and is left for longer when it fails again", TIERS.but(**ONCE), "A=503*4,200", "B=200",
        skipped="A:cooling(3-4)", before=6, every_s=0.75),
    Row("cooldowns off: always asked", TIERS.but(cooldown_s=0, **ONCE), "A=503", "A=503 > B=200", before=5),
    Row("even where the key is refused", TIERS.but(cooldown_s=0, **ONCE), "A=401", "A=401 > B=200", before=3),
    Row("a cooldown of fixed length", TIERS.but(cooldown_s=30, allowed_fails=0, **ONCE), "A=503", "B=200",
        skipped="A:cooling(28-30)", before=1),
    Row("allowed fails are borne", TIERS.but(cooldown_s=30, allowed_fails=2, **ONCE), "A=503", "A=503 > B=200",
        before=2),
    Row("all cool down", TIERS.but(**ONCE), "A=429(20) B=429(20)", "", "429 all_cooling_down", again=(1, 5),
        skipped="A:cooling B:cooling", before=1),
    Row("the last one is back after five seconds", LONE.but(**ONCE), "A=429(20),200", "A=200", before=1, pause_s=5.2),
    Row("a lone one that cools down says when", LONE.but(**ONCE), "A=503", "", "429 all_cooling_down", again=(1, 2),
        skipped="A:cooling", **TRIPPED),
    Row("a refused key is the provider's", ONE_KEY.but(**ONCE), "A=401", "C=200", skipped="A:cooling B:cooling",
        before=1),
    Row("within a request too", ONE_KEY.but(**ONCE), "A=401", "A=401 > C=200", skipped="B:cooling"),
    Row("no money is the provider's", ONE_KEY.but(**ONCE), "A=402", "A=402 > C=200", skipped="B:cooling"),
    Row("a used up quota is the provider's", ONE_KEY.but(**ONCE), "A=quota", "A=quota > C=200", skipped="B:cooling"),
    Row("a 429 is the deployment's", ONE_KEY.but(**ONCE), "A=429", "A=429 > B=200"),
    Row("a forbidden model is the deployment's", ONE_KEY.but(**ONCE), "A=403", "A=403 > B=200"),
    Row("a silent one cools down", TIERS.but(**ONCE, **QUICK), "A=hang", "B=200", skipped="A:cooling(1-2)",
        before=3, every_s=1.5),
    Row("streams that break count too", TIERS.but(**ONCE), "A=cut", "B=200", skipped="A:cooling(1-2)",
        streamed=STREAMED, **TRIPPED),
    Row("one breaker for the fallback group too", Shape("A", general=("A / B",), retries=0), "A=503", "B=200",
        skipped="A:cooling A:cooling", **TRIPPED),
    Row("one breaker for two groups", Shape("A / B", also=("A / C",), retries=0), "A=503", "B=200",
        skipped="A:cooling(0.5-2)", via="also-0", only="live", why="a rehearsal has one entrance", **TRIPPED),
)
LIMITS = (
    Row("a limit used up moves on", Shape("A!2 / B"), "", "B=200", skipped="A:rate_limited", before=2),
    Row("a limit not used up does not", Shape("A!3 / B"), "", "A=200", before=2),
    Row("what stands in most deployments' way is told", Shape("A B!1 / C!1"), "A=429(200)", "", "429 all_rate_limited",
        skipped="A:cooling B:rate_limited C:rate_limited", again=(1, 5), before=9),
    Row("a lone limit is told", Shape("A!1"), "", "", "429 all_rate_limited", skipped="A:rate_limited", again=(1, 60),
        before=1),
)
RESCUES = (
    Row("a cut stream is begun again where it broke", TIERS.but(rescues=True), "A=cut,200", "A=cut ^ A=200", **RESCUED),
    Row("a silent one elsewhere", TIERS.but(rescues=True), "A=mute,200", "A=mute ^ B=200", takes=SECOND, **RESCUED),
    Row("or here where nobody else is", LONE.but(rescues=True), "A=mute,200", "A=mute ^ A=200", takes=SECOND,
        **RESCUED),
    Row("another answer is no rescue", TIERS.but(rescues=True), "A=cut,other", "A=cut ^ A=other", "200 broken",
        **RESCUED),
    Row("a rescue that fails moves on", TIERS.but(rescues=True), "A=cut,503", "A=cut ^ A=503 ^ B=200", **RESCUED),
    Row("two rescues are the most", THREE.but(rescues=True), "A=cut,503 B=503", "A=cut ^ A=503 ^ B=503", "200 broken",
        **RESCUED),
    Row("a rescue that is cut is rescued", LONE.but(rescues=True), "A=cut*2,200", "A=cut ^ A=cut ^ A=200", **RESCUED),
    Row("who can continue comes first, even the one that fell silent", TIERS.but(rescues=True, prefills=True),
        "A=mute,200", "A=mute ^ A=200", takes=SECOND, **RESCUED),
    Row("a fallback group rescues its own streams", FALLBACK.but(rescues=True), "A=503 C=cut,200",
        "A=503 > C=cut ^ C=200", **RESCUED),
    Row("a stream that has not begun is not rescued but asked elsewhere", TIERS.but(rescues=True), "A=cut0",
        "A=cut0 > B=200", **RESCUED),
    *(
        row
        for door in ("chat", "messages", "responses")
        for off, auto in ((Shape("A / B", door=door), Shape("A / B", door=door, rescues=True)),)
        for fault in ("fault" if door == "chat" else "fault_named",)
        for row in (
            *((
                Row(f"a cut stream is broken, {door}", off, "A=cut,200", "A=cut", "200 broken", **QUICKLY),
                Row(f"or rescued, {door}", auto, "A=cut,200", "A=cut ^ A=200", **QUICKLY),
                Row(f"a silent stream is broken, {door}", off, "A=mute", "A=mute", "200 broken", **SLOWLY),
                Row(f"or rescued elsewhere, {door}", auto, "A=mute", "A=mute ^ B=200", **SLOWLY),
                Row(f"another answer is no rescue, {door}", auto, "A=cut,other", "A=cut ^ A=other", "200 broken",
                    **QUICKLY),
            ) if door != "chat" else ()),
            Row(f"an error after content breaks a stream, {door}", off, f"A={fault}", f"A={fault}", "200 broken",
                **QUICKLY),
            Row(f"or is rescued, {door}", auto, f"A={fault},200", f"A={fault} ^ A=200", **QUICKLY),
            Row(f"a cut stream with a call to come is rescued, {door}", auto.but(tools=True), "A=calls_cut,calls",
                "A=calls_cut ^ A=calls", **NO_CALLS),
            Row(f"a call that has begun is not, {door}", auto.but(tools=True), "A=call_cut,calls", "A=call_cut",
                "200 broken", **NO_CALLS),
        )
    ),
)
HEDGES = (
    Row("a slow one is hedged, and the second wins", HEDGED, "A=slow(0.9)", "A=lost & B=200", takes=SOON),
    Row("one that answers in time is asked alone", HEDGED, "A=slow(0.1)", "A=200", takes=(0.1, 0.2)),
    Row("a slow one may win all the same", HEDGED, "A=slow(0.4) B=slow(0.9)", "A=200 & B=lost", takes=(0.4, 0.5)),
    Row("a silent one is hedged before its limit", HEDGED, "A=hang", "A=lost & B=200", takes=SOON, streamed=PLAIN),
    Row("a stream that never begins too", HEDGED, "A=mute0", "A=lost & B=200", takes=SOON, streamed=STREAMED),
    Row("one on its own has nobody beside it", LONE.but(hedge_ms=200), "A=slow(0.4)", "A=200", takes=(0.4, 0.5)),
    Row("a hedge in the same tier", TIER.but(hedge_ms=200), "A=slow(0.9)", "A=lost & B=200 | B=200", takes=(0.0, 0.3)),
    Row("a hedge that fails ends nothing", HEDGED, "A=slow(0.4) B=503", "A=200 & B=503", takes=(0.4, 0.5)),
    Row("nor does the first that fails beside a hedge", HEDGED.but(timeout_s=0.4), "A=hang B=slow(0.3)",
        "A=hang & B=200", takes=(0.5, 0.6)),
    Row("when both have failed the next is asked", THREE.but(hedge_ms=200, timeout_s=0.4), "A=hang B=503",
        "A=hang & B=503 > C=200", takes=(0.4, 0.5)),
    Row("a slow third is not hedged again", THREE.but(hedge_ms=200, timeout_s=0.5), "A=hang B=503 C=slow(0.4)",
        "A=hang & B=503 > C=200", takes=(0.9, 1.0)),
    Row("one that cools down is not asked beside", THREE.but(hedge_ms=200, **ONCE), "A=503,slow(0.9) B=429(20)",
        "A=lost & C=200", before=1, takes=SOON),
    Row("nor one without room", Shape("A / B!1 / C", hedge_ms=200), "A=slow(0.9)", "A=lost & C=200", before=1,
        takes=SOON),
    Row("no budget, no hedge", HEDGED.but(hedge_budget=0.1), "A=slow(0.4)", "A=200", before=1, takes=(0.4, 0.5)),
    Row("losers open no breaker", HEDGED, "A=slow(0.9)", "A=lost & B=200", before=5, takes=SOON),
    Row("no moves, no hedge in a later tier", HEDGED.but(moves=0), "A=slow(0.4)", "A=200", takes=(0.4, 0.5)),
    Row("a hedged stream that breaks is rescued", HEDGED.but(rescues=True), "A=slow(0.9) B=cut,200",
        "A=lost & B=cut ^ B=200", takes=SOON, streamed=STREAMED),
)
# fmt: on
ROWS = ALONE + GROUPS + ELSEWHERE + BREAKERS + LIMITS + RESCUES + HEDGES
CASES = [(row, is_stream) for row in ROWS for is_stream in row.streamed]
IDS = [f"{row.name}{', streamed' if is_stream else ''}" for row, is_stream in CASES]
