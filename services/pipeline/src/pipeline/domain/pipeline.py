"""Owns what a pipeline is: its stages, their order, and which way deals may go through it.

Invariant: one stage wins, one loses, at least one is open; the open stages in
their order are the ladder. Stages on hold lie beside the ladder, so that
entering and leaving them is neither skipping nor going back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pipeline.errors import (
    PipelineIsMalformed,
    StageGoesBack,
    StageNotInPipeline,
    StageSkipped,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

WHOLE_BP: Final = 10_000
"""All of something, in basis points."""

REQUIRABLE_FIELDS: Final = (
    "customer_id",
    "amount",
    "list_value",
    "product",
    "channel",
    "team",
    "owners",
    "expected_close_on",
)
"""Fields of a deal that a stage can require."""


class StageType(StrEnum):
    """What being in the stage means for the deal."""

    OPEN = "open"
    HOLD = "hold"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of selling. `max_days` is counted from the entry into the stage."""

    code: str
    name: dict[str, str]
    order: int
    type: StageType
    probability_bp: int
    required_fields: tuple[str, ...] = ()
    max_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What deals may do without an override."""

    allow_skip: bool = False
    allow_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A way of selling, as stages and rules."""

    code: str
    name: dict[str, str]
    stages: tuple[Stage, ...]
    rules: Rules = Rules()
    version: int = 1

    @property
    def ladder(self) -> tuple[Stage, ...]:
        """The open stages, first to last."""
        return tuple(stage for stage in self.stages if stage.type is StageType.OPEN)

    @property
    def entry(self) -> Stage:
        """Where deals begin."""
        return self.ladder[0]

    @property
    def won(self) -> Stage:
        """Where won deals are."""
        return self._only(StageType.WON)

    @property
    def lost(self) -> Stage:
        """Where lost deals are."""
        return self._only(StageType.LOST)

    def stage(self, code: str) -> Stage:
        """The stage of this code; raises StageNotInPipeline."""
        for stage in self.stages:
            if stage.code == code:
                return stage
        raise StageNotInPipeline(
            code, pipeline=self.code, stages=[stage.code for stage in self.stages]
        )

    def rank(self, stage: Stage) -> int | None:
        """Place on the ladder from 0, won above all; None for stages beside it."""
        if stage.type is StageType.WON:
            return len(self.ladder)
        if stage.type is StageType.OPEN:
            return self.ladder.index(stage)
        return None

    def breach(
        self, target: Stage, *, from_stage: str, from_rank: int | None
    ) -> StageSkipped | StageGoesBack | None:
        """The rule that going to `target` would break.

        `from_rank` is the deal's place on the ladder; None when its way is free.
        """
        rank = self.rank(target)
        if rank is None or from_rank is None:
            return None
        if rank < from_rank and not self.rules.allow_back:
            return StageGoesBack(from_stage=from_stage, to_stage=target.code)
        skipped = [stage.code for stage in self.ladder[from_rank + 1 : rank]]
        if skipped and not self.rules.allow_skip:
            return StageSkipped(skipped)
        return None

    def _only(self, wanted: StageType) -> Stage:
        return next(stage for stage in self.stages if stage.type is wanted)


def design_pipeline(
    *, code: str, name: dict[str, str], stages: Sequence[Stage], rules: Rules, version: int = 1
) -> Pipeline:
    """A pipeline whose stages are in order and make sense; raises PipelineIsMalformed."""
    ordered = tuple(sorted(stages, key=lambda stage: stage.order))
    _must_be_unique("order", [str(stage.order) for stage in ordered])
    _must_be_unique("code", [stage.code for stage in ordered])
    for wanted, least, most in (
        (StageType.OPEN, 1, None),
        (StageType.WON, 1, 1),
        (StageType.LOST, 1, 1),
    ):
        count = sum(stage.type is wanted for stage in ordered)
        if count < least or (most is not None and count > most):
            raise PipelineIsMalformed(
                f"there are {count} stages of type {wanted}",
                hint="a pipeline has one or more open stages, one won and one lost stage",
            )
    for stage in ordered:
        _must_be_certain_when_closed(stage)
        _must_require_known_fields(stage)
    return Pipeline(code=code, name=name, stages=ordered, rules=rules, version=version)


def _must_be_unique(what: str, values: list[str]) -> None:
    twice = {value for value in values if values.count(value) > 1}
    if twice:
        raise PipelineIsMalformed(
            f"two stages have the {what} {min(twice)}", hint=f"give each stage its own {what}"
        )


def _must_be_certain_when_closed(stage: Stage) -> None:
    certain = {StageType.WON: WHOLE_BP, StageType.LOST: 0}.get(stage.type)
    if certain is not None and stage.probability_bp != certain:
        raise PipelineIsMalformed(
            f"stage {stage.code} of type {stage.type} has the probability {stage.probability_bp}",
            hint=f"the probability of a {stage.type} stage is {certain}",
        )


def _must_require_known_fields(stage: Stage) -> None:
    unknown = [field for field in stage.required_fields if field not in REQUIRABLE_FIELDS]
    if unknown:
        raise PipelineIsMalformed(
            f"stage {stage.code} requires {', '.join(unknown)}, which no deal has",
            hint=f"a stage can require {', '.join(REQUIRABLE_FIELDS)}",
        )
