"""The plane's use-cases; `PlaneService` in `service.plane` is the contract."""
