"""Layouts are known before anything runs and carry the true coordinates."""

from collections.abc import Callable

import pytest

from engine import STATISTICS, RunConfig, layouts

Configure = Callable[..., RunConfig]
EVERYTHING = {"statistics": list(STATISTICS)}


def test_axes_carry_their_coordinates(configure: Configure) -> None:
    config = configure(model={"layers": 2}, recording=EVERYTHING)
    found = layouts(config)
    assert dict(found["hidden_gradient"].coords) == {
        "layer": (0, 1),
        "time": tuple(range(1, 9)),
        "unit": tuple(range(5)),
    }
    assert found["loss"].axes == ("step",)
    assert found["loss"].shape == ()


@pytest.mark.parametrize(
    ("cell", "bias", "names"),
    [
        ("elman", True, ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0")),
        ("elman", False, ("weight_ih_l0", "weight_hh_l0")),
        ("gru", True, ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")),
    ],
)
def test_parameters_have_their_public_names(
    configure: Configure, cell: str, bias: bool, names: tuple[str, ...]
) -> None:
    found = layouts(configure(model={"cell": cell, "bias": bias}))
    readout = ("readout.weight", "readout.bias") if bias else ("readout.weight",)
    assert found["parameter_gradient_norm"].coords["parameter"] == names + readout


@pytest.mark.parametrize(
    ("cell", "gates"),
    [("elman", ("h",)), ("gru", ("r", "z", "n")), ("lstm", ("i", "f", "g", "o"))],
)
def test_gates_stand_in_their_blocks_order(
    configure: Configure, cell: str, gates: tuple[str, ...]
) -> None:
    found = layouts(configure(model={"cell": cell}, recording=EVERYTHING))
    assert found["weight_geometry"].coords["gate"] == gates


@pytest.mark.parametrize(("activation", "gamma"), [("sigmoid", 0.25), ("tanh", 1.0)])
def test_bins_have_their_lower_edges(configure: Configure, activation: str, gamma: float) -> None:
    found = layouts(configure(model={"activation": activation}, recording=EVERYTHING))
    edges = found["activation_slope_histogram"].coords["bin"]
    assert len(edges) == 40
    assert edges[0] == 0
    assert edges[-1] == pytest.approx(gamma * 39 / 40, rel=1e-15)


def test_long_sequences_sample_the_loss_times_and_keep_the_last_asked(
    configure: Configure,
) -> None:
    config = configure(task={"kind": "copy", "length": 300}, recording=EVERYTHING)
    times = layouts(config)["loss_state_gradient"].coords["loss_time"]
    assert len(times) == 64
    assert times[-1] == 300


def test_layouts_of_the_widest_network_cost_no_memory(configure: Configure) -> None:
    config = configure(model={"cell": "lstm", "hidden_size": 4096, "layers": 8})
    assert layouts(config)["hidden_gradient"].shape == (8, 8, 4096)


def test_every_name_that_a_configuration_may_list_is_a_statistic() -> None:
    from engine.config.recording import statistic_names

    assert set(statistic_names()) == set(STATISTICS)


def test_a_cell_without_gates_has_no_statistic_of_gates() -> None:
    asked = {"statistics": ["gate", "weight_geometry", "activation"]}
    config = {"task": {"kind": "adding"}, "model": {"cell": "lru"}, "recording": asked}
    recorded = layouts(RunConfig.from_dict(config))
    assert "activation" in recorded
    assert {"gate", "weight_geometry"}.isdisjoint(recorded)
