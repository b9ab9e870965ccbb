"""A mapping to begin with: every field of an event type, and a column of our choosing for each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tandem.importing.contracts import Contract, Leaf

_TIME = "happened_at"
_CURRENCY = "currency"
_WIDTH = 64
"""Where remarks begin."""


@dataclass(frozen=True)
class _Field:
    """A line of the template: which field, from which column."""

    path: str
    leaf: Leaf
    column: str
    currency: str | None = None


def template_of(contract: Contract, *, time_zone: str, source: str) -> str:
    """A mapping in YAML, with the header of its file in front; it can be used as it is."""
    head, lists = _fields(contract)
    columns = [_TIME, *_columns([*head, *(field for _, fields in lists for field in fields)])]
    lines = [
        f"# {contract.name}: {contract.means}",
        f"# The header of {contract.name}.csv:",
        f"# {','.join(columns)}",
        _remarked(f"time_zone: {time_zone}", "in which days without a zone are meant"),
        _remarked(f"source: {source}", "for which your token may speak"),
        "steps:",
        f"  - event: {contract.name}",
        f"    file: {contract.name}.csv",
        _remarked(
            f"    time: {{column: {_TIME}, format: iso}}",
            "when it happened; or say a format like '%d.%m.%Y %H:%M'",
        ),
        *(["    one_row_each: false"] if contract.has_many_a_subject else []),
        "    fields:",
        *(f"      {line}" for line in _rules(head)),
    ]
    if lists:
        key = next(field.column for field in head if field.leaf.required)
        lines += [
            _remarked(f"    group_on: [{key}]", "rows that are equal in it make one event"),
            "    lists:",
        ]
    for path, fields in lists:
        lines += [f"      {path}:", *(f"        {line}" for line in _rules(fields))]
    return "\n".join(lines) + "\n"


def _fields(contract: Contract) -> tuple[list[_Field], list[tuple[str, list[_Field]]]]:
    """The fields of the event itself, and those of its lists' items."""
    head = [(leaf.path, leaf) for leaf in contract.leaves if leaf.kind != "list"]
    lists: list[tuple[str, list[tuple[str, Leaf]]]] = []
    for leaf in contract.leaves:
        if leaf.kind == "list":
            inner = [one for one in leaf.items if one.kind == "list"]
            plain = [(one.path, one) for one in leaf.items if one.kind != "list"]
            if not inner:
                lists.append((leaf.path, plain))
                continue
            # A list of lists: the rows are entries of the inner one, and the outer has one.
            head += [(f"{leaf.path}.0.{path}", one) for path, one in plain]
            lists += [
                (f"{leaf.path}.0.{one.path}", [(item.path, item) for item in one.items])
                for one in inner
            ]
    names = _names([*(path for path, _ in head), *(f"{p}.{n}" for p, of in lists for n, _ in of)])
    every = _with_currencies(
        [*_named(head, "", names), *(one for p, of in lists for one in _named(of, f"{p}.", names))],
        names.values(),
    )
    rest = iter(every[len(head) :])
    return every[: len(head)], [(path, [next(rest) for _ in of]) for path, of in lists]


def _named(fields: Iterable[tuple[str, Leaf]], above: str, names: dict[str, str]) -> list[_Field]:
    return [_Field(path, leaf, names[f"{above}{path}"]) for path, leaf in fields]


def _with_currencies(fields: Iterable[_Field], taken: Collection[str]) -> list[_Field]:
    """Each amount with the column of its currency; bare minor units are in the first one's."""
    moneys = [field.column for field in fields if field.leaf.kind == "money"]
    columns = {column: f"{column}_{_CURRENCY}" for column in moneys}
    if len(moneys) == 1 and _CURRENCY not in taken:
        columns[moneys[0]] = _CURRENCY
    first = next(iter(columns.values()), _CURRENCY)
    of_kind = {"money": columns, "minor": {}}
    return [
        replace(field, currency=of_kind[field.leaf.kind].get(field.column, first))
        if field.leaf.kind in of_kind
        else field
        for field in fields
    ]


def _names(paths: Sequence[str]) -> dict[str, str]:
    """Columns by path: as few of its last words as no field above it has taken."""
    words = {
        path: [word for word in path.split(".") if word != "dimensions" and not word.isdecimal()]
        for path in paths
    }
    names: dict[str, str] = {}
    for path in sorted(paths, key=lambda path: len(words[path])):
        of = words[path]
        longer = ("_".join(of[-depth:]) for depth in range(1, len(of) + 1))
        names[path] = next(name for name in longer if name not in names.values())
    return names


def _columns(fields: Iterable[_Field]) -> list[str]:
    named = (name for field in fields for name in (field.column, field.currency) if name)
    return list(dict.fromkeys(named))


def _rules(fields: Iterable[_Field]) -> Iterator[str]:
    for field in fields:
        rule = field.column
        if field.currency:
            rule = f"{{column: {field.column}, currency_column: {field.currency}}}"
        elif field.leaf.kind == "instant":
            rule = f"{{column: {field.column}, format: iso}}"
        remarks = [] if field.leaf.required else ["optional"]
        if field.leaf.choices:
            remarks.append(f"one of {', '.join(field.leaf.choices)}")
        yield _remarked(f"{field.path}: {rule}", "; ".join(remarks))


def _remarked(line: str, remark: str) -> str:
    return f"{line:<{_WIDTH}} # {remark}" if remark else line
