"""Watch a training loop of your own: what a fused layer hides, seen on Gradtide's pages.

    from app.capture import watch
    from app.client import Client

    with watch(module, Client(), every=50) as watcher:
        for inputs, targets in batches:
            loss = criterion(model(inputs), targets)
            watcher.loss(loss)                      # if its curve is wanted
            optimizer.zero_grad(); loss.backward(); optimizer.step()

`module` is an nn.RNN, nn.LSTM or nn.GRU, wherever it stands in the model. Every 50th step its
weights, inputs and the gradients at its outputs are copied; a thread of its own sends them, and
the loop never waits for it. While the service cannot be reached they lie in a folder and are sent
later; `gradtide send` or `send_kept` sends what a loop has left there. `watch(module,
store=folder)` needs no service: the runs stand in that folder, which `gradtide serve --data
folder` shows, and `gradtide send folder` sends them to a service elsewhere.
"""

from app.capture.counts import Counts
from app.capture.kept import send_kept
from app.capture.watcher import Watcher
from app.capture.watching import watch

__all__ = ["Counts", "Watcher", "send_kept", "watch"]
