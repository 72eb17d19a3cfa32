"""Slices: the score against each hyperparameter alone, a dot a trial."""

from tuning.reporting.drawing import Box, ScoreAxis, bottom_axis, left_axis, mark, picture, shorten, text
from tuning.reporting.parameters import scored
from tuning.reporting.scales import score_range

WIDTH, HEIGHT = 340, 232
BOX = Box(50, 30, WIDTH - 14, HEIGHT - 30)
SPREAD = 0.5  # of the room between two categories: dots of one category lie side by side


def draw_slices(settings, records, parameters, best_id):
    """A picture a hyperparameter; none where fewer than two trials have a score."""
    trials = scored(records)
    if len(trials) < 2:
        return []
    axis = ScoreAxis(*score_range([record.score for record in trials], settings.direction))
    order = sorted(trials, key=lambda record: record.trial_id == best_id)
    return [_slice(settings.objective, parameter, axis, order, parameters, best_id) for parameter in parameters]


def _slice(objective, parameter, axis, records, parameters, best_id):
    used = [record for record in records if parameter.value(record) is not None]
    return picture(
        WIDTH,
        HEIGHT,
        f"{objective} against {parameter.name}",
        text(BOX.left, 18, _heading(parameter, len(used), len(records)), "start", "name"),
        *left_axis(BOX, axis.ticks(4)),
        *bottom_axis(BOX, _ticks(parameter)),
        *(
            mark(
                "circle",
                record,
                parameters,
                "best" if record.trial_id == best_id else "",
                cx=BOX.x(_place(parameter, record, index)),
                cy=BOX.y(axis.position(record.score)),
                r=5.5 if record.trial_id == best_id else 4.0,
            )
            for index, record in enumerate(used)
        ),
        class_="picture slice",
    )


def _heading(parameter, num_used, num_records):
    heading = shorten(parameter.name, 26) + (" (log)" if parameter.kind == "log" else "")
    return heading if num_used == num_records else f"{heading}, used in {num_used} of {num_records}"


def _ticks(parameter):
    if parameter.kind != "choice":
        return parameter.ticks(5)
    room = (BOX.right - BOX.left) / len(parameter.levels)
    return [(position, shorten(label, max(int(room / 7.2), 3))) for position, label in parameter.ticks()]


def _place(parameter, record, index):
    position = parameter.position(parameter.value(record))
    if parameter.kind != "choice":
        return position
    return position + SPREAD / len(parameter.levels) * ((index * 0.618) % 1 - 0.5)  # golden ratio: evenly apart
