from bench.report import Figure, Goal, Section, milliseconds, page, percentile, ratio

MORE = Goal(2, 4)
LESS = Goal(80, 30, at_most=True)


def test_a_goal_where_more_is_better_is_met_from_its_bounds_on() -> None:
    assert [MORE.verdict(value) for value in (1.99, 2, 3.99, 4)] == [
        "**missed**",
        "floor met",
        "floor met",
        "aim met",
    ]


def test_a_goal_where_less_is_better_is_met_up_to_its_bounds() -> None:
    assert [LESS.verdict(value) for value in (81, 80, 31, 30)] == [
        "**missed**",
        "floor met",
        "floor met",
        "aim met",
    ]


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert percentile(values, 0.5) == 51
    assert percentile(values, 0.99) == 100
    assert percentile([7.0], 0.99) == 7


def test_delays_are_told_in_milliseconds() -> None:
    assert milliseconds([0.010] * 99 + [0.250]) == "p50 10 ms, p99 250 ms"


def test_the_page_holds_every_goal_in_one_table_and_each_part_with_all_figures() -> None:
    section = Section(
        part="fold",
        title="Fold",
        figures=[
            Figure("fold", "200,000/s", "in batches"),
            ratio("fold against Kafka Streams", 2.5, goal=MORE),
        ],
        seconds=61.4,
    )
    lines = page([section], ["a machine"]).splitlines()
    goals = lines[lines.index("## Goals") : lines.index("## Fold")]
    assert "| fold against Kafka Streams | 2.50x | ≥ 2, aim 4 | floor met |" in goals
    assert not any("200,000/s" in line for line in goals)
    part = lines[lines.index("## Fold") :]
    assert "`python -m bench fold`, 61 s" in part
    assert "| fold | 200,000/s | in batches |" in part
    assert "- a machine" in lines


def test_a_part_that_failed_keeps_what_it_had_found_and_says_why() -> None:
    found = [Figure("loaded", "1/s")]
    section = Section(
        part="relay", title="Relay", figures=found, failure="Maven failed: no network"
    )
    text = page([section], [])
    assert "**Failed:** Maven failed: no network" in text
    assert "| loaded | 1/s |  |" in text
