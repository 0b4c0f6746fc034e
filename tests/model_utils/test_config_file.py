"""The configuration files are what their models say, and what somebody edits in them counts."""

import pytest

from src.common.options import OptionError, choices_of
from src.common.plain_yaml import parse_value, read_documents
from src.model_utils import load_options as loading
from src.model_utils.config_file import file_text, help_page
from src.model_utils.load_options import load_options
from src.model_utils.write_configs import MODELS

models = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


@models
def test_the_file_is_written_from_the_model(model):
    """`python -m src.model_utils.write_configs` writes it anew."""
    assert model.file.read_text(encoding="utf-8") == file_text(model)


@models
def test_the_file_says_the_same_as_the_model(model):
    values, help_texts, choices = read_documents(model.file)
    assert values == model().to_dict()
    assert help_texts == {key: field.description for key, field in model.model_fields.items()}
    assert set(choices) <= set(values)
    page = help_page(model)
    assert all(f"--{key} " in page and help_texts[key] for key in values)
    headings = [page.find(f"\n{heading}:\n") for heading in model.sections if heading]
    assert headings == sorted(headings) and headings[0] > 0


@models
def test_every_default_may_be_given(model):
    texts = [line for line in file_text(model).split("---")[0].splitlines() if line and line[0] != "#"]
    arguments = [f"--{key}={value.strip(chr(34))}" for key, value in (line.split(": ", 1) for line in texts)]
    config = load_options(model, arguments)
    assert config == model() and config.given == set(model.model_fields)
    assert load_options(model, []).given == set()
    assert load_options(model, ["--config_path", str(model.file)]).given == set()


@models
def test_what_is_edited_in_a_file_counts(model, monkeypatch, tmp_path):
    monkeypatch.setattr(model, "file", tmp_path / "edited.yaml")
    assert load_options(model, []) == model()  # a project without its files has the defaults of the models
    text = file_text(model).replace("device_id: 0", "device_id: 3", 1)
    model.file.write_text(text, encoding="utf-8")
    for arguments in ([], ["--config_path", str(model.file)]):
        config = load_options(model, arguments)
        assert config.device_id == 3 and config.given == {"device_id"}
    model.file.write_text(text.replace("device_id: 3", "devise_id: 3"), encoding="utf-8")
    with pytest.raises(OptionError, match="devise_id: unknown key; did you mean device_id?"):
        load_options(model, [])


def test_the_quick_start_reads_no_yaml(monkeypatch):
    monkeypatch.setattr(loading, "read_values", None)
    (model,) = [model for model in MODELS if model.__name__ == "ReaderConfig"]
    assert load_options(model, ["--engine=onnxruntime", "--draw"]).draw


@pytest.mark.parametrize("text", ["a: b", "[x]", "yes", "no #1", "1/3", "ends:", "", "- a", "plain text; of a line"])
def test_help_texts_are_quoted_where_yaml_would_read_something_else(text):
    from src.model_utils.config_file import _scalar

    assert parse_value(f"key: {_scalar(text)}") == {"key": text}


def test_aliases_are_refused(tmp_path):
    """A few hundred bytes of them stand for gigabytes, or for a value that holds itself."""
    lines = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"b{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 30)]
    for number, text in enumerate(("\n".join(lines), "draw: &a [*a]", "a: &a {b: 1}\n<<: *a", "a: &a x\nb: *a")):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text)
        with pytest.raises(OptionError, match=rf"{number}.yaml: the alias \*a0? is not accepted \(line \d\)"):
            read_documents(path)
    for text in ("[&a x, *a]", "&a [*a]", "{b: &a 1, c: *a}"):
        with pytest.raises(OptionError, match="alias"):
            parse_value(text)
    assert parse_value("*.jpg") == "*.jpg" and parse_value("&a 1") == 1


def test_a_configuration_without_end_is_refused(tmp_path):
    (tmp_path / "long.yaml").write_text("a: 1\n" + "# \n" * 100_000)
    with pytest.raises(OptionError, match="too large"):
        read_documents(tmp_path / "long.yaml")


@models
def test_every_choice_can_be_given_on_the_command_line(model):
    for key, field in model.model_fields.items():
        for choice in choices_of(field):
            text = str(choice).lower() if isinstance(choice, bool) else str(choice)
            assert getattr(load_options(model, [f"--{key}={text}"]), key) == choice
