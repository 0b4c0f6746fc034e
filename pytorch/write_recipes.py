"""Write the recipes that name every key anew from their models: python -m pytorch.write_recipes"""

from pytorch.crnn_recipe import CrnnRecipe
from pytorch.ctpn_recipe import CtpnRecipe
from src.model_utils.config_file import Config
from src.model_utils.write_configs import write_file

RECIPES: tuple[type[Config], ...] = (CtpnRecipe, CrnnRecipe)


def main() -> None:
    for model in RECIPES:
        write_file(model)


if __name__ == "__main__":
    main()
