"""The page has words for every code that an operator may meet: of quoting, of the gate, and of risk."""

import ast
import re
from pathlib import Path
from typing import Any, get_args

from quote_service.quoting import reasons
from quote_service.routing.gate import codes

from schemas.orders import StopCode

ROOT = Path(__file__).parents[2]
FORMAT = ROOT / "gateway-api/page/src/format"
STEPS = ROOT / "quote-service/quote_service/quoting"
STEP_MAKERS = {"RawStep", "Contribution"}


def keys_of(table: str, module: str) -> set[str]:
    """The keys of a table of words in a module of the page."""
    found = re.search(rf"{table}[^=]*= {{\n(.*?)\n}};", (FORMAT / module).read_text(), re.DOTALL)
    assert found is not None, table
    return set(re.findall(r"^  (\w+):", found[1], re.MULTILINE))


def codes_of(module: Any) -> set[str]:
    named = {value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}
    return named | {each for each in reasons.BOOK_REASONS.values() if each is not None}


def steps_made() -> set[str]:
    """The names that quoting gives to steps, as written in its modules."""
    nodes = [node for path in STEPS.rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    constants = {
        node.targets[0].id: node.value.value
        for node in nodes
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    firsts = [
        node.args[0]
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in STEP_MAKERS
        and node.args
    ]
    named = {each.value for each in firsts if isinstance(each, ast.Constant)}
    named |= {constants.get(each.id) for each in firsts if isinstance(each, ast.Name)}
    return {each for each in named if isinstance(each, str)}


def test_every_reason_of_quoting_and_of_the_gate_has_words() -> None:
    known = keys_of("PHRASES", "reasons.ts")
    assert (codes_of(reasons) | codes_of(codes)) - known == set()


def test_every_code_that_stops_a_symbol_has_a_title() -> None:
    assert set(get_args(StopCode)) - keys_of("ALERT_TITLES", "reasons.ts") == set()


def test_every_step_of_a_quote_has_a_label() -> None:
    made = steps_made()
    assert {"fair_value", "jumps", "adverse_move", "balance", "price_collar"} <= made
    assert made - keys_of("STEP_LABELS", "labels.ts") == set()
