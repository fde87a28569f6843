"""The guided lessons: a question, what one may predict, what is computed, and what it shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final


@dataclass(frozen=True, kw_only=True, slots=True)
class OnePath:
    """A network of W = weight · I without noise: one gradient goes back from the last step.

    Attributes:
        activation: φ.
        weight: what every step multiplies by besides φ′.
        drive: the input at every step, so that the pre-activation is not at a kink.
    """

    activation: str
    weight: float
    drive: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Lesson:
    """One lesson. Either a path is computed at once, or runs are trained and compared.

    Attributes:
        choices: what one may predict; `right` is the position of what turns out.
        runs: configurations, which the lesson starts with one button.
        by_hand: the three-step network with all its terms.
    """

    title: str
    question: str
    choices: tuple[str, ...]
    right: int
    reveal: str
    path: OnePath | None = None
    runs: tuple[Mapping[str, Any], ...] = ()
    by_hand: bool = False


_ADDING: Final = {"kind": "adding", "length": 60}


def _run(
    name: str, model: Mapping[str, Any], training: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """A configuration of a lesson: small, a minute at most."""
    return {
        "name": name,
        "task": _ADDING,
        "model": {"hidden_size": 32, **model},
        "training": {
            "steps": 1000,
            "batch_size": 32,
            "optimizer": {"kind": "adam", "learning_rate": 0.005},
            "clipping": {"kind": "norm", "threshold": 1.0},
            **training,
        },
        "recording": {"every": 25},
    }


LESSONS: Mapping[str, Lesson] = MappingProxyType(
    {
        "three-steps": Lesson(
            title="Three steps by hand",
            question=(
                "A network reads three inputs and is asked at every step. The gradient of W is a "
                "sum over six paths. Which one shrinks most when you make W smaller?"
            ),
            choices=(
                "the path from the last loss to the present",
                "the path from the last loss to the first state",
                "all shrink alike",
            ),
            right=1,
            reveal=(
                "The term from L₃ to h₁ holds W twice, in the two Jacobians ∂h₃/∂h₂ and ∂h₂/∂h₁; "
                "the term at the present holds none. With the states held, half of W would leave "
                "a quarter of the first and all of the last. But the states hang on W too, and "
                "with them the slopes and the losses, so every term moves, the last as well."
            ),
            by_hand=True,
        ),
        "relu-explodes": Lesson(
            title="A slope of 1 that explodes",
            question=(
                "ReLU's slope is exactly 1 on the right, so it cannot make a gradient vanish. Take "
                "W\u00a0=\u00a01.1\u00a0·\u00a0I. What is left of the gradient after 100 steps?"
            ),
            choices=("as much as there was", "ten times as much", "over ten thousand times"),
            right=2,
            reveal=(
                "1.1 to the power of 99 is 12,500. A constant slope of 1 gives no protection: the "
                "weights alone decide, and a tenth above 1 is enough to explode."
            ),
            path=OnePath(activation="relu", weight=1.1, drive=1.0),
        ),
        "sigmoid-vanishes": Lesson(
            title="A sigmoid vanishes",
            question=(
                "A sigmoid's slope is at most a quarter. With W = I, after how many steps is less "
                "than a millionth of the gradient left?"
            ),
            choices=("about ten", "about a hundred", "never, W is the identity"),
            right=0,
            reveal=(
                "A quarter to the power of ten is a millionth already, and a saturated sigmoid "
                "loses more at each step. The identity matrix keeps nothing: the slope is there "
                "at every step."
            ),
            path=OnePath(activation="sigmoid", weight=1.0, drive=0.0),
        ),
        "tanh-vanishes": Lesson(
            title="tanh vanishes more slowly",
            question=(
                "tanh has a slope of 1 at 0. With W = I and a small input at each step, does the "
                "gradient survive 100 steps?"
            ),
            choices=("yes, the slope is 1", "no, the state leaves 0", "it explodes"),
            right=1,
            reveal=(
                "The slope is 1 at 0 alone. The inputs drive the state away from there, the slope "
                "falls under 1 at every step, and a product of a hundred such numbers is next to "
                "nothing."
            ),
            path=OnePath(activation="tanh", weight=1.0, drive=0.1),
        ),
        "relu-identity": Lesson(
            title="ReLU and the identity matrix",
            question="ReLU with W = I exactly, and positive inputs. What is left after 100 steps?",
            choices=("exactly all of it", "a part", "nothing"),
            right=0,
            reveal=(
                "Slope 1 times weight 1 at every step: the norm stays as it is, to the last digit. "
                "This start is the IRNN's (Le, Jaitly and Hinton 2015). Training moves W away from "
                "it, and a unit whose input turns negative passes nothing."
            ),
            path=OnePath(activation="relu", weight=1.0, drive=1.0),
        ),
        "bound": Lesson(
            title="When the bound bites",
            question=(
                "The gradient can shrink no slower than the bound (γ‖W‖)ᵈ. For tanh, γ = 1. With "
                "W = 0.9\u00a0·\u00a0I, what is the most that can be left after 100 steps?"
            ),
            choices=("a tenth", "three hundred-thousandths", "all, if the state stays at 0"),
            right=1,
            reveal=(
                "0.9 to the power of 99 is 0.00003, and no training can help while ‖W‖ stays so. "
                "The bound says that the gradient must vanish; above 1 it says nothing: the "
                "gradient may vanish all the same."
            ),
            path=OnePath(activation="tanh", weight=0.9, drive=0.0),
        ),
        "clipping": Lesson(
            title="Exploding, and clipping",
            question=(
                "W starts 1.8 times too large, the gradient explodes. One run clips its norm at 1, "
                "one does not. Which one keeps its loss finite, and which one learns?"
            ),
            choices=("both learn", "clipping keeps it finite and no more", "clipping cures it"),
            right=1,
            reveal=(
                "Clipping shortens the step and keeps its direction: training survives, where the "
                "other run's weights are soon lost, and its reach with them. It does not change "
                "by what factors the gradient is multiplied on its way back: that much arrives "
                "here comes of weights that are too large, and the loss stays at the baseline. "
                "Clipping is needed, and it is no cure."
            ),
            runs=(
                _run(
                    "Lesson: exploding, clipped",
                    {"cell": "elman", "initializer": {"kind": "orthogonal", "gain": 1.8}},
                    training={"optimizer": {"kind": "sgd", "learning_rate": 0.1}},
                ),
                _run(
                    "Lesson: exploding, not clipped",
                    {"cell": "elman", "initializer": {"kind": "orthogonal", "gain": 1.8}},
                    training={
                        "optimizer": {"kind": "sgd", "learning_rate": 0.1},
                        "clipping": None,
                    },
                ),
            ),
        ),
        "learning-rate": Lesson(
            title="The learning rate",
            question="The same network at a learning rate of 0.01, 0.3 and 10. Which one diverges?",
            choices=("none", "the largest", "all but the smallest"),
            right=1,
            reveal=(
                "A step that is too long leaves the region in which the gradient says anything. "
                "Look at the loss strip and at the norm of the update: a good rate falls quietly, "
                "one too high jumps by decades."
            ),
            runs=tuple(
                _run(
                    f"Lesson: learning rate {rate:g}",
                    {"cell": "elman"},
                    training={
                        "optimizer": {"kind": "sgd", "learning_rate": rate},
                        "clipping": None,
                    },
                )
                for rate in (0.01, 0.3, 10.0)
            ),
        ),
        "forget-gate": Lesson(
            title="LSTM's cell path and the forget gate",
            question=(
                "Two LSTMs: one starts with its forget gates half open, one with a bias of 2. On "
                "which does the gradient reach further at the start?"
            ),
            choices=("half open", "a bias of 2", "no difference"),
            right=1,
            reveal=(
                "Along the cell state the gradient is multiplied by f alone. Half open, f = ½ "
                "loses a factor of two a step; a bias of 2 makes f = 0.88. At step 0 some ten "
                "decades more of the gradient reach the first of sixty steps: compare them there."
            ),
            runs=(
                _run("Lesson: forget gate half open", {"cell": "lstm", "forget_bias": 0.0}),
                _run("Lesson: forget bias 2", {"cell": "lstm", "forget_bias": 2.0}),
            ),
        ),
        "skips": Lesson(
            title="Skip connections",
            question=(
                "A tanh network gets a second path that skips ten steps at once. What happens to "
                "the slope of its decay?"
            ),
            choices=("nothing", "it gets several times flatter", "it explodes"),
            right=1,
            reveal=(
                "Over the skip, sixty steps are six factors and not sixty. The gradient still "
                "shrinks at each of them, but there are fewer: the curve of the decay is flatter."
            ),
            runs=(
                _run("Lesson: without skips", {"cell": "elman"}),
                _run("Lesson: with a skip of ten", {"cell": "skip", "options": {"skip": 10}}),
            ),
        ),
        "lstm-or-tanh": Lesson(
            title="LSTM against tanh on a long dependency",
            question=(
                "The adding task over 60 steps needs the first inputs at the end. Which one gets "
                "under the baseline of 0.167?"
            ),
            choices=("both", "the LSTM", "tanh"),
            right=1,
            reveal=(
                "tanh stays at the baseline: it learns the mean and no more, because what the "
                "first inputs did is not in its gradient. The LSTM's cell state carries it."
            ),
            runs=(
                _run("Lesson: tanh over 60 steps", {"cell": "elman"}),
                _run("Lesson: LSTM over 60 steps", {"cell": "lstm", "forget_bias": 1.0}),
            ),
        ),
    }
)
