"""The design, held: imports run one way, and each framework is imported only in the rooms marked for it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ["nntricks_keras", "zoo", "tuning"]
# Who may import whom: nntricks_keras <- zoo <- tuning <- examples, benchmarks.
MAY_IMPORT = {
    "nntricks_keras": {"nntricks_keras"},
    "zoo": {"nntricks_keras", "zoo"},
    "tuning": {"nntricks_keras", "zoo", "tuning"},
    "examples": {"nntricks_keras", "zoo", "tuning", "examples"},
    "benchmarks": {"nntricks_keras", "zoo", "tuning", "benchmarks"},
}
OURS = set(MAY_IMPORT)
FRAMEWORKS = {"tensorflow", "tensorflow_datasets", "jax", "jaxlib", "torch"}
# Folder or file -> frameworks it may import. Anything else is written with keras.ops and keras.random.
MARKED = {
    "nntricks_keras/backend/tensorflow.py": {"tensorflow"},
    "nntricks_keras/backend/jax.py": {"jax"},
    "nntricks_keras/backend/torch.py": {"torch"},
    "nntricks_keras/data/": {"tensorflow", "tensorflow_datasets"},
    "nntricks_keras/training/": {"tensorflow", "jax"},
    "zoo/weights": {"torch"},
    "zoo/commands/": {"tensorflow"},
    "examples/": FRAMEWORKS,
    "benchmarks/": FRAMEWORKS,
}
# These answer in under a second, so nothing they import at the top may load Keras or a framework.
LIGHT = [
    "zoo/__init__.py",
    "zoo/__main__.py",
    "zoo/variants.py",
    "zoo/commands/*.py",
    "tuning/__init__.py",
    "tuning/__main__.py",
    "tuning/commands/*.py",
]
HEAVY = FRAMEWORKS | {"keras", "nntricks_keras", "keras_tuner"}
KERAS_SRC_ALLOWED = "nntricks_keras/training/distribution.py"


def sources(*tops):
    return sorted(path for top in tops for path in (ROOT / top).rglob("*.py"))


def imports(path, top_level_only=False):
    """The dotted names a file imports (anywhere, or only when the file itself is imported)."""
    tree = ast.parse(path.read_text())
    inside = (
        {
            id(node)
            for outer in ast.walk(tree)
            if isinstance(outer, (ast.FunctionDef, ast.Lambda))
            for node in ast.walk(outer)
        }
        if top_level_only
        else set()
    )
    for node in ast.walk(tree):
        if id(node) in inside:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden_imports(relative, names):
    """The imports of one file that the design does not allow."""
    room = relative.split("/")[0]
    allowed_frameworks = set().union(*(found for place, found in MARKED.items() if relative.startswith(place)))
    for name in names:
        top = name.split(".")[0]
        if top in OURS and top not in MAY_IMPORT[room]:
            yield f"{relative} imports {name}: imports run nntricks_keras <- zoo <- tuning <- examples, benchmarks"
        if top in FRAMEWORKS and top not in allowed_frameworks:
            yield f"{relative} imports {name}: not marked for {top}"
        if name.startswith("keras.src") and relative != KERAS_SRC_ALLOWED:
            yield f"{relative} imports {name}: keras.src is touched in {KERAS_SRC_ALLOWED} only"


@pytest.mark.parametrize("room", sorted(OURS))
def test_imports_run_one_way_and_frameworks_stay_in_their_rooms(room):
    for path in sources(room):
        assert not list(forbidden_imports(path.relative_to(ROOT).as_posix(), imports(path)))


def test_the_guard_itself_catches_each_kind_of_breach():
    assert list(forbidden_imports("nntricks_keras/layers/elu.py", ["zoo.vggs"]))
    assert list(forbidden_imports("nntricks_keras/layers/elu.py", ["tensorflow"]))
    assert list(forbidden_imports("zoo/vggs.py", ["tuning"]))
    assert list(forbidden_imports("zoo/vggs.py", ["keras.src.ops"]))
    assert not list(forbidden_imports("zoo/vggs.py", ["nntricks_keras.layers", "keras.ops"]))


def test_light_files_load_no_framework():
    for pattern in LIGHT:
        for path in ROOT.glob(pattern):
            heavy = {name for name in imports(path, top_level_only=True) if name.split(".")[0] in HEAVY}
            assert not heavy, f"{path.relative_to(ROOT)} imports {heavy} at the top; import them where they are used"


def places(init):
    """The public names that a package imports only when they are asked for: the keys of its _PLACES."""
    for node in ast.walk(ast.parse(init.read_text())):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "_PLACES":
            yield from (key.value for key in node.value.keys if key is not None)  # None: of a ** in it


def test_names_of_later_are_found():
    assert "train" in set(places(ROOT / "zoo" / "__init__.py"))


def test_no_submodule_bears_the_name_of_a_public_function_beside_it():
    for init in [path for path in sources(*ROOMS) if path.name == "__init__.py"]:
        public = {
            alias.asname or alias.name
            for node in ast.walk(ast.parse(init.read_text()))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        } | set(places(init))
        package = ".".join(init.parent.relative_to(ROOT).parts)
        modules = {path.stem for path in init.parent.glob("*.py")}
        modules_imported_as_such = {
            alias.name
            for node in ast.walk(ast.parse(init.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module == package
            for alias in node.names
        }
        assert not (public - modules_imported_as_such) & modules
