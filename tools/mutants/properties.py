"""mutmut leaves decorated functions alone: a property is written as a method for it."""

import libcst as cst
import libcst.matchers as m

_PROPERTY = m.FunctionDef(decorators=[m.Decorator(decorator=m.Name("property"))])


class _Methods(cst.CSTTransformer):
    def leave_FunctionDef(  # noqa: N802 - libcst's name
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef | cst.FlattenSentinel[cst.BaseStatement]:
        if not m.matches(original_node, _PROPERTY):
            return updated_node
        name = updated_node.name.value
        getter = updated_node.with_changes(decorators=[], name=cst.Name(f"get_{name}"))
        line = cst.parse_statement(f"{name} = property(get_{name})")
        return cst.FlattenSentinel([getter, line])


def methods_for_properties(source: str) -> str:
    """The same module; each `@property` is a method `get_<name>` and `<name> = property(...)`."""
    return cst.parse_module(source).visit(_Methods()).code
