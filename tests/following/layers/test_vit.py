"""The attention of a vision transformer is read as the transformer itself computes it; no download."""

from pathlib import Path
from typing import Any

import pytest
import torch

from data.errors import ModelError
from following.layers.vit import AttendingViT

transformers = pytest.importorskip("transformers", reason="the extra 'hf' is not installed")


def config(kind: str = "Dinov2Config", layers: int = 4) -> dict[str, Any]:
    settings: Any = getattr(transformers, kind)(
        hidden_size=24, num_hidden_layers=layers, num_attention_heads=3, image_size=56, patch_size=14
    )
    told: dict[str, Any] = settings.to_dict()
    return told


@pytest.mark.parametrize("kind", ["Dinov2Config", "Dinov2WithRegistersConfig"], ids=["plain", "registers"])
def test_softmax_of_queries_and_keys_is_the_transformers_own_attention(kind: str) -> None:
    torch.manual_seed(0)
    network = AttendingViT("made/up", config(kind), [1, 3]).eval()
    network.body.set_attn_implementation("eager")
    x = torch.randn(1, 3, 56, 84)
    with torch.no_grad():
        tokens, queries, keys = network.attend(x)
        own = network.body(x, output_attentions=True)
    assert tokens.shape == (1, 24, 4, 6)
    assert queries.shape == (1, 6, 24, 8)
    before = keys.shape[2] - 24
    assert before == (1 if kind == "Dinov2Config" else 5)
    weights = (queries / 8**0.5 @ keys.transpose(2, 3)).softmax(-1)
    want = torch.cat([own.attentions[number] for number in (1, 3)], 1)[:, :, before:]
    torch.testing.assert_close(weights, want, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(tokens, own.feature_maps[-1], atol=1e-4, rtol=1e-3)


def test_four_blocks_are_read_unless_named() -> None:
    assert AttendingViT("made/up", config()).blocks == [0, 1, 2, 3]
    assert AttendingViT("made/up", config(layers=12)).blocks == [2, 5, 8, 11]


def test_a_block_that_is_not_there_is_refused() -> None:
    for blocks in ([4], [-1], []):
        with pytest.raises(ModelError, match="has blocks 0 to 3; choose attention_blocks among them"):
            AttendingViT("made/up", config(), blocks)


def test_a_backbone_that_is_no_such_transformer_is_refused_in_one_sentence() -> None:
    other: Any = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1])
    with pytest.raises(ModelError, match="is no vision transformer whose attention can be read; give a DINOv2"):
        AttendingViT("made/up", other.to_dict())


def test_weights_come_from_a_folder_and_the_configuration_alone_builds_it_again(tmp_path: Path) -> None:
    settings: Any = transformers.Dinov2Config.from_dict(config())
    transformers.Dinov2Backbone(settings).save_pretrained(tmp_path)
    first = AttendingViT(str(tmp_path)).eval()
    again = AttendingViT("made/up", first.config).eval()
    again.load_state_dict(first.state_dict())
    x = torch.randn(1, 3, 56, 56)
    with torch.no_grad():
        for one, other in zip(first.attend(x), again.attend(x), strict=True):
            torch.testing.assert_close(one, other)


def test_a_folder_that_holds_none_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "nonsense"}')
    with pytest.raises(ModelError, match="cannot be loaded"):
        AttendingViT(str(tmp_path))
