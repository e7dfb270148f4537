"""dynamojax: realistic, multimodal stellar observables at GPU speed, differentiable end to end."""

from dynamojax.system import Epochs, Planets, SpotMap, Star, System

__all__ = ["Epochs", "Planets", "SpotMap", "Star", "System"]
