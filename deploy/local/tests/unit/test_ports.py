import socket

import pytest

from local.errors import CannotStart
from local.ports import DEFAULTS, Ports, is_free


def test_defaults_are_those_of_the_documentation() -> None:
    ports = Ports.chosen({})

    assert ports["gateway"] == 8080
    assert ports["postgres"] == 55432
    assert ports["kafka"] == 19092


def test_a_base_moves_all_ports_and_a_single_variable_moves_one_more() -> None:
    ports = Ports.chosen({"PORT_BASE": "21000", "KAFKA_CONTROLLER_PORT": "22000"})

    assert ports["gateway"] == 21000
    assert ports["kafka_controller"] == 22000
    assert set(ports.numbers.values()) == {*range(21000, 21000 + len(DEFAULTS) - 1), 22000}


def test_ports_survive_the_way_through_the_environment() -> None:
    ports = Ports.free()

    assert Ports.chosen(ports.environment) == ports


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "8080.0", "٨٠٨٠"])
def test_what_is_not_a_port_is_refused_by_the_name_of_its_variable(text: str) -> None:
    with pytest.raises(
        CannotStart, match=r"METRICS_TELEMETRY_PORT.*not a port; set it to a number"
    ):
        Ports.chosen({"METRICS_TELEMETRY_PORT": text})


def test_a_base_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(CannotStart, match="PORT_BASE"):
        Ports.chosen({"PORT_BASE": "65530"})


def test_two_parts_on_one_port_are_refused() -> None:
    with pytest.raises(CannotStart, match="GATEWAY_PORT and OPS_PORT are both 8103"):
        Ports.chosen({"GATEWAY_PORT": "8103"})


def test_a_taken_port_is_named_with_its_holder_and_its_variable() -> None:
    ports = Ports.free()
    with (
        socket.create_server(("127.0.0.1", ports["metrics"])),
        pytest.raises(CannotStart) as refusal,
    ):
        ports.check_free()

    assert f"port {ports['metrics']} (metrics) is taken by" in refusal.value.fact
    assert "METRICS_PORT" in refusal.value.mend


def test_ports_that_are_not_used_may_be_taken() -> None:
    ports = Ports.free()
    with socket.create_server(("127.0.0.1", ports["kafka"])):
        assert not is_free(ports["kafka"])
        ports.check_free(without=frozenset({"kafka"}))
