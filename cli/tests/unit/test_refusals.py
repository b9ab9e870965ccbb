"""How a command tells that the gateway refused it."""

from tandem.client import GatewayRefused
from tandem.session import moment


def test_a_problem_with_one_error_is_told_once_with_its_field() -> None:
    problem = {
        "detail": "the period cannot be read",
        "errors": [{"field": "query.period", "reason": "the period cannot be read"}],
        "hint": "write 2026-Q3",
    }
    assert GatewayRefused(422, problem).text == (
        "query.period: the period cannot be read; write 2026-Q3"
    )


def test_a_problem_with_several_errors_is_told_with_all() -> None:
    errors = [{"field": name, "reason": f"{name} is missing"} for name in ("name", "unit")]
    problem = {"detail": "the KPI cannot be defined so", "errors": errors}
    assert GatewayRefused(422, problem).text == (
        "the KPI cannot be defined so; name: name is missing; unit: unit is missing"
    )


def test_an_instant_is_told_to_the_second_and_other_text_as_it_is() -> None:
    assert moment("2026-11-24T02:42:18.611473Z") == "2026-11-24 02:42:18Z"
    assert moment("evt-2026-11-24T02:42:18Z") == "evt-2026-11-24T02:42:18Z"
