"""One training, from its configuration to its snapshots."""

from collections.abc import Callable, Iterator, Mapping

from engine.arrays import Array
from engine.bptt.network import Network
from engine.config import RunConfig
from engine.learning.beginning import require_model
from engine.learning.sharded_training import ShardedTraining
from engine.learning.snapshot import Snapshot
from engine.learning.training import Training
from engine.tasks import Data


def train(
    config: RunConfig,
    *,
    data: Data | None = None,
    initial: Mapping[str, Array] | None = None,
    resume: Mapping[str, object] | None = None,
) -> Iterator[Snapshot]:
    """Train and yield a snapshot before each update, and one at the end.

    Args:
        config: The whole configuration; with its seed it determines every bit.
        data: Arrays by name for a task of uploaded data; the task's module says which.
        initial: First weights by public name, in place of the initializer's; without `readout.`
            names the read-out starts as it would.
        resume: What `Snapshot.state()` returned: go on from there, bit for bit.

    Returns:
        Snapshots s = 0 … steps (resumed: from the saved step on); fewer where the loss is no
        longer finite. A snapshot is valid until the next one is asked for: who keeps, copies.

    Raises:
        ConfigError: Data for a task that makes its own, none for one that reads some, data that do
            not fit, or a model to start from without its weights.
        ShapeError: Weights or a state that do not fit the configuration.
    """
    require_model(config, initial, resume)
    training = training_of(config, initial, data)
    if resume is not None:
        training.restore(resume)
    return training.snapshots()


def training_of(
    config: RunConfig,
    initial: Mapping[str, Array] | None = None,
    data: Data | None = None,
    place: Callable[[Network], None] | None = None,
) -> Training:
    """Return a training at step 0, of the kind that its configuration asks for.

    Args:
        config: As those of `train`, like the next two.
        initial: First weights.
        data: Uploaded data.
        place: As `Training` takes it.
    """
    kind = ShardedTraining if config.training.threads > 1 else Training
    return kind(config, initial, data, place)
