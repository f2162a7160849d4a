"""ES modules become one script that means the same; what the joiner does not understand is refused by name."""

import re
from pathlib import Path

import pytest

from samui.canvas import component
from samui.canvas.join import join

FLOORS = ["core", "net", "show", "work", "tools"]


@pytest.fixture
def folder(tmp_path):
    """Writes modules, and returns the folder that holds them."""

    def write(**modules):
        for name, text in modules.items():
            (tmp_path / f"{name}.js").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_what_is_imported_stands_before_what_imports_it_and_once(folder):
    script = join(
        folder(
            first='import { b } from "./b.js";\nimport { c } from "./c.js";\n\nexport const first = b + c;\n',
            b='import { c } from "./c.js";\nexport const b = c;\n',
            c="export const c = 1;\n",
        ),
        "first.js",
    )
    assert re.findall(r"^const (\$\w+) = ", script, re.MULTILINE) == ["$c", "$b", "$first"]
    assert script.startswith('"use strict";\n')
    assert script.endswith("const start = $first;\n")


def test_a_module_keeps_its_names_to_itself_and_gives_its_exports(folder):
    script = join(
        folder(
            first='import {\n  a, b as other,\n} from "./a.js";\n',
            a="const own = 1;\nexport function a() {}\nexport async function b() {}\nexport class C {}\n",
        ),
        "first.js",
    )
    assert "const { a, b: other } = $a;\n" in script
    assert "const own = 1;\nfunction a() {}\nasync function b() {}\nclass C {}\nreturn { a, b, C };\n})();" in script


def test_comments_and_indentation_are_left_out_and_nothing_else(folder):
    comments = '// import { x } from "y";\n/**\n * export default * of nothing\n */\n\n'
    text = 'export const a = "// b"; // c\n  /* d */\n  f("  e");\n'
    script = join(folder(first=comments + text), "first.js")
    assert '(() => {\nconst a = "// b"; // c\nf("  e");\nreturn { a };' in script


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("export default 1;\n", "first.js: must import and export as samui.canvas.join says, got 'export default 1;'"),
        ("export let a = 1;\n", "got 'export let a = 1;'"),
        ("export { a };\n", "got 'export { a };'"),
        ('import a from "./b.js";\n', "got 'import a from"),
        ('import "./b.js";\n', "got 'import"),
        ('const a = await import("./b.js");\n', r"got 'import\('"),
        ("const a = import.meta.url;\n", r"got 'import\.'"),
        ('import { a } from "./c.js";\n', r"first.js: import must be of a file in the folder, got \./c.js"),
        ('import { a } from "../b.js";\n', r"first.js: import must be of a file in the folder, got \.\./b.js"),
        ('import { a, z } from "./b.js";\n', r"first.js: import must be of what \./b.js exports, got z"),
        ('import { a } from "./first.js";\n', "first.js: must not be imported by what it imports"),
    ],
)
def test_what_is_not_understood_is_refused(folder, text, message):
    with pytest.raises(ValueError, match=message):
        join(folder(first=text, b="export const a = 1;\n"), "first.js")


def files():
    return sorted(component.FOLDER.rglob("*.js"))


def test_every_module_of_the_canvas_is_joined_or_only_says_types():
    script = component.script()
    for file in files():
        variable = "$" + "_".join(file.relative_to(component.FOLDER).with_suffix("").parts)
        types_alone = not re.sub(r"//.*|/\*[\s\S]*?\*/", "", file.read_text(encoding="utf-8")).strip()
        assert (f"const {variable} = " in script) != types_alone, file


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(component.FOLDER)))
def test_imports_of_the_canvas_point_down(file):
    here = file.parent.name if file.parent != component.FOLDER else None
    for path in re.findall(r'^(?:import|\}).* from "(.*)";$', file.read_text(encoding="utf-8"), re.MULTILINE):
        room = Path(file.parent, path).resolve().parent.name
        assert here is None or FLOORS.index(room) <= FLOORS.index(here), f"{file.name} imports {path} from above"


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(component.FOLDER)))
def test_no_text_of_the_canvas_goes_over_lines_where_a_comment_could_seem_to_stand(file):
    code = re.sub(r"^\s*(//|\*|/\*).*$", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert all(line.count("`") % 2 == 0 for line in code.splitlines())
