"""The networks that estimators are put together from, by the settings of a run."""

from __future__ import annotations

from dataclasses import dataclass

from mine.engine.networks import Mlp
from mine.estimators.critics import Concat, ConcatAll, Separable
from mine.estimators.densities import Conditional, Marginal
from mine.estimators.interface import Critic
from mine.settings import CONCAT_ALL, SEPARABLE, TrainingSettings


@dataclass(frozen=True)
class Parts:
    """What ``build`` of an estimator's file chooses from. dim_x, dim_z: entries of one x and of one z."""

    kind: str
    dim_x: int
    dim_z: int
    settings: TrainingSettings

    def critic(self, name: str = "critic") -> Critic:
        """The critic that the run asks for; another name makes another network."""
        if self.kind == SEPARABLE:
            embedding = self.settings.embedding
            return Separable(
                self._mlp(f"{name}.x", self.dim_x, embedding), self._mlp(f"{name}.z", self.dim_z, embedding)
            )
        joint = ConcatAll if self.kind == CONCAT_ALL else Concat
        return joint(self._mlp(name, self.dim_x + self.dim_z, 1))

    def baseline(self) -> Mlp:
        """A network for log a(z)."""
        return self._mlp("baseline", self.dim_z, 1)

    def conditional(self, family: str) -> Conditional:
        """A density model of z given x."""
        return Conditional(self._mlp("conditional", self.dim_x, 2 * self.dim_z), family)

    def marginal(self, family: str) -> Marginal:
        """A density model of z alone."""
        return Marginal(self.dim_z, family)

    def _mlp(self, name: str, inputs: int, outputs: int) -> Mlp:
        settings = self.settings
        return Mlp(name, inputs, outputs, settings.hidden, settings.layers, settings.activation)
