"""Train a small network on scikit-learn's digits: one data file in, one model file out."""

from __future__ import annotations

import argparse
import csv
import pickle
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier


def write_data(path: Path) -> None:
    """Write the digits that scikit-learn ships as one CSV file: 64 pixels and a label a row."""
    digits = load_digits()
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        for pixels, label in zip(digits.data, digits.target, strict=True):
            writer.writerow([*(int(pixel) for pixel in pixels), int(label)])


def train(data: Path, out: Path, epochs: int) -> None:
    """Read the data, train, print a line per epoch, and write the model."""
    table = np.loadtxt(data, delimiter=",")
    pixels, labels = table[:, :-1] / 16.0, table[:, -1].astype(int)
    shuffled = np.random.default_rng(0).permutation(len(labels))
    held_out, rest = shuffled[:300], shuffled[300:]
    model = MLPClassifier(hidden_layer_sizes=(256, 256), random_state=0)
    for epoch in range(epochs):
        model.partial_fit(pixels[rest], labels[rest], classes=np.arange(10))
        accuracy = model.score(pixels[held_out], labels[held_out])
        print(f"epoch {epoch} loss {model.loss_:.4f} accuracy {accuracy:.3f}", flush=True)
    out.mkdir(parents=True, exist_ok=True)
    with (out / "model.pkl").open("wb") as stream:
        pickle.dump(model, stream)


def main() -> None:
    """Parse the arguments; make the data file if it is not there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("digits.csv"))
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--epochs", type=int, default=50)
    arguments = parser.parse_args()
    if not arguments.data.exists():
        write_data(arguments.data)
    train(arguments.data, arguments.out, arguments.epochs)


if __name__ == "__main__":
    main()
