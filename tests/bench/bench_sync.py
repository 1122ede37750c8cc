"""What a full and a quick sync cost, by size and by how long ConnectWise takes to answer."""

from collections.abc import Iterator

from tests.bench.kit import Kit, Row, replay, times

TITLE = "Syncs"
PARALLEL = 8
EDITS = 20
BUNDLES = 25  # reads in one, as it is unless it was changed
AIMS = {("medium", "full"): "aim 60 s", ("large", "full"): "aim 300 s"}
SHORT = (("small", 0), ("small", 50), ("medium", 0), ("medium", 50), ("large", 50))
LONG = tuple((size, latency) for size in ("small", "medium", "large", "stress") for latency in (0, 50, 300))


def bench(kit: Kit) -> Iterator[Row]:
    """Measure syncs, unthrottled; where they read singly, against a bare loop that makes the same calls."""
    for size, latency in LONG if kit.long else SHORT:
        if kit.long or size != "large":  # singly it takes minutes
            yield from _measured(kit, size, latency, 0)
        if latency == 50 and size != "small":
            yield from _measured(kit, size, latency, BUNDLES)


def _measured(kit: Kit, size: str, latency: int, bundle_size: int) -> Iterator[Row]:
    how = f"{size}, {latency} ms" + (f", bundles of {bundle_size}" if bundle_size else "")
    with kit.sandbox(size, latency=latency) as sandbox:
        portal = kit.portal(sandbox.url, bundle_size=bundle_size)
        sandbox.calls()
        full, memory = portal.sync(full=True)
        asked = sandbox.calls()
        reads = [call for call in asked if call["method"] == "GET"]
        bundles = len(asked) - len(reads)
        floor = None if bundles else replay(sandbox.url, reads, PARALLEL)
        sandbox.calls()
        aim = AIMS.get((size, "full"), "") if latency == 50 else ""
        yield _row(f"full, {how}", full, floor, aim)
        yield Row(
            what=f"full, {how}: calls",
            figure=str(len(asked)),
            note=f"at 60 a minute {len(asked) / 60:.0f} min (computed)" + (f"; {bundles} bundles" if bundles else ""),
        )
        yield Row(what=f"full, {how}: highest memory", figure=f"{memory:.0f} MB")
        sandbox.edit(EDITS)
        sandbox.calls()
        first, _ = portal.sync(full=False)
        asked = sandbox.calls()
        reads = [call for call in asked if call["method"] == "GET"]
        floor = replay(sandbox.url, reads, PARALLEL) if len(reads) == len(asked) else None
        again = 0 if size in {"large", "stress"} else 2
        quick = times(lambda: portal.sync(full=False)[0], again) if again else first
        aim = "aim 10 s" if latency == 50 else ""
        yield _row(f"quick, {how}", quick, floor, aim)
        yield Row(
            what=f"quick, {how}: calls",
            figure=str(len(asked)),
            note=f"at 60 a minute {len(asked) / 60:.1f} min (computed)",
        )


def _row(what: str, seconds: float, floor: float | None, aim: str) -> Row:
    note = "" if floor is None else f"the same calls by a bare loop: {floor:.1f} s"
    ratio = "" if floor is None else f"{seconds / floor:.1f}"
    return Row(what=what, figure=f"{seconds:.1f} s", ratio=ratio, note="; ".join(part for part in (note, aim) if part))
