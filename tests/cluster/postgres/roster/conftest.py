from tests.unit.vector_search.conftest import folder, refused, world

__all__ = ["folder", "refused", "world"]
