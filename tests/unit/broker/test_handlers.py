"""The table of APIs and the modules that answer them, which are imported late."""

import inspect
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest

from pykafka_cli.broker import handlers
from pykafka_cli.broker.context import Api
from pykafka_cli.broker.handlers import HANDLERS, KRAFT_HANDLERS

MODULES = {
    each.name: import_module(f"{handlers.__name__}.{each.name}") for each in pkgutil.iter_modules(handlers.__path__)
}
ALL = {**HANDLERS, **KRAFT_HANDLERS}
ANSWERING = {name: module.handle for name, module in MODULES.items() if hasattr(module, "handle")}


def module_name(api: Api) -> str:
    if api.name.endswith("Acls"):
        return "acls"  # the three have one
    if api.name.endswith("DelegationToken"):
        return "delegation_tokens"
    return re.sub(r"(?<!^)(?=[A-Z])", "_", api.name).lower()


def test_each_module_that_answers_has_its_line() -> None:
    assert sorted(ANSWERING) == sorted(set(map(module_name, ALL.values())))


@pytest.mark.parametrize("api", ALL.values(), ids=lambda api: api.name)
def test_a_request_gets_to_the_module_named_like_its_api(api: Api) -> None:
    module = MODULES[module_name(api)]
    assert inspect.iscoroutinefunction(module.handle)

    answer: Any = api.handle(None, None)  # type: ignore[arg-type]

    assert answer.cr_code is module.handle.__code__
    answer.close()


def test_the_table_alone_imports_none_of_them() -> None:
    code = (
        "import sys; sys.modules['hypothesis'] = None; import pykafka_cli.broker.server as _; "
        "print([name for name in sys.modules if name.startswith('pykafka_cli.broker.handlers.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
