"""What a model costs, layer by layer: parameters, multiply-adds, and how far each unit sees."""

import math
from dataclasses import dataclass

import keras


@dataclass(frozen=True)
class LayerCost:
    """One row of the table. Multiply-adds are those of one image; the receptive field is in pixels of the image."""

    name: str
    kind: str
    output_shape: tuple
    parameters: int
    multiply_adds: int | None
    receptive_field: int | None


def layer_costs(model):
    """The cost of each layer of a functional chain, from the image to the logits.

    The receptive field grows by (kernel - 1) * stride of all layers before; a layer that sees the whole map has None.
    Multiply-adds are those of convolutions and dense layers (None where a size is not known).
    """
    field, jump = 1, 1
    rows = []
    for layer in model.layers:
        shape = tuple(layer.output.shape)[1:]
        macs = 0
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)):
            pooling = not isinstance(layer, keras.layers.Conv2D)
            if field is not None:
                field += (max(layer.pool_size if pooling else layer.kernel_size) - 1) * jump
                jump *= max(layer.strides)
        elif (
            isinstance(layer, keras.layers.Dense)
            or "Global" in type(layer).__name__
            or "Adaptive" in type(layer).__name__
        ):
            field = None
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)):
            positions = shape[:-1]
            macs = None if None in positions else math.prod(layer.kernel.shape) * math.prod(positions)
        kind = type(layer).__name__
        rows.append(LayerCost(layer.name, kind, shape, layer.count_params(), macs, field))
    return rows


def layer_table(model):
    """The layers' costs as text, and the totals."""
    rows = layer_costs(model)
    width = max(len(row.name) for row in rows)
    kinds = max(len(row.kind) for row in rows)
    lines = [
        f"{'layer':<{width}}  {'kind':<{kinds}}  {'output':<18} {'parameters':>12} {'multiply-adds':>15} {'field':>6}"
    ]
    for row in rows:
        output = " x ".join("?" if size is None else str(size) for size in row.output_shape)
        macs = "?" if row.multiply_adds is None else f"{row.multiply_adds:,}" if row.multiply_adds else ""
        field = "all" if row.receptive_field is None else row.receptive_field
        parameters = f"{row.parameters:,}" if row.parameters else ""
        lines.append(f"{row.name:<{width}}  {row.kind:<{kinds}}  {output:<18} {parameters:>12} {macs:>15} {field:>6}")
    trainable = sum(math.prod(variable.shape) for variable in model.trainable_variables)
    fixed = sum(row.parameters for row in rows) - trainable
    counted = [row.multiply_adds for row in rows]
    lines.append("")
    lines.append(f"parameters that learn {trainable:,}" + (f", moving statistics {fixed:,}" if fixed else ""))
    if None not in counted:
        lines.append(f"multiply-adds an image {sum(counted):,}")
    return "\n".join(lines)
