"""The sums over paths of a network of three steps, every factor written out.

    h_t = tanh(U x_t + W h_{t−1}),  O_t = V h_t,  ŷ_t = softmax(O_t),  L_t = −log ŷ_t[target_t]
    ∂L_t/∂W = (∂L_t/∂ŷ_t)(∂ŷ_t/∂O_t)(∂O_t/∂h_t) Σ_k (∂h_t/∂h_{t−1}) … (∂h_{k+1}/∂h_k) ∂⁺h_k/∂W

with k = 1 … t and ∂⁺h_k/∂W the immediate derivative, h_{k−1} held. One sample, no bias.
"""

from functools import cached_property

import numpy as np
import pytest

import engine
from engine.config import Sgd
from engine.learning.optimizers import make_updater
from tests.reference.problems import Array, relative_difference

ROUNDING = 1e-13
"""Products of five small float64 matrices in two orders."""

RATE = 0.3


class ByHand:
    """Three steps of the network, and each factor as a matrix or a tensor."""

    def __init__(self, U: Array, W: Array, V: Array, xs: Array, h0: Array) -> None:
        self.U, self.W, self.V, self.xs = U, W, V, xs
        self.h0 = h0
        self.h1 = np.tanh(U @ xs[0] + W @ self.h0)
        self.h2 = np.tanh(U @ xs[1] + W @ self.h1)
        self.h3 = np.tanh(U @ xs[2] + W @ self.h2)
        # ∂h_t/∂h_{t−1} = diag(1 − h_t²) W
        self.h2_h1 = np.diag(1 - self.h2**2) @ W
        self.h3_h2 = np.diag(1 - self.h3**2) @ W

    def immediate(self, h: Array, read: Array) -> Array:
        """Return ∂⁺h_i/∂P_jl = [i = j] (1 − h_i²) read_l, for P = W (read h) or U (read x)."""
        H = len(h)
        tensor = np.zeros((H, H, len(read)))
        for i in range(H):
            tensor[i, i] = (1 - h[i] ** 2) * read
        return tensor

    @cached_property
    def reads(self) -> dict[str, list[Array]]:
        """What W and U read at steps 1, 2 and 3."""
        return {"weight_hh_l0": [self.h0, self.h1, self.h2], "weight_ih_l0": list(self.xs)}

    def terms(self, parameter: str, o: list[Array]) -> dict[tuple[int, int], Array]:
        """Return the six terms ∂L_t/∂O_t … ∂⁺h_k/∂P by (t, k), `o` being ∂L_t/∂O_t."""
        read = self.reads[parameter]
        h1_P = self.immediate(self.h1, read[0])
        h2_P = self.immediate(self.h2, read[1])
        h3_P = self.immediate(self.h3, read[2])
        V = self.V  # ∂O_t/∂h_t
        along = np.tensordot  # a row vector times a tensor of ∂h/∂P
        return {
            (1, 1): along(o[0] @ V, h1_P, 1),
            (2, 2): along(o[1] @ V, h2_P, 1),
            (2, 1): along(o[1] @ V @ self.h2_h1, h1_P, 1),
            (3, 3): along(o[2] @ V, h3_P, 1),
            (3, 2): along(o[2] @ V @ self.h3_h2, h2_P, 1),
            (3, 1): along(o[2] @ V @ self.h3_h2 @ self.h2_h1, h1_P, 1),
        }

    def readout_terms(self, o: list[Array]) -> dict[tuple[int, int], Array]:
        """Return ∂L_t/∂V = (∂L_t/∂O_t) ∂O_t/∂V, where k = t alone."""
        states = (self.h1, self.h2, self.h3)
        return {(t, t): np.outer(o[t - 1], states[t - 1]) for t in (1, 2, 3)}


def softmax_factors(by_hand: ByHand, targets: list[int]) -> list[Array]:
    """Return (∂L_t/∂ŷ_t)(∂ŷ_t/∂O_t) for t = 1, 2, 3."""
    found = []
    for h, target in zip((by_hand.h1, by_hand.h2, by_hand.h3), targets, strict=True):
        O = by_hand.V @ h  # noqa: E741  (the formula's letter)
        predicted = np.exp(O) / np.exp(O).sum()
        of_predicted = np.zeros(len(O))
        of_predicted[target] = -1 / predicted[target]
        of_logits = np.diag(predicted) - np.outer(predicted, predicted)
        found.append(of_predicted @ of_logits)
    return found


TARGETS = [2, 0, 1]


@pytest.fixture
def by_hand(rng: np.random.Generator) -> ByHand:
    return ByHand(
        U=rng.normal(size=(3, 2)),
        W=rng.normal(size=(3, 3)),
        V=rng.normal(size=(4, 3)),
        xs=rng.normal(size=(3, 2)),
        h0=rng.normal(size=3),
    )


@pytest.fixture
def traced(by_hand: ByHand) -> engine.Trace:
    return engine.trace(
        "elman",
        {"weight_ih_l0": by_hand.U, "weight_hh_l0": by_hand.W, "readout.weight": by_hand.V},
        by_hand.xs[:, None, :],
        targets=np.array(TARGETS)[:, None],
        reduction="sum",
        initial_state=by_hand.h0[None, None, :],
    )


def terms_of(by_hand: ByHand, parameter: str) -> dict[tuple[int, int], Array]:
    o = softmax_factors(by_hand, TARGETS)
    return by_hand.readout_terms(o) if "readout" in parameter else by_hand.terms(parameter, o)


every_parameter = pytest.mark.parametrize(
    "parameter", ["weight_hh_l0", "weight_ih_l0", "readout.weight"]
)


@every_parameter
def test_every_term_of_the_sum_over_paths_is_its_factors_product(
    by_hand: ByHand, traced: engine.Trace, parameter: str
) -> None:
    found = traced.path_terms(parameter)
    differences = {
        (t, k): relative_difference(found[t - 1, k - 1], term)
        for (t, k), term in terms_of(by_hand, parameter).items()
    }
    assert max(differences.values()) <= ROUNDING, differences


@every_parameter
def test_the_statistic_is_the_log_of_the_norm_of_every_term(
    by_hand: ByHand, traced: engine.Trace, parameter: str
) -> None:
    found = traced.statistic("path_gradient")[list(traced.parameter_gradients).index(parameter)]
    terms = terms_of(by_hand, parameter)
    for (t, k), term in terms.items():
        assert found[t - 1, k - 1] == pytest.approx(np.log10(np.linalg.norm(term)), abs=ROUNDING)
    assert np.isfinite(found).sum() == len(terms)


@every_parameter
@pytest.mark.parametrize("t", [1, 2, 3])
def test_the_terms_of_a_loss_time_sum_to_its_gradient(
    by_hand: ByHand, traced: engine.Trace, parameter: str, t: int
) -> None:
    of_loss = sum(term for (time, _), term in terms_of(by_hand, parameter).items() if time == t)
    found = np.nansum(traced.path_terms(parameter)[t - 1], axis=0)
    assert relative_difference(found, np.asarray(of_loss)) <= ROUNDING


@every_parameter
def test_all_terms_sum_to_the_gradient(
    by_hand: ByHand, traced: engine.Trace, parameter: str
) -> None:
    whole = np.asarray(sum(terms_of(by_hand, parameter).values()))
    assert relative_difference(traced.parameter_gradients[parameter], whole) <= ROUNDING


@every_parameter
def test_the_engines_sgd_takes_a_rates_share_of_all_three_losses_away(
    by_hand: ByHand, traced: engine.Trace, parameter: str
) -> None:
    """P ← P − lr (∂L_1/∂P + ∂L_2/∂P + ∂L_3/∂P)."""
    before = {"weight_ih_l0": by_hand.U, "weight_hh_l0": by_hand.W, "readout.weight": by_hand.V}
    after = before[parameter].copy()
    updater = make_updater(Sgd(learning_rate=RATE, momentum=0.0), after)
    updater.update(after, traced.parameter_gradients[parameter], RATE, 0)
    expected = before[parameter] - RATE * np.asarray(sum(terms_of(by_hand, parameter).values()))
    assert relative_difference(after, expected) <= ROUNDING


@every_parameter
def test_one_step_of_a_training_takes_a_rates_share_of_the_last_loss_away(parameter: str) -> None:
    """V, U, W ← V, U, W − lr ∂L_3/∂(V, U, W), for a squared error asked at step 3 alone."""
    config = engine.RunConfig.from_dict(
        {
            "name": "three steps",
            "task": {"kind": "adding", "length": 3},
            "model": {"cell": "elman", "hidden_size": 3, "bias": False},
            "training": {
                "steps": 1,
                "batch_size": 1,
                "precision": "float64",
                "reduction": "sum",
                "clipping": None,
                "optimizer": {"kind": "sgd", "learning_rate": RATE, "momentum": 0.0},
            },
        }
    )
    snapshots = engine.train(config)
    first = next(snapshots)
    before, batch = first.parameters(), first.batch
    assert batch is not None
    by_hand = ByHand(
        U=before["weight_ih_l0"],
        W=before["weight_hh_l0"],
        V=before["readout.weight"],
        xs=batch.inputs[:, 0].astype(np.float64),
        h0=np.zeros(3),
    )
    errors = by_hand.V @ by_hand.h3 - batch.targets[2, 0]
    o = [np.zeros(1), np.zeros(1), 2 * errors]
    terms = by_hand.readout_terms(o) if "readout" in parameter else by_hand.terms(parameter, o)
    expected = before[parameter] - RATE * np.asarray(sum(terms.values()))
    after = next(snapshots).parameters()[parameter]
    assert relative_difference(after, expected) <= ROUNDING
    assert not np.array_equal(after, before[parameter])
