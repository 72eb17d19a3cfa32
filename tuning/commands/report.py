"""Write what a study has found: one HTML page that needs no network, and CSV files."""

from typing import Annotated

from zoo.commands import load_keras_quietly


def main(argv):
    load_keras_quietly()
    import tyro

    def report(study: tyro.conf.Positional[str], /, show: Annotated[bool, tyro.conf.arg(name="open")] = False):
        """Best recipes, learning curves, parallel coordinates, importance, slices, what was pruned and what failed.

        Args:
            study: the folder of a study; it may still be running
            show: show the page in the browser
        """
        import tuning

        path = tuning.report(study)
        print(f"{path}\n{path.parent}/: trials.csv, curves.csv, importance.csv")
        if show:
            import webbrowser

            webbrowser.open(path.resolve().as_uri())

    tyro.cli(report, args=argv, prog="python -m tuning report")
