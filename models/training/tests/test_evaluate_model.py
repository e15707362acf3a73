from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from hyperiqa import PatchScorer, build_network
from training import evaluate as script
from training.distortions import KINDS
from training.labels import label
from training.photos import read_list


def test_evaluation_of_a_model_file(photo_folder, tmp_path, monkeypatch):
    """Every measurement runs on an untrained model and ends up in the result file."""
    torch.manual_seed(0)
    network = build_network("efficientnet_lite0", output="bounded", activation="relu")
    model = tmp_path / "model.pt"
    torch.jit.script(PatchScorer(network).eval()).save(str(model))
    scorer = script.Scorer(model)
    photos = read_list(photo_folder / "photos.csv")

    scores, labels, units = script.patch_scores(scorer, photo_folder, photos, chains=0, groups=2)
    assert scores.shape == labels.shape == units.shape == (16,)
    chains = script.patch_scores(scorer, photo_folder, photos, chains=3, groups=2)
    assert [len(part) for part in chains] == [6, 6, 6]
    whole = script.whole_photo_scores(scorer, photo_folder, photos[:2], versions=2)
    assert [len(part) for part in whole] == [6, 6, 6]
    assert 0 <= script.chain_order(scorer, photo_folder, photos, groups=2).value <= 1
    assert set(map(len, script.level_scores(scorer, photo_folder, photos, count=1).values())) == {5}
    assert all(change >= 0 for change in script.stability(scorer, photo_folder, photos[:1]).values())

    unimpaired = script.unimpaired_scores(scorer, photo_folder, photos[:2])
    assert [len(found) for found in unimpaired.values()] == [2, 1, 1, 2]

    # An untrained model may give one score to all, which has no correlation.
    result = script.Evaluation({"x": script.both(np.arange(16.0), labels, units)}, unimpaired, {}, {}, {"a.jpg": 1.0})
    monkeypatch.setattr(script, "evaluate", lambda *_: result)
    output = tmp_path / "result.json"
    monkeypatch.setattr("sys.argv", ["evaluate.py", str(model), "--data", str(photo_folder), "-o", str(output)])
    script.main()
    found = json.loads(output.read_text())
    assert found["correlations"]["x"]["SRCC"]["n"] == 16
    assert found["scores"] == {"a.jpg": 1.0}


def test_agreement_of_labels_with_themselves_is_perfect():
    table = {f"{number} {kind.name}": [label(number, level) for level in range(1, 6)] for number, kind in KINDS.items()}
    agreement = script.level_agreement(table)
    assert agreement["SRCC"].n == 125
    assert agreement["SRCC"].value == pytest.approx(1)
    table["1 gaussian blur"].reverse()
    assert script.level_agreement(table)["SRCC"].value < 1


def test_scores_stay_inside_the_scale(tmp_path):
    network = build_network("efficientnet_lite0", output="bounded", activation="relu")
    model = tmp_path / "model.pt"
    torch.jit.script(PatchScorer(network).eval()).save(str(model))
    patches = torch.randint(0, 256, (2, 224, 224, 3), dtype=torch.uint8).numpy()
    scores = script.Scorer(model).patches(patches)
    assert scores.shape == (2,)
    assert scores.min() > 0
    assert scores.max() < 100
    with pytest.raises(ValueError, match="does not exist"):
        script.Scorer(tmp_path / "missing.pt")
