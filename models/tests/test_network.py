import csv
from pathlib import Path

import pytest
import torch

from hyperiqa.network import PatchScorer, bound, build_network, normalise

KINDS = ("resnet50", "lite0")


def test_keys_shapes_and_dtypes_are_those_of_the_official_checkpoint():
    with (Path(__file__).parent / "state_dict.tsv").open() as file:
        table = [(row["key"], row["shape"], row["dtype"]) for row in csv.DictReader(file, delimiter="\t")]
    state = build_network("resnet50").state_dict()
    ours = [
        (name, "x".join(map(str, value.shape)) or "scalar", str(value.dtype).removeprefix("torch."))
        for name, value in state.items()
    ]
    assert len(table) == 355
    assert ours == table


def test_number_of_parameters_is_the_papers():
    assert sum(value.numel() for value in build_network("resnet50").parameters()) == 27_375_369


def test_backbone_and_head_parameters_are_a_partition():
    for backbone in ("resnet50", "efficientnet_lite0"):
        network = build_network(backbone)
        groups = [*network.backbone_parameters(), *network.head_parameters()]
        assert len(groups) == len(set(map(id, groups))) == len(list(network.parameters()))
        head = {id(value) for value in network.head_parameters()}
        assert id(network.res.lda1_fc.weight) in head
        assert id(network.fc1w_conv.weight) in head
        assert id(next(network.res.layer1.parameters())) not in head


@pytest.mark.parametrize("kind", KINDS)
def test_scores_differ_between_patches_and_stay_on_the_scale(kind, make_network, patches):
    scores = PatchScorer(make_network(kind))(patches)
    assert scores.shape == (3,)
    assert scores.dtype == torch.float32
    assert scores.std() > 1
    assert ((scores > 0) & (scores < 100)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_one_has_shape_one_and_the_score_of_the_larger_batch(kind, make_network, patches):
    scorer = PatchScorer(make_network(kind))
    together = scorer(patches)
    for index in range(3):
        alone = scorer(patches[index : index + 1])
        assert alone.shape == (1,)
        torch.testing.assert_close(alone[0], together[index], rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("where", ["input", "network", "both"])
def test_memory_format_does_not_change_scores(kind, where, make_network, patches):
    expected = PatchScorer(make_network(kind))(patches)
    scorer = PatchScorer(make_network(kind))
    if where != "input":
        scorer = scorer.to(memory_format=torch.channels_last)
    if where != "network":
        patches = patches.to(memory_format=torch.channels_last)
    torch.testing.assert_close(scorer(patches), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_scripted_and_frozen_graphs_give_the_eager_scores(kind, make_network, patches):
    scorer = PatchScorer(make_network(kind)).eval()
    expected = scorer(patches)
    scripted = torch.jit.script(scorer)
    frozen = torch.jit.freeze(scripted)
    for batch in (patches[:1], patches[:2]):
        # The second call runs what the profiling executor made of the graph.
        for module in (scripted, frozen):
            for _ in range(2):
                torch.testing.assert_close(module(batch), expected[: len(batch)], rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_normalisation_is_folded_into_constants_by_freezing(kind, make_network):
    frozen = torch.jit.freeze(torch.jit.script(PatchScorer(make_network(kind)).eval()))
    text = str(frozen.inlined_graph)
    assert "aten::tensor" not in text
    assert "prim::If" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_fp32_is_close_to_fp64(kind, make_network, patches):
    single = PatchScorer(make_network(kind))(patches)
    double = PatchScorer(make_network(kind).double())(patches)
    assert double.dtype == torch.float32
    torch.testing.assert_close(single, double, rtol=0, atol=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_networks_give_fp32_scores_close_to_fp32(kind, make_network, patches):
    expected = PatchScorer(make_network(kind))(patches)
    scores = PatchScorer(make_network(kind).bfloat16())(patches)
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, expected, rtol=0, atol=2)


def test_the_order_of_the_batch_does_not_matter(make_network, patches):
    scorer = PatchScorer(make_network("resnet50"))
    torch.testing.assert_close(scorer(patches.flip(0)).flip(0), scorer(patches), rtol=0, atol=1e-4)


def test_normalise_is_torchvisions_to_tensor_and_normalize():
    transforms = pytest.importorskip("torchvision.transforms")
    reference = transforms.Normalize(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    values = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(1, 3, 16, 16)
    expected = reference(values[0].float() / 255)[None]
    torch.testing.assert_close(normalise(values, torch.ones(1)), expected, rtol=0, atol=1e-6)
    assert normalise(values, torch.ones(1, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_bounded_output_is_monotonic_without_ties_where_a_logistic_function_saturates():
    z = torch.linspace(-40, 40, 20_001)
    scores = bound(z)
    assert (scores.diff() > 0).all()
    assert scores.min() > 0
    assert scores.max() < 100
    assert (torch.sigmoid(z).diff() == 0).any()
    assert bound(torch.zeros(1)).item() == 50
    assert bound(torch.tensor([1e30, -1e30])).tolist() == [100, 0]


def test_bounded_network_maps_the_unbounded_score(weights, make_network, patches):
    unbounded = build_network("efficientnet_lite0", activation="relu", output="unbounded")
    unbounded.load_state_dict(weights["lite0"])
    z = PatchScorer(unbounded.eval())(patches)
    torch.testing.assert_close(PatchScorer(make_network("lite0"))(patches), 50 * (1 + z / (1 + z.abs())))


@pytest.mark.parametrize(
    "arguments",
    [{"backbone": "resnet18"}, {"backbone": "resnet50", "output": "clamped"},
     {"backbone": "efficientnet_lite0", "activation": "gelu"}],
)  # fmt: skip
def test_unknown_settings_are_refused(arguments):
    with pytest.raises(ValueError, match="must be one of"):
        build_network(**arguments)


def test_training_mode_gives_gradients_to_every_parameter():
    network = build_network("efficientnet_lite0", output="bounded").train()
    network(torch.randn(2, 3, 224, 224)).sum().backward()
    without = [name for name, value in network.named_parameters() if value.grad is None]
    assert without == []
