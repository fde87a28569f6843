"""What the address of a lesson says, and what of it cannot be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from app.pages.three_steps import Weights

MOST = 10.0
"""The largest number that a box takes: softmax and slopes are flat far before it."""

BOXES = ("w", "u", "v", "x")


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """The numbers of one letter as they were given, and what is wrong with them."""

    letter: str
    title: str
    texts: tuple[str, ...]
    refusal: str


class Asked:
    """What the address of a lesson says: the guess, the weights, whether the list is hidden."""

    def __init__(  # one for each field of the form
        self,
        guess: str = "",
        focus: str = "",
        w: str | None = None,
        u: str | None = None,
        v: str | None = None,
        x: str | None = None,
        activation: str = "",
    ) -> None:
        self.guess = int(guess) if guess in {"0", "1", "2"} else None
        self.focus = focus == "on"
        self.activation = activation
        self.given = {
            name: text for name, text in zip(BOXES, (w, u, v, x), strict=True) if text is not None
        }

    def boxes(self) -> tuple[Box, ...]:
        """Return the boxes with what was given in them, or what stands there at the start."""
        start = Weights()
        return tuple(
            _box(letter, self.given.get(letter), getattr(start, letter)) for letter in BOXES
        )

    def refused_activation(self, known: Sequence[str]) -> str:
        """Say why the activation function cannot be used; nothing where it can."""
        if self.activation in ("", *known):
            return ""
        return f"φ must be one of {', '.join(known)}; got {self.activation[:30]!r}."

    def weights(self, known: Sequence[str]) -> Weights | None:
        """Return the network asked for, or None where any part of it cannot be used."""
        boxes = self.boxes()
        if self.refused_activation(known) or any(box.refusal for box in boxes):
            return None
        w, u, v, x = (tuple(float(text) for text in box.texts) for box in boxes)
        return Weights(w=w, u=u, v=v, x=x, activation=self.activation or Weights().activation)

    @property
    def is_changed(self) -> bool:
        """Whether a number or the activation function is not as at the start."""
        return bool(self.given or self.activation)

    def query(self, *, focus: bool, guessing: bool = True, changing: bool = True) -> str:
        """Return the address's query: what was guessed and changed, shown alone or not."""
        pairs = [("guess", str(self.guess))] if guessing and self.guess is not None else []
        if changing:
            pairs += list(self.given.items())
            pairs += [("activation", self.activation)] if self.activation else []
        pairs += [("focus", "on")] if focus else []
        return "?" + urlencode(pairs, safe=",") if pairs else ""


def _box(letter: str, given: str | None, start: Sequence[float]) -> Box:
    title = "x₁ x₂ x₃" if letter == "x" else letter.upper()
    if given is None:
        return Box(letter=letter, title=title, texts=tuple(map(str, start)), refusal="")
    texts = [text.strip() for text in given.split(",")]
    shown = tuple((texts + [""] * len(start))[: len(start)])
    return Box(
        letter=letter, title=title, texts=shown, refusal=refusal_of(letter, texts, len(start))
    )


def refusal_of(letter: str, texts: Sequence[str], count: int) -> str:
    """Say why these texts are not `count` numbers that a box takes; nothing where they are.

    Example:
        >>> refusal_of("u", ["1e9", "0.5"], 2)
        'U takes 2 numbers from −10 to 10; entry 1 is 1e9.'
        >>> refusal_of("u", ["1", ""], 2), refusal_of("u", ["1", "2"], 2)
        ('U takes 2 numbers from −10 to 10; entry 2 is empty.', '')
    """
    takes = f"{letter.upper()} takes {count} numbers from −{MOST:g} to {MOST:g}"
    if len(texts) != count:
        return f"{takes}; got {len(texts)}."
    for entry, text in enumerate(texts, start=1):
        try:
            usable = abs(float(text)) <= MOST
        except ValueError:
            usable = False
        if not usable:
            return f"{takes}; entry {entry} is {text[:20] or 'empty'}."
    return ""
