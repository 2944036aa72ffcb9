"""``minicnn evaluate``."""

import json
from typing import Annotated

import typer

from minicnn.cli.app import DataOption, JsonOption, ModelArgument, PrefixOption, app


@app.command()
def evaluate(
    run: ModelArgument = None,
    data: DataOption = None,
    prefix: PrefixOption = None,
    tta: Annotated[
        int | None,
        typer.Option(min=1, max=9, help="Views of a picture to average over; the run's own."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a trained model on the test set."""
    from minicnn import metrics
    from minicnn.experiments.opening import SHIPPED, open_trained
    from minicnn.training.fit import evaluate as evaluate_model

    found = open_trained(run or SHIPPED)
    model = found.model
    _, test = found.data(data, prefix)
    result = evaluate_model(model, test, tta=found.tta if tta is None else tta)
    predictions = result.probabilities.argmax(axis=1)
    right = int((predictions == result.labels).sum())
    interval = metrics.wilson_interval(right, len(result.labels))
    # The model's classes, of which the data need not have all.
    names = model.class_names or test.class_names
    report = metrics.classification_report(result.labels, predictions, names)
    if as_json:
        figures = {
            "test_accuracy": result.accuracy,
            "test_loss": result.loss,
            "images": len(result.labels),
            "interval": [interval.low, interval.high],
            "confusion": metrics.confusion_matrix(result.labels, predictions, len(names)).tolist(),
        }
        print(json.dumps(figures, indent=2))
        return
    print(report)
    print(f"\n{result}")
    print(f"95 % interval of the accuracy: {interval.low:.4f} to {interval.high:.4f}")
