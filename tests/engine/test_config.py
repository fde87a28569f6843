"""The one configuration: what is accepted, what is refused and where, and what the schema says."""

import copy
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cells import CELLS, leaky, residual
from engine.config import (
    Adam,
    LeakyRelu,
    ModelConfig,
    NormClipping,
    RecordingConfig,
    RunConfig,
    TrainingConfig,
    config_schema,
)
from engine.errors import ConfigError
from engine.initializers import IdentityInitializer, PytorchInitializer
from engine.statistics import STATISTICS
from engine.tasks import TASKS
from engine.tasks.adding import AddingOptions

Json = dict[str, Any]

# The public face's example, word for word.
EXAMPLE = json.loads("""
{"name": "tanh at 100 steps", "seed": 0, "tags": ["demo"],
 "task": {"kind": "adding", "length": 100, "dataset": null, "validation": 0.1},
 "model": {"cell": "elman", "hidden_size": 64, "layers": 1, "bidirectional": false,
           "layer_skips": false, "bias": true, "activation": "tanh", "options": {},
           "initializer": {"kind": "orthogonal", "gain": 1.0},
           "input_initializer": {"kind": "pytorch"},
           "spectral_radius": null, "forget_bias": null, "from_model": null},
 "training": {"steps": 2000, "batch_size": 32, "reduction": "mean", "precision": "float32",
              "optimizer": {"kind": "sgd", "learning_rate": 0.01, "momentum": 0.0},
              "schedule": {"kind": "constant"},
              "clipping": {"kind": "norm", "threshold": 1.0, "scope": "global"},
              "regularizer": null, "truncation": null},
 "recording": {"every": 50, "probe_size": 16, "batch": "probe", "checkpoints": ["first", "last"],
               "statistics": ["hidden_gradient_norm", "hidden_gradient", "loss_state_gradient"]}}
""")

SMALLEST: Json = {"task": {"kind": "adding"}, "model": {"cell": "lstm"}}


def changed(path: str, value: object) -> Json:
    """Return the example with one value set; the path is written with dots."""
    config: Json = copy.deepcopy(EXAMPLE)
    *parents, last = path.split(".")
    place = config
    for key in parents:
        place = place[key]
    place[last] = value
    return config


def faults(config: object) -> dict[str, str]:
    """Return pointer -> detail of everything wrong with a configuration."""
    with pytest.raises(ConfigError) as caught:
        RunConfig.from_dict(config)  # type: ignore[arg-type]  # what comes from outside
    return dict(caught.value.problems)


def test_the_example_is_accepted_and_kept() -> None:
    written = RunConfig.from_dict(EXAMPLE).to_dict()
    expected = copy.deepcopy(EXAMPLE)
    expected["model"]["input_initializer"]["gain"] = 1.0
    expected["training"]["optimizer"]["nesterov"] = False
    expected["training"]["memory"] = "automatic"
    expected["training"]["threads"] = 1
    assert written == expected


@pytest.mark.parametrize("config", [EXAMPLE, SMALLEST], ids=["example", "smallest"])
def test_what_is_written_out_reads_back_the_same(config: Json) -> None:
    run = RunConfig.from_dict(config)
    through_json = json.loads(json.dumps(run.to_dict()))
    assert RunConfig.from_dict(through_json) == run
    assert RunConfig.from_dict(through_json).to_dict() == run.to_dict()


def test_every_default_is_written_out() -> None:
    written = RunConfig.from_dict(SMALLEST).to_dict()
    assert set(written) == set(EXAMPLE)
    for part in ("task", "model", "training", "recording"):
        more = {"memory", "threads"} if part == "training" else set()  # the example leaves it out
        assert set(written[part]) == set(EXAMPLE[part]) | more  # type: ignore[call-overload]


def test_python_and_json_build_the_same_configuration() -> None:
    built = RunConfig(
        task=AddingOptions(length=50),
        model=ModelConfig(cell="elman", activation="relu", hidden_size=8),
        training=TrainingConfig(optimizer=Adam(learning_rate=1), clipping=None),
    )
    read = RunConfig.from_dict(
        {
            "task": {"kind": "adding", "length": 50.0},
            "model": {"cell": "elman", "activation": "relu", "hidden_size": 8},
            "training": {"optimizer": {"kind": "adam", "learning_rate": 1}, "clipping": None},
        }
    )
    assert built == read
    assert isinstance(built.training.optimizer.learning_rate, float)


REFUSED: dict[str, tuple[str, object, str, str]] = {
    "unknown key": ("wings", 2, "/wings", "unknown key"),
    "unknown key within": ("model.width", 2, "/model/width", "unknown key"),
    "key to be escaped": ("a/b~c", 1, "/a~1b~0c", "unknown key"),
    "option of another kind": (
        "training.optimizer.beta1",
        0.9,
        "/training/optimizer/beta1",
        "unknown key",
    ),
    "nesterov without momentum": (
        "training.optimizer.nesterov",
        True,
        "/training/optimizer/nesterov",
        "without momentum",
    ),
    "decay of one": (
        "training.optimizer",
        {"kind": "rmsprop", "decay": 1},
        "/training/optimizer/decay",
        "below 1",
    ),
    "negative decay": (
        "training.optimizer",
        {"kind": "adamw", "weight_decay": -0.1},
        "/training/optimizer/weight_decay",
        "from 0 to 100",
    ),
    "momentum of adagrad": (
        "training.optimizer",
        {"kind": "adagrad", "momentum": 0.9},
        "/training/optimizer/momentum",
        "unknown key",
    ),
    "a cut that raises": (
        "training.schedule",
        {"kind": "step", "factor": 1.5},
        "/training/schedule/factor",
        "above 0 and of at most 1",
    ),
    "no warm-up": (
        "training.schedule",
        {"kind": "warmup_cosine", "warmup": 0},
        "/training/schedule/warmup",
        "from 1",
    ),
    "negative patience": (
        "training.schedule",
        {"kind": "plateau", "patience": -1},
        "/training/schedule/patience",
        "from 0",
    ),
    "limit of zero": (
        "model.initializer",
        {"kind": "uniform", "limit": 0},
        "/model/initializer/limit",
        "above 0",
    ),
    "no weight a row": (
        "model.initializer",
        {"kind": "sparse", "nonzeros": 0},
        "/model/initializer/nonzeros",
        "from 1 to 4096",
    ),
    "gain of normal": (
        "model.initializer",
        {"kind": "normal", "gain": 2},
        "/model/initializer/gain",
        "unknown key",
    ),
    "unknown task": ("task", {"kind": "chess"}, "/task/kind", "known: adding, multiplication"),
    "task without kind": ("task", {"length": 10}, "/task/kind", "missing"),
    "task that is no object": ("task", "adding", "/task", "expected an object"),
    "unknown cell": ("model.cell", "hopfield", "/model/cell", "known: elman"),
    "cell that is a number": ("model.cell", 3, "/model/cell", "unknown cell 3"),
    "unknown activation": ("model.activation", "mish", "/model/activation", "known: tanh"),
    "activation of unknown kind": (
        "model.activation",
        {"kind": "prelu"},
        "/model/activation/kind",
        "known: leaky_relu",
    ),
    "slope of one": (
        "model.activation",
        {"kind": "leaky_relu", "slope": 1},
        "/model/activation/slope",
        "below 1",
    ),
    "activation that is fixed": ("model.cell", "gru", "/model/activation", "expected null"),
    "unknown initializer": (
        "model.initializer",
        {"kind": "lucky"},
        "/model/initializer/kind",
        "known: pytorch",
    ),
    "gain of zero": ("model.initializer.gain", 0, "/model/initializer/gain", "above 0"),
    "no units": ("model.hidden_size", 0, "/model/hidden_size", "from 1 to 4096"),
    "too many units": ("model.hidden_size", 4097, "/model/hidden_size", "got 4097"),
    "half a unit": ("model.hidden_size", 8.5, "/model/hidden_size", "integer"),
    "units in words": ("model.hidden_size", "64", "/model/hidden_size", 'got "64"'),
    "true units": ("model.hidden_size", True, "/model/hidden_size", "got true"),
    "no units at all": ("model.hidden_size", None, "/model/hidden_size", "got null"),
    "too many layers": ("model.layers", 9, "/model/layers", "from 1 to 8"),
    "bidirectional by number": ("model.bidirectional", 1, "/model/bidirectional", "true or false"),
    "skips by number": ("model.layer_skips", 1, "/model/layer_skips", "true or false"),
    "option of a cell": ("model.options", {"reset": "after"}, "/model/options/reset", "unknown"),
    "option beyond its bound": (
        "model",
        {"cell": "leaky", "options": {"alpha": 1}},
        "/model/options/alpha",
        "below 1",
    ),
    "options as a list": ("model.options", [], "/model/options", "expected an object without"),
    "spectral radius of zero": ("model.spectral_radius", 0, "/model/spectral_radius", "above 0"),
    "forget bias without gate": ("model.forget_bias", 1, "/model/forget_bias", "no forget gate"),
    "a bias in a word": ("model.forget_bias", "long", "/model/forget_bias", '"chrono"'),
    "chrono without gate": ("model.forget_bias", "chrono", "/model/forget_bias", "no forget gate"),
    "uploaded model": ("model.from_model", 1, "/model/from_model", "got 1"),
    "uploaded data": ("task.dataset", "d1", "/task/dataset", "brings its own data"),
    "no length": ("task.length", 1, "/task/length", "from 2 to 20000"),
    "too long": ("task.length", 20001, "/task/length", "got 20001"),
    "everything held out": ("task.validation", 1.0, "/task/validation", "to 0.5"),
    "negative steps": ("training.steps", -1, "/training/steps", "from 0"),
    "steps beyond": ("training.steps", 10**400, "/training/steps", "to 10000000"),
    "no batch": ("training.batch_size", 0, "/training/batch_size", "from 1 to 4096"),
    "precision": ("training.precision", "float16", "/training/precision", "known: float32"),
    "reduction": ("training.reduction", "none", "/training/reduction", "known: mean, sum"),
    "negative learning rate": (
        "training.optimizer.learning_rate",
        -0.1,
        "/training/optimizer/learning_rate",
        "above 0",
    ),
    "learning rate NaN": (
        "training.optimizer.learning_rate",
        math.nan,
        "/training/optimizer/learning_rate",
        "got NaN",
    ),
    "infinite threshold": (
        "training.clipping.threshold",
        math.inf,
        "/training/clipping/threshold",
        "got Infinity",
    ),
    "momentum of one": (
        "training.optimizer.momentum",
        1,
        "/training/optimizer/momentum",
        "below 1",
    ),
    "unknown optimizer": (
        "training.optimizer",
        {"kind": "lion"},
        "/training/optimizer/kind",
        "known: sgd, rmsprop, adagrad, adam, adamw",
    ),
    "unknown schedule": ("training.schedule", {"kind": "x"}, "/training/schedule/kind", "cosine"),
    "unknown clipping": ("training.clipping", {"kind": "x"}, "/training/clipping/kind", "value"),
    "no clipping as a kind": (
        "training.clipping",
        {"kind": "none"},
        "/training/clipping/kind",
        "known: norm, value, adaptive; null for no clipping",
    ),
    "clipping by layer": (
        "training.clipping.scope",
        "layer",
        "/training/clipping/scope",
        "known: global, tensor",
    ),
    "adaptive clipping by tensor": (
        "training.clipping",
        {"kind": "adaptive", "scope": "tensor"},
        "/training/clipping/scope",
        "unknown key",
    ),
    "clipping in words": ("training.clipping", "none", "/training/clipping", "or null"),
    "regularizer": ("training.regularizer", {}, "/training/regularizer/kind", "missing"),
    "regularizer of no weight": (
        "training.regularizer",
        {"kind": "vanishing", "weight": 0},
        "/training/regularizer/weight",
        "above 0",
    ),
    "unknown regularizer": (
        "training.regularizer",
        {"kind": "l2"},
        "/training/regularizer/kind",
        "known: vanishing; null for no regularizer",
    ),
    "window of no step": ("training.truncation", 0, "/training/truncation", "from 1"),
    "never recording": ("recording.every", 0, "/recording/every", "from 1"),
    "probe too large": ("recording.probe_size", 1025, "/recording/probe_size", "to 1024"),
    "unknown statistic": (
        "recording.statistics",
        ["hidden_gradient", "mood"],
        "/recording/statistics/1",
        "unknown statistic",
    ),
    "statistic twice": (
        "recording.statistics",
        ["saturation", "saturation"],
        "/recording/statistics/1",
        "twice",
    ),
    "statistics in words": ("recording.statistics", "all", "/recording/statistics", "a list"),
    "unknown checkpoint": (
        "recording.checkpoints",
        ["first", "best"],
        "/recording/checkpoints/1",
        "unknown checkpoint",
    ),
    "checkpoint after the end": (
        "recording.checkpoints",
        [0, 2001],
        "/recording/checkpoints/1",
        "at most the training's 2000",
    ),
    "true checkpoint": ("recording.checkpoints", [True], "/recording/checkpoints/0", "got true"),
    "negative seed": ("seed", -1, "/seed", "from 0"),
    "seed that a browser changes": ("seed", 2**53, "/seed", "to 9007199254740991"),
    "empty name": ("name", "", "/name", "printable text"),
    "name with a line break": ("name", "a\nb", "/name", "printable text"),
    "name that is no text": ("name", 7, "/name", "got 7"),
    "empty tag": ("tags", ["demo", ""], "/tags/1", "printable text"),
    "too many tags": ("tags", [str(n) for n in range(21)], "/tags", "at most 20"),
}


def test_a_window_is_refused_where_layers_read_the_sequence_both_ways() -> None:
    cut = changed("training.truncation", 10)
    assert RunConfig.from_dict(cut).training.truncation == 10
    found = faults({**cut, "model": {"cell": "gru", "bidirectional": True}})
    assert list(found) == ["/training/truncation"]
    assert "no end to cut at: expected null" in found["/training/truncation"]


@pytest.mark.parametrize(("path", "value", "pointer", "words"), REFUSED.values(), ids=REFUSED)
def test_a_fault_is_reported_at_its_place(
    path: str, value: object, pointer: str, words: str
) -> None:
    found = faults(changed(path, value))
    assert list(found) == [pointer]
    assert words in found[pointer]


@pytest.mark.parametrize("missing", ["task", "model"])
def test_what_has_no_default_is_asked_for(missing: str) -> None:
    config = {key: value for key, value in EXAMPLE.items() if key != missing}
    assert faults(config)[f"/{missing}"].startswith("missing")


@pytest.mark.parametrize("value", [None, [], "config", 3])
def test_a_configuration_is_an_object(value: object) -> None:
    assert list(faults(value)) == [""]


def test_all_faults_are_reported_at_once() -> None:
    config = changed("model.hidden_size", 0)
    config["training"]["steps"] = "many"
    config["recording"]["statistics"] = ["mood"]
    config["wings"] = 2
    assert set(faults(config)) == {
        "/model/hidden_size",
        "/training/steps",
        "/recording/statistics/0",
        "/wings",
    }


@pytest.mark.parametrize(
    ("task", "pointer"),
    [
        ({"kind": "digits", "length": 100}, "/task/length"),
        ({"kind": "copy", "length": 20}, "/task/length"),
        ({"kind": "copy", "ask": "never"}, "/task/ask"),
        ({"kind": "temporal_order", "length": 9}, "/task/length"),
        ({"kind": "temporal_order", "symbols": 4}, "/task/symbols"),
    ],
)
def test_each_task_has_bounds_of_its_own(task: Json, pointer: str) -> None:
    assert list(faults({**EXAMPLE, "task": task})) == [pointer]


def test_python_is_refused_the_same_way() -> None:
    with pytest.raises(ConfigError) as caught:
        ModelConfig(cell="elman", hidden_size=0, layers=True)
    assert [pointer for pointer, _ in caught.value.problems] == ["/hidden_size", "/layers"]


@pytest.mark.parametrize("number", [64, 64.0, np.int64(64), np.float64(64)])
def test_whole_numbers_of_any_type_are_integers(number: object) -> None:
    size = RunConfig.from_dict(changed("model.hidden_size", number)).model.hidden_size
    assert type(size) is int
    assert size == 64


@pytest.mark.parametrize("cell", CELLS)
def test_an_activation_left_out_is_the_cells_own(cell: str) -> None:
    model = RunConfig.from_dict({**SMALLEST, "model": {"cell": cell}}).model
    definition = CELLS[cell]
    expected = definition.default_activation if definition.activation_choice else None
    assert model.activation == expected


def test_leaky_relu_by_name_is_written_with_its_slope() -> None:
    run = RunConfig.from_dict(changed("model.activation", "leaky_relu"))
    assert run.model.activation == LeakyRelu(slope=0.01)
    assert run.to_dict()["model"]["activation"] == {  # type: ignore[index]
        "kind": "leaky_relu",
        "slope": 0.01,
    }


@pytest.mark.parametrize(
    ("kind", "expected"), [("identity", IdentityInitializer()), ("he", PytorchInitializer())]
)
def test_input_weights_left_out_follow_the_recurrent_ones(kind: str, expected: object) -> None:
    model = {"cell": "elman", "activation": "relu", "initializer": {"kind": kind}}
    assert RunConfig.from_dict({**SMALLEST, "model": model}).model.input_initializer == expected


def test_a_forget_bias_needs_a_bias() -> None:
    model = {"cell": "lstm", "bias": False, "forget_bias": 1}
    assert list(faults({**SMALLEST, "model": model})) == ["/model/forget_bias"]


@pytest.mark.parametrize("cell", ["indrnn", "min_gru"])
def test_without_a_recurrent_matrix_there_is_no_spectral_radius(cell: str) -> None:
    model = {"cell": cell, "spectral_radius": 0.9}
    assert faults({**SMALLEST, "model": model}) == {
        "/model/spectral_radius": f"the cell {cell} has no recurrent matrix: expected null"
    }


@pytest.mark.parametrize("cell", ["mgu", "janet", "ugrnn", "min_gru", "gru", "lstm"])
def test_every_cell_with_a_gate_that_keeps_takes_chrono(cell: str) -> None:
    run = RunConfig.from_dict({**SMALLEST, "model": {"cell": cell, "forget_bias": "chrono"}})
    assert run.model.forget_bias == "chrono"


def test_a_run_without_a_name_is_called_by_what_it_is() -> None:
    assert RunConfig.from_dict(SMALLEST).name == "lstm on adding, T = 100"
    named = RunConfig.from_dict({**EXAMPLE, "name": None})
    assert named.name == "elman tanh on adding, T = 100"


def test_a_configuration_cannot_be_changed() -> None:
    run = RunConfig.from_dict(SMALLEST)
    with pytest.raises(AttributeError):
        run.seed = 1  # type: ignore[misc]


def test_sections_left_out_are_all_defaults() -> None:
    run = RunConfig.from_dict(SMALLEST)
    assert run.training == TrainingConfig()
    assert run.recording == RecordingConfig()
    assert run.training.clipping == NormClipping()


def _objects(schema: object) -> Iterator[Json]:
    if isinstance(schema, dict):
        # Where keys hang on another field, the object is described once for each of its values.
        if schema.get("type") == "object" and "properties" in schema:
            yield schema
        for value in schema.values():
            yield from _objects(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _objects(value)


def test_the_schema_describes_every_field() -> None:
    for described in _objects(config_schema()):
        assert described["additionalProperties"] is False
        assert described["description"]
        for name, field in described["properties"].items():
            assert field["title"], name
            assert field["description"], name


def test_the_schema_is_json_without_references() -> None:
    text = json.dumps(config_schema(), allow_nan=False)
    assert "$ref" not in text
    assert config_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_schemas_defaults_are_a_configuration() -> None:
    schema: Any = config_schema()
    for part in ("training", "recording"):
        config = {**SMALLEST, part: schema["properties"][part]["default"]}
        assert RunConfig.from_dict(config) == RunConfig.from_dict(SMALLEST)


def test_the_schema_follows_the_registries() -> None:
    properties: Any = config_schema()["properties"]
    kinds = [variant["properties"]["kind"]["const"] for variant in properties["task"]["oneOf"]]
    assert kinds == list(TASKS)
    assert properties["model"]["properties"]["cell"]["enum"] == list(CELLS)
    statistics = properties["recording"]["properties"]["statistics"]
    assert statistics["items"]["enum"] == list(STATISTICS)


def test_the_schema_has_the_options_of_each_cell() -> None:
    model: Any = config_schema()["properties"]["model"]  # type: ignore[index]
    options = {
        rule["if"]["properties"]["cell"]["const"]: rule["then"]["properties"]["options"]
        for rule in model["allOf"]
    }
    assert list(options) == list(CELLS)
    assert options["leaky"]["properties"]["alpha"]["exclusiveMaximum"] == 1
    assert options["leaky"]["default"] == {"alpha": 0.1}
    assert options["elman"]["properties"] == {}


@pytest.mark.parametrize("cell", CELLS)
def test_a_cells_options_are_written_out_with_their_defaults(cell: str) -> None:
    written = RunConfig.from_dict({**SMALLEST, "model": {"cell": cell}}).to_dict()
    assert written["model"]["options"] == CELLS[cell].options().to_dict()  # type: ignore[index]


def test_options_are_read_by_the_cell_that_has_them() -> None:
    model: Json = {"cell": "leaky", "options": {"alpha": 0.25}}
    built = ModelConfig(cell="leaky", options=leaky.LeakyOptions(alpha=0.25))
    assert RunConfig.from_dict({**SMALLEST, "model": model}).model == built


def test_options_of_another_cell_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected an object with the keys alpha"):
        ModelConfig(cell="leaky", options=residual.ResidualOptions())


def test_options_are_not_judged_where_the_cell_is_unknown() -> None:
    model = {"cell": "sloppy", "options": {"alpha": 7}}
    assert list(faults({**SMALLEST, "model": model})) == ["/model/cell"]


def test_the_schema_has_the_bounds_that_the_parser_holds() -> None:
    size = config_schema()["properties"]["model"]["properties"]["hidden_size"]  # type: ignore[index]
    assert (size["minimum"], size["maximum"], size["default"]) == (1, 4096, 64)
    low, high = changed("model.hidden_size", 1), changed("model.hidden_size", 4096)
    assert RunConfig.from_dict(low).model.hidden_size == 1
    assert RunConfig.from_dict(high).model.hidden_size == 4096


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def _paths(config: Json, prefix: str = "") -> Iterator[str]:
    for key, value in config.items():
        yield prefix + key
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{key}.")


@given(path=st.sampled_from(list(_paths(EXAMPLE))), value=JSON_VALUES)
def test_whatever_is_put_in_is_either_read_back_the_same_or_refused_below_its_place(
    path: str, value: object
) -> None:
    config = changed(path, value)
    place = "/" + path.replace(".", "/")
    try:
        run = RunConfig.from_dict(config)
    except ConfigError as err:
        for pointer, detail in err.problems:
            assert pointer.startswith(place) or pointer.startswith("/model/")
            assert detail
    else:
        assert RunConfig.from_dict(run.to_dict()) == run


def test_reading_leaves_the_mapping_alone() -> None:
    before = copy.deepcopy(EXAMPLE)
    RunConfig.from_dict(EXAMPLE)
    assert before == EXAMPLE
