"""What is wrong before the first layer, and where numbers stop being numbers."""

import math

from nntricks_keras.health.report import alarm


def judge_inputs(report, limits):
    for given in report.inputs:
        if given.non_finite:
            yield alarm(
                None,
                "non_finite_inputs",
                f"{given.name}: the inputs hold NaN or infinity; look for broken files, or for a division by 0",
            )
            return
    for given in report.inputs:
        if given.constant == 1 and report.num_examples > 1:
            yield alarm(
                None,
                "constant_inputs",
                f"all {report.num_examples} inputs of {given.name!r} are equal (mean {given.mean:.3g}): there is "
                "nothing to learn from; look at how they are loaded",
            )
    for given in report.inputs:
        offset = abs(given.mean) > limits.input_offset * given.std
        if given.name.startswith("into ") and given.std > limits.input_std and offset:
            yield alarm(
                given.name.removeprefix("into "),
                "unscaled_inputs",
                f"what goes {given.name} has mean {given.mean:.3g} and deviation {given.std:.3g}: standardization was "
                "forgotten; subtract the mean and divide by the deviation",
            )
    if report.label_shares and report.num_examples >= limits.few_examples:
        share = max(report.label_shares)
        largest = report.label_shares.index(share)
        if share > limits.largest_class:
            yield alarm(
                None,
                "one_class",
                f"{100 * share:.0f} % of the {report.num_examples} labels are class {largest}: "
                "shuffle the examples, or look at how labels are read",
            )


def judge_finite(report):
    """The layer that went first: in the order of the calls for values, from the loss back for gradients."""
    for row in report.layers:
        if row.non_finite:
            where = "weights" if row.weight_std is not None and not math.isfinite(row.weight_std) else "outputs"
            yield alarm(
                row.name,
                "non_finite",
                f"the {where} of {row.name} hold NaN or infinity, the first layer of which that is so; go back to a "
                "checkpoint, and take a smaller rate or clip the gradients",
            )
            return
    for row in reversed(report.layers):
        if row.gradient_std is not None and not math.isfinite(row.gradient_std):
            yield alarm(
                row.name,
                "non_finite",
                f"the gradients of the loss hold NaN or infinity from {row.name} down to the inputs; take a smaller "
                "rate, clip the gradients, or look at the loss",
            )
            return
