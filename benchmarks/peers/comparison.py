"""Ways to do the same work: timed in turn, and whether they did the same."""

import dataclasses
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks import timing
from benchmarks.peers import packages
from hfc_keras.types import ArrayLike, Floats, Record

Work = Callable[[], Any]


@dataclasses.dataclass(frozen=True)
class Peer:
    """A way that needs a package which may be missing.

    Args:
        modules: tuple of str, what it imports, keys of ``packages.PACKAGES``.
        prepare: function without arguments that returns the work.
        other: str, what it does otherwise than this package; "" for the same settings.
    """

    modules: tuple[str, ...]
    prepare: Callable[[], Work]
    other: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """A task, and the ways to do it.

    Args:
        task: str.
        network: str.
        examples: int, images in one call.
        own: dict from name to work: this package, first the way that others are compared with.
        peers: dict from name to Peer.
        measure: str, what ``judge`` measures.
        judge: function from what a way returned to numbers, which must agree.
        tolerance: float, by how much they may differ.
        repeats: int, calls of each after the first.
        at_most: bool, whether the number of this package alone is bounded: it may be above that of
            another way by the tolerance, and below it by any amount.
    """

    task: str
    network: str
    examples: int
    own: Mapping[str, Work]
    peers: Mapping[str, Peer]
    measure: str
    judge: Callable[[Any], ArrayLike]
    tolerance: float
    repeats: int
    at_most: bool = False

    def rows(self) -> list[Record]:
        """Rows of the table, one for each way, also for one that is missing or fails."""
        ways, remarks = self._prepared()
        firsts = self._first_calls(ways, remarks)
        last = {name: firsts[name][1] for name in firsts}
        seconds = timing.interleaved(
            {name: _keeping(name, ways[name], last) for name in firsts}, self.repeats, uncounted=0
        )
        judged = {name: np.atleast_1d(self.judge(result)) for name, result in last.items()}
        return [
            self._measured(name, firsts[name][0], seconds, judged)
            if name in judged
            else self._row(name, remark=remarks[name])
            for name in (*self.own, *self.peers)
        ]

    def _prepared(self) -> tuple[dict[str, Work], dict[str, str]]:
        """Ways that can be gone, and what is missing for the others."""
        ways, remarks = dict(self.own), {}
        for name, peer in self.peers.items():
            missing = packages.missing(peer.modules)
            try:
                if missing:
                    remarks[name] = packages.remedy(missing)
                else:
                    ways[name] = peer.prepare()
            except Exception as error:
                remarks[name] = _failure(error)
            if name in remarks:
                self._say(name, remarks[name])
        return ways, remarks

    def _first_calls(
        self, ways: Mapping[str, Work], remarks: dict[str, str]
    ) -> dict[str, tuple[float, Any]]:
        """Seconds and result of the first call of each way; of a peer that fails, a remark."""
        firsts = {}
        for name, way in ways.items():
            try:
                firsts[name] = timing.timed(way)
            except Exception as error:
                if name in self.own:
                    raise
                remarks[name] = _failure(error)
            said = remarks.get(name) or f"first call {firsts[name][0]:.2f} s"
            self._say(name, said)
        return firsts

    def _measured(
        self,
        name: str,
        first: float,
        seconds: Mapping[str, float],
        judged: Mapping[str, Floats],
    ) -> Record:
        """Row of a way that was timed."""
        reference = next(iter(self.own))
        same, found = judged[reference], judged[name]
        difference = _difference(same, found)
        better = self.at_most and bool((same <= found).all())
        comparable = difference <= self.tolerance or better
        value = float(found[0]) if found.size == 1 else np.nan
        ratio = seconds[reference] / seconds[name] if comparable else np.nan
        return self._row(
            name,
            seconds=_digits(seconds[name]),
            first_call=_digits(first),
            ratio=_digits(ratio),
            value=_digits(value),
            difference=_digits(difference),
            comparable=comparable,
            remark=self._remark(name, comparable),
        )

    def _remark(self, name: str, comparable: bool) -> str:
        """What a way does otherwise, and why it is not compared."""
        other = self.peers[name].other if name in self.peers else ""
        weaker = f"hfc_keras has a {self.measure} more than {self.tolerance:g} above it"
        why = weaker if self.at_most else f"not the same work: {self.measure} differs"
        return "; ".join(part for part in ("" if comparable else why, other) if part)

    def _row(self, name: str, **found: Any) -> Record:
        about = {"task": self.task, "network": self.network, "way": name}
        nothing = dict.fromkeys(("seconds", "first_call", "ratio"), np.nan)
        judged = {"measure": self.measure, "value": np.nan, "difference": np.nan}
        counts = {"examples": self.examples, "repeats": self.repeats}
        row = {**about, **counts, **nothing, **judged, "comparable": None, "remark": ""}
        return {**row, **found}

    def _say(self, name: str, text: str) -> None:
        print(f"{self.task}, {self.network}, {name}: {text}", file=sys.stderr, flush=True)


def _failure(error: Exception) -> str:
    """The first line of an error of somebody else's package."""
    lines = str(error).splitlines() or [""]
    return f"failed: {type(error).__name__}: {lines[0]}"


def _keeping(name: str, way: Work, last: dict[str, Any]) -> Work:
    """A way whose result is kept until its next call."""

    def work() -> None:
        last[name] = way()

    return work


def _digits(value: float) -> float:
    """Digits that count, since times are of microseconds or of minutes."""
    return float(f"{value:.4g}")


def _difference(one: Floats, other: Floats) -> float:
    """Largest difference between numbers; infinite where there is none to take."""
    if one.shape != other.shape or not np.isfinite(other).all():
        return float("inf")
    # 0.50 and 0.49 are one point apart, whatever rounding makes of it.
    return float(np.round(abs(one - other).max(), 9))
