from tests.contract.conftest import authority_folder, net, refused, way, world

__all__ = ["authority_folder", "net", "refused", "way", "world"]
