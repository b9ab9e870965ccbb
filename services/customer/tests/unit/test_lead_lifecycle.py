"""No sequence of commands breaks a lead's invariants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chassis.errors import Refusal
from customer.domain import Conversion, Lead, LeadProfile
from customer.errors import (
    LeadAlreadyConverted,
    LeadAlreadyDisqualified,
    LeadConvertedOtherwise,
    LeadNotQualified,
    OccurredBeforeLastChange,
)
from events.types import EventData
from events.types.customer import DealRequest, LeadConverted

START = datetime(2017, 1, 1, tzinfo=UTC)
PERSONAL = LeadProfile(name="Ada Secret", email="ada@secret.example", phone="+49 1", channel="web")
ORDER = {"new": 0, "contacted": 1, "qualified": 2, "disqualified": 3, "converted": 3}

moments = st.integers(-5, 400).map(lambda days: START + timedelta(days=days))
profiles = st.builds(
    LeadProfile,
    name=st.none() | st.just("Ada Secret"),
    channel=st.none() | st.sampled_from(["web", "fair"]),
    team=st.none() | st.sampled_from(["north", "south"]),
)


class LeadLife(RuleBasedStateMachine):
    @initialize(profile=profiles)
    def capture(self, profile: LeadProfile) -> None:
        self.lead, event = Lead.capture(profile, lead_id="L1", at=START)
        self.events: list[EventData] = [event]
        self.statuses = [self.lead.status]

    def _apply(self, result: tuple[Lead, EventData | None]) -> None:
        before, (self.lead, event) = self.lead, result
        if event is None:
            assert self.lead is before
            return
        self.events.append(event)
        self.statuses.append(self.lead.status)

    def _attempt(self, command: str, **arguments: object) -> None:
        before = self.lead
        try:
            self._apply(getattr(self.lead, command)(**arguments))
        except Refusal:
            assert self.lead is before

    @rule(at=moments)
    def contact(self, at: datetime) -> None:
        self._attempt("contact", at=at)

    @rule(at=moments)
    def qualify(self, at: datetime) -> None:
        self._attempt("qualify", at=at)

    @rule(at=moments)
    def disqualify(self, at: datetime) -> None:
        self._attempt("disqualify", reason="no_budget", at=at)

    @rule(at=moments, customer=st.sampled_from(["C1", "C2"]))
    def convert(self, at: datetime, customer: str) -> None:
        self._attempt("convert", conversion=Conversion(customer_id=customer), at=at)

    @rule(at=moments, profile=profiles)
    def change(self, at: datetime, profile: LeadProfile) -> None:
        self._attempt("change", profile=profile, at=at)

    @invariant()
    def versions_are_contiguous_with_one_event_each(self) -> None:
        assert self.lead.version == len(self.events)

    @invariant()
    def it_never_goes_back(self) -> None:
        ranks = [ORDER[status] for status in self.statuses]
        assert ranks == sorted(ranks)

    @invariant()
    def its_end_is_final_and_dated(self) -> None:
        lead = self.lead
        assert (lead.status == "converted") == (lead.converted_at is not None)
        assert (lead.status == "converted") == (lead.conversion is not None)
        assert (lead.status == "disqualified") == (lead.disqualified_at is not None)
        assert (lead.disqualified_at is None) == (lead.disqualified_reason is None)
        assert len({"converted", "disqualified"} & set(self.statuses)) <= 1

    @invariant()
    def steps_never_run_backwards(self) -> None:
        lead = self.lead
        steps = (
            lead.captured_at,
            lead.contacted_at,
            lead.qualified_at,
            lead.disqualified_at,
            lead.converted_at,
        )
        taken = [step for step in steps if step is not None]
        assert taken == sorted(taken)

    @invariant()
    def the_last_event_tells_the_whole_state(self) -> None:
        assert self.events[-1].lead == self.lead.state()  # type: ignore[attr-defined]


LeadLife.TestCase.settings = settings(max_examples=150, stateful_step_count=20, deadline=None)
test_no_sequence_of_commands_breaks_a_lead = LeadLife.TestCase


def qualified() -> Lead:
    lead, _ = Lead.capture(PERSONAL, lead_id="L1", at=START)
    lead, _ = lead.qualify(at=START)
    return lead


def test_a_lead_that_is_not_qualified_is_not_converted() -> None:
    lead, _ = Lead.capture(PERSONAL, lead_id="L1", at=START)
    with pytest.raises(LeadNotQualified):
        lead.convert(Conversion(customer_id="C1"), at=START)


def test_a_disqualified_lead_is_not_converted() -> None:
    lead, _ = qualified().disqualify(reason="spam", at=START)
    with pytest.raises(LeadAlreadyDisqualified):
        lead.convert(Conversion(customer_id="C1"), at=START)


def test_a_conversion_names_customer_and_deal_but_nobody() -> None:
    deal = DealRequest(pipeline="standard", amount_minor=100, currency="USD")
    lead, event = qualified().convert(Conversion(customer_id="C1", deal=deal), at=START)
    assert isinstance(event, LeadConverted)
    assert event.lead.customer_id == "C1"
    assert event.deal == deal
    assert "secret" not in repr(event).lower()
    with pytest.raises(LeadAlreadyConverted):
        lead.convert(Conversion(customer_id="C1"), at=START)


def test_the_same_conversion_again_agrees_and_another_does_not() -> None:
    lead, _ = qualified().convert(Conversion(customer_id="C1"), at=START)
    lead.refuse_other_conversion(customer_id=None, deal=None)
    lead.refuse_other_conversion(customer_id="C1", deal=None)
    with pytest.raises(LeadConvertedOtherwise):
        lead.refuse_other_conversion(customer_id="C2", deal=None)
    with pytest.raises(LeadConvertedOtherwise):
        lead.refuse_other_conversion(customer_id=None, deal=DealRequest(pipeline="other"))


def test_a_step_cannot_precede_the_one_before() -> None:
    with pytest.raises(OccurredBeforeLastChange):
        qualified().disqualify(reason="spam", at=START - timedelta(seconds=1))


def test_a_correction_made_today_does_not_stop_the_history_of_the_steps() -> None:
    lead, _ = Lead.capture(PERSONAL, lead_id="L1", at=START)
    corrected, _ = lead.change(LeadProfile(channel="fair"), at=START + timedelta(days=900))
    contacted, event = corrected.contact(at=START + timedelta(days=1))
    assert isinstance(event, EventData)
    assert contacted.contacted_at == START + timedelta(days=1)
    assert contacted.changed_at == corrected.changed_at
