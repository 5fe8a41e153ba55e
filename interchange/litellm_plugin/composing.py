"""Several of our modules -> one self-contained file, because LiteLLM loads a plugin as a single file.

Pure. It is made from the console's own source files, so both decide alike.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from pprint import pformat
from textwrap import indent

from engine import complexity, virtual
from engine.virtual import VirtualSpec

SOURCES = (Path(complexity.__file__), Path(virtual.__file__), Path(__file__).with_name("hook.py"))
NAME = "routing_console_plugin"
INSTANCE = "router_instance"
DOCSTRING = '''"""Virtual models for LiteLLM's proxy: the message chooses the pool. Exported from Routing Console.

It decides as the console does, whose code this is; change virtual models there and export again. Needs Python 3.10.
"""'''
WIDTH = 110


def plugin(virtual_models: Sequence[VirtualSpec], pools: Collection[str]) -> str:
    """The plugin's file: the decision, LiteLLM's hook around it, and these virtual models over these pools."""
    trees = [(path.read_text(), ast.parse(path.read_text())) for path in SOURCES]
    code = [_without_imports(source, tree) for source, tree in trees]
    head = f"{DOCSTRING}\n\n{_imports([tree for _, tree in trees])}\n"
    return "\n\n".join([head, *(f"{part}\n" for part in code), _data(virtual_models, pools)]) + "\n"


def _imports(trees: Sequence[ast.Module]) -> str:
    """Their imports of other packages, once.

    Not `__future__`: the way LiteLLM loads the file, dataclasses can't resolve text annotations.
    """
    modules: dict[str, set[str]] = defaultdict(set)
    plain = set()
    for node in (node for tree in trees for node in tree.body):
        if isinstance(node, ast.ImportFrom) and node.module and not _is_ours(node.module):
            modules[node.module] |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            plain |= {alias.name for alias in node.names}
    lines = {name: f"import {name}" for name in sorted(plain)}
    lines |= {name: f"from {name} import {', '.join(sorted(modules[name]))}" for name in sorted(modules)}
    blocks = [[line for name, line in lines.items() if _is_standard(name) is yes] for yes in (True, False)]
    return "\n\n".join("\n".join(block) for block in blocks)


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def _is_ours(module: str) -> bool:
    return module == "__future__" or module.partition(".")[0] == "engine"


def _without_imports(source: str, tree: ast.Module) -> str:
    """The text of a module after its docstring and imports."""
    lead = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    end = max((node.end_lineno or 0 for node in lead), default=0)
    return "\n".join(source.splitlines()[end:]).strip()


def _data(virtual_models: Sequence[VirtualSpec], pools: Collection[str]) -> str:
    specs, names = _tuple(pformat(spec, width=WIDTH) for spec in virtual_models), _tuple(map(repr, sorted(pools)))
    return f"VIRTUAL_MODELS = {specs}\nPOOLS = {names}\n{INSTANCE} = ComplexityRouter(VIRTUAL_MODELS, POOLS)"


def _tuple(entries: Iterable[str]) -> str:
    """One entry per line."""
    return "(\n" + "".join(indent(entry, "    ") + ",\n" for entry in entries) + ")"
