"""DoE with flows: the difference of entropies where neither density is of a family named in advance."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mine.engine.networks import Given, Network, Said
from mine.estimators.doe import Doe
from mine.estimators.flows import Flow, conditional_flow, marginal_flow
from mine.estimators.interface import Inputs, Outputs
from mine.estimators.parts import Parts

_X = Given("x")


@dataclass(frozen=True)
class DoeFlow(Doe):
    """``Doe`` whose q(z) and q(z|x) are coupling flows, each trained by maximum likelihood.

    Source: McAllester & Stratos 2020 (arXiv:1811.04251), the difference of entropies; Dinh, Sohl-Dickstein & Bengio
    2017 (arXiv:1605.08803), the affine coupling layer. Coordinates of z depend on each other here, which those of the
    authors' own two families do not.
    """

    marginal: Flow
    conditional: Flow

    @property
    def networks(self) -> tuple[Network, ...]:
        """See Estimator."""
        return (*super().networks, _X)

    def inputs(self, x: Tensor, z: Tensor, z_product: Tensor | None = None, rolls: int = 1) -> Inputs:
        """See Estimator."""
        return {self.conditional.base.name: x, _X.name: x}

    def read(self, said: Said, z: Tensor) -> Outputs:
        """``conditional`` and ``marginal``, (S, n): log q(z|x) and log q(z) of each pair."""
        of_z = self.conditional.log_density(said, z, said[_X.name])
        return {"conditional": of_z, "marginal": self.marginal.log_density(said, z)}


def build(name: str, parts: Parts) -> DoeFlow:
    """``doe-flow``."""
    widths = parts.settings.hidden, parts.settings.layers, parts.settings.activation
    return DoeFlow(marginal_flow(parts.dim_z, *widths), conditional_flow(parts.dim_z, parts.dim_x, *widths))
