"""What OpenAPI says of a path term taken apart."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas import Number


class FactorModel(BaseModel):
    """One factor of a path term."""

    model_config = ConfigDict(title="Factor")

    name: Literal[
        "loss_by_prediction",
        "prediction_by_logits",
        "logits_by_state",
        "state_by_state",
        "state_by_parameter",
        "logits_by_parameter",
    ]
    symbol: str
    words: str
    time: int = Field(description="Its time step; of a step back the later of the two")
    norm: Literal["euclidean", "spectral", "frobenius"]
    log10_norm: Number = Field(description="Mean over the samples; -Infinity is an exact zero")
    left_out: int = Field(description="Samples left out of the mean: they are exactly zero")
    value: list[Any] | None = Field(
        description="Its numbers, [out, in], where one sample is asked for and they are few"
    )


class ArrivingModel(BaseModel):
    """What is left of the loss's gradient at each state on the way back."""

    model_config = ConfigDict(title="Arriving")

    state_time: list[int]
    log10_norm: list[Number] = Field(
        description="log10 of the mean over samples of ‖dℓ_t/dh_j‖, as `loss_state_gradient`"
    )


class PathTermModel(BaseModel):
    """The term itself."""

    model_config = ConfigDict(title="PathTerm")

    log10_norm: Number = Field(description="log10 of the Frobenius norm, as `path_gradient`")
    value: list[Any] | None = Field(description="The term, by sign, where it is small")


class ChainModel(BaseModel):
    """One path term, factor by factor, from the loss to the parameter."""

    model_config = ConfigDict(title="Chain")

    run: str
    step: int
    loss_time: int
    state_time: int
    lag: int
    parameter: str
    layer: int | None = Field(description="Of the parameter; null for the read-out's")
    sample: int | None
    samples: int = Field(description="Samples that the means are over")
    jacobian_samples: int = Field(
        description="Samples that the steps' norms are over: fewer where more would take long"
    )
    factors: list[FactorModel]
    arriving: ArrivingModel
    term: PathTermModel
    is_product: bool = Field(
        description="Whether the term is the product of its factors, sample by sample: not in a"
        " lower layer, where more comes from above at every step"
    )
    walls: list[int] = Field(
        description="Times in k … t − 1 after which truncation cuts the way: the term is zero"
    )
