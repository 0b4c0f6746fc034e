"""The options of a run that this package itself uses: device, processes, ModelArts."""

from src.common.options import Options, option
from src.model_utils.device_options import DeviceOptions
from src.training.options import SeedOptions


class ProcessOptions(DeviceOptions, SeedOptions):
    """Where a network runs."""

    run_distribute: bool = option(
        False, "this process is one of several that a launcher started; each trains on its share of the data"
    )


class ModelArtsOptions(Options):
    """Inputs from a bucket, outputs to a bucket."""

    enable_modelarts: bool = option(
        False, "fetch inputs from data_url and checkpoint_url, bring outputs to train_url"
    )
    data_url: str = option("", "ModelArts - the bucket folder with the data")
    train_url: str = option("", "ModelArts - the bucket folder for the outputs")
    checkpoint_url: str = option("", "ModelArts - the bucket folder with checkpoints")
    data_path: str = option("/cache/data", "ModelArts - where data_url is copied to")
    output_path: str = option(
        "/cache/train",
        "ModelArts - what is copied to train_url at the end; relative output folders are placed in it",
    )
    load_path: str = option("/cache/checkpoint_path", "ModelArts - where checkpoint_url is copied to")
    need_modelarts_dataset_unzip: bool = option(False, "ModelArts - unpack an archive found in data_url")
    modelarts_dataset_unzip_name: str = option(
        "", "ModelArts - the archive's name without .zip, .tar, .tar.gz or .tgz"
    )
