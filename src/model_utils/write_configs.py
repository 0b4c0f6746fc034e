"""Write the configuration files anew from their models: python -m src.model_utils.write_configs"""

from src.model_utils.config_file import Config, file_text
from src.model_utils.network_config import CrnnConfig, CtpnConfig
from src.model_utils.reader_config import ReaderConfig

MODELS: tuple[type[Config], ...] = (CtpnConfig, CrnnConfig, ReaderConfig)


def write_file(model: type[Config]) -> None:
    model.file.write_text(file_text(model), encoding="utf-8")
    print(f"wrote {model.file}")


def main() -> None:
    for model in MODELS:
        write_file(model)


if __name__ == "__main__":
    main()
