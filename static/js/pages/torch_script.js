// A configuration as a PyTorch program: the same network with the same weights on the same batch, its first loss beside
// Gradtide's. tests/app/pages/test_torch_script.py runs it.
import { literal } from "./snippets.js";

const MODULES = { lstm: "nn.LSTM", gru: "nn.GRU" };
const FUSED = ["tanh", "relu"];
const FUNCTIONS = {
  tanh: "torch.tanh",
  relu: "torch.relu",
  sigmoid: "torch.sigmoid",
  identity: "nn.Identity()",
  elu: "nn.ELU()",
  softplus: "nn.Softplus()",
  hard_tanh: "nn.Hardtanh()",
  softsign: "nn.Softsign()",
};

const functionOf = ({ activation }) => activation?.kind ?? activation ?? "tanh";

/** @param {any} config @returns {string} why PyTorch has no module of this network; "" where it has */
export function withoutTorch(config) {
  const { model } = config;
  if (model.layer_skips) return "a stack with layer skips";
  if (model.bidirectional && model.cell === "elman" && !FUSED.includes(functionOf(model))) return `two directions of ${functionOf(model)}`;
  if (model.cell === "gru" && model.options?.reset === "before") return "a GRU whose reset gate comes before the product";
  if (model.cell === "elman" || MODULES[model.cell]) return "";
  return `the cell ${model.cell}`;
}

/** @param {any} config @returns {string} the program */
export function torchText(config) {
  const missing = withoutTorch(config);
  if (missing) return `# PyTorch has no module for ${missing}.\n# Its weights are served as safetensors: GET /api/v1/runs/{id}/checkpoints/{step}.`;
  return [HEAD, layers(config.model), readOut(config.model), `config = engine.RunConfig.from_dict(${literal(config, "")})`, TAIL].join("\n\n");
}

const HEAD = `"""The same network in PyTorch: this seed's weights and first batch, and the loss of both programs."""

import engine  # Gradtide's: the starting weights and the batches of a seed
import torch
from torch import nn
from torch.nn import functional as F`;

function layers(model) {
  const { cell, activation, hidden_size: hidden, layers: count } = model;
  const options = `num_layers=${count}, bias=${model.bias === false ? "False" : "True"}${model.bidirectional ? ", bidirectional=True" : ""}`;
  const kind = functionOf(model);
  if (MODULES[cell]) return `def make_layers(inputs):\n    return ${MODULES[cell]}(inputs, ${hidden}, ${options})`;
  if (FUSED.includes(kind)) return `def make_layers(inputs):\n    return nn.RNN(inputs, ${hidden}, ${options}, nonlinearity="${kind}")`;
  const phi = kind === "leaky_relu" ? `nn.LeakyReLU(${activation.slope ?? 0.01})` : FUNCTIONS[kind];
  return `class Layers(nn.RNN):
    """nn.RNN's weights with an activation that it lacks: h = φ(U x + W h + b)."""

    phi = staticmethod(${phi})

    def forward(self, x):
        for layer in range(self.num_layers):
            names = [name for name, _ in self.named_parameters() if name.endswith(f"_l{layer}")]
            own = {name: getattr(self, name) for name in names}
            h, states = x.new_zeros(x.shape[1], self.hidden_size), []
            for x_t in x:
                a = x_t @ own[f"weight_ih_l{layer}"].T + h @ own[f"weight_hh_l{layer}"].T
                h = self.phi(a + sum(value for name, value in own.items() if "bias" in name))
                states.append(h)
            x = torch.stack(states)
        return x, h


def make_layers(inputs):
    return Layers(inputs, ${hidden}, ${options})`;
}

const readOut = ({ bidirectional }) => `class Model(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.layers = make_layers(inputs)
        self.readout = nn.Linear(${bidirectional ? "2 * " : ""}self.layers.hidden_size, outputs, bias=self.layers.bias)

    def forward(self, x):
        states, _ = self.layers(x)
        return self.readout(states)

    def load(self, weights):
        """PyTorch has two biases a layer where one does: the second stays 0 (a GRU needs a part)."""
        zeros = {name: torch.zeros_like(value) for name, value in self.state_dict().items()}
        renamed = {name if name.startswith("readout") else f"layers.{name}": torch.tensor(value) for name, value in weights.items()}
        self.load_state_dict({**zeros, **renamed})`;

const TAIL = `torch.set_default_dtype(getattr(torch, config.training.precision))
first = next(iter(engine.train(config)))  # before the first update, with its batch
task, batch = first.task, first.batch
model = Model(task.inputs, task.outputs)
model.load(first.parameters())

outputs, asked = model(torch.tensor(batch.inputs)), torch.tensor(batch.mask)
targets = torch.tensor(batch.targets)[asked]
if task.loss == "cross_entropy":
    loss = F.cross_entropy(outputs[asked], targets.long(), reduction=config.training.reduction)
else:
    errors = ((outputs[asked] - targets) ** 2).mean(dim=-1)
    loss = errors.mean() if config.training.reduction == "mean" else errors.sum()
loss.backward()
print("PyTorch", loss.item())
print("Gradtide", first.loss)`;
