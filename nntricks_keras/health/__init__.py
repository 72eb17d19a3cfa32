"""What happens inside a network: a row a layer, a verdict in words, a callback, and a look before training."""

from nntricks_keras.health.monitor import LayerHealth
from nntricks_keras.health.preflighting import preflight
from nntricks_keras.health.probing import Prober, probe
from nntricks_keras.health.report import Finding, HealthReport, InputStatistics, LayerRow

__all__ = ["Finding", "HealthReport", "InputStatistics", "LayerHealth", "LayerRow", "Prober", "preflight", "probe"]
