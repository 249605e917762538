"""`InferenceSession` on a real Triton: the same values, our errors, never another model (R-37)."""

import re
import shutil
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deploy.local.parts.triton import Triton, TritonTls
from deploy.local.running import PartError, Running, place_for
from onrecord.chassis.inference import ModelRepository
from onrecord.chassis.inference.triton import TritonModels
from onrecord.chassis.inference.triton_server import TritonServer
from onrecord.chassis.inference.triton_server import TritonTls as OurTls
from onrecord.chassis.problems import retry_after_seconds
from onrecord.kernel.cards import ModelCard
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.models import (
    reference_models,
    reference_repository,
    registry_models,
    registry_repository,
)
from tests.builders.pem import loopback_certificates
from tests.cluster.conftest import TOOLS
from tests.monitoring.reading import RECORDED

TOLERANCE = 1e-5
"""Of the largest value of an output: another version of ONNX Runtime may add in another order."""
EMBEDDER = "reid-retail-0095"


def images(card: ModelCard, count: int, seed: int = 1) -> NDArray[np.uint8]:
    shape = (count, card.input.height or 96, card.input.width or 128, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@contextmanager
def serving(folder: Path, *repositories: Path, tls: TritonTls | None = None) -> Iterator[Running]:
    part = Triton(repositories, tls)
    part.install(TOOLS, print)
    running = Running(part, place_for(part, TOOLS, folder / "triton"))
    try:
        running.start(60)
        yield running
    finally:
        running.close()


@contextmanager
def models(running: Running, repository: Path, tls: OurTls | None = None) -> Iterator[TritonModels]:
    server = TritonServer(running.place.at("grpc"), tls)
    try:
        yield TritonModels(ModelRepository(repository), server)
    finally:
        server.close()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A repository with the embedder alone, to be damaged."""
    shutil.copytree(reference_repository() / EMBEDDER, tmp_path / "own" / EMBEDDER)
    return tmp_path / "own"


def edited(repository: Path, old: str, new: str) -> None:
    config = repository / EMBEDDER / "config.pbtxt"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))


@pytest.mark.parametrize("which", ["reference", "registry"])
@pytest.mark.parametrize("count", [1, 3, 40])
def test_every_model_gives_what_it_gives_in_process(
    triton: Running, which: str, count: int
) -> None:
    """Detectors of any size and stages of a cascade as well; 40 is more than some take at once."""
    near = reference_models() if which == "reference" else registry_models()
    root = reference_repository() if which == "reference" else registry_repository()
    with models(triton, root) as far:
        far.check(Deadline.after(30))
        for card in near.cards():
            inputs = {card.input.name: images(card, count)}
            wanted = near.session(card.name).run(inputs)
            found = far.session(card.name).run(inputs, Deadline.after(60))
            assert list(found) == list(card.outputs)
            for name, array in found.items():
                assert array.dtype == np.float32
                assert array.shape == wanted[name].shape
                assert not array.flags.writeable
                largest = max(1.0, float(np.abs(wanted[name]).max()))
                assert np.abs(array - wanted[name]).max() <= TOLERANCE * largest, (card.name, name)


def test_many_callers_get_each_their_own(triton_models: TritonModels) -> None:
    """What Triton puts together into a batch it hands back to whom it belongs."""
    session, near = triton_models.session(EMBEDDER), reference_models().session(EMBEDDER)
    asked = [{"image": images(session.card, 1 + seed % 3, seed)} for seed in range(48)]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda one: session.run(one, Deadline.after(60)), asked))
    for one, answer in zip(asked, found, strict=True):
        np.testing.assert_allclose(answer["embedding"], near.run(one)["embedding"], atol=TOLERANCE)


def test_it_tells_the_metrics_that_dashboards_ask_for(
    triton: Running, triton_models: TritonModels
) -> None:
    """R-43: names, types and labels are those that were recorded, which the panels are held to."""
    session = triton_models.session(EMBEDDER)
    session.run({"image": images(session.card, 1)}, Deadline.after(60))
    url = f"http://{triton.place.at('metrics')}/metrics"
    with urllib.request.urlopen(url, None, 10) as answer:
        live = answer.read().decode()
    recorded = (RECORDED / "triton.txt").read_text("utf-8")
    assert types_and_labels(recorded).items() <= types_and_labels(live).items()


def types_and_labels(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    found = {}
    for name, kind in re.findall(r"^# TYPE (\S+) (\w+)$", text, re.MULTILINE):
        samples = re.findall(rf"^{name}\{{(.*)\}} ", text, re.MULTILINE)
        labels = {label for one in samples for label in re.findall(r'(\w+)="', one)}
        found[name] = (kind, frozenset(labels))
    return found


def test_inputs_that_are_not_the_cards_go_nowhere(triton_models: TritonModels) -> None:
    session = triton_models.session(EMBEDDER)
    with pytest.raises(ValueError, match="uint8"):
        session.run({"image": images(session.card, 1).astype(np.float32)})
    with pytest.raises(ValueError, match="uint8"):
        session.run({"image": images(session.card, 1)[:, :40]})


def test_a_model_that_its_configuration_does_not_name_is_not_served(
    own: Path, tmp_path: Path
) -> None:
    path = own / EMBEDDER / "1" / "model.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(PartError, match="failed to load all models"), serving(tmp_path, own):
        pytest.fail("Triton serves it")
    assert "the configuration says" in (tmp_path / "triton.log").read_text()


def test_a_server_with_another_model_under_the_name_is_refused(own: Path, tmp_path: Path) -> None:
    """R-37: what the server loaded is not what stands on our card."""
    card = ModelRepository(own).card(EMBEDDER)
    edited(own, 'key: "sha256"', 'key: "another"')  # a repository that another tool made
    with serving(tmp_path, own) as running, models(running, reference_repository()) as far:
        with pytest.raises(OnRecordError) as refused:
            far.session(EMBEDDER).run({"image": images(card, 1)}, Deadline.after(20))
        assert refused.value.code is ErrorCode.MODEL_HASH
        with pytest.raises(OnRecordError) as unready:
            far.check(Deadline.after(5))
        assert unready.value.code is ErrorCode.MODEL_HASH


def test_a_model_that_the_server_does_not_have(own: Path, tmp_path: Path) -> None:
    with serving(tmp_path, own) as running, models(running, reference_repository()) as far:
        session = far.session("yunet")
        for ask in (
            lambda: session.run({"image": images(session.card, 1)}, Deadline.after(20)),
            lambda: far.check(Deadline.after(5)),
        ):
            with pytest.raises(OnRecordError) as refused:
                ask()
            assert refused.value.code is ErrorCode.INFERENCE_UNAVAILABLE
            assert retry_after_seconds(refused.value)


def test_a_server_that_goes_and_comes_back(own: Path, tmp_path: Path) -> None:
    """Law 4: a clear 503 at once, and found again without a restart of ours."""
    with serving(tmp_path, own) as running, models(running, own) as far:
        session = far.session(EMBEDDER)
        inputs = {"image": images(session.card, 2)}
        before = session.run(inputs, Deadline.after(20))["embedding"]
        running.kill()
        began = time.monotonic()
        for ask in (
            lambda: session.run(inputs, Deadline.after(20)),
            lambda: far.check(Deadline.after(20)),
        ):
            with pytest.raises(OnRecordError) as refused:
                ask()
            assert refused.value.code is ErrorCode.INFERENCE_UNAVAILABLE
        assert time.monotonic() - began < 5, "nobody is kept waiting for a server that is gone"
        running.start(60)
        until = Deadline.after(20)
        while not _runs(far, until):
            until.check()
        assert np.array_equal(session.run(inputs, until)["embedding"], before)


def _runs(far: TritonModels, until: Deadline) -> bool:
    try:
        far.check(until)
    except OnRecordError as error:
        assert error.code is ErrorCode.INFERENCE_UNAVAILABLE
        return False
    return True


def test_a_server_that_hangs_costs_the_deadline_and_no_more(own: Path, tmp_path: Path) -> None:
    with serving(tmp_path, own) as running, models(running, own) as far:
        session = far.session(EMBEDDER)
        inputs = {"image": images(session.card, 1)}
        session.run(inputs, Deadline.after(20))
        running.pause()
        try:
            began = time.monotonic()
            with pytest.raises(OnRecordError) as refused:
                session.run(inputs, Deadline.after(0.7))
            assert refused.value.code is ErrorCode.DEADLINE_EXCEEDED
            assert 0.6 < time.monotonic() - began < 3
        finally:
            running.resume()
        session.run(inputs, Deadline.after(20))


def test_more_than_may_wait_is_shed_and_told_when_to_come_again(own: Path, tmp_path: Path) -> None:
    """Where whoever runs Triton limits its queue; our own configuration does not (ADR 54)."""
    limit = "preferred_batch_size: [1]\n  default_queue_policy { max_queue_size: 2 }"
    edited(own, "preferred_batch_size: [1]", limit)
    edited(own, "max_batch_size: 32", "max_batch_size: 8")
    with serving(tmp_path, own) as running, models(running, own) as far:
        session = far.session(EMBEDDER)
        inputs = {"image": images(session.card, 8)}
        wanted = session.run(inputs, Deadline.after(20))["embedding"]

        def ask(_: int) -> str:
            try:
                found = session.run(inputs, Deadline.after(60))["embedding"]
            except OnRecordError as error:
                assert retry_after_seconds(error)
                return error.code.value
            assert np.array_equal(found, wanted)
            return "answered"

        with ThreadPoolExecutor(24) as pool:
            ends = list(pool.map(ask, range(48)))
        assert set(ends) == {"answered", "overloaded"}
        far.check(Deadline.after(20))


def test_a_request_that_has_to_wait_is_not_forgotten(own: Path, tmp_path: Path) -> None:
    """With a policy for its queue and one instance, Triton lets most of these rounds lie for half
    a second, and with two some (ADR 54).
    """
    edited(own, "count: 2", "count: 1")
    rounds, at_once = 60, 4
    with serving(tmp_path, own) as running, models(running, own) as far:
        session = far.session(EMBEDDER)
        asked = {"image": images(session.card, 1)}
        session.run(asked, Deadline.after(20))
        late = 0
        with ThreadPoolExecutor(at_once) as pool:
            for _ in range(rounds):
                began = time.monotonic()
                # Nobody asks while they wait: another request would remind Triton of them.
                list(pool.map(lambda _: session.run(asked, Deadline.after(20)), range(at_once)))
                late += time.monotonic() - began > 0.5
        assert late < rounds // 10


def test_what_its_caller_no_longer_waits_for_is_not_worked_on(own: Path, tmp_path: Path) -> None:
    """The deadline travels: Triton drops a request whose call has ended while it waited."""
    with serving(tmp_path, own) as running, models(running, own) as far:
        session = far.session(EMBEDDER)
        batch = {"image": images(session.card, 32)}
        session.run(batch, Deadline.after(20))

        def ask(seconds: float) -> str:
            try:
                session.run(batch, Deadline.after(seconds))
            except OnRecordError as error:
                return error.code.value
            return "answered"

        with ThreadPoolExecutor(12) as pool:
            patient = [pool.submit(ask, 60.0) for _ in range(4)]
            hurried = [pool.submit(ask, 0.3) for _ in range(8)]
            assert {one.result() for one in patient} == {"answered"}
            assert {one.result() for one in hurried} <= {"deadline_exceeded", "answered"}
        began = time.monotonic()
        session.run({"image": images(session.card, 1)}, Deadline.after(20))
        assert time.monotonic() - began < 2, "the hurried ones' work was done for nobody"


def test_mutual_tls(own: Path, tmp_path: Path) -> None:
    pem = loopback_certificates(tmp_path / "pem")
    tls = TritonTls(pem.certificate, pem.key, pem.root)
    root = pem.root.read_bytes()
    with serving(tmp_path, own, tls=tls) as running:
        known = OurTls(root, pem.certificate.read_bytes(), pem.key.read_bytes())
        with models(running, own, known) as far:
            far.session(EMBEDDER)
            far.check(Deadline.after(20))
        strangers = loopback_certificates(tmp_path / "strangers")
        others = strangers.certificate.read_bytes(), strangers.key.read_bytes()
        for stranger in (None, OurTls(root), OurTls(root, *others)):
            with models(running, own, stranger) as far:
                far.session(EMBEDDER)
                with pytest.raises(OnRecordError) as refused:
                    far.check(Deadline.after(3))
                assert refused.value.code in (
                    ErrorCode.INFERENCE_UNAVAILABLE,
                    ErrorCode.DEADLINE_EXCEEDED,
                )
