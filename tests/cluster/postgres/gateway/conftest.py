from tests.unit.gateway.conftest import office

__all__ = ["office"]
