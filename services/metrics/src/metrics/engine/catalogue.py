"""The catalogue: all KPIs, the cells that they need, and what identifies them.

Invariant: cells are only ever read with the catalogue that they were written with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping

from metrics.engine.cell import Layout
from metrics.engine.kpi import Inputs, Kpi
from metrics.engine.moment import MomentKind


class UndeclaredDimension(ValueError):
    """A KPI wants to be cut by what its facts do not say."""


class Catalogue:
    """KPIs by id, in the order declared. `inputs` are read by the diagnosis, and by nobody else."""

    def __init__(self, kpis: Iterable[Kpi], *, inputs: Iterable[Inputs] = ()) -> None:
        self._kpis = {kpi.id: kpi for kpi in kpis}
        behind = tuple(inputs)
        for kpi in (*self, *behind):
            _refuse_undeclared_dimensions(kpi)
        self.layout = Layout(measure for kpi in (*self, *behind) for measure in kpi.measures())
        self.version = self._version()
        self.kpis_of = self._kpis_of()

    def __iter__(self) -> Iterator[Kpi]:
        return iter(self._kpis.values())

    def __getitem__(self, kpi_id: str) -> Kpi:
        return self._kpis[kpi_id]

    def get(self, kpi_id: str) -> Kpi | None:
        return self._kpis.get(kpi_id)

    def _version(self) -> str:
        """Changes when a definition or the layout of its cells does."""
        told = [f"{kpi.id}@{kpi.version}" for kpi in self]
        told += [",".join(cube) for cube in self.layout.cubes]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]

    def _kpis_of(self) -> Mapping[MomentKind, tuple[Kpi, ...]]:
        """The KPIs that a kind of moment changes."""
        found: dict[MomentKind, dict[str, Kpi]] = {}
        for kpi in self:
            for measure in kpi.measures():
                found.setdefault(measure.kind, {})[kpi.id] = kpi
        return {kind: tuple(by_id[k] for k in sorted(by_id)) for kind, by_id in found.items()}


def _refuse_undeclared_dimensions(kpi: Kpi) -> None:
    for dimension in kpi.dimensions:
        missing = kinds_not_cut_by(kpi, (dimension,))
        if missing:
            raise UndeclaredDimension(f"{kpi.id}: {missing[0]} cannot be cut by {dimension}")


def kinds_not_cut_by(kpi: Kpi, dimensions: Collection[str]) -> list[MomentKind]:
    """The kinds of moments behind a KPI that lack one of the dimensions."""
    return [
        term.measure.kind
        for total in kpi.sums_by(dimensions).values()
        for term in total.terms
        if not set(dimensions) <= set(term.measure.kind.dimensions) and not term.measure.kind.scoped
    ]
