"""report: a study as one HTML page that needs no network, and as CSV files."""

import dataclasses
import datetime
from pathlib import Path

from nntricks_keras.files import write_atomically
from tuning.reporting import endings, headline, sections
from tuning.reporting.importance import importances_of
from tuning.reporting.markup import Markup, element
from tuning.reporting.parameters import parameters_of
from tuning.reporting.tables import write_tables
from tuning.studies import Study

HERE = Path(__file__).parent


def report(study_dir):
    """Writes what a study has found so far: report.html, trials.csv, curves.csv and importance.csv in its folder.

    The page holds its pictures, its style and its script itself. It may be written at any time, also while the search
    runs; it says what is not there yet.

    Args:
        study_dir: the folder of a study.

    Returns:
        The path of report.html.

    Raises:
        InputError: the folder is not a study.
    """
    study = Study.open(study_dir)
    settings, records = study.settings, study.records()
    parameters = parameters_of(settings, records)
    found = Findings(
        study, settings, records, parameters, importances_of(parameters, records, settings.seed), study.rank(records)
    )
    path = study.folder / "report.html"
    write_tables(study.folder, records, found.importances)
    write_atomically(path, lambda file: file.write(_page(found).encode(errors="backslashreplace")))
    return path


@dataclasses.dataclass(frozen=True)
class Findings:
    """What the sections of a page are written from."""

    study: Study
    settings: object
    records: list
    parameters: list
    importances: object
    ranked: list

    @property
    def best_id(self):
        return self.ranked[0].trial_id if self.ranked else None


def _page(found):
    title = f"Study {found.study.folder.resolve().name}"
    written = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return "<!doctype html>\n" + element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element(
                "meta",
                http_equiv="Content-Security-Policy",
                content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:",
            ),
            element("title", title),
            element("style", Markup((HERE / "style.css").read_text())),
        ),
        element(
            "body",
            element(
                "main",
                headline.headline(title, found),
                headline.best_recipes(found),
                sections.learning_curves(found),
                sections.parallel_coordinates(found),
                sections.importance(found),
                sections.slices(found),
                endings.pruned(found),
                endings.failed(found),
                element(
                    "footer",
                    f"Written {written}. The figures: trials.csv, curves.csv and importance.csv beside this page.",
                ),
            ),
            element("div", id="readout", aria_live="polite", hidden=True),
            element("script", Markup((HERE / "script.js").read_text())),
        ),
        lang="en",
    )
