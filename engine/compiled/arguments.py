"""What a layer hands to the loops that sweep it back.

Plain tuples, whose parts get their names where they are unpacked: named ones take a call twice as
long to read. E is the exponent that something is stored with, stored · 2^E; B, H and D are samples,
units, and inputs of the layer. A row is a state row, 0 … T: step t leads back from row t + 1 to
row t. Nothing is compiled here.
"""

from engine.arrays import Array, IntArray

Matrices = tuple[Array, ...]
Pair = tuple[float, float]
Span = tuple[int, int]
"""The first row of a block and the row after its last."""

Arrived = tuple[Array, Array, IntArray, IntArray, IntArray, int, IntArray]
"""What arrives at rows from outside, and how the sweep that it joins is stored and cut.

    values    (n, H, B)   what arrives; (n, 1, B) where it is still to be multiplied by `weight`
    weight    (H,)        (0,) where there is none
    where     (T+1,)      which of the values arrives at each row, or −1
    theirs    (T+1, B)    E of what arrives at each row; (0, B) where all is stored as it is
    own       (B,)        E of the sweep, changed as it passes
    nothing               E of an exact zero
    cuts      (2,)        steps of a stretch at most, a power of two, and the step after the last
                          of the stretch under way; changed likewise
"""

Measures = tuple[Array, Array, Pair, Pair]
"""Which norms are taken, and the bounds of their squares.

    outputs   (T+1, H, B) λ of the output
    squares   (T+1, B)    room for its squared norms
    window                of those that go on as they are
    sound                 of those at which no entry can have been lost
"""

Sums = tuple[tuple[int, ...], tuple[int, ...], Matrices, Matrices, float, bool]
"""The gradients that every stretch adds to; the first four for each of the cell's products.

    rows                  the first of its rows among the deltas
    columns               the first of the inputs' rows that it reads
    turned    (B, K)      room for what one step read
    gradients (G, K)      ∂/∂W
    negligible            what counts as zero, see weight_gradients.py
    adds                  whether any gradient is added to
"""

Scales = tuple[IntArray, IntArray, Pair, int, float, int, int]
"""How the sweep is stored, and when that changes.

    of_rows   (T+1, B)    room for E of the rows
    of_norms  (T+1, B)    room for E of their norms
    bounds                between these squares neither over- nor underflow
    longest               steps of a stretch at most
    spare                 squared norm from which the next stretch may be twice as long as one
                          that was shortened
    above                 powers of two by which what arrives has to exceed E for a stretch to
                          end there
    wall                  the row that nothing goes on through, or −1
"""

Kept = tuple[Array, Array, IntArray, Array, Span, Span]
"""What is kept of the deltas. The rooms are empty where nothing is.

    rows      (T+1, H, B) room for a block of them
    squares   (T+1, B)    room for its squared norms
    exponents (T+1, B)    room for its E
    of_path   (T, B)      room for squared norms of the deltas on the one path that there is
    block                 its rows among the deltas
    path                  that path's
"""

Handed = tuple[Array, IntArray, Matrices, tuple[int, ...]]
"""What is handed to the layer below; the last two for each product that reads x.

    room      (T+1, D, B) for ∂/∂x, step t's in row t + 1; (0, 0, B) where nobody asks
    of_room   (T+1, B)    for its E; (0, B) likewise
    matrices              W_xᵀ
    rows                  the first of the product's rows among the deltas
"""

Stretches = tuple[Span, Measures, Sums, Scales, Kept, Handed]
"""All of it, after the rows of the deltas that the first step of a chunk hands to the one before.

Those are the only ones of a chunk that the next one still needs.
"""
