"""The recipes that name every key are what their models say, and the others lay values over them."""

import pytest

from pytorch.crnn_recipe import CrnnRecipe
from pytorch.ctpn_recipe import CtpnRecipe
from pytorch.write_recipes import RECIPES
from src.common.options import OptionError
from src.model_utils.config_file import file_text
from src.model_utils.load_options import load_options


@pytest.mark.parametrize("model", RECIPES, ids=lambda model: model.__name__)
def test_the_file_is_written_from_the_model(model):
    """`python -m pytorch.write_recipes` writes it anew."""
    assert model.file.read_text(encoding="utf-8") == file_text(model)
    assert load_options(model, []) == model()


@pytest.mark.parametrize("path", sorted(CtpnRecipe.file.parent.glob("*_*.yaml")), ids=lambda path: path.stem)
def test_the_other_recipes_load(path):
    model = CrnnRecipe if path.stem.startswith("crnn") else CtpnRecipe
    config = load_options(model, ["--config_path", str(path)])
    assert config != model() and config.given


def test_lists_of_folders_and_sizes():
    config = load_options(CtpnRecipe, ["--train_images", "[[a, b], [c, d]]", "--train_sizes", "[[384, 576]]"])
    assert config.train_images == (("a", "b"), ("c", "d")) and config.train_sizes == ((384, 576),)
    for wrong in ("[a, b]", "[[a, 3]]"):
        with pytest.raises(OptionError, match="train_images: .* in the list is not one of its lists"):
            load_options(CtpnRecipe, ["--train_images", wrong])
